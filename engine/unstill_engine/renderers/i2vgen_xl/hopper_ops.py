"""The backend for compute capability 9.0: kernels in Gluon where they keep a device's multiprocessors busy."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from unstill_engine.renderers.i2vgen_xl.kernels.hopper.frame_attention import FRAMES, PIXELS, attends, frame_attention
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.pingpong import COLUMNS, covers
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.products import (
    geglu_pingpong,
    normed_pingpong,
    summed_pingpong,
    temporal_pingpong,
)
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.temporal_norm import WIDTH, fits, temporal_normalised
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.tiles import DEPTH, ROWS, multiprocessors
from unstill_engine.renderers.i2vgen_xl.ops import Field, Stream, TorchOps, unfold_frames
from unstill_engine.renderers.i2vgen_xl.packing import fold_norm
from unstill_engine.renderers.i2vgen_xl.triton_ops import TritonOps
from unstill_engine.renderers.i2vgen_xl.weights import NormedLinear, SelfAttention, TemporalConv


class HopperOps(TritonOps):
    """Takes a kernel in Gluon for bfloat16 that is made of whole tiles, and enough of them; all else is as `TritonOps`.

    Each method decides by `choices` and its operands, and leaves to its parent's what does not fit.
    """

    def temporal_conv(self, field: Field, conv: TemporalConv, frames: int, residual: Tensor | None = None) -> Field:
        x, tiles = field.x, field.x[..., 0].numel() // ROWS * (conv.weight.shape[0] // WIDTH)
        wanted = self.choices.temporal_conv_norm and self.choices.temporal_conv == "direct" and residual is None
        if not (wanted and _is_bfloat16(x) and fits(x, conv.weight, frames) and _half_busy(tiles)):
            return super().temporal_conv(field, conv, frames, residual)
        y, sums = temporal_normalised(x, self._moments([field], conv.norm, frames), conv.weight, frames)
        return Field(y, conv.bias, sums)

    def _temporal_product(
        self, y: Tensor, conv: TemporalConv, frames: int, residual: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        outputs, channels = conv.weight.shape[0], y.shape[-1]
        whole = covers(outputs) and channels % DEPTH == 0
        if not (self.choices.pingpong and _is_bfloat16(y) and whole and _busy(y[..., 0].numel(), outputs)):
            return super()._temporal_product(y, conv, frames, residual)
        return temporal_pingpong(y, conv.weight, frames, conv.bias, residual)

    def project(self, a: Tensor, weight: Tensor, rows: Tensor, reader: NormedLinear, *, add: bool) -> Stream:
        width, inputs = weight.shape
        wanted = self.choices.pingpong and width <= self.choices.row_sums_width
        # what `reader` makes of it has a multiple of `width` columns, which then are whole tiles too
        whole = covers(width) and not (width % DEPTH or inputs % DEPTH or len(rows) % ROWS)
        if not (wanted and _is_bfloat16(rows) and whole and _busy(len(rows), width)):
            return super().project(a, weight, rows, reader, add=add)
        return Stream(rows, summed_pingpong(a, weight, rows, reader.before, add=add))

    def normed_linear(self, stream: Stream, layer: NormedLinear) -> Tensor:
        if stream.sums is None:
            return super().normed_linear(stream, layer)
        out = stream.x.new_empty(len(stream.x), layer.weight.shape[0])
        normed_pingpong(stream.x, stream.sums, layer, out)
        return out

    def temporal_attention(self, stream: Stream, attention: SelfAttention, frames: int, pixels: int) -> Tensor:
        rows, tiles = stream.x, len(stream.x) // (FRAMES * PIXELS)
        whole = attends(rows, attention.qkv.weight, frames, pixels, attention.heads)
        if not (self.choices.frame_attention and _is_bfloat16(rows) and whole and _half_busy(tiles)):
            return super().temporal_attention(stream, attention, frames, pixels)
        return frame_attention(rows, attention.qkv, pixels)

    def _geglu_product(self, stream: Stream, gate: NormedLinear, out: Tensor) -> None:
        outputs, inputs = gate.weight.shape
        wanted = self.choices.pingpong and self.choices.geglu_polynomial and _is_bfloat16(stream.x)
        # its tiles have no tail: 128 columns are 64 of the result
        if not wanted or outputs % COLUMNS or inputs % DEPTH:
            super()._geglu_product(stream, gate, out)
        elif stream.sums is None:
            geglu_pingpong(self._normed(stream, gate), gate.weight, gate.bias, out)
        else:
            normed_pingpong(stream.x, stream.sums, gate, out, geglu=True)


def _is_bfloat16(x: Tensor) -> bool:
    return x.dtype == torch.bfloat16


def _busy(rows: int, outputs: int) -> bool:
    """Return whether there is one tile at least for each of a multiprocessor's two groups of warps."""
    return rows // ROWS * (outputs // COLUMNS) >= 2 * multiprocessors()


