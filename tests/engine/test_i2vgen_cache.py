"""Steps that take over what the levels below the topmost one computed in a step before."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tests.bench.gpu_cached import main
from tests.engine.i2vgen_fast_models import given, tiny_unet
from tests.engine.i2vgen_stock import stock_clip, stock_pipeline
from tests.engine.i2vgen_tiny import noisy_photo, parameters, tiny_renderer
from torch import Tensor

from unstill_engine.renderers.base import Photos
from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.conditioning import Conditioning
from unstill_engine.renderers.i2vgen_xl.denoising import FastDenoiser
from unstill_engine.renderers.i2vgen_xl.graph import StepGraphs
from unstill_engine.renderers.i2vgen_xl.ops import Field, TorchOps
from unstill_engine.renderers.i2vgen_xl.packing import pack_unet
from unstill_engine.renderers.i2vgen_xl.renderer import I2VGenXL
from unstill_engine.renderers.i2vgen_xl.unet import FastUNet
from unstill_engine.renderers.i2vgen_xl.weights import Conv
from unstill_engine.renderers.torch.placement import MemoryMode

WHOLE = MemoryMode(decode_frames=32)
APART = Choices(share_prefix=False)


class Watched(TorchOps):
    """Notes the height of the pictures of each convolution, and how many queries each attention had."""

    def __init__(self) -> None:
        self.heights: list[int] = []
        self.queries: list[int] = []

    def conv(self, x: Tensor, conv: Conv, bias: Tensor | None = None, residual: Tensor | None = None) -> Field:
        self.heights.append(x.shape[1])
        return super().conv(x, conv, bias, residual)

    def attention(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        self.queries.append(query.shape[2])
        return super().attention(query, key, value)


class Replayed:
    """A function on the processor as a `CapturedGraph` is on CUDA: what it reads and writes is its own."""

    def __init__(self, function: Callable[..., Tensor], inputs: Sequence[Tensor]) -> None:
        self.function = function
        self.inputs = tuple(tensor.clone() for tensor in inputs)
        self.output = torch.empty_like(function(*self.inputs))

    def replay(self) -> Tensor:
        return self.output.copy_(self.function(*self.inputs))


class Graphs:
    """Those of a `GraphCache`, without a device."""

    def __init__(self) -> None:
        self.kept: dict[Any, Replayed] = {}

    def get(self, function: Callable[..., Tensor], inputs: Sequence[Tensor]) -> Replayed:
        key = function, tuple(tuple(tensor.shape) for tensor in inputs)
        if key not in self.kept:
            self.kept[key] = Replayed(function, inputs)
        return self.kept[key]

    def held_beside(self, shape: Sequence[int]) -> int:
        return 0

    def release(self) -> int:
        self.kept.clear()
        return 0


@pytest.fixture(scope="module")
def unet() -> Any:
    return tiny_unet()


@pytest.fixture(scope="module")
def renderer(tiny_i2vgen: Path, tmp_path_factory: pytest.TempPathFactory) -> I2VGenXL:
    return tiny_renderer(tiny_i2vgen, tmp_path_factory.mktemp("catalog"))


def fast(unet: Any, choices: Choices | None = None, ops: TorchOps | None = None) -> FastUNet:
    return FastUNet(pack_unet(copy.deepcopy(unet), choices or Choices()), ops or TorchOps(), choices)


def conditioned(rows: int, frames: int = 4) -> tuple[Conditioning, Tensor, Tensor]:
    """Return what a clip is made from, its timesteps and its latents."""
    inputs = given(rows, frames, 8, 16)
    return Conditioning(inputs.text, inputs.image, inputs.photo, inputs.fps), inputs.timesteps, inputs.latents


@pytest.mark.parametrize("rows", [1, 2], ids=["no guidance", "guidance"])
@pytest.mark.parametrize("choices", [Choices(), APART], ids=["shared", "apart"])
@torch.no_grad()
def test_a_shallow_step_with_its_own_features_is_a_whole_step_bit_for_bit(
    unet: Any, rows: int, choices: Choices
) -> None:
    # Given a step that keeps its features, which is a step like any other
    model, inputs = fast(unet, choices), given(rows, 4, 8, 16)
    clip = model.prepare(inputs.timesteps, inputs.fps, inputs.photo, inputs.image, inputs.text)
    features = model.features(inputs.latents, rows)
    whole = model.step(inputs.latents, clip.times[0], clip)
    assert torch.equal(model.keeping_step(inputs.latents, clip.times[0], clip, features), whole)
    # When the topmost level alone is computed with them, twice, then it is the same, as nothing was written over
    for _ in range(2):
        assert torch.equal(model.shallow_step(inputs.latents, clip.times[0], clip, features), whole)
    # and another step's features make another step
    other = model.shallow_step(inputs.latents, clip.times[0], clip, torch.randn_like(features))
    assert (other - whole).abs().max() > 1e-2


@torch.no_grad()
def test_a_shallow_step_does_none_of_the_work_of_the_lower_levels(unet: Any) -> None:
    ops = Watched()
    model, inputs = fast(unet, ops=ops), given(2, 4, 16, 16)
    clip = model.prepare(inputs.timesteps, inputs.fps, inputs.photo, inputs.image, inputs.text)
    features = model.features(inputs.latents, 2)
    model.keeping_step(inputs.latents, clip.times[0], clip, features)
    assert {2, 4, 8, 16} <= set(ops.heights)
    whole = len(ops.heights), len(ops.queries)
    ops.heights.clear()
    ops.queries.clear()
    model.shallow_step(inputs.latents, clip.times[0], clip, features)
    assert set(ops.heights) == {16}
    assert min(ops.queries) == 16 * 16
    # of four levels that is well below a half of all convolutions and attentions
    assert len(ops.heights) < 0.5 * whole[0] and len(ops.queries) < 0.5 * whole[1]


@pytest.mark.parametrize(("rows", "split"), [(1, False), (2, False), (2, True)])
def test_graphs_give_what_the_steps_give_without_them(unet: Any, rows: int, split: bool) -> None:
    # Given a clip of which every second step is shallow, with its guidance at once or one row after the other
    model = fast(unet)
    conditioning, timesteps, latents = conditioned(rows)
    plain, graphed = FastDenoiser(model), FastDenoiser(model, StepGraphs(model, graphs := Graphs()))
    for denoiser in (plain, graphed):
        denoiser.prepare(conditioning, timesteps, latents, split=split, cache_interval=2)
    for index in range(3):
        now = latents + index
        # When a step is replayed as a graph, then it is what it is without
        assert torch.equal(graphed.step(now, index), plain.step(now, index))
    # and a clip of the same shape, with a cache and without, goes through the graphs of the clips before
    before = len(graphs.kept)
    for interval in (1, 2):
        for denoiser in (plain, graphed):
            denoiser.prepare(conditioning, timesteps.flip(0), latents, split=split, cache_interval=interval)
        for index in range(2):
            assert torch.equal(graphed.step(latents, index), plain.step(latents, index))
    assert len(graphs.kept) == before + 1
    assert len(graphs.kept) == (1 if split and rows == 2 else 3)


@pytest.mark.parametrize(("interval", "guidance"), [(2, 1.0), (3, 9.0)])
def test_a_cached_clip_is_stocks_with_the_features_of_an_earlier_step(
    renderer: I2VGenXL, tiny_i2vgen: Path, tmp_path: Path, interval: int, guidance: float
) -> None:
    # Given stock, whose topmost level is handed what it was handed in the last step that is a multiple of the interval
    stock = stock_pipeline(tiny_i2vgen)
    step, kept = -1, torch.empty(0)

    def handed(module: Any, args: Any, options: dict[str, Any]) -> Any:
        nonlocal step, kept
        step += 1
        if step % interval == 0:
            kept = options["hidden_states"]
        return args, {**options, "hidden_states": kept}

    stock.unet.up_blocks[-1].register_forward_pre_hook(handed, with_kwargs=True)
    # When both make a clip of five steps
    picture = noisy_photo(tmp_path, (64, 64))
    asked = parameters(num_inference_steps=5, cache_interval=interval, guidance_scale=guidance)
    plan = renderer.plan(asked, Photos(picture))
    with Image.open(picture) as opened:
        photo = opened.convert("RGB")
    theirs = stock_clip(stock, plan, photo, "latent")
    assert step == 4

    def ours(mode: MemoryMode, **values: Any) -> Tensor:
        plan = renderer.plan(
            parameters(**{**{"num_inference_steps": 5, "guidance_scale": guidance}, **values}), Photos(picture)
        )
        return renderer.latents(plan, mode, photo, lambda step, steps: None, lambda: False)

    # Then they are one and the same, also where memory is short, and another clip than without a cache
    cached = ours(WHOLE, cache_interval=interval)
    assert float((cached - theirs).abs().max()) <= 1e-4
    sparing = ours(MemoryMode(decode_frames=32, split_guidance=True), cache_interval=interval)
    assert float((cached - sparing).abs().max()) <= 1e-5
    whole = ours(WHOLE)
    assert float((cached - whole).abs().max()) > 1e-2
    # and an interval of one is none, to the bit
    assert torch.equal(ours(WHOLE, cache_interval=1), whole)


@pytest.mark.filterwarnings("ignore:__array__ implementation")
def test_a_clip_by_unipc_is_stocks_by_the_same_solver(renderer: I2VGenXL, tiny_i2vgen: Path, tmp_path: Path) -> None:
    picture = noisy_photo(tmp_path, (64, 64))
    plan = renderer.plan(parameters(num_inference_steps=5, scheduler="unipc"), Photos(picture))
    with Image.open(picture) as opened:
        photo = opened.convert("RGB")
    theirs = stock_clip(stock_pipeline(tiny_i2vgen), plan, photo, "latent")
    ours = renderer.latents(plan, WHOLE, photo, lambda step, steps: None, lambda: False)
    assert float((ours - theirs).abs().max()) <= 1e-4
    # the next clip begins anew
    again = renderer.latents(plan, WHOLE, photo, lambda step, steps: None, lambda: False)
    assert torch.equal(ours, again)


def test_the_bench_of_these_steps_runs_on_any_machine(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--device", "cpu", "--tiny"]) == 0
    steps, schedulers = (json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{"))
    assert steps["shallow_with_its_own_off_whole"] == 0.0 < steps["shallow_with_those_before_off_whole"]
    assert min(steps["whole_ms"], steps["keeping_ms"], steps["shallow_ms"], schedulers["unipc_step_ms"]) > 0
