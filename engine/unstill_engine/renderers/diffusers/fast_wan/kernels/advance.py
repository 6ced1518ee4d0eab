"""Adds what a part of a block gives to the rows, and normalises them for the next. A Triton program has one row."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _advance(
    x, y, gate, factor, plus, out, width, group, gate_step, factor_step, plus_step, eps,
    ADDS: tl.constexpr, GATED: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    frame = row // group
    column = tl.arange(0, BLOCK)
    mask = column < width
    value = tl.load(x + row * width + column, mask=mask, other=0.0)
    if ADDS:
        moved = tl.load(y + row * width + column, mask=mask, other=0.0).to(tl.float32)
        if GATED:
            moved *= tl.load(gate + frame * gate_step + column, mask=mask, other=0.0)
        # what is kept is what is normalised: rounded first, as without the fusion
        value = (value.to(tl.float32) + moved).to(x.dtype.element_ty)
        tl.store(x + row * width + column, value, mask=mask)
    value = value.to(tl.float32)
    mean = tl.sum(value, 0) / width
    value = tl.where(mask, value - mean, 0.0)
    normed = value * tl.rsqrt(tl.sum(value * value, 0) / width + eps)
    by = tl.load(factor + frame * factor_step + column, mask=mask, other=0.0)
    and_ = tl.load(plus + frame * plus_step + column, mask=mask, other=0.0)
    tl.store(out + row * width + column, (normed * by + and_).to(out.dtype.element_ty), mask=mask)


def advance(
    x: Tensor, y: Tensor | None, gate: Tensor | None, factor: Tensor, plus: Tensor, group: int, eps: float
) -> Tensor:
    """Do as `Ops.advance`. The rows of `x` and `y` follow each other; those of the others may stand apart."""
    rows, width = x.shape
    out = torch.empty_like(x)
    _advance[(rows,)](
        x, x if y is None else y, factor if gate is None else gate, factor, plus, out, width, group,
        0 if gate is None else _step(gate), _step(factor), _step(plus), eps,
        ADDS=y is not None, GATED=gate is not None, BLOCK=triton.next_power_of_2(width), num_warps=8,
    )  # fmt: skip
    return out


def _step(values: Tensor) -> int:
    """Return how far the rows of `values` stand apart; 0 where one row is for all."""
    return values.stride(0) if len(values) > 1 else 0
