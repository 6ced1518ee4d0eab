"""Sums for GroupNorm, with the additions that come before it."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl.kernels.tiles import Pass, columns

SUMS = Pass()


@triton.jit
def _read(x, picture, pixel, column, inside, pixels, channels, width, PHASES: tl.constexpr):
    mask = (pixel < pixels)[:, None] & inside[None, :]
    if PHASES:
        row, col = pixel // width, pixel % width
        a, b = row % 2, col % 2
        source_width = width // 2 + 1
        source = (row // 2 + a) * source_width + col // 2 + b
        source += picture * (pixels // width // 2 + 1) * source_width
        start = source.to(tl.int64) * (4 * channels) + (2 * a + b) * channels
    else:
        start = (picture.to(tl.int64) * pixels + pixel) * channels
    return tl.load(x + start[:, None] + column[None, :], mask=mask, other=0.0)


@triton.jit(do_not_specialize=["pixels", "pictures_per_bias", "parts", "width"])
def _channel_sums(
    x, bias, residual, out, sums, pixels, channels, pictures_per_bias, parts, width,
    PART: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_RESIDUAL: tl.constexpr,
    WRITE: tl.constexpr, PHASES: tl.constexpr,
):  # fmt: skip
    across = tl.cdiv(channels, COLS)
    program = tl.program_id(0) // across
    picture, part = program // parts, program % parts
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    inside = column < channels
    line = tl.arange(0, ROWS)
    total = tl.zeros([ROWS, COLS], tl.float32)
    squares = tl.zeros([ROWS, COLS], tl.float32)
    if HAS_BIAS:
        shift = tl.load(bias + (picture // pictures_per_bias) * channels + column, mask=inside, other=0.0)
        shift = shift.to(tl.float32)
    # each block is asked for before the one ahead of it is used
    block = _read(x, picture, part * PART + line, column, inside, pixels, channels, width, PHASES)
    if HAS_RESIDUAL:
        more = _read(residual, picture, part * PART + line, column, inside, pixels, channels, width, False)
    for begin in range(0, PART, ROWS):
        pixel = part * PART + begin + line
        value = block.to(tl.float32)
        after = tl.where(begin + ROWS < PART, pixel + ROWS, pixels)
        block = _read(x, picture, after, column, inside, pixels, channels, width, PHASES)
        if HAS_RESIDUAL:
            value += more.to(tl.float32)
            more = _read(residual, picture, after, column, inside, pixels, channels, width, False)
        if HAS_BIAS:
            value += shift[None, :]
        mask = (pixel < pixels)[:, None] & inside[None, :]
        if WRITE:
            rounded = value.to(out.dtype.element_ty)
            start = (picture.to(tl.int64) * pixels + pixel) * channels
            tl.store(out + start[:, None] + column[None, :], rounded, mask=mask)
            value = rounded.to(tl.float32)
        if HAS_BIAS:
            value = tl.where(mask, value, 0.0)
        total += value
        squares += value * value
    target = sums + program.to(tl.int64) * 2 * channels + column
    tl.store(target, tl.sum(total, 0), mask=inside)
    tl.store(target + channels, tl.sum(squares, 0), mask=inside)


def channel_sums(
    x: Tensor, bias: Tensor | None = None, residual: Tensor | None = None, *, write: bool = False, passes: Pass = SUMS
) -> Tensor:
    """Sums of `x + bias + residual`, which `write` stores over `x`."""
    n, height, width, channels = x.shape
    return _launch_sums(x, x if write else None, bias, residual, (n, height, width, channels), passes, phases=False)


def join_phases_sums(y: Tensor, bias: Tensor, *, passes: Pass = SUMS) -> tuple[Tensor, Tensor]:
    """The phases of an upsampling convolution (see `upsample_phases`) as a picture, plus `bias`; and its sums."""
    n, height, width, channels = y.shape
    out = y.new_empty(n, 2 * (height - 1), 2 * (width - 1), channels // 4)
    return out, _launch_sums(y, out, bias, None, tuple(out.shape), passes, phases=True)


def _launch_sums(
    x: Tensor, out: Tensor | None, bias: Tensor | None, residual: Tensor | None, shape: tuple[int, ...], passes: Pass,
    *, phases: bool,
) -> Tensor:  # fmt: skip
    n, height, width, channels = shape
    pixels = height * width
    part = min(passes.part if pixels >= 2048 else passes.part // 4, triton.next_power_of_2(pixels))
    parts = triton.cdiv(pixels, part)
    cols = columns(channels)
    sums = torch.empty(n, parts, 2, channels, device=x.device, dtype=torch.float32)
    _channel_sums[(n * parts * triton.cdiv(channels, cols),)](
        x, x if bias is None else bias, x if residual is None else residual, x if out is None else out, sums,
        pixels, channels, 1 if bias is None else n // bias.shape[0], parts, width,
        PART=part, ROWS=min(passes.rows, part), COLS=cols, HAS_BIAS=bias is not None,
        HAS_RESIDUAL=residual is not None, WRITE=out is not None, PHASES=phases, num_warps=passes.warps,
    )  # fmt: skip
    return sums