def _half_busy(tiles: int) -> bool:
    """Return whether there is one of `tiles`, which both groups share, for half of the multiprocessors at least."""
    return 2 * tiles >= multiprocessors()


def agrees(device: torch.device) -> bool:
    """Return whether the kernels in Gluon run on `device` and give what PyTorch gives, to 1 % of the norm.

    Gluon is an experiment of Triton's: with another version it may not compile, or not compute the same.
    """
    generator = torch.Generator("cpu").manual_seed(0)

    def made(*shape: int, by: int = 1) -> Tensor:
        drawn: Tensor = torch.randn(*shape, generator=generator) / math.sqrt(by)
        return drawn.to(device, torch.bfloat16)

    def near(found: Tensor, expected: Tensor) -> bool:
        return bool((found.float() - expected.float()).norm() < 0.01 * expected.float().norm())

    try:
        return all(
            near(*pair) for compare in (_convolved_in_time, _multiplied, _normed, _attended) for pair in compare(made)
        )
    except Exception:  # whatever an experiment raises, clips are rendered without it
        return False


class _Made(Protocol):
    """Draws a tensor of standard normal numbers, divided by the root of `by`."""

    def __call__(self, *shape: int, by: int = 1) -> Tensor: ...


def _convolved_in_time(made: _Made) -> Iterator[tuple[Tensor, Tensor]]:
    """Temporal convolutions of two frames, with and without a residual, and of 16 with the norm inside."""
    x, residual, bias = made(4, 16, 16, 320), made(4, 16, 16, 320), made(1, 320)
    weight = made(320, 960, by=960)
    expected = F.linear(unfold_frames(x, 2), weight).view(x.shape)
    for added in (None, residual):
        whole = expected if added is None else expected + bias + added
        yield temporal_pingpong(x, weight, 2, bias, added)[0], whole
    x, scale_shift = made(32, 4, 8, 320), made(2, 2, 320).float()
    y = F.silu(x.view(2, 16, 32, 320) * scale_shift[0][:, None, None] + scale_shift[1][:, None, None])
    expected = F.linear(unfold_frames(y.bfloat16().view(x.shape), 16), weight).view(x.shape)
    found, sums = temporal_normalised(x, scale_shift, weight, 16)
    yield found, expected
    yield sums.sum(1)[:, 0], expected.float().view(2, -1, 320).sum(1)


def _multiplied(made: _Made) -> Iterator[tuple[Tensor, Tensor]]:
    """GEGLU behind its product."""
    rows, gate, offset = made(256, 320), made(256, 320, by=320), made(256)
    value, gates = F.linear(rows, gate, offset).view(256, 128, 2).unbind(-1)
    out = rows.new_empty(256, 128)
    geglu_pingpong(rows, gate, offset, out)
    yield out, value * F.gelu(gates)


def _normed(made: _Made) -> Iterator[tuple[Tensor, Tensor]]:
    """A product in place of a stream's rows, or added there, and those that read them by their sums."""
    for width in (320, 640):
        weight, before, rows = made(width, width, by=width), made(width), made(256, 2 * width)[:, :width]
        norm = nn.LayerNorm(width, device=rows.device, dtype=rows.dtype)
        query = fold_norm(norm, before, made(width, width, by=width))
        gate = fold_norm(norm, before, made(2 * width, width, by=width), made(2 * width))
        for add in (False, True):
            a, out = made(256, width), torch.empty_like(rows)
            expected = F.linear(a, weight) + (rows if add else 0)
            sums = summed_pingpong(a, weight, rows, before, add=add)
            yield rows, expected
            normed_pingpong(rows, sums, query, out)
            yield out, TorchOps().normed_linear(Stream(rows), query)
            normed_pingpong(rows, sums, gate, out, geglu=True)
            yield out, TorchOps().geglu(Stream(rows), gate)


def _attended(made: _Made) -> Iterator[tuple[Tensor, Tensor]]:
    """Attention over 16 frames of 16 pixels of two clips, with LayerNorm and projection."""
    rows = made(2 * FRAMES * 16, 320)
    norm = nn.LayerNorm(320, device=rows.device, dtype=rows.dtype)
    qkv = fold_norm(norm, made(320), made(960, 320, by=320), made(960))
    expected = TorchOps().temporal_attention(Stream(rows), SelfAttention(qkv, rows, 5), FRAMES, 16)
    yield frame_attention(rows, qkv, 16), expected
