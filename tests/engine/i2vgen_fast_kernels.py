"""Runs each Triton kernel in Triton's interpreter and prints, as JSON, how far it is from its reference.

Distances are the largest, by the largest value expected.

A process of its own, started with TRITON_INTERPRET=1: Triton reads that once, when it is imported.
"""

from __future__ import annotations

import copy
import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from tests.engine import kernel_references as references
from tests.engine.i2vgen_fast_models import given, least_unet, stock_noise, tiny_vae
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl import triton_ops
from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.fast_vae import FastDecoder
from unstill_engine.renderers.i2vgen_xl.kernels.channel_sums import channel_sums, join_phases_sums
from unstill_engine.renderers.i2vgen_xl.kernels.geglu import geglu, geglu_product
from unstill_engine.renderers.i2vgen_xl.kernels.group_norm import moments, normalise
from unstill_engine.renderers.i2vgen_xl.kernels.layer_norm import layer_norm
from unstill_engine.renderers.i2vgen_xl.kernels.temporal_attention import temporal_attention
from unstill_engine.renderers.i2vgen_xl.kernels.temporal_conv import temporal_product
from unstill_engine.renderers.i2vgen_xl.kernels.tiles import Pass, Tile
from unstill_engine.renderers.i2vgen_xl.ops import Field, TorchOps, add_bias
from unstill_engine.renderers.i2vgen_xl.packing import pack_unet
from unstill_engine.renderers.i2vgen_xl.triton_ops import Tiles, TritonOps
from unstill_engine.renderers.i2vgen_xl.unet import FastUNet
from unstill_engine.renderers.i2vgen_xl.weights import Conv, GroupNorm

TAILED = Tile(32, 32, 16, 16, 4, 2)
Case = Callable[[], Iterator[tuple[str, Tensor, Tensor]]]


def difference(out: Tensor, expected: Tensor) -> float:
    assert out.shape == expected.shape, (out.shape, expected.shape)
    return float((out.double() - expected.double()).abs().max() / expected.abs().max().clamp(min=1))


def sums() -> Iterator[tuple[str, Tensor, Tensor]]:
    """Pictures of which a program's part is not the whole, and a last part that is not full."""
    for pixels, channels, bias_rows in (((5, 15), 40, 1), ((3, 3), 64, 2)):
        x, residual = torch.randn(4, *pixels, channels), torch.randn(4, *pixels, channels)
        passes = Pass(part=64, rows=16)
        bias = torch.randn(bias_rows, channels)
        _, plain = references.channel_sums(x)
        yield "plain", channel_sums(x, passes=passes).sum(1, keepdim=True), plain
        value, expected = references.channel_sums(x, bias, residual)
        found = channel_sums(x, bias, residual, write=True, passes=passes)
        yield "settled", x, value
        yield "of settled", found.sum(1, keepdim=True), expected
    y, bias = torch.randn(2, 5, 4, 4 * 24), torch.randn(1, 24)
    value, expected = references.join_phases_sums(y, bias)
    out, found = join_phases_sums(y, bias)
    yield "phases", out, value
    yield "of phases", found.sum(1, keepdim=True), expected


