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
    """A transformer's residual stream: rows `x` (M, C), whose stride may be larger than C.

    `sums` are what a backend keeps for the next LayerNorm: by its own rules, of `x` plus the `before` of the
    `NormedLinear` that `project` was told. They hold for that one alone.
    """

    x: Tensor
    sums: Tensor | None = None


class Ops(Protocol):
    """Computes the parts of the fast forward. Rows are (N*H*W, C); what is overwritten is named in a docstring."""

    def field(self, x: Tensor) -> Field:
        """Return `x` (N, H, W, C) with what is to be known for its GroupNorm."""
        ...

    def group_norm(self, fields: Sequence[Field], norm: GroupNorm, frames: int, *, silu: bool) -> Tensor:
        """Return GroupNorm over the channels of all fields side by side, and SiLU of that with `silu`: (N, H, W, C).

        Statistics are over `frames` pictures. Only a field on its own may have a bias pending.
        """
        ...

    def conv(self, x: Tensor, conv: Conv, bias: Tensor | None = None, residual: Tensor | None = None) -> Field:
        """Convolve `x` (N, H, W, C) by 3x3 taps with padding 1.

        A `bias` (Nb, Co) takes the place of the convolution's own and stays pending; else its own is added, and so is a
        `residual` (N, H, W, Co) where given.
        """
        ...

    def norm_conv(
        self,
        fields: Sequence[Field],
        norm: GroupNorm,
        conv: Conv,
        bias: Tensor | None = None,
        residual: Tensor | None = None,
    ) -> Field:
        """Compute `conv`, with its `bias` and `residual`, of GroupNorm over each picture and SiLU: of `group_norm`."""
        ...

    def upsample_conv(self, x: Tensor, conv: Conv) -> Field:
        """Upsample `x` (N, H, W, C) by two, nearest, and convolve that by 3x3 taps, with bias: (N, 2 H, 2 W, Co)."""
        ...

    def temporal_conv(self, field: Field, conv: TemporalConv, frames: int, residual: Tensor | None = None) -> Field:
        """Convolve GroupNorm over `frames` pictures and SiLU of `field` over three frames.

        Without a `residual` (N, H, W, Co) the bias stays pending; with one both are added, and it may be overwritten.
        """
        ...

    def accumulate(self, rows: Tensor, a: Tensor, weight: Tensor) -> Tensor:
        """Add `a @ weight.T` to `rows` in place, and return them: `a` (M, K), `weight` (N, K), `rows` (M, N)."""
        ...

    def project(self, a: Tensor, weight: Tensor, rows: Tensor, reader: NormedLinear, *, add: bool) -> Stream:
        """Write `a @ weight.T` over `rows` (M, N), or with `add` add it to them; return the stream of these rows.

        `reader` is the only `NormedLinear` by which the stream may be read before it changes again.
        """
        ...

    def normed_linear(self, stream: Stream, layer: NormedLinear) -> Tensor:
        """Return what `layer` makes of LayerNorm of the stream: (M, N) for its weight (N, C)."""
        ...

    def attention(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        """Return attention of `query` (N, heads, S, D) to `key` and `value` (N, heads, L, D), as (N, S, heads * D)."""
        ...

    def temporal_attention(self, stream: Stream, attention: SelfAttention, frames: int, pixels: int) -> Tensor:
        """Return LayerNorm and each pixel's self-attention over its frames, without the last projection: (M, C).

        The stream's rows are (B, frames, pixels) in that order.
        """
        ...

    def geglu(self, stream: Stream, gate: NormedLinear, out: Tensor | None = None) -> Tensor:
        """Return `value * gelu(gate)` of what `gate` makes of the stream (see `Transformer.gate`): (M, I) for (2 I, C).

        It is written into `out` where given, whose rows may stand apart.
        """
        ...


class TorchOps:
    """Runs on any device, in any type of number, and keeps no sums."""

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
    """Return `x` (N, ..., C) plus `bias` (Nb, C), each row of which holds for N / Nb pictures."""
    if bias is None:
        return x
    return (x.view(bias.shape[0], -1, x.shape[-1]) + bias[:, None]).view(x.shape)


def convolve(x: Tensor, weight: Tensor, stride: int = 1) -> Tensor:
    """Convolve `x` (N, H, W, C) by `weight` (Co, C, k, k) with padding 1, to contiguous (N, H', W', Co)."""
    return F.conv2d(x.permute(0, 3, 1, 2), weight, None, stride, 1).permute(0, 2, 3, 1).contiguous()


def join_phases(y: Tensor) -> Tensor:
    """Put the phases `y` (N, H+1, W+1, 4 C), as `upsample_phases` describes them, together: (N, 2 H, 2 W, C)."""
    n, height, width, channels = y.shape[0], y.shape[1] - 1, y.shape[2] - 1, y.shape[3] // 4
    phases = y.view(*y.shape[:3], 2, 2, channels)
    out = y.new_empty(n, height, 2, width, 2, channels)
    for a in (0, 1):
        for b in (0, 1):
            out[:, :, a, :, b] = phases[:, a : a + height, b : b + width, a, b]
    return out.view(n, 2 * height, 2 * width, channels)


def unfold_frames(y: Tensor, frames: int) -> Tensor:
    """Return rows (N*H*W, 3 C) of `y` (N, H, W, C): the frame before, this one, the one after.

    Beyond a clip's ends there are zeros.
    """
    n, height, width, channels = y.shape
    padded = F.pad(y.view(n // frames, frames, -1, channels), (0, 0, 0, 0, 1, 1))
    around = [padded[:, shift : shift + frames] for shift in range(3)]
    return torch.cat(around, -1).view(n * height * width, 3 * channels)
