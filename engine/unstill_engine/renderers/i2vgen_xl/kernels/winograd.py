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

from unstill_engine.renderers.i2vgen_xl.kernels.tiles import columns

TILE = 4
"""Pixels of a tile, on each side."""
POSITIONS = (TILE + 2) ** 2
"""Products of a tile."""


@triton.jit
def _input_line(x0, x1, x2, x3, x4, x5):
    even, odd = x4 - 2.25 * x2, 0.75 * x3 - 1.6875 * x1
    even_2, odd_2 = x4 - 0.5625 * x2, 1.5 * x3 - 0.84375 * x1
    first = 1.265625 * x0 - 2.8125 * x2 + x4
    last = 1.265625 * x1 - 2.8125 * x3 + x5
    return first, even + odd, even - odd, even_2 + odd_2, even_2 - odd_2, last


@triton.jit
def _filter_line(w0, w1, w2):
    even, odd = w0 + 0.5625 * w2, 0.75 * w1
    even_2, odd_2 = w0 + 2.25 * w2, 1.5 * w1
    by: tl.constexpr = -128.0 / 243.0
    by_2: tl.constexpr = 32.0 / 243.0
    return (
        w0 * (64.0 / 81.0), (even + odd) * by, (even - odd) * by, (even_2 + odd_2) * by_2, (even_2 - odd_2) * by_2, w2,
    )  # fmt: skip


@triton.jit
def _output_line(m0, m1, m2, m3, m4, m5):
    even, odd, even_2, odd_2 = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    return (
        m0 + even + even_2, 0.75 * odd + 1.5 * odd_2, 0.5625 * even + 2.25 * even_2,
        0.421875 * odd + 3.375 * odd_2 + m5,
    )  # fmt: skip


@triton.jit
def _pixel(x, base, y, column, left, inside, factor, summand, height, width, channels):
    mask = ((y >= 0) & (y < height) & (left >= 0) & (left < width))[:, None] & inside
    value = tl.load(x + (base + y * width + left)[:, None] * channels + column[None, :], mask=mask, other=0.0)
    value = value.to(tl.float32) * factor + summand
    value = value / (1.0 + tl.exp(-value))
    return tl.where(mask, value, 0.0)


@triton.jit
def _normed_line(x, base, y, left, column, inside, factor, summand, height, width, channels):
    return _input_line(
        _pixel(x, base, y, column, left, inside, factor, summand, height, width, channels),
        _pixel(x, base, y, column, left + 1, inside, factor, summand, height, width, channels),
        _pixel(x, base, y, column, left + 2, inside, factor, summand, height, width, channels),
        _pixel(x, base, y, column, left + 3, inside, factor, summand, height, width, channels),
        _pixel(x, base, y, column, left + 4, inside, factor, summand, height, width, channels),
        _pixel(x, base, y, column, left + 5, inside, factor, summand, height, width, channels),
    )