def norms() -> Iterator[tuple[str, Tensor, Tensor]]:
    x, weight, norm_bias = torch.randn(6, 5, 7, 48), torch.randn(48), torch.randn(48)
    for frames, bias in ((1, None), (3, torch.randn(1, 48)), (1, torch.randn(2, 48)), (3, torch.randn(2, 48))):
        given = (channel_sums(x), weight, norm_bias, bias, 4, 1e-5, frames, 35)
        found = moments(*given)
        yield f"moments over {frames}", found, references.moments(*given)
        shifted = (x if bias is None else add_bias(x, bias)).view(6 // frames, -1, 48).transpose(1, 2)
        expected = torch.nn.functional.group_norm(shifted, 4, weight, norm_bias, 1e-5).transpose(1, 2).reshape(x.shape)
        out = torch.empty_like(x)
        normalise(x, found, out, 0, frames, silu=False)
        yield f"GroupNorm over {frames}", out, expected
    # sums may be kept of whole clips, and are made anew where it is single pictures that are to be normalised
    ops, norm = TritonOps(fused=True), GroupNorm(weight, norm_bias, 1e-5, 4)
    for frames in (3, 1):
        kept = Field(x, bias, channel_sums(x).view(2, -1, 2, 48))
        yield (
            f"of a clip's sums over {frames}",
            ops.group_norm([kept], norm, frames, silu=True),
            TorchOps().group_norm([kept], norm, frames, silu=True),
        )
    left, right = x[..., :32].contiguous(), x[..., 32:].contiguous()
    scale_shift, joined = torch.randn(2, 6, 48), torch.full_like(x, float("nan"))
    normalise(left, scale_shift, joined, 0, 1, silu=True)
    normalise(right, scale_shift, joined, 32, 1, silu=True)
    yield "side by side", joined, references.normalise(x, scale_shift, 0, 1, silu=True, unfold=False)
    unfolded, scale_shift = torch.full((6 * 35, 144), float("nan")), torch.randn(2, 2, 48)
    normalise(x, scale_shift, unfolded, 0, 3, silu=True, unfold=True)
    yield "unfolded", unfolded, references.normalise(x, scale_shift, 0, 3, silu=True, unfold=True)
    for width in (40, 64, 7):
        rows = torch.randn(37, 100)[:, :width]
        before = torch.randn(width)
        yield f"LayerNorm of {width}", layer_norm(rows, before, 1e-5), references.layer_norm(rows, before, 1e-5)


def attention() -> Iterator[tuple[str, Tensor, Tensor]]:
    for frames, pixels in ((16, 6), (5, 9), (8, 16), (1, 4)):
        qkv = torch.randn(2 * frames * pixels, 3 * 32)
        found = temporal_attention(qkv, frames, pixels, 2)
        yield f"{frames} frames", found, references.temporal_attention(qkv, frames, pixels, 2)


def gated() -> Iterator[tuple[str, Tensor, Tensor]]:
    x, wide = 3 * torch.randn(21, 96), torch.full((21, 64), float("nan"))
    for polynomial in (False, True):
        geglu(x, wide[:, 16:], polynomial=polynomial)
        yield f"pointwise, polynomial {polynomial}", wide[:, 16:].clone(), references.geglu(x)
    a, weight, bias = torch.randn(70, 48), torch.randn(96, 48), torch.randn(96)
    wide = torch.full((70, 64), float("nan"))
    tile = Tile(32, 32, 0, 16, 4, 2)
    geglu_product(a, weight, bias, wide[:, 16:], polynomial=False, tile=tile)
    yield "product", wide[:, 16:], references.geglu_product(a, weight, bias)


def temporal() -> Iterator[tuple[str, Tensor, Tensor]]:
    """A clip of whole tiles, and one in which a tile spans frames and another is not full."""
    for height, width in ((8, 8), (5, 7)):
        y, weight, bias = torch.randn(6, height, width, 32), torch.randn(96, 96), torch.randn(1, 96)
        residual = torch.randn(6, height, width, 96)
        for more in ((), (bias, residual)):
            out, found = temporal_product(y, weight, 3, TAILED, *more)
            yield (
                f"{height}x{width}, settled {bool(more)}",
                out,
                references.temporal_product(y, weight, 3, *more),
            )
            if found is not None:
                _, expected = references.channel_sums(out)
                yield "sums", found.sum(1, keepdim=True) / 64, expected / 64
            else:
                assert height * width % TAILED.rows
    out, found = temporal_product(y, weight, 3, Tile(32, 32, 0, 16, 4, 2))
    yield "without a tail", out, references.temporal_product(y, weight, 3)


@torch.no_grad()
def winograd() -> Iterator[tuple[str, Tensor, Tensor]]:
    """Pictures of whole tiles, several to a program, or fewer than one has, and some that tiles reach beyond."""
    triton_ops.WINOGRAD_PIXELS = 0  # such small ones would be left to cuDNN
    whole, odd = ((2, 20, 16), (2, 12, 4)), ((1, 9, 7), (1, 5, 6), (1, 6, 5))
    for pictures, left, right, outputs in (*((s, 64, 64, 64) for s in whole), *((s, 40, 24, 48) for s in odd)):
        parts = [torch.randn(*pictures, channels).bfloat16() for channels in (left, right)]  # side by side
        norm = GroupNorm(torch.randn(left + right), torch.randn(left + right), 1e-5, 8)
        kernel = torch.randn(outputs, left + right, 3, 3).bfloat16().contiguous(memory_format=torch.channels_last)
        conv = Conv(kernel, torch.randn(1, outputs).bfloat16())
        residual = torch.randn(*pictures, outputs).bfloat16()
        exact = replace(conv, weight=kernel.float(), bias=conv.bias.float())
        for bias, added in ((torch.randn(1, outputs).bfloat16(), None), (None, residual)):
            fields = [Field(part.float()) for part in parts]
            expected = TorchOps().norm_conv(fields, norm, exact, bias, None if added is None else added.float())
            found = TritonOps(fused=True).norm_conv([Field(part) for part in parts], norm, conv, bias, added)
            assert found.bias is bias and found.sums is not None
            yield f"{pictures}, settled {added is not None}", found.x.float(), expected.x
            _, sums = references.channel_sums(expected.x)
            yield "sums", found.sums.sum(1, keepdim=True), sums


@torch.no_grad()
def unet() -> Iterator[tuple[str, Tensor, Tensor]]:
    stock, inputs = least_unet(), given(2, 3, 4, 4)
    tile, gated = Tile(64, 16, 16, 32, 4, 2), Tile(64, 64, 0, 32, 4, 2)
    choices = Choices(geglu_width=32, product_width=64)
    expected = stock_noise(stock, inputs, 1)
    ops = TritonOps(choices, Tiles(gated, gated, tile), fused=True)
    fast = FastUNet(pack_unet(copy.deepcopy(stock), choices), ops, choices)
    clip = fast.prepare(inputs.timesteps, inputs.fps, inputs.photo, inputs.image, inputs.text)
    yield "step", fast.step(inputs.latents, clip.times[1], clip), expected


@torch.no_grad()
def decoder() -> Iterator[tuple[str, Tensor, Tensor]]:
    vae, latents = tiny_vae(levels=2), torch.randn(2, 4, 4, 4)
    expected = vae.decode(latents).sample.permute(0, 2, 3, 1)
    yield "decode", FastDecoder(vae, TritonOps(fused=True)).decode(latents), expected


CASES: dict[str, Case] = {
    case.__name__: case for case in (sums, norms, attention, gated, temporal, winograd, unet, decoder)
}

if __name__ == "__main__":
    torch.manual_seed(0)
    found = {name: [(told, difference(*pair)) for told, *pair in CASES[name]()] for name in sys.argv[1:]}
    print(json.dumps(found))
