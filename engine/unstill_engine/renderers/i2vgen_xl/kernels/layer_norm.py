"""LayerNorm of rows, with what is still to be added to them."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl.kernels.tiles import split_width


@triton.jit(do_not_specialize=["count"])
def _layer_norm(
    x, before, y, count, channels, stride, eps,
    ROWS: tl.constexpr, COLS: tl.constexpr, TAIL: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    inside = row < count
    column = tl.arange(0, COLS)
    mask = inside[:, None] & (column < channels)[None, :]
    value = tl.load(x + row[:, None] * stride + column[None, :], mask=mask, other=0.0).to(tl.float32)
    value += tl.load(before + column, mask=column < channels, other=0.0).to(tl.float32)[None, :]
    total = tl.sum(value, 1)
    if TAIL:
        column_tail = COLS + tl.arange(0, TAIL)
        mask_tail = inside[:, None] & (column_tail < channels)[None, :]
        tail = tl.load(x + row[:, None] * stride + column_tail[None, :], mask=mask_tail, other=0.0).to(tl.float32)
        tail += tl.load(before + column_tail, mask=column_tail < channels, other=0.0).to(tl.float32)[None, :]
        total += tl.sum(tail, 1)
    mean = total / channels
    value = tl.where(mask, value - mean[:, None], 0.0)
    squares = tl.sum(value * value, 1)
    if TAIL:
        tail = tl.where(mask_tail, tail - mean[:, None], 0.0)
        squares += tl.sum(tail * tail, 1)
    factor = 1.0 / tl.sqrt(squares / channels + eps)
    target = y + row[:, None] * channels
    tl.store(target + column[None, :], (value * factor[:, None]).to(y.dtype.element_ty), mask=mask)
    if TAIL:
        tl.store(target + column_tail[None, :], (tail * factor[:, None]).to(y.dtype.element_ty), mask=mask_tail)


def layer_norm(x: Tensor, before: Tensor, eps: float, *, block: int = 1024, warps: int = 2) -> Tensor:
    """Return LayerNorm of the rows of `x + before`, (M, C) and (C,), neither scaled nor shifted: see `fold_norm`.

    The rows of `x` may stand apart, those of the result do not. A program has about `block` values.
    """
    y = torch.empty(x.shape, device=x.device, dtype=x.dtype)
    count, channels = x.shape
    cols, tail = split_width(channels)
    rows = max(1, block // cols)
    _layer_norm[(triton.cdiv(count, rows),)](
        x, before, y, count, channels, x.stride(0), eps, ROWS=rows, COLS=cols, TAIL=tail, num_warps=warps
    )
    return y
