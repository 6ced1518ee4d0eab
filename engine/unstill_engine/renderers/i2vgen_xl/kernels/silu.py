"""SiLU, by the tanh that a card computes in one instruction.

The temporal convolution in Gluon (`hopper/temporal_norm.py`) has another, by an exponential and a reciprocal.
"""

from __future__ import annotations

import triton
import triton.language as tl
from triton import knobs

INTERPRETED: bool = knobs.runtime.interpret
"""Tells whether Triton's interpreter runs the kernels: it knows no instruction of a card."""


@triton.jit
def silu_of_twice(x, FAST: tl.constexpr):
    """Return SiLU of 2 x, which is x * (1 + tanh(x)); with FAST the tanh has an error of 2**-11 at most."""
    if FAST:
        tanh = tl.inline_asm_elementwise("tanh.approx.f32 $0, $1;", "=f,f", [x], dtype=tl.float32, is_pure=True, pack=1)
        return x * tanh + x
    else:
        return 2.0 * x / (1.0 + tl.exp(-2.0 * x))
