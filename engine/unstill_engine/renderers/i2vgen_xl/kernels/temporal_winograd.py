"""Convolution over three frames with half of the multiplications: Winograd's F(4, 3), see `winograd`."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl.kernels.silu import INTERPRETED, silu
from unstill_engine.renderers.i2vgen_xl.kernels.tiles import columns
from unstill_engine.renderers.i2vgen_xl.kernels.winograd import TILE, filter_line, input_line, output_line

POSITIONS = TILE + 2
"""Products of a pixel in four frames."""


@triton.jit
def _frame(x, frame, frames, size, place, inside, factor, summand, FAST: tl.constexpr):
    mask = inside & (frame >= 0) & (frame < frames)
    value = silu(tl.load(x + frame * size + place, mask=mask, other=0.0).to(tl.float32) * factor + summand, FAST)
    return tl.where(mask, value, 0.0)


@triton.jit(do_not_specialize=["clips", "frames", "groups", "pixels", "blocks"])
def _temporal_input(
    x, scale, shift, v, clips, frames, groups, pixels, blocks, channels,
    PIXELS: tl.constexpr, COLS: tl.constexpr, FAST: tl.constexpr,
):  # fmt: skip
    across = tl.cdiv(channels, COLS)
    program = (tl.program_id(0) // across).to(tl.int64)
    block, group, clip = program % blocks, program // blocks % groups, program // blocks // groups
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    pixel = block.to(tl.int32) * PIXELS + tl.arange(0, PIXELS)
    inside = (pixel < pixels)[:, None] & (column < channels)[None, :]
    factor = tl.load(scale + clip * channels + column, mask=column < channels, other=0.0)[None, :]
    summand = tl.load(shift + clip * channels + column, mask=column < channels, other=0.0)[None, :]
    size = pixels.to(tl.int64) * channels
    source = x + clip * frames * size
    place = pixel[:, None] * channels + column[None, :]
    first = group * 4 - 1
    values = input_line(
        _frame(source, first, frames, size, place, inside, factor, summand, FAST),
        _frame(source, first + 1, frames, size, place, inside, factor, summand, FAST),
        _frame(source, first + 2, frames, size, place, inside, factor, summand, FAST),
        _frame(source, first + 3, frames, size, place, inside, factor, summand, FAST),
        _frame(source, first + 4, frames, size, place, inside, factor, summand, FAST),
        _frame(source, first + 5, frames, size, place, inside, factor, summand, FAST),
    )
    target = v + (clip * groups + group) * size
    for a in tl.static_range(6):
        tl.store(target + a * clips * groups * size + place, values[a].to(v.dtype.element_ty), mask=inside)


def temporal_input(
    x: Tensor, scale_shift: Tensor, frames: int, *, pixels: int = 16, cols: int | None = None, warps: int = 4
) -> Tensor:
    """Transform `silu(x * scale + shift)` of `x` (N, H, W, C) into (6, N / frames * groups of frames * H * W, C).

    `scale_shift` (2, N / frames, C) are fp32. A group is of four frames; beyond a clip's ends there are zeros.
    """
    n, height, width, channels = x.shape
    clips, groups, size = n // frames, triton.cdiv(frames, TILE), height * width
    out = torch.empty(POSITIONS, clips * groups * size, channels, device=x.device, dtype=torch.float16)
    cols = cols or columns(channels)
    pixels = min(pixels, triton.next_power_of_2(size))
    blocks = triton.cdiv(size, pixels)
    _temporal_input[(clips * groups * blocks * triton.cdiv(channels, cols),)](
        x, scale_shift[0], scale_shift[1], out, clips, frames, groups, size, blocks, channels,
        PIXELS=pixels, COLS=cols, FAST=not INTERPRETED, num_warps=warps,
    )  # fmt: skip
    return out


@triton.jit(do_not_specialize=["count"])
def _temporal_filter(w, u, count, channels, COUNT: tl.constexpr, COLS: tl.constexpr):
    across = tl.cdiv(channels, COLS)
    row = tl.program_id(0) // across * COUNT + tl.arange(0, COUNT)
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    mask = (row < count)[:, None] & (column < channels)[None, :]
    source = w + row[:, None] * 3 * channels + column[None, :]
    values = filter_line(
        tl.load(source, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + channels, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + 2 * channels, mask=mask, other=0.0).to(tl.float32),
    )
    place = row[:, None] * channels + column[None, :]
    for a in tl.static_range(6):
        tl.store(u + a * count * channels + place, values[a].to(u.dtype.element_ty), mask=mask)


def temporal_filter(weight: Tensor, *, count: int = 8, cols: int = 128, warps: int = 4) -> Tensor:
    """Transform `weight` (Co, 3 C) into (6, Co, C), in half precision."""
    outputs, channels = weight.shape[0], weight.shape[1] // 3
    out = torch.empty(POSITIONS, outputs, channels, device=weight.device, dtype=torch.float16)
    _temporal_filter[(triton.cdiv(outputs, count) * triton.cdiv(channels, cols),)](
        weight, out, outputs, channels, COUNT=count, COLS=cols, num_warps=warps
    )
    return out


@triton.jit(do_not_specialize=["clips", "frames", "groups", "pixels", "blocks"])
def _temporal_output(
    m, bias, residual, out, sums, clips, frames, groups, pixels, blocks, channels,
    PIXELS: tl.constexpr, COLS: tl.constexpr, HAS_RESIDUAL: tl.constexpr,
):  # fmt: skip
    across = tl.cdiv(channels, COLS)
    program = (tl.program_id(0) // across).to(tl.int64)
    block, group, clip = program % blocks, program // blocks % groups, program // blocks // groups
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    pixel = block.to(tl.int32) * PIXELS + tl.arange(0, PIXELS)
    known = column < channels
    inside = (pixel < pixels)[:, None] & known[None, :]
    size = pixels.to(tl.int64) * channels
    place = pixel[:, None] * channels + column[None, :]
    source = m + (clip * groups + group) * size
    step = clips * groups * size
    values = output_line(
        tl.load(source + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + 2 * step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + 3 * step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + 4 * step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + 5 * step + place, mask=inside, other=0.0).to(tl.float32),
    )
    if HAS_RESIDUAL:
        own = tl.load(bias + column, mask=known, other=0.0).to(tl.float32)[None, :]
    for i in tl.static_range(4):
        frame = group * 4 + i
        if frame < frames:
            picture = clip * frames + frame
            value = values[i]
            if HAS_RESIDUAL:
                value += own + tl.load(residual + picture * size + place, mask=inside, other=0.0).to(tl.float32)
                value = tl.where(inside, value, 0.0)
            tl.store(out + picture * size + place, value.to(out.dtype.element_ty), mask=inside)
            target = sums + (picture * blocks + block) * 2 * channels + column
            tl.store(target, tl.sum(value, 0), mask=known)
            tl.store(target + channels, tl.sum(value * value, 0), mask=known)


def temporal_output(
    m: Tensor, shape: tuple[int, int, int], frames: int, dtype: torch.dtype, bias: Tensor, residual: Tensor | None,
    *, pixels: int = 32, cols: int | None = None, warps: int = 8,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Transform the products `m` (6, ..., Co) into pictures (N, H, W, Co) of `shape` (N, H, W), and their sums.

    With a residual (N, H, W, Co), `bias` (1, Co) and the residual are added. The sums (N, S, 2, Co) are as
    `channel_sums` makes them.
    """
    n, height, width = shape
    clips, groups, size, channels = n // frames, triton.cdiv(frames, TILE), height * width, m.shape[2]
    out = torch.empty(*shape, channels, device=m.device, dtype=dtype)
    cols = cols or columns(channels)
    pixels = min(pixels, triton.next_power_of_2(size))
    blocks = triton.cdiv(size, pixels)
    sums = torch.empty(n, blocks, 2, channels, device=m.device, dtype=torch.float32)
    _temporal_output[(clips * groups * blocks * triton.cdiv(channels, cols),)](
        m, bias, out if residual is None else residual, out, sums, clips, frames, groups, size, blocks, channels,
        PIXELS=pixels, COLS=cols, HAS_RESIDUAL=residual is not None, num_warps=warps,
    )  # fmt: skip
    return out, sums
