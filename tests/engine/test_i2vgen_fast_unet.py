"""The fast forward with plain torch operations is the stock UNet's and the stock decoder's."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.engine.i2vgen_fast_models import given, stock_noise, tiny_unet, tiny_vae

from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.fast_vae import FastDecoder
from unstill_engine.renderers.i2vgen_xl.ops import Stream, TorchOps, convolve, join_phases
from unstill_engine.renderers.i2vgen_xl.packing import fold_norm, interleave, pack_unet, upsample_phases
from unstill_engine.renderers.i2vgen_xl.unet import FastUNet

OTHERWISE = Choices(share_prefix=False, upsample_phases=False, merge_projections=False)


@pytest.fixture(scope="module")
def unet() -> Any:
    return tiny_unet()


@pytest.mark.parametrize("rows", [1, 2], ids=["no guidance", "guidance"])
@pytest.mark.parametrize(("frames", "height", "width"), [(4, 8, 8), (5, 16, 24), (8, 8, 16)])
@pytest.mark.parametrize("choices", [Choices(), OTHERWISE], ids=["fast", "plain"])
@torch.no_grad()
def test_a_step_is_the_stock_unets(
    unet: Any, rows: int, frames: int, height: int, width: int, choices: Choices
) -> None:
    # Given one clip's inputs
    inputs = given(rows, frames, height, width)
    # When the fast forward, packed from a copy of the same weights, computes two of its steps
    fast = FastUNet(pack_unet(copy.deepcopy(unet), choices), TorchOps(), choices)
    clip = fast.prepare(inputs.timesteps, inputs.fps, inputs.photo, inputs.image, inputs.text)
    noises = [fast.step(inputs.latents, clip.times[index], clip) for index in (0, 2)]
    # Then each is what the stock UNet says
    for index, noise in zip((0, 2), noises, strict=True):
        expected = stock_noise(unet, inputs, index)
        assert noise.shape == expected.shape
        assert expected.abs().max() > 0.5
        assert (noise - expected).abs().max() <= 1e-4


@pytest.mark.parametrize("choice", ["share_prefix", "upsample_phases", "merge_projections"])
@torch.no_grad()
def test_each_choice_alone_changes_rounding_at_most(unet: Any, choice: str) -> None:
    inputs = given(2, 4, 8, 8)
    expected = stock_noise(unet, inputs, 1)
    choices = replace(Choices(), **{choice: getattr(OTHERWISE, choice)})
    fast = FastUNet(pack_unet(copy.deepcopy(unet), choices), TorchOps(), choices)
    clip = fast.prepare(inputs.timesteps, inputs.fps, inputs.photo, inputs.image, inputs.text)
    assert (fast.step(inputs.latents, clip.times[1], clip) - expected).abs().max() <= 1e-4


@torch.no_grad()
def test_a_step_leaves_its_inputs_as_they_were(unet: Any) -> None:
    # Given a clip of which one step was computed: much of what it does is done in place
    inputs = given(2, 4, 8, 8)
    fast = FastUNet(pack_unet(copy.deepcopy(unet)), TorchOps())
    clip = fast.prepare(inputs.timesteps, inputs.fps, inputs.photo, inputs.image, inputs.text)
    first = fast.step(inputs.latents, clip.times[0], clip)
    # When the same step is computed again
    again = fast.step(inputs.latents, clip.times[0], clip)
    # Then it gives the same, to the bit
    assert torch.equal(first, again)


def test_packing_leaves_no_second_copy_of_the_weights(unet: Any) -> None:
    taken = copy.deepcopy(unet)
    pack_unet(taken)
    left = sum(
        parameter.numel() for block in taken.down_blocks for parameter in block.parameters() if not parameter.is_meta
    )
    assert left == 0


@torch.no_grad()
def test_sizes_that_the_unet_cannot_halve_three_times_are_refused(unet: Any) -> None:
    inputs = given(2, 4, 12, 8)
    fast = FastUNet(pack_unet(copy.deepcopy(unet)), TorchOps())
    with pytest.raises(ValueError, match="12 by 8, but both must be multiples of 8"):
        fast.prepare(inputs.timesteps, inputs.fps, inputs.photo, inputs.image, inputs.text)


@torch.no_grad()
def test_an_upsampling_convolution_is_four_small_ones() -> None:
    module = torch.nn.Conv2d(3, 5, 3, padding=1).double()
    x = torch.randn(2, 3, 6, 4, dtype=torch.double)
    expected = module(torch.nn.functional.interpolate(x, scale_factor=2.0))
    packed = upsample_phases(module)
    phases = convolve(x.permute(0, 2, 3, 1).contiguous(), packed.weight.double())
    # the sums of taps were made in fp32
    assert torch.allclose(join_phases(phases).permute(0, 3, 1, 2) + packed.bias[..., None, None], expected, atol=1e-6)


def test_value_and_gate_come_to_stand_side_by_side() -> None:
    assert interleave(torch.tensor([1, 2, 3, 10, 20, 30])).tolist() == [1, 10, 2, 20, 3, 30]


@pytest.mark.parametrize("choices", [Choices(), OTHERWISE], ids=["fast", "plain"])
def test_the_decoder_is_the_stock_decoder(choices: Choices) -> None:
    vae = tiny_vae()
    latents = torch.randn(3, 4, 8, 16)
    with torch.no_grad():
        expected = vae.decode(latents).sample.permute(0, 2, 3, 1)
    pictures = FastDecoder(copy.deepcopy(vae), TorchOps(), choices).decode(latents)
    assert pictures.shape == (3, 64, 128, 3)
    assert (pictures - expected).abs().max() <= 1e-4


@torch.no_grad()
def test_a_folded_norm_divides_raw_rows_by_their_deviation_only() -> None:
    # Given a LayerNorm that scales and shifts, of rows that are far from centred, and a linear layer behind it
    norm, linear = torch.nn.LayerNorm(48), torch.nn.Linear(48, 40)
    for parameter in norm.parameters():
        parameter.normal_()
    rows, before = 2 * torch.randn(7, 48) + 3, torch.randn(48)
    expected = linear(norm(rows + before))
    # When both are folded into one
    layer = fold_norm(norm, before, linear.weight, linear.bias)
    # Then it makes the same of what is only normalised
    stream = Stream(rows)
    assert torch.allclose(TorchOps().normed_linear(stream, layer), expected, atol=1e-5)
    # and of the rows as they are, when that is divided by the deviation: the mean is taken off by the matrix
    deviation = ((rows + before).var(1, unbiased=False, keepdim=True) + layer.eps).sqrt()
    found = (rows @ layer.weight.t() + layer.offset) / deviation + layer.bias
    assert torch.allclose(found, expected, atol=1e-5)


@torch.no_grad()
def test_what_a_stream_is_added_to_stands_in_its_rows() -> None:
    a, weight, buffer = torch.randn(6, 24), torch.randn(16, 24), torch.randn(6, 40)
    rows, beside = buffer[:, :16], buffer[:, 16:].clone()
    reader = fold_norm(torch.nn.LayerNorm(16), torch.zeros(16), torch.randn(8, 16))
    for add in (False, True):
        expected = a @ weight.t() + (rows if add else 0)
        stream = TorchOps().project(a, weight, rows, reader, add=add)
        assert stream.x.data_ptr() == rows.data_ptr()
        assert torch.allclose(rows, expected, atol=1e-5)
    assert torch.equal(buffer[:, 16:], beside)
