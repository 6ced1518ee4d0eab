"""The operations that the fast forward and decoder ask of a backend, and the backend of plain torch."""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

import torch
from diffusers.models.attention_dispatch import dispatch_attention_fn
from torch import Tensor
from torch.nn import functional as F

CONTEXT = 2
"""Frames that a causal convolution looks back."""


class Rope(NamedTuple):
    """Cosines and sines (N, head_dim / 2) in fp32, of which a pair of neighbouring channels shares one."""

    cos: Tensor
    sin: Tensor


class Ops(Protocol):
    """The operations of a backend. All arithmetic is in fp32, and rounded once, when a result is stored."""

    def advance(
        self, x: Tensor, y: Tensor | None, gate: Tensor | None, factor: Tensor, plus: Tensor, group: int, eps: float
    ) -> Tensor:
        """Add `y`, times `gate` where there is one, to the rows `x` in place; return LayerNorm(x) * factor + plus.

        `gate`, `factor` and `plus` are fp32 (G, D), a row for each `group` rows of `x`, or (1, D) for all of them.
        """
        ...

    def rms_rope(self, x: Tensor, weight: Tensor, eps: float, rope: Rope | None) -> None:
        """Normalise rows in place by RMSNorm, then turn each pair of channels of each head by its token's angle."""
        ...

    def attention(self, query: Tensor, key: Tensor, value: Tensor, backend: Any) -> Tensor:
        """Return softmax(query key^T / sqrt(head_dim)) value, each (B, N, heads, head_dim), by diffusers' `backend`."""
        ...

    def linear_gelu(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        """Return a linear layer of `x`, then GELU of that by its tanh form."""
        ...

    def norm_silu(self, x: Tensor, gamma: Tensor, scale: float, before: Tensor | None) -> tuple[Tensor, Tensor]:
        """Return SiLU(x / |x| * scale * gamma), |x| over the channels, behind the CONTEXT frames `before`, else zeros.

        These are the CONTEXT + T frames, and the last CONTEXT of them in memory of their own.
        """
        ...

    def add_repeated(self, y: Tensor, x: Tensor, times: int, first: bool) -> Tensor:
        """Add to `y`, in place, diffusers' DupUp3D of `x`: upsampled by 2 in height and width, by `times` in time.

        `first`: all of the upsampled frames but the first `times` - 1 count.
        """
        ...


class TorchOps:
    """Computes on any device, no faster than diffusers' own; the reference of the kernels."""

    def advance(
        self, x: Tensor, y: Tensor | None, gate: Tensor | None, factor: Tensor, plus: Tensor, group: int, eps: float
    ) -> Tensor:
        if y is not None:
            moved = y.float() if gate is None else y.float() * _spread(gate, group)
            x.copy_(x.float() + moved)
        normed = F.layer_norm(x.float(), (x.shape[-1],), eps=eps)
        return (normed * _spread(factor, group) + _spread(plus, group)).type_as(x)

    def rms_rope(self, x: Tensor, weight: Tensor, eps: float, rope: Rope | None) -> None:
        value = F.rms_norm(x.float(), (x.shape[-1],), weight.float(), eps)
        if rope is not None:
            tokens, pairs = rope.cos.shape
            split = value.view(-1, tokens, x.shape[-1] // pairs // 2, pairs, 2)
            cos, sin = rope.cos[:, None], rope.sin[:, None]
            first, second = split.unbind(-1)
            value = torch.stack([first * cos - second * sin, first * sin + second * cos], -1).view(x.shape)
        x.copy_(value)

    def attention(self, query: Tensor, key: Tensor, value: Tensor, backend: Any) -> Tensor:
        seen: Tensor = dispatch_attention_fn(query, key, value, backend=backend)
        return seen

    def linear_gelu(self, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return F.gelu(F.linear(x, weight, bias), approximate="tanh")

    def norm_silu(self, x: Tensor, gamma: Tensor, scale: float, before: Tensor | None) -> tuple[Tensor, Tensor]:
        value = F.silu(F.normalize(x.float(), dim=1) * scale * gamma.float().view(-1, 1, 1, 1)).to(x.dtype)
        if before is None:
            before = torch.zeros_like(value[:, :, :1]).expand(-1, -1, CONTEXT, -1, -1)
        whole = torch.cat([before, value], 2).contiguous(memory_format=torch.channels_last_3d)
        return whole, whole[:, :, -CONTEXT:].clone(memory_format=torch.channels_last_3d)

    def add_repeated(self, y: Tensor, x: Tensor, times: int, first: bool) -> Tensor:
        b, c, t, h, w = x.shape
        out = y.shape[1]
        repeated = x.repeat_interleave(out * times * 4 // c, 1).view(b, out, times, 2, 2, t, h, w)
        grown = repeated.permute(0, 1, 5, 2, 6, 3, 7, 4).reshape(b, out, t * times, h * 2, w * 2)
        return y.add_(grown[:, :, times - 1 :] if first else grown)


def _spread(values: Tensor, group: int) -> Tensor:
    return values.repeat_interleave(group, 0) if len(values) > 1 else values
