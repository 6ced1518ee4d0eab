"""3x3 convolution with a quarter of the multiplications: the F(4x4, 3x3) of Winograd (Lavin and Gray 2016).

A tile of 4x4 pixels comes of 6x6 products instead of 144, each of which is a matrix product over all tiles. The points
of evaluation are 0, +-3/4, +-3/2 and infinity: with those in half precision a result is as near to the exact one as a
direct convolution in bfloat16 is, where 0, +-1, +-2 are twice as far off. All sums are in single precision.

Half precision ends at 65,504. A transformed input is at most 18.6 times the largest activation, none of which are below
zero to speak of after SiLU, and a transformed weight 0.4 times the largest weight: of activations of 200 and weights of
2 they are 3,714 and 0.8. Products, which are stored in half precision too, have no such bound. They would be larger
than the convolution's own sums by 3.5 (root mean square of independent values) or about 4 (heavy tails), so weights are
transformed to a quarter: there is room for about the sums that half precision itself has room for.
"""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl.kernels.silu import INTERPRETED, silu_of_twice
from unstill_engine.renderers.i2vgen_xl.kernels.tiles import columns

TILE = 4
"""Pixels of a tile of the result on each side; of the input it has six, two of which are the next tile's too."""
POSITIONS = (TILE + 2) ** 2
"""Products of a tile: 36, counted row by row."""
_TILES = 4
"""Tiles that a program has at once. It has 64 channels of them, two for each thread, whose registers 36 values of each
fill."""
_DOWN = 2
"""Tiles below one another that a program transforms one after the other, for the lines that they share."""
_ROWS, _COLS = 4, 128
"""Filters, and channels of them, that a program has."""


@triton.jit
def _input_line(x0, x1, x2, x3, x4, x5):
    """Transform a line of an input's tile; first along one side, then, of what that gave, along the other."""
    even, odd = x4 - 2.25 * x2, x3 - 2.25 * x1
    even_2, odd_2 = x4 - 0.5625 * x2, x3 - 0.5625 * x1
    first = x4 - 2.8125 * x2 + 1.265625 * x0
    last = x5 - 2.8125 * x3 + 1.265625 * x1
    return first, even + 0.75 * odd, even - 0.75 * odd, even_2 + 1.5 * odd_2, even_2 - 1.5 * odd_2, last


@triton.jit
def _filter_line(w0, w1, w2):
    """Transform three taps, to a half.

    What divides the interpolation at each point is part of this, as weights are the fewest.
    """
    even, odd = w0 + 0.5625 * w2, 0.75 * w1
    even_2, odd_2 = w0 + 2.25 * w2, 1.5 * w1
    by: tl.constexpr = -64.0 / 243.0
    by_2: tl.constexpr = 16.0 / 243.0
    return (
        w0 * (32.0 / 81.0), (even + odd) * by, (even - odd) * by, (even_2 + odd_2) * by_2, (even_2 - odd_2) * by_2,
        0.5 * w2,
    )  # fmt: skip


@triton.jit
def _output_line(m0, m1, m2, m3, m4, m5):
    """Return the four pixels of a line of six products."""
    even, odd, even_2, odd_2 = m1 + m2, m1 - m2, m3 + m4, m3 - m4
    return (
        m0 + even + even_2, 0.75 * odd + 1.5 * odd_2, 0.5625 * even + 2.25 * even_2,
        m5 + 0.421875 * odd + 3.375 * odd_2,
    )  # fmt: skip


@triton.jit
def _normed(line, place, inside, factor, summand, MASKED: tl.constexpr, FAST: tl.constexpr):
    """Return a pixel of each tile after GroupNorm and SiLU. `factor` and `summand` are halves of scale and shift."""
    if MASKED:
        half = tl.load(line + place, mask=inside, other=0.0).to(tl.float32) * factor + summand
        return tl.where(inside, silu_of_twice(half, FAST), 0.0)
    else:
        return silu_of_twice(tl.load(line + place).to(tl.float32) * factor + summand, FAST)