@triton.jit(do_not_specialize=["height", "width", "tiles_across", "tiles", "blocks", "pictures"])
def _input_transform(
    x, scale, shift, v, height, width, tiles_across, tiles, blocks, pictures, channels, total, offset,
    TILES: tl.constexpr, COLS: tl.constexpr,
):  # fmt: skip
    across = tl.cdiv(channels, COLS)
    program = tl.program_id(0) // across
    picture, block = (program // blocks).to(tl.int64), program % blocks
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    tile = block * TILES + tl.arange(0, TILES)
    inside = (tile < tiles)[:, None] & (column < channels)[None, :]
    top, left = tile // tiles_across * 4 - 1, tile % tiles_across * 4 - 1
    base = picture * height * width
    norm = picture * total + offset + column
    factor = tl.load(scale + norm, mask=column < channels, other=0.0)[None, :]
    summand = tl.load(shift + norm, mask=column < channels, other=0.0)[None, :]
    line0 = _normed_line(x, base, top, left, column, inside, factor, summand, height, width, channels)
    line1 = _normed_line(x, base, top + 1, left, column, inside, factor, summand, height, width, channels)
    line2 = _normed_line(x, base, top + 2, left, column, inside, factor, summand, height, width, channels)
    line3 = _normed_line(x, base, top + 3, left, column, inside, factor, summand, height, width, channels)
    line4 = _normed_line(x, base, top + 4, left, column, inside, factor, summand, height, width, channels)
    line5 = _normed_line(x, base, top + 5, left, column, inside, factor, summand, height, width, channels)
    rows = pictures.to(tl.int64) * tiles
    target = v + (picture * tiles + tile)[:, None] * total + offset + column[None, :]
    for b in tl.static_range(6):
        values = _input_line(line0[b], line1[b], line2[b], line3[b], line4[b], line5[b])
        for a in tl.static_range(6):
            tl.store(target + (6 * a + b) * rows * total, values[a].to(v.dtype.element_ty), mask=inside)


def tiles_of(height: int, width: int) -> int:
    """Return how many tiles a picture has; those at its lower and right edge may reach beyond it."""
    return triton.cdiv(height, TILE) * triton.cdiv(width, TILE)


def input_transform(
    x: Tensor, scale_shift: Tensor, out: Tensor, offset: int, *, tiles: int = 4, cols: int | None = None, warps: int = 4
) -> None:
    """Transform `silu(x * scale + shift)` of `x` (N, H, W, C) into `out` (36, N tiles, total), from column `offset` on.

    `scale_shift` (2, N, total) are fp32. Beyond a picture's edge there are zeros.
    """
    n, height, width, channels = x.shape
    of_picture = tiles_of(height, width)
    cols = cols or columns(channels)
    blocks = triton.cdiv(of_picture, tiles)
    _input_transform[(n * blocks * triton.cdiv(channels, cols),)](
        x, scale_shift[0], scale_shift[1], out, height, width, triton.cdiv(width, TILE), of_picture, blocks, n, channels,
        out.shape[2], offset, TILES=tiles, COLS=cols, num_warps=warps,
    )  # fmt: skip


@triton.jit(do_not_specialize=["count"])
def _filter_transform(w, u, count, COUNT: tl.constexpr, COLS: tl.constexpr, channels):
    across = tl.cdiv(channels, COLS)
    row = tl.program_id(0) // across * COUNT + tl.arange(0, COUNT)
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    mask = (row < count)[:, None] & (column < channels)[None, :]
    source = w + row.to(tl.int64)[:, None] * 9 * channels + column[None, :]
    line0 = _filter_line(
        tl.load(source, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + channels, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + 2 * channels, mask=mask, other=0.0).to(tl.float32),
    )
    line1 = _filter_line(
        tl.load(source + 3 * channels, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + 4 * channels, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + 5 * channels, mask=mask, other=0.0).to(tl.float32),
    )
    line2 = _filter_line(
        tl.load(source + 6 * channels, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + 7 * channels, mask=mask, other=0.0).to(tl.float32),
        tl.load(source + 8 * channels, mask=mask, other=0.0).to(tl.float32),
    )
    target = u + row.to(tl.int64)[:, None] * channels + column[None, :]
    for b in tl.static_range(6):
        values = _filter_line(line0[b], line1[b], line2[b])
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
def _product_line(source, step, b: tl.constexpr, inside):
    return _output_line(
        tl.load(source + b * step, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + (6 + b) * step, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + (12 + b) * step, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + (18 + b) * step, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + (24 + b) * step, mask=inside, other=0.0).to(tl.float32),
        tl.load(source + (30 + b) * step, mask=inside, other=0.0).to(tl.float32),
    )


@triton.jit(do_not_specialize=["height", "width", "tiles_across", "tiles", "parts", "pictures"])
def _output_transform(
    m, bias, residual, out, sums, height, width, tiles_across, tiles, parts, pictures, channels,
    PART: tl.constexpr, TILES: tl.constexpr, COLS: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_RESIDUAL: tl.constexpr,
):  # fmt: skip
    across = tl.cdiv(channels, COLS)
    program = tl.program_id(0) // across
    picture, part = (program // parts).to(tl.int64), program % parts
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    step = pictures.to(tl.int64) * tiles * channels
    total = tl.zeros([TILES, COLS], tl.float32)
    squares = tl.zeros([TILES, COLS], tl.float32)
    for begin in range(0, PART, TILES):
        tile = part * PART + begin + tl.arange(0, TILES)
        inside = (tile < tiles)[:, None] & (column < channels)[None, :]
        source = m + (picture * tiles + tile)[:, None] * channels + column[None, :]
        line0 = _product_line(source, step, 0, inside)
        line1 = _product_line(source, step, 1, inside)
        line2 = _product_line(source, step, 2, inside)
        line3 = _product_line(source, step, 3, inside)
        line4 = _product_line(source, step, 4, inside)
        line5 = _product_line(source, step, 5, inside)
        top, left = tile // tiles_across * 4, tile % tiles_across * 4
        for y in tl.static_range(4):
            values = _output_line(line0[y], line1[y], line2[y], line3[y], line4[y], line5[y])
            for x in tl.static_range(4):
                mask = inside & (top + y < height)[:, None] & (left + x < width)[:, None]
                place = (picture * height * width + (top + y) * width + left + x)[:, None] * channels + column[None, :]
                value = values[x]
                if HAS_BIAS:
                    value += tl.load(bias + column, mask=column < channels, other=0.0).to(tl.float32)[None, :]
                if HAS_RESIDUAL:
                    value += tl.load(residual + place, mask=mask, other=0.0).to(tl.float32)
                rounded = value.to(out.dtype.element_ty)
                tl.store(out + place, rounded, mask=mask)
                value = tl.where(mask, rounded.to(tl.float32), 0.0)
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
    part = 4 * tiles if of_picture >= 128 else tiles
    parts = triton.cdiv(of_picture, part)
    cols = cols or columns(channels)
    sums = torch.empty(n, parts, 2, channels, device=m.device, dtype=torch.float32)
    _output_transform[(n * parts * triton.cdiv(channels, cols),)](
        m, out if bias is None else bias, out if residual is None else residual, out, sums, height, width,
        triton.cdiv(width, TILE), of_picture, parts, n, channels, PART=part, TILES=tiles, COLS=cols,
        HAS_BIAS=bias is not None, HAS_RESIDUAL=residual is not None, num_warps=warps,
    )  # fmt: skip
    return out, sums
