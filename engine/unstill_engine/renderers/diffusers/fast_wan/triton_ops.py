"""The backend for a card: Triton's kernels, FlashAttention 3 where it is installed, GELU in cuBLAS' own epilogue."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from unstill_engine.renderers.diffusers.fast_wan.kernels.add_repeated import add_repeated
from unstill_engine.renderers.diffusers.fast_wan.kernels.advance import advance
from unstill_engine.renderers.diffusers.fast_wan.kernels.norm_silu import norm_silu
from unstill_engine.renderers.diffusers.fast_wan.kernels.rms_rope import rms_rope
from unstill_engine.renderers.diffusers.fast_wan.ops import Rope, TorchOps

Attention = Callable[[Tensor, Tensor, Tensor], Tensor]
FLASH_3_HEAD = 128
"""The channels of a head for which fa3-fwd is taken: those of Wan."""


class TritonOps(TorchOps):
    """Needs compute capability 8.0. `attention` takes the place of PyTorch's own, for what it can compute."""

    def __init__(self, attention: Attention | None = None) -> None:
        self._flash_3 = attention

    def attention(self, query: Tensor, key: Tensor, value: Tensor, backend: Any) -> Tensor:
        # another backend that was named goes before; fa3-fwd has no kernels for fp16
        fits = query.dtype == torch.bfloat16 and query.shape[-1] == FLASH_3_HEAD
        if self._flash_3 is None or not fits or backend not in (None, "native"):
            return super().attention(query, key, value, backend)
        return self._flash_3(query, key, value)

    def advance(
        self, x: Tensor, y: Tensor | None, gate: Tensor | None, factor: Tensor, plus: Tensor, group: int, eps: float
    ) -> Tensor:
        return advance(x, y, gate, factor, plus, group, eps)

    def rms_rope(self, x: Tensor, weight: Tensor, eps: float, rope: Rope | None) -> None:
        rms_rope(x, weight, eps, rope)

    def linear_gelu(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        if not x.is_cuda:  # there its GELU is the one by erf
            return super().linear_gelu(x, weight, bias)
        # on a card it is the tanh form, and costs no pass of its own
        product: Tensor = torch._addmm_activation(bias, x, weight.t(), use_gelu=True)
        return product

    def norm_silu(self, x: Tensor, gamma: Tensor, scale: float, before: Tensor | None) -> tuple[Tensor, Tensor]:
        return norm_silu(x, gamma, scale, before)

    def add_repeated(self, y: Tensor, x: Tensor, times: int, first: bool) -> Tensor:
        return add_repeated(y, x, times, first)


def flash_3() -> Attention | None:
    """Return fa3-fwd's attention; None: no card of 9.x, not installed, or built for another CUDA or torch than this."""
    if not torch.cuda.is_available() or torch.cuda.get_device_capability()[0] != 9:
        return None
    try:
        found = importlib.import_module("fa3_fwd_interface").flash_attn_func
    except (ImportError, OSError, AttributeError):
        return None

    def attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        seen = found(query, key, value)
        out: Tensor = seen[0] if isinstance(seen, tuple) else seen
        return out

    return attention if _agrees(attention) else None


def _agrees(attention: Attention) -> bool:
    """Whether it computes what PyTorch's own does: a library for another torch may load, and give anything."""
    generator = torch.Generator("cuda").manual_seed(0)
    query, key, value = (
        torch.randn((3, 1, 256, 2, FLASH_3_HEAD), generator=generator, device="cuda").bfloat16().unbind()
    )
    heads = (each.transpose(1, 2) for each in (query, key, value))
    expected = nn.functional.scaled_dot_product_attention(next(heads), next(heads), next(heads)).transpose(1, 2)
    try:
        return bool((attention(query, key, value) - expected).abs().max() < 0.05)
    except (RuntimeError, TypeError):
        return False