@triton.jit
def _normed_line(
    x, y, place, left, inside, factor, summand, height, width, channels,
    OUTER: tl.constexpr, WHOLE: tl.constexpr, FAST: tl.constexpr,
):  # fmt: skip
    """Return line `y` of each tile, transformed. Where pictures are made of `WHOLE` tiles an `OUTER` pixel alone may be
    beyond the edge.
    """
    line = x + y * width * channels
    masked: tl.constexpr = OUTER or not WHOLE
    if masked:
        inside = inside & (y >= 0) & (y < height)
    first, last = inside & (left >= 0)[:, None], inside & (left + 5 < width)[:, None]
    if WHOLE:
        second, third, fourth = inside, inside, inside
    else:
        second, third = inside & (left + 2 < width)[:, None], inside & (left + 3 < width)[:, None]
        fourth = inside & (left + 4 < width)[:, None]
    return _input_line(
        _normed(line, place, first, factor, summand, True, FAST),
        _normed(line + channels, place, inside, factor, summand, masked, FAST),
        _normed(line + 2 * channels, place, second, factor, summand, masked, FAST),
        _normed(line + 3 * channels, place, third, factor, summand, masked, FAST),
        _normed(line + 4 * channels, place, fourth, factor, summand, masked, FAST),
        _normed(line + 5 * channels, place, last, factor, summand, True, FAST),
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
    known = column < channels
    tile = program % blocks * TILES + tl.arange(0, TILES)
    left = tile * 4 - 1
    inside = tl.full([TILES, COLS], True, tl.int1) if WHOLE else (tile < tiles_across)[:, None] & known[None, :]
    norm = picture * total + offset + column
    factor = 0.5 * tl.load(scale + norm, mask=known, other=0.0)[None, :]
    summand = 0.5 * tl.load(shift + norm, mask=known, other=0.0)[None, :]
    # scalars count in 64 bits, and what each thread adds to them in 32
    x += picture * height * width * channels
    place = left[:, None] * channels + column[None, :]
    step = pictures.to(tl.int64) * tiles_down * tiles_across * total
    v += picture * tiles_down * tiles_across * total + offset
    there = tile[:, None] * total + column[None, :]
    y = begin * 4 - 1
    line0 = _normed_line(x, y, place, left, inside, factor, summand, height, width, channels, True, WHOLE, FAST)
    line1 = _normed_line(x, y + 1, place, left, inside, factor, summand, height, width, channels, False, WHOLE, FAST)
    for down in range(begin, tl.minimum(begin + DOWN, tiles_down)):
        y = down * 4 + 1
        line2 = _normed_line(x, y, place, left, inside, factor, summand, height, width, channels, False, WHOLE, FAST)
        y += 1
        line3 = _normed_line(x, y, place, left, inside, factor, summand, height, width, channels, False, WHOLE, FAST)
        y += 1
        line4 = _normed_line(x, y, place, left, inside, factor, summand, height, width, channels, False, WHOLE, FAST)
        y += 1
        line5 = _normed_line(x, y, place, left, inside, factor, summand, height, width, channels, True, WHOLE, FAST)
        row = v + down * tiles_across * total
        for b in tl.static_range(6):
            values = _input_line(line0[b], line1[b], line2[b], line3[b], line4[b], line5[b])
            for a in tl.static_range(6):
                tl.store(row + (6 * a + b) * step + there, values[a].to(v.dtype.element_ty), mask=inside)
        # a tile shares two lines with the one below
        line0, line1 = line4, line5


def tiles_of(height: int, width: int) -> int:
    """Return how many tiles a picture has; those at its lower and right edge may reach beyond it."""
    return -(-height // TILE) * -(-width // TILE)


def input_transform(x: Tensor, scale_shift: Tensor, out: Tensor, offset: int) -> None:
    """Transform `silu(x * scale + shift)` of `x` (N, H, W, C) into `out` (36, N tiles, total), from column `offset` on.

    `scale_shift` (2, N, total) are fp32, `out` is in half precision. Beyond a picture's edge there are zeros, and not
    SiLU of the shift.
    """
    n, height, width, channels = x.shape
    tiles_down, tiles_across, cols = triton.cdiv(height, TILE), triton.cdiv(width, TILE), columns(channels)
    strips = triton.cdiv(tiles_down, _DOWN)
    whole = height % TILE == 0 and width % (TILE * _TILES) == 0 and channels % cols == 0
    _input_transform[(n * strips * triton.cdiv(tiles_across, _TILES) * triton.cdiv(channels, cols),)](
        x, scale_shift[0], scale_shift[1], out, height, width, tiles_down, tiles_across, strips, n, channels,
        out.shape[2], offset, DOWN=_DOWN, TILES=_TILES, COLS=cols, WHOLE=whole, FAST=not INTERPRETED, num_warps=4,
    )  # fmt: skip


@triton.jit
def _filter_taps(w, y: tl.constexpr, channels, mask):
    return _filter_line(
        tl.load(w + 3 * y * channels, mask=mask, other=0.0).to(tl.float32),
        tl.load(w + (3 * y + 1) * channels, mask=mask, other=0.0).to(tl.float32),
        tl.load(w + (3 * y + 2) * channels, mask=mask, other=0.0).to(tl.float32),
    )


@triton.jit(do_not_specialize=["outputs"])
def _filter_transform(w, u, outputs, channels, ROWS: tl.constexpr, COLS: tl.constexpr):
    across = tl.cdiv(channels, COLS)
    row = tl.program_id(0) // across * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    mask = (row < outputs)[:, None] & (column < channels)[None, :]
    source = w + row[:, None] * 9 * channels + column[None, :]
    line0 = _filter_taps(source, 0, channels, mask)
    line1 = _filter_taps(source, 1, channels, mask)
    line2 = _filter_taps(source, 2, channels, mask)
    place = row[:, None] * channels + column[None, :]
    for b in tl.static_range(6):
        values = _filter_line(line0[b], line1[b], line2[b])
        for a in tl.static_range(6):
            tl.store(u + (6 * a + b) * outputs * channels + place, values[a].to(u.dtype.element_ty), mask=mask)


def filter_transform(weight: Tensor) -> Tensor:
    """Transform channels-last `weight` (Co, C, 3, 3) into (36, Co, C), in half precision."""
    outputs, channels = weight.shape[:2]
    out = torch.empty(POSITIONS, outputs, channels, device=weight.device, dtype=torch.float16)
    _filter_transform[(triton.cdiv(outputs, _ROWS) * triton.cdiv(channels, _COLS),)](
        weight, out, outputs, channels, ROWS=_ROWS, COLS=_COLS, num_warps=4,
    )  # fmt: skip
    return out


@triton.jit
def _products_line(m, place, step, b: tl.constexpr, inside):
    return _output_line(
        tl.load(m + b * step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(m + (6 + b) * step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(m + (12 + b) * step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(m + (18 + b) * step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(m + (24 + b) * step + place, mask=inside, other=0.0).to(tl.float32),
        tl.load(m + (30 + b) * step + place, mask=inside, other=0.0).to(tl.float32),
    )


@triton.jit(do_not_specialize=["height", "width", "tiles_across", "tiles", "parts", "pictures"])
def _output_transform(
    m, bias, residual, out, sums, height, width, tiles_across, tiles, parts, pictures, channels,
    TILES: tl.constexpr, COLS: tl.constexpr, SETTLE: tl.constexpr, RESIDUAL: tl.constexpr, WHOLE: tl.constexpr,
):  # fmt: skip
    across = tl.cdiv(channels, COLS)
    program = tl.program_id(0) // across
    picture, part = (program // parts).to(tl.int64), program % parts
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    known = column < channels
    tile = part * TILES + tl.arange(0, TILES)
    inside = tl.full([TILES, COLS], True, tl.int1) if WHOLE else (tile < tiles)[:, None] & known[None, :]
    place = tile[:, None] * channels + column[None, :]
    step = pictures.to(tl.int64) * tiles * channels
    m += picture * tiles * channels
    line0 = _products_line(m, place, step, 0, inside)
    line1 = _products_line(m, place, step, 1, inside)
    line2 = _products_line(m, place, step, 2, inside)
    line3 = _products_line(m, place, step, 3, inside)
    line4 = _products_line(m, place, step, 4, inside)
    line5 = _products_line(m, place, step, 5, inside)
    top, left = tile // tiles_across * 4, tile % tiles_across * 4
    place = (top * width + left)[:, None] * channels + column[None, :]
    total = tl.zeros([TILES, COLS], tl.float32)
    squares = tl.zeros([TILES, COLS], tl.float32)
    if SETTLE:
        own = tl.load(bias + column, mask=known, other=0.0).to(tl.float32)[None, :]
    for y in tl.static_range(4):
        line = (picture * height + y) * width * channels
        values = _output_line(line0[y], line1[y], line2[y], line3[y], line4[y], line5[y])
        for x in tl.static_range(4):
            value = 4.0 * values[x]  # of both sides' halves
            mask = inside
            if not WHOLE:
                mask = mask & (top + y < height)[:, None] & (left + x < width)[:, None]
            if SETTLE:
                value += own
            if RESIDUAL:
                value += tl.load(residual + line + x * channels + place, mask=mask, other=0.0).to(tl.float32)
            tl.store(out + line + x * channels + place, value.to(out.dtype.element_ty), mask=mask)
            if not WHOLE:
                value = tl.where(mask, value, 0.0)
            total += value
            squares += value * value
    target = sums + program.to(tl.int64) * 2 * channels + column
    tl.store(target, tl.sum(total, 0), mask=known)
    tl.store(target + channels, tl.sum(squares, 0), mask=known)


def output_transform(
    m: Tensor, shape: tuple[int, int, int], dtype: torch.dtype, bias: Tensor | None, residual: Tensor | None,
) -> tuple[Tensor, Tensor]:  # fmt: skip
    """Transform the products `m` (36, N tiles, Co) into pictures (N, H, W, Co) of `shape` (N, H, W), and their sums.

    `bias` (1, Co) and a residual (N, H, W, Co) are added where given; the pictures are of `dtype`. The sums
    (N, S, 2, Co) fp32 are as `channel_sums` makes them, but of what was not yet rounded.
    """
    n, height, width = shape
    channels, tiles = m.shape[2], tiles_of(height, width)
    out = torch.empty(*shape, channels, device=m.device, dtype=dtype)
    parts, cols = triton.cdiv(tiles, _TILES), columns(channels)
    sums = torch.empty(n, parts, 2, channels, device=m.device, dtype=torch.float32)
    whole = height % TILE == 0 and width % TILE == 0 and tiles % _TILES == 0 and channels % cols == 0
    _output_transform[(n * parts * triton.cdiv(channels, cols),)](
        m, out if bias is None else bias, out if residual is None else residual, out, sums, height, width,
        triton.cdiv(width, TILE), tiles, parts, n, channels, TILES=_TILES, COLS=cols,
        SETTLE=bias is not None, RESIDUAL=residual is not None, WHOLE=whole, num_warps=4,
    )  # fmt: skip
    return out, sums
