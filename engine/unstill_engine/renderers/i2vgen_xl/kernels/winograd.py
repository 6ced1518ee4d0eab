"""3x3 convolution with a quarter of the multiplications: the F(4x4, 3x3) of Winograd (Lavin and Gray 2016).

A tile of 4x4 pixels comes of 6x6 products instead of 144, each of which is a matrix product over all tiles. The points
of evaluation are 0, +-3/4, +-3/2 and infinity: with those in half precision a result is as near to the exact one as a
direct convolution in bfloat16 is, where 0, +-1, +-2 are twice as far off. All the sums are in single precision.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl.kernels.silu import INTERPRETED, silu
from unstill_engine.renderers.i2vgen_xl.kernels.tiles import columns

TILE = 4
"""Pixels of a tile, on each side."""
POSITIONS = (TILE + 2) ** 2
"""Products of a tile."""


@triton.jit
def input_line(x0, x1, x2, x3, x4, x5):
    even, odd = x4 - 2.25 * x2, 0.75 * x3 - 1.6875 * x1
    even_2, odd_2 = x4 - 0.5625 * x2, 1.5 * x3 - 0.84375 * x1
    first = 1.265625 * x0 - 2.8125 * x2 + x4
    last = 1.265625 * x1 - 2.8125 * x3 + x5
    return first, even + odd, even - odd, even_2 + odd_2, even_2 - odd_2, last


@triton.jit
def filter_line(w0, w1, w2):
    even, odd = w0 + 0.5625 * w2, 0.75 * w1
    even_2, odd_2 = w0 + 2.25 * w2, 1.5 * w1
    by: tl.constexpr = -128.0 / 243.0
    by_2: tl.constexpr = 32.0 / 243.0
    return (
        w0 * (64.0 / 81.0), (even + odd) * by, (even - odd) * by, (even_2 + odd_2) * by_2, (even_2 - odd_2) * by_2, w2,
    )  # fmt: skip


@triton.jit
def output_line(m0, m1, m2, m3, m4, m5):
    even, odd, even_2, odd_2 = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    return (
        m0 + even + even_2, 0.75 * odd + 1.5 * odd_2, 0.5625 * even + 2.25 * even_2,
        0.421875 * odd + 3.375 * odd_2 + m5,
    )  # fmt: skip


@triton.jit
def _pixel(line, place, mask, factor, summand, MASKED: tl.constexpr, FAST: tl.constexpr):
    if MASKED:
        value = silu(tl.load(line + place, mask=mask, other=0.0).to(tl.float32) * factor + summand, FAST)
        return tl.where(mask, value, 0.0)
    else:
        return silu(tl.load(line + place).to(tl.float32) * factor + summand, FAST)


@triton.jit
def _normed_line(
    source, y, place, left, inside, factor, summand, height, width, channels, OUTER: tl.constexpr, WHOLE: tl.constexpr,
    FAST: tl.constexpr,
):  # fmt: skip
    """Six pixels of a line. `OUTER`: it may be beyond the picture; where pictures are `WHOLE` tiles no other one is."""
    line = source + y * width * channels
    row = inside
    if OUTER or not WHOLE:
        row = row & (y >= 0) & (y < height)
    first, last = row & (left >= 0)[:, None], row & (left + 5 < width)[:, None]
    masked: tl.constexpr = OUTER or not WHOLE
    if WHOLE:
        second, third, fourth = row, row, row
    else:
        second, third = row & (left + 2 < width)[:, None], row & (left + 3 < width)[:, None]
        fourth = row & (left + 4 < width)[:, None]
    return input_line(
        _pixel(line, place, first, factor, summand, True, FAST),
        _pixel(line + channels, place, row, factor, summand, masked, FAST),
        _pixel(line + 2 * channels, place, second, factor, summand, masked, FAST),
        _pixel(line + 3 * channels, place, third, factor, summand, masked, FAST),
        _pixel(line + 4 * channels, place, fourth, factor, summand, masked, FAST),
        _pixel(line + 5 * channels, place, last, factor, summand, True, FAST),
    )


@triton.jit(do_not_specialize=["height", "width", "tiles_down", "tiles_across", "strips", "pictures"])
def _input_transform(
    x, scale, shift, v, height, width, tiles_down, tiles_across, strips, pictures, channels, total, offset,
    DOWN: tl.constexpr, TILES: tl.constexpr, COLS: tl.constexpr, WHOLE: tl.constexpr, FAST: tl.constexpr,
):  # fmt: skip
    across = tl.cdiv(channels, COLS)
    blocks = tl.cdiv(tiles_across, TILES)
    program = tl.program_id(0) // across
    picture = (program // (strips * blocks)).to(tl.int64)
    begin = program // blocks % strips * DOWN
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    tile = program % blocks * TILES + tl.arange(0, TILES)
    inside = (tile < tiles_across)[:, None] & (column < channels)[None, :]
    left = tile * 4 - 1
    norm = picture * total + offset + column
    factor = tl.load(scale + norm, mask=column < channels, other=0.0)[None, :]
    summand = tl.load(shift + norm, mask=column < channels, other=0.0)[None, :]
    # scalars count in 64 bits, and what each thread adds to them in 32
    source = x + picture * height * width * channels
    place = left[:, None] * channels + column[None, :]
    step = pictures.to(tl.int64) * tiles_down * tiles_across * total
    target = v + picture * tiles_down * tiles_across * total + offset
    there = tile[:, None] * total + column[None, :]
    top = begin * 4 - 1
    line0 = _normed_line(source, top, place, left, inside, factor, summand, height, width, channels, True, WHOLE, FAST)
    line1 = _normed_line(
        source, top + 1, place, left, inside, factor, summand, height, width, channels, False, WHOLE, FAST
    )
    for down in range(begin, tl.minimum(begin + DOWN, tiles_down)):
        top = down * 4 - 1
        line2 = _normed_line(
            source, top + 2, place, left, inside, factor, summand, height, width, channels, False, WHOLE, FAST
        )
        line3 = _normed_line(
            source, top + 3, place, left, inside, factor, summand, height, width, channels, False, WHOLE, FAST
        )
        line4 = _normed_line(
            source, top + 4, place, left, inside, factor, summand, height, width, channels, False, WHOLE, FAST
        )
        line5 = _normed_line(
            source, top + 5, place, left, inside, factor, summand, height, width, channels, True, WHOLE, FAST
        )
        row = target + down * tiles_across * total
        for b in tl.static_range(6):
            values = input_line(line0[b], line1[b], line2[b], line3[b], line4[b], line5[b])
            for a in tl.static_range(6):
                tl.store(row + (6 * a + b) * step + there, values[a].to(v.dtype.element_ty), mask=inside)
        # a tile shares two lines with the one below
        line0, line1 = line4, line5


def tiles_of(height: int, width: int) -> int:
    """Return how many tiles a picture has; those at its lower and right edge may reach beyond it."""
    return triton.cdiv(height, TILE) * triton.cdiv(width, TILE)


def input_transform(
    x: Tensor, scale_shift: Tensor, out: Tensor, offset: int, *, down: int = 4, tiles: int = 4, cols: int | None = None,
    warps: int = 4,
) -> None:  # fmt: skip
    """Transform `silu(x * scale + shift)` of `x` (N, H, W, C) into `out` (36, N tiles, total), from column `offset` on.

    `scale_shift` (2, N, total) are fp32. Beyond a picture's edge there are zeros.
    """
    n, height, width, channels = x.shape
    cols = cols or columns(channels)
    tiles_down, tiles_across = triton.cdiv(height, TILE), triton.cdiv(width, TILE)
    strips = triton.cdiv(tiles_down, down)
    _input_transform[(n * strips * triton.cdiv(tiles_across, tiles) * triton.cdiv(channels, cols),)](
        x, scale_shift[0], scale_shift[1], out, height, width, tiles_down, tiles_across, strips, n, channels,
        out.shape[2], offset, DOWN=down, TILES=tiles, COLS=cols, WHOLE=height % TILE == 0 and width % TILE == 0,
        FAST=not INTERPRETED, num_warps=warps,
    )  # fmt: skip


@triton.jit(do_not_specialize=["count"])
def _filter_transform(w, u, count, COUNT: tl.constexpr, COLS: tl.constexpr, channels):
    across = tl.cdiv(channels, COLS)
    row = tl.program_id(0) // across * COUNT + tl.arange(0, COUNT)
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    mask = (row < count)[:, None] & (column < channels)[None, :]
    source = w + row.to(tl.int64)[:, None] * 9 * channels + column[None, :]
    line0 = filter_line(
        tl.load(source, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + channels, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + 2 * channels, mask=mask, other=0.0).to(tl.float32),
    )
    line1 = filter_line(
        tl.load(source + 3 * channels, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + 4 * channels, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + 5 * channels, mask=mask, other=0.0).to(tl.float32),
    )
    line2 = filter_line(
        tl.load(source + 6 * channels, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + 7 * channels, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + 8 * channels, mask=mask, other=0.0).to(tl.float32),
    )
    target = u + row.to(tl.int64)[:, None] * channels + column[None, :]
    for b in tl.static_range(6):
        values = filter_line(line0[b], line1[b], line2[b])
        for a in tl.static_range(6):
            place = target + (6 * a + b) * count.to(tl.int64) * channels
            tl.store(place, values[a].to(u.dtype.element_ty), mask=mask)


def filter_transform(weight: Tensor, *, count: int = 4, cols: int = 128, warps: int = 4) -> Tensor:
    """Transform channels-last `weight` (Co, C, 3, 3) into (36, Co, C), in half precision."""
    outputs, channels = weight.shape[:2]
    out = torch.empty(POSITIONS, outputs, channels, device=weight.device, dtype=torch.float16)
    _filter_transform[(triton.cdiv(outputs, count) * triton.cdiv(channels, cols),)](
        weight, out, outputs, COUNT=count, COLS=cols, channels=channels, num_warps=warps,
    )  # fmt: skip
    return out


@triton.jit
def _product_line(source, place, step, b: tl.constexpr, inside):
    return output_line(
        tl.load(source + b * step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + (6 + b) * step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + (12 + b) * step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + (18 + b) * step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + (24 + b) * step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + (30 + b) * step + place, mask=inside, other=0.0).to(tl.float32),
    )


@triton.jit(do_not_specialize=["height", "width", "tiles_across", "tiles", "parts", "pictures"])
def _output_transform(
    m, bias, residual, out, sums, height, width, tiles_across, tiles, parts, pictures, channels,
    TILES: tl.constexpr, COLS: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_RESIDUAL: tl.constexpr,
    WHOLE: tl.constexpr,
):  # fmt: skip
    across = tl.cdiv(channels, COLS)
    program = tl.program_id(0) // across
    picture, part = (program // parts).to(tl.int64), program % parts
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    step = pictures.to(tl.int64) * tiles * channels
    source = m + picture * tiles * channels
    pixels = picture * height * width * channels
    total = tl.zeros([TILES, COLS], tl.float32)
    squares = tl.zeros([TILES, COLS], tl.float32)
    known = (column < channels)[None, :]
    if HAS_BIAS:
        own = tl.load(bias + column, mask=column < channels, other=0.0).to(tl.float32)[None, :]
    tile = part * TILES + tl.arange(0, TILES)
    inside = (tile < tiles)[:, None] & known
    place = tile[:, None] * channels + column[None, :]
    line0 = _product_line(source, place, step, 0, inside)
    line1 = _product_line(source, place, step, 1, inside)
    line2 = _product_line(source, place, step, 2, inside)
    line3 = _product_line(source, place, step, 3, inside)
    line4 = _product_line(source, place, step, 4, inside)
    line5 = _product_line(source, place, step, 5, inside)
    top, left = tile // tiles_across * 4, tile % tiles_across * 4
    there = (top * width + left)[:, None] * channels + column[None, :]
    for y in tl.static_range(4):
        values = output_line(line0[y], line1[y], line2[y], line3[y], line4[y], line5[y])
        for x in tl.static_range(4):
            mask = inside
            if not WHOLE:
                mask = mask & (top + y < height)[:, None] & (left + x < width)[:, None]
            pixel = pixels + (y * width + x) * channels
            value = values[x]
            if HAS_BIAS:
                value += own
            if HAS_RESIDUAL:
                value += tl.load(residual + pixel + there, mask=mask, other=0.0).to(tl.float32)
            tl.store(out + pixel + there, value.to(out.dtype.element_ty), mask=mask)
            if HAS_BIAS or not WHOLE:
                value = tl.where(mask, value, 0.0)
            total += value
            squares += value * value
    target = sums + program.to(tl.int64) * 2 * channels + column
    tl.store(target, tl.sum(total, 0), mask=column < channels)
    tl.store(target + channels, tl.sum(squares, 0), mask=column < channels)


def output_transform(
    m: Tensor, shape: tuple[int, int, int], dtype: torch.dtype, bias: Tensor | None = None,
    residual: Tensor | None = None, *, tiles: int = 4, cols: int | None = None, warps: int = 4,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Transform the products `m` (36, N tiles, Co) into pictures (N, H, W, Co) of `shape` (N, H, W), and their sums.

    `bias` (1, Co) and a residual (N, H, W, Co) are added where given. The sums (N, S, 2, Co) are as `channel_sums`
    makes them.
    """
    n, height, width = shape
    channels, of_picture = m.shape[2], tiles_of(height, width)
    out = torch.empty(*shape, channels, device=m.device, dtype=dtype)
    parts = triton.cdiv(of_picture, tiles)
    cols = cols or columns(channels)
    sums = torch.empty(n, parts, 2, channels, device=m.device, dtype=torch.float32)
    _output_transform[(n * parts * triton.cdiv(channels, cols),)](
        m, out if bias is None else bias, out if residual is None else residual, out, sums, height, width,
        triton.cdiv(width, TILE), of_picture, parts, n, channels, TILES=tiles, COLS=cols,
        HAS_BIAS=bias is not None, HAS_RESIDUAL=residual is not None,
        WHOLE=height % TILE == 0 and width % TILE == 0, num_warps=warps,
    )  # fmt: skip
    return out, sums
