"""RMSNorm of queries and keys, and their rotation. A Triton program has one row."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from unstill_engine.renderers.diffusers.fast_wan.ops import Rope


@triton.jit
def _rms_rope(
    x, weight, cos, sin, width, tokens, eps,
    TURNS: tl.constexpr, PAIRS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64)
    column = tl.arange(0, BLOCK)
    mask = column < width
    value = tl.load(x + row * width + column, mask=mask, other=0.0).to(tl.float32)
    factor = tl.rsqrt(tl.sum(value * value, 0) / width + eps)
    value = value * factor * tl.load(weight + column, mask=mask, other=0.0).to(tl.float32)
    if TURNS:
        first, second = tl.split(tl.reshape(value, (BLOCK // 2, 2)))
        at = (row % tokens) * PAIRS + tl.arange(0, BLOCK // 2) % PAIRS
        c, s = tl.load(cos + at), tl.load(sin + at)
        value = tl.reshape(tl.join(first * c - second * s, first * s + second * c), (BLOCK,))
    tl.store(x + row * width + column, value.to(x.dtype.element_ty), mask=mask)


def rms_rope(x: Tensor, weight: Tensor, eps: float, rope: Rope | None) -> None:
    """Do as `Ops.rms_rope`, on rows that follow each other."""
    rows, width = x.shape
    tokens, pairs = (1, 1) if rope is None else rope.cos.shape
    cos, sin = (weight, weight) if rope is None else rope
    _rms_rope[(rows,)](
        x, weight, cos, sin, width, tokens, eps,
        TURNS=rope is not None, PAIRS=pairs, BLOCK=triton.next_power_of_2(width), num_warps=8,
    )  # fmt: skip
