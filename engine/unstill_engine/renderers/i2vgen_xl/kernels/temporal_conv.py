"""Temporal convolution: a product over three frames that are read in place."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor
from triton.tools.tensor_descriptor import TensorDescriptor

from unstill_engine.renderers.i2vgen_xl.kernels.tiles import Tile


@triton.jit(do_not_specialize=["clip_rows", "pixels"])
def _temporal_product(
    x, w, w_tail, residual, bias, out, sums, clip_rows, pixels, channels, outputs,
    ROWS: tl.constexpr, COLS: tl.constexpr, TAIL: tl.constexpr, DEPTH: tl.constexpr,
    SETTLE: tl.constexpr, SUMS: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0)
    across = outputs // (COLS + TAIL)
    down = tl.cdiv(clip_rows, ROWS)
    column = program % across * (COLS + TAIL)
    clip = program // across // down
    row = program // across % down * ROWS
    total = tl.zeros([ROWS, COLS], tl.float32)
    if TAIL:
        total_tail = tl.zeros([ROWS, TAIL], tl.float32)
    for depth in range(0, 3 * channels, DEPTH):
        tap = depth // channels
        # rows beyond the clip's ends read as zeros
        a = x.load([clip, row + (tap - 1) * pixels, depth - tap * channels]).reshape(ROWS, DEPTH)
        total = tl.dot(a, w.load([column, depth]).T, total)
        if TAIL:
            total_tail = tl.dot(a, w_tail.load([column + COLS, depth]).T, total_tail)
    here = clip.to(tl.int64) * clip_rows + row
    part = here // ROWS * 2 * outputs
    _finish(
        total, column + tl.arange(0, COLS), row, here, part, residual, bias, out, sums, clip_rows, outputs,
        ROWS, SETTLE, SUMS,
    )  # fmt: skip
    if TAIL:
        _finish(
            total_tail, column + COLS + tl.arange(0, TAIL), row, here, part, residual, bias, out, sums, clip_rows,
            outputs, ROWS, SETTLE, SUMS,
        )  # fmt: skip


@triton.jit
def _finish(
    total, column, row, here, part, residual, bias, out, sums, clip_rows, outputs,
    ROWS: tl.constexpr, SETTLE: tl.constexpr, SUMS: tl.constexpr,
):  # fmt: skip
    line = tl.arange(0, ROWS)
    mask = (row + line < clip_rows)[:, None]
    offset = (here + line)[:, None] * outputs + column[None, :]
    if SETTLE:
        total += tl.load(bias + column).to(tl.float32)[None, :]
        total += tl.load(residual + offset, mask=mask, other=0.0).to(tl.float32)
    rounded = total.to(out.dtype.element_ty)
    tl.store(out + offset, rounded, mask=mask)
    if SUMS:
        value = rounded.to(tl.float32)
        tl.store(sums + part + column, tl.sum(value, 0))
        tl.store(sums + part + outputs + column, tl.sum(value * value, 0))


def temporal_product(
    y: Tensor, weight: Tensor, frames: int, tile: Tile, bias: Tensor | None = None, residual: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """`y` (N, H, W, C) and `weight` (Co, 3 C), to (N, H, W, Co) and its sums.

    With a residual, `bias` (1, Co) and the residual are added. There are no sums where a picture is not made of whole
    tiles. Raises ValueError where Co is no multiple of the tile's width, or C none of its depth.
    """
    n, height, width, channels = y.shape
    outputs, pixels = weight.shape[0], height * width
    clip_rows = frames * pixels
    if outputs % tile.width or channels % tile.depth:
        raise ValueError(f"{channels} channels to {outputs} are not made of whole tiles: {tile}.")
    out = y.new_empty(n, height, width, outputs)
    whole = pixels % tile.rows == 0
    sums = torch.empty(n, max(1, pixels // tile.rows), 2, outputs, device=y.device, dtype=torch.float32)
    w = TensorDescriptor.from_tensor(weight, [tile.cols, tile.depth])
    _temporal_product[(n // frames * triton.cdiv(clip_rows, tile.rows) * (outputs // tile.width),)](
        TensorDescriptor.from_tensor(y.view(n // frames, clip_rows, channels), [1, tile.rows, tile.depth]),
        w, TensorDescriptor.from_tensor(weight, [tile.tail, tile.depth]) if tile.tail else w,
        out if residual is None else residual, out if bias is None else bias, out, sums,
        clip_rows, pixels, channels, outputs,
        ROWS=tile.rows, COLS=tile.cols, TAIL=tile.tail, DEPTH=tile.depth, SETTLE=residual is not None, SUMS=whole,
        num_warps=tile.warps, num_stages=tile.stages,
    )  # fmt: skip
    return out, sums if whole else None
