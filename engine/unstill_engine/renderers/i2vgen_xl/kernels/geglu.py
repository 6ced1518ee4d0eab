"""GEGLU, by itself or as the end of the product before it."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from unstill_engine.renderers.i2vgen_xl.kernels.tiles import Tile


@triton.jit
def gelu(x, POLYNOMIAL: tl.constexpr):
    """By erf, or x * Phi(x) with Phi - 1/2 as x times a polynomial of x * x: at most 1e-5 off, for |x| <= 4.25."""
    if POLYNOMIAL:
        z = tl.minimum(tl.maximum(x, -4.25), 4.25)
        u = z * z
        p = u * 5.564852051387348e-11 - 5.327753349604336e-09
        p = p * u + 2.2554267786745186e-07
        p = p * u - 5.626426172966603e-06
        p = p * u + 9.341869008494541e-05
        p = p * u - 0.0011085608275607228
        p = p * u + 0.009815970435738564
        p = p * u - 0.0663444921374321
        p = p * u + 0.3989023268222809
        return x * (z * p + 0.5)
    else:
        return 0.5 * x * (1.0 + tl.erf(x * 0.7071067811865476))


@triton.jit(do_not_specialize=["count"])
def _geglu(
    x, y, count, channels, stride, ROWS: tl.constexpr, COLS: tl.constexpr, POLYNOMIAL: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(1) * COLS + tl.arange(0, COLS)
    pair = tl.program_id(1) * COLS * 2 + tl.arange(0, COLS * 2)
    mask = (row < count)[:, None]
    known = pair < 2 * channels
    both = tl.load(x + row[:, None] * (2 * channels) + pair[None, :], mask=mask & known[None, :], other=0.0)
    both = both.to(tl.float32)
    value, gate = tl.split(tl.reshape(both, (ROWS, COLS, 2)))
    result = (value * gelu(gate, POLYNOMIAL)).to(y.dtype.element_ty)
    tl.store(y + row[:, None] * stride + column[None, :], result, mask=mask & (column < channels)[None, :])


def geglu(x: Tensor, out: Tensor, *, polynomial: bool, rows: int = 16, cols: int = 128, warps: int = 4) -> None:
    """Columns (value 0, gate 0, value 1, ...) of `x` (M, 2 I) to `out` (M, I), whose rows may stand apart."""
    count, channels = out.shape
    _geglu[(triton.cdiv(count, rows), triton.cdiv(channels, cols))](
        x, out, count, channels, out.stride(0), ROWS=rows, COLS=cols, POLYNOMIAL=polynomial, num_warps=warps,
    )  # fmt: skip


@triton.jit(do_not_specialize=["count"])
def _geglu_product(
    a, w, bias, y, count, channels, inputs,
    ROWS: tl.constexpr, COLS: tl.constexpr, DEPTH: tl.constexpr, GROUP: tl.constexpr, POLYNOMIAL: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0)
    across = tl.cdiv(channels * 2, COLS)
    down = tl.cdiv(count, ROWS)
    band = program // (GROUP * across)
    height = tl.minimum(down - band * GROUP, GROUP)
    row = (band * GROUP + program % (GROUP * across) % height) * ROWS
    column = program % (GROUP * across) // height * COLS
    total = tl.zeros([ROWS, COLS], tl.float32)
    for depth in range(0, inputs, DEPTH):
        total = tl.dot(a.load([row, depth]), w.load([column, depth]).T, total)
    both = column + tl.arange(0, COLS)
    total += tl.load(bias + both, mask=both < 2 * channels, other=0.0).to(tl.float32)[None, :]
    value, gate = tl.split(tl.reshape(total, (ROWS, COLS // 2, 2)))
    y.store([row, column // 2], (value * gelu(gate, POLYNOMIAL)).to(y.dtype))


def geglu_product(
    a: Tensor, weight: Tensor, bias: Tensor, out: Tensor, *, polynomial: bool, tile: Tile, group: int = 8
) -> None:
    """`a` (M, K) by interleaved `weight` (2 I, K), plus `bias` (2 I,), GEGLU of that into `out` (M, I).

    Rows must be aligned to 16 bytes.
    """
    count, inputs = a.shape
    channels = out.shape[1]
    grid = (triton.cdiv(count, tile.rows) * triton.cdiv(2 * channels, tile.cols),)
    _geglu_product[grid](
        TensorDescriptor.from_tensor(a, [tile.rows, tile.depth]),
        TensorDescriptor.from_tensor(weight, [tile.cols, tile.depth]),
        bias, TensorDescriptor.from_tensor(out, [tile.rows, tile.cols // 2]), count, channels, inputs,
        ROWS=tile.rows, COLS=tile.cols, DEPTH=tile.depth, GROUP=group, POLYNOMIAL=polynomial,
        num_warps=tile.warps, num_stages=tile.stages,
    )  # fmt: skip
