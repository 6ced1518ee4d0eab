"""What the fast forward asks of a backend, and the backend of plain torch operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from unstill_engine.renderers.i2vgen_xl.weights import (
    Conv,
    GroupNorm,
    NormedLinear,
    SelfAttention,
    TemporalConv,
)


@dataclass(frozen=True)
class Field:
    """Pictures `x` (N, H, W, C), contiguous. A pending `bias` (Nb, C) is still to be added to them, Nb dividing N.

    `sums` are what a backend keeps for the next GroupNorm: by its own rules, of `x` without `bias`.
    """

    x: Tensor
    bias: Tensor | None = None
    sums: Tensor | None = None

    @property
    def rows(self) -> Tensor:
        return self.x.view(-1, self.x.shape[-1])


@dataclass(frozen=True)
class Stream:
    """A transformer's residual stream: rows `x` (M, C), which may stand apart.

    `sums` are what a backend keeps for the next LayerNorm: by its own rules, of `x` plus that norm's `before`.
    """

    x: Tensor
    sums: Tensor | None = None


class Ops(Protocol):
    """Rows are (N*H*W, C). Whatever is handed over may be overwritten where a docstring says so."""

    def field(self, x: Tensor) -> Field:
        """`x` with what is to be known for its GroupNorm."""
        ...

    def group_norm(self, fields: Sequence[Field], norm: GroupNorm, frames: int, *, silu: bool) -> Tensor:
        """GroupNorm over the channels of all fields side by side, statistics over `frames` pictures: (N, H, W, C)."""
        ...

    def conv(self, x: Tensor, conv: Conv, bias: Tensor | None = None, residual: Tensor | None = None) -> Field:
        """3x3 with padding 1. A `bias` (Nb, Co) takes the place of the convolution's own and stays pending."""
        ...

    def norm_conv(
        self,
        fields: Sequence[Field],
        norm: GroupNorm,
        conv: Conv,
        bias: Tensor | None = None,
        residual: Tensor | None = None,
    ) -> Field:
        """GroupNorm of each picture, SiLU, and `conv` of that."""
        ...

    def upsample_conv(self, x: Tensor, conv: Conv) -> Field:
        """Nearest upsampling by two, then 3x3."""
        ...

    def temporal_conv(self, field: Field, conv: TemporalConv, frames: int, residual: Tensor | None = None) -> Field:
        """GroupNorm over `frames`, SiLU, convolution over three frames.

        Without a residual the bias stays pending. A residual may be overwritten.
        """
        ...

    def accumulate(self, rows: Tensor, a: Tensor, weight: Tensor) -> Tensor:
        """`rows + a @ weight.T`, over `rows`."""
        ...

    def project(self, a: Tensor, weight: Tensor, rows: Tensor, reader: NormedLinear, *, add: bool) -> Stream:
        """`a @ weight.T` into `rows`, or added there: the stream that is read by `reader` next."""
        ...

    def normed_linear(self, stream: Stream, layer: NormedLinear) -> Tensor: ...

    def attention(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """(N, heads, S, D) each, to (N, S, heads * D)."""
        ...

    def temporal_attention(self, stream: Stream, attention: SelfAttention, frames: int, pixels: int) -> Tensor:
        """Each pixel attends over its frames; the rows are (B, frames, pixels) in that order."""
        ...

    def geglu(self, stream: Stream, gate: NormedLinear, out: Tensor | None = None) -> Tensor:
        """`value * gelu(gate)` of what `gate` makes of the rows (see `Transformer.gate`), into `out` where given."""
        ...


class TorchOps:
    """Runs on any device and keeps no sums."""

    def field(self, x: Tensor) -> Field:
        return Field(x)

    def group_norm(self, fields: Sequence[Field], norm: GroupNorm, frames: int, *, silu: bool) -> Tensor:
        x = torch.cat([add_bias(field.x, field.bias) for field in fields], -1)
        n, height, width, channels = x.shape
        pooled = x.view(n // frames, -1, channels).transpose(1, 2)
        y = F.group_norm(pooled, norm.groups, norm.weight, norm.bias, norm.eps)
        if silu:
            y = F.silu(y)
        return y.transpose(1, 2).contiguous().view(n, height, width, channels)

    def conv(self, x: Tensor, conv: Conv, bias: Tensor | None = None, residual: Tensor | None = None) -> Field:
        y = convolve(x, conv.weight, conv.stride)
        if bias is not None:
            return Field(y, bias)
        y = y + conv.bias
        return Field(y if residual is None else y + residual)

    def norm_conv(
        self,
        fields: Sequence[Field],
        norm: GroupNorm,
        conv: Conv,
        bias: Tensor | None = None,
        residual: Tensor | None = None,
    ) -> Field:
        return self.conv(self.group_norm(fields, norm, 1, silu=True), conv, bias, residual)

    def upsample_conv(self, x: Tensor, conv: Conv) -> Field:
        return Field(add_bias(self._upsample_conv(x, conv), conv.bias))

    def _upsample_conv(self, x: Tensor, conv: Conv) -> Tensor:
        if not conv.phases:
            return convolve(x.repeat_interleave(2, 1).repeat_interleave(2, 2), conv.weight)
        return join_phases(convolve(x, conv.weight))

    def temporal_conv(self, field: Field, conv: TemporalConv, frames: int, residual: Tensor | None = None) -> Field:
        y = self.group_norm([field], conv.norm, frames, silu=True)
        z = F.linear(unfold_frames(y, frames), conv.weight).view(*y.shape[:3], -1)
        return Field(z, conv.bias) if residual is None else Field(z + conv.bias + residual)

    def accumulate(self, rows: Tensor, a: Tensor, weight: Tensor) -> Tensor:
        return rows.addmm_(a, weight.t())

    def project(self, a: Tensor, weight: Tensor, rows: Tensor, reader: NormedLinear, *, add: bool) -> Stream:
        return Stream(self.accumulate(rows, a, weight) if add else torch.mm(a, weight.t(), out=rows))

    def normed_linear(self, stream: Stream, layer: NormedLinear) -> Tensor:
        return F.linear(self._normed(stream, layer), layer.weight, layer.bias)

    def _normed(self, stream: Stream, layer: NormedLinear) -> Tensor:
        return F.layer_norm(stream.x + layer.before, stream.x.shape[-1:], eps=layer.eps)

    def attention(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        return F.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)

    def temporal_attention(self, stream: Stream, attention: SelfAttention, frames: int, pixels: int) -> Tensor:
        (count, channels), heads = stream.x.shape, attention.heads
        qkv = self.normed_linear(stream, attention.qkv).view(-1, frames, pixels, 3, heads, channels // heads)
        query, key, value = qkv.permute(3, 0, 2, 4, 1, 5).flatten(1, 2)
        out = F.scaled_dot_product_attention(query, key, value)
        return out.view(-1, pixels, *out.shape[1:]).permute(0, 3, 1, 2, 4).reshape(count, channels)

    def geglu(self, stream: Stream, gate: NormedLinear, out: Tensor | None = None) -> Tensor:
        value, gates = self.normed_linear(stream, gate).view(len(stream.x), -1, 2).unbind(-1)
        y = value * F.gelu(gates)
        return y if out is None else out.copy_(y)


def add_bias(x: Tensor, bias: Tensor | None) -> Tensor:
    """`x` (N, ...) plus `bias` (Nb, C), each row of which holds for N / Nb pictures."""
    if bias is None:
        return x
    return (x.view(bias.shape[0], -1, x.shape[-1]) + bias[:, None]).view(x.shape)


def convolve(x: Tensor, weight: Tensor, stride: int = 1) -> Tensor:
    """Padding 1, (N, H, W, C) in and out."""
    return F.conv2d(x.permute(0, 3, 1, 2), weight, None, stride, 1).permute(0, 2, 3, 1).contiguous()


def join_phases(y: Tensor) -> Tensor:
    """(N, H+1, W+1, 4 C), as `upsample_phases` describes, to (N, 2 H, 2 W, C)."""
    n, height, width, channels = y.shape[0], y.shape[1] - 1, y.shape[2] - 1, y.shape[3] // 4
    phases = y.view(*y.shape[:3], 2, 2, channels)
    out = y.new_empty(n, height, 2, width, 2, channels)
    for a in (0, 1):
        for b in (0, 1):
            out[:, :, a, :, b] = phases[:, a : a + height, b : b + width, a, b]
    return out.view(n, 2 * height, 2 * width, channels)


def unfold_frames(y: Tensor, frames: int) -> Tensor:
    """(N, H, W, C) to rows of 3 C: the frame before, this one, the one after; zeros beyond the clip's ends."""
    n, height, width, channels = y.shape
    padded = F.pad(y.view(n // frames, frames, -1, channels), (0, 0, 0, 0, 1, 1))
    around = [padded[:, shift : shift + frames] for shift in range(3)]
    return torch.cat(around, -1).view(n * height * width, 3 * channels)
