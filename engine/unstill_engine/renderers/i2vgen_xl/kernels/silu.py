"""SiLU, by the tanh that a card computes in one instruction."""

from __future__ import annotations

import triton
import triton.language as tl
from triton import knobs

INTERPRETED: bool = knobs.runtime.interpret
"""Whether kernels are run by Triton's interpreter, which knows no instruction of a card."""


@triton.jit
def silu(x, FAST: tl.constexpr):
    """Return x * sigmoid(x), which is x / 2 * (1 + tanh(x / 2)); FAST: with a tanh that is 2**-11 off at most."""
    if FAST:
        half = 0.5 * x
        tanh = tl.inline_asm_elementwise(
            "tanh.approx.f32 $0, $1;", "=f,f", [half], dtype=tl.float32, is_pure=True, pack=1
        )
        return half * tanh + half
    else:
        return x / (1.0 + tl.exp(-x))
