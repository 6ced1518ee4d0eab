"""The fast forward and decoder give what diffusers' own give; each Triton kernel is its reference in plain torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from diffusers import FirstBlockCacheConfig
from tests.engine import wan_fast_models as models
from torch import nn

from unstill_engine.renderers.diffusers.fast_wan.decoder import speed_up
from unstill_engine.renderers.diffusers.fast_wan.ops import TorchOps
from unstill_engine.renderers.diffusers.fast_wan.transformer import FastTransformer, is_known

ROOT = Path(__file__).resolve().parents[2]
KERNELS = ("advance", "rms_rope", "norm_silu", "add_repeated")
ALL_OF_THEM = ("transformer", "decoder")


class Counted(TorchOps):
    """Counts the self-attentions that were computed."""

    def __init__(self) -> None:
        self.seen = 0

    def rms_rope(self, x: torch.Tensor, weight: torch.Tensor, eps: float, rope: Any) -> None:
        self.seen += rope is not None
        super().rms_rope(x, weight, eps, rope)


@pytest.mark.parametrize("batch", [1, 2])
@pytest.mark.parametrize("kind", models.CHANNELS)
def test_the_forward_is_stocks(kind: str, batch: int) -> None:
    # Given a timestep for each token, or one for the clip
    model = models.transformer(kind)
    fast = FastTransformer(model, TorchOps())
    assert is_known(model)
    inputs = models.given(model, batch)
    # When both compute it, for the one half of the guidance and for the other
    for words in (inputs["encoder_hidden_states"], torch.randn_like(inputs["encoder_hidden_states"])):
        inputs["encoder_hidden_states"] = words
        expected = model(**inputs)[0]
        # Then they agree, in either form of the answer
        torch.testing.assert_close(fast(**inputs)[0], expected, rtol=1e-4, atol=1e-5)
        fast.forget()
        answer = fast(**inputs | {"return_dict": True}).sample
        torch.testing.assert_close(answer, expected, rtol=1e-4, atol=1e-5)


def test_what_comes_before_the_words_is_computed_once_for_both_halves() -> None:
    # Given one forward
    model, ops = models.transformer("5B"), Counted()
    fast, inputs = FastTransformer(model, ops), models.given(model)
    fast(**inputs)
    first = ops.seen
    # When the other half is computed of the same tensors
    words = torch.randn_like(inputs["encoder_hidden_states"])
    other = fast(**inputs | {"encoder_hidden_states": words})[0]
    # Then a block's self-attention was not computed again, and the result is right
    assert ops.seen == 2 * first - 2
    torch.testing.assert_close(other, model(**inputs | {"encoder_hidden_states": words})[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("change", ["hidden_states", "timestep"])
def test_another_step_is_not_taken_for_the_other_half(change: str) -> None:
    # Given one forward
    model = models.transformer("A14B")
    fast, inputs = FastTransformer(model, TorchOps()), models.given(model)
    fast(**inputs)
    # When somebody writes into one of its tensors
    inputs[change].mul_(0.5)
    # Then nothing of the forward before is used
    torch.testing.assert_close(fast(**inputs)[0], model(**inputs)[0], rtol=1e-4, atol=1e-5)


def test_what_it_does_not_know_is_left_to_stock() -> None:
    # Given a timestep that differs within a latent frame
    model = models.transformer("5B")
    ops = Counted()
    fast, inputs = FastTransformer(model, ops), models.given(model)
    inputs["timestep"] = torch.rand_like(inputs["timestep"]) * 900
    # When it is computed
    out = fast(**inputs)[0]
    # Then stock did it
    assert ops.seen == 0
    torch.testing.assert_close(out, model(**inputs)[0], rtol=0, atol=0)
    # and a model with an adapter in it, or another norm, is not taken over
    model.blocks[0].attn1.to_q = nn.Sequential(model.blocks[0].attn1.to_q)
    assert not is_known(model)


@pytest.mark.parametrize("kind", models.CHANNELS)
def test_steps_that_change_little_are_taken_over_as_diffusers_does_it(kind: str) -> None:
    # Given a model, and the same with diffusers' First Block Cache
    stock, model, ops = models.transformer(kind), models.transformer(kind), Counted()
    fast, words = FastTransformer(model, ops), {half: torch.randn(1, 7, 32) for half in ("cond", "uncond")}
    fast.reuse(0.05)
    stock.enable_cache(FirstBlockCacheConfig(threshold=0.05))
    inputs, computed = models.given(model), list[int]()
    # When steps differ by nothing, by a little, and by much, in both halves of the guidance
    for change in (0.0, 0.0, 0.002, 0.8, 0.0):
        inputs["hidden_states"] = inputs["hidden_states"] + change * torch.randn_like(inputs["hidden_states"])
        for half, given in words.items():
            before = ops.seen
            with stock.cache_context(half):
                expected = stock(**inputs | {"encoder_hidden_states": given})[0]
            answer = fast(**inputs | {"encoder_hidden_states": given})[0]
            computed.append(ops.seen - before)
            # Then what is taken over is what diffusers takes over
            torch.testing.assert_close(answer, expected, rtol=1e-4, atol=1e-5)
    # by the first block alone, of which the second half has had its beginning
    layers = [4, 2, 2, 0, 2, 0, 4, 2, 2, 0]
    assert computed == layers
    assert fast.reused() == (6, 10)
    # and nothing of it is there for the next clip
    fast.forget()
    torch.testing.assert_close(fast(**inputs)[0], model(**inputs)[0], rtol=1e-4, atol=1e-5)
    assert fast.reused() == (0, 0)


@pytest.mark.parametrize("frames", [1, 2, 4])
@pytest.mark.parametrize("version", models.VAES)
def test_the_decoder_is_stocks(version: str, frames: int) -> None:
    # Given latents
    vae = models.vae(version)
    z = torch.randn(1, vae.config.z_dim, frames, 3, 5)
    expected = vae.decode(z, return_dict=False)[0]
    # When they are decoded
    decoder = speed_up(vae, TorchOps())
    # Then the video is stock's, whole or a latent frame at a time
    torch.testing.assert_close(vae.decode(z, return_dict=False)[0], expected, rtol=1e-4, atol=2e-5)
    chunks = list(decoder.chunks(z))
    assert [chunk.shape[2] for chunk in chunks] == [1] + [4] * (frames - 1)
    torch.testing.assert_close(torch.cat(chunks, 2), expected, rtol=1e-4, atol=2e-5)


def test_tiles_are_decoded_as_stock_decodes_them() -> None:
    # Given a VAE that decodes in tiles
    vae = models.vae("2.1")
    vae.enable_tiling(32, 32, 24, 24)
    z = torch.randn(1, 16, 2, 6, 6)
    expected = vae.decode(z, return_dict=False)[0]
    # When the fast decoder takes its place
    speed_up(vae, TorchOps())
    # Then nothing changes but the order of the sums
    torch.testing.assert_close(vae.decode(z, return_dict=False)[0], expected, rtol=1e-4, atol=2e-5)


def distances(*names: str) -> dict[str, float]:
    """From a process in which Triton interprets: it reads that from its environment, once."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.engine.wan_fast_kernels", *names],
        cwd=ROOT, env={**os.environ, "TRITON_INTERPRET": "1"}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, float] = json.loads(done.stdout)
    assert found.keys() == set(names)
    return found


@pytest.mark.parametrize("names", [KERNELS, pytest.param(ALL_OF_THEM, marks=pytest.mark.storm)], ids="-".join)
def test_what_the_kernels_compute(names: tuple[str, ...]) -> None:
    # Then the largest difference, of the largest value, is that of fp32; NaN is not
    assert [name for name, distance in distances(*names).items() if not distance <= 2e-5] == []
