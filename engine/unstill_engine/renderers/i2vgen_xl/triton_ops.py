"""The backend for CUDA: Triton kernels where they are faster, cuDNN and cuBLAS for other convolutions and products."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.kernels.channel_sums import channel_sums, join_phases_sums
from unstill_engine.renderers.i2vgen_xl.kernels.geglu import geglu, geglu_product
from unstill_engine.renderers.i2vgen_xl.kernels.group_norm import moments, normalise
from unstill_engine.renderers.i2vgen_xl.kernels.layer_norm import layer_norm
from unstill_engine.renderers.i2vgen_xl.kernels.temporal_attention import temporal_attention
from unstill_engine.renderers.i2vgen_xl.kernels.temporal_conv import temporal_product
from unstill_engine.renderers.i2vgen_xl.kernels.tiles import Pass, Tile
from unstill_engine.renderers.i2vgen_xl.kernels.winograd import (
    POSITIONS,
    filter_transform,
    input_transform,
    output_transform,
    tiles_of,
)
from unstill_engine.renderers.i2vgen_xl.ops import Field, Stream, TorchOps, convolve
from unstill_engine.renderers.i2vgen_xl.weights import (
    Conv,
    GroupNorm,
    NormedLinear,
    SelfAttention,
    TemporalConv,
)

_ATTENTION = [
    SDPBackend.CUDNN_ATTENTION,
    SDPBackend.FLASH_ATTENTION,
    SDPBackend.EFFICIENT_ATTENTION,
    SDPBackend.MATH,
]

WINOGRAD_PIXELS = 4096
"""From so many pixels on, of all pictures together, a convolution gains more by its products than the transform of its
weights costs."""


def takes_winograd(x: Tensor, choices: Choices) -> bool:
    """Return whether a 3x3 convolution of pictures (N, H, W, C) is Winograd's.

    That is as exact as a direct one in bfloat16, and less than one in another type.
    """
    return choices.winograd and x.dtype == torch.bfloat16 and x[..., 0].numel() >= WINOGRAD_PIXELS


@dataclass(frozen=True)
class Tiles:
    """The tiles of the products that Triton computes. `geglu_short` is for few inputs, up to 512."""

    geglu: Tile = field(default_factory=lambda: Tile(128, 128, 0, 64, 4, 3))
    geglu_short: Tile = field(default_factory=lambda: Tile(128, 128, 0, 64, 4, 2))
    temporal: Tile = field(default_factory=lambda: Tile(128, 128, 32, 64, 4, 3))


class TritonOps(TorchOps):
    """Needs compute capability 8.0; the fused products need 9.0, and give way to cuBLAS below that."""

    def __init__(
        self, choices: Choices | None = None, tiles: Tiles | None = None, *, fused: bool | None = None
    ) -> None:
        self.choices = choices or Choices()
        self.tiles = tiles or Tiles()
        self.passes = Pass(self.choices.sums_part, self.choices.sums_rows, self.choices.sums_warps)
        if fused is None:
            fused = torch.cuda.get_device_capability() >= (9, 0)
        if not fused:
            self.choices = replace(self.choices, temporal_conv="unfold", geglu_width=0)

    def field(self, x: Tensor) -> Field:
        return Field(x, None, self._sums(x))

    def group_norm(self, fields: Sequence[Field], norm: GroupNorm, frames: int, *, silu: bool) -> Tensor:
        x = fields[0].x
        out = x.new_empty(*x.shape[:3], norm.weight.shape[0])
        scale_shift = self._moments(fields, norm, frames)
        offset = 0
        for part in fields:
            normalise(part.x, scale_shift, out, offset, frames, silu=silu)
            offset += part.x.shape[-1]
        return out

    def _moments(self, fields: Sequence[Field], norm: GroupNorm, frames: int) -> Tensor:
        sums = [self._sums_of(part, frames if len(fields) == 1 else 1) for part in fields]
        if len({part.shape[1] for part in sums}) > 1:
            sums = [part.sum(1, keepdim=True) for part in sums]
        joined = sums[0] if len(sums) == 1 else torch.cat(sums, -1)
        # only a field on its own has a bias pending
        bias = fields[0].bias
        n, height, width, _ = fields[0].x.shape
        together = n // joined.shape[0]
        pixels = together * height * width
        return moments(joined, norm.weight, norm.bias, bias, norm.groups, norm.eps, frames // together, pixels)

    def _sums_of(self, part: Field, frames: int) -> Tensor:
        """Return a field's sums: those of its pictures, or, where it keeps these, of clips of `frames` pictures."""
        n = part.x.shape[0]
        if part.sums is None or part.sums.shape[0] not in (n, n // frames):
            return self._sums(part.x)
        return part.sums

    def conv(self, x: Tensor, conv: Conv, bias: Tensor | None = None, residual: Tensor | None = None) -> Field:
        y = convolve(x, conv.weight, conv.stride)
        if bias is not None:
            return Field(y, bias, self._sums(y))
        return Field(y, None, self._sums(y, conv.bias, residual, write=True))

    def norm_conv(
        self,
        fields: Sequence[Field],
        norm: GroupNorm,
        conv: Conv,
        bias: Tensor | None = None,
        residual: Tensor | None = None,
    ) -> Field:
        x = fields[0].x
        n, height, width, _ = x.shape
        if not takes_winograd(x, self.choices):
            return super().norm_conv(fields, norm, conv, bias, residual)
        scale_shift = self._moments(fields, norm, 1)
        tiles = n * tiles_of(height, width)
        transformed = x.new_empty(POSITIONS, tiles, norm.weight.shape[0], dtype=torch.float16)
        offset = 0
        for part in fields:
            input_transform(part.x, scale_shift, transformed, offset)
            offset += part.x.shape[-1]
        products = torch.bmm(transformed, filter_transform(conv.weight).transpose(1, 2))
        own = conv.bias if bias is None else None
        y, sums = output_transform(products, (n, height, width), x.dtype, own, residual)
        return Field(y, bias, sums)

    def upsample_conv(self, x: Tensor, conv: Conv) -> Field:
        if conv.phases:
            y = self._phases(x, conv.weight)
            joined, sums = join_phases_sums(y, conv.bias, passes=self.passes)
            return Field(joined, None, sums)
        y = self._upsample_conv(x, conv)
        return Field(y, None, self._sums(y, conv.bias, write=True))

    def _phases(self, x: Tensor, weight: Tensor) -> Tensor:
        """The 2x2 convolution, as a matrix product where there are so many channels that cuDNN is slow at it."""
        if x.shape[-1] < self.choices.product_width:
            return convolve(x, weight)
        n, height, width, channels = x.shape
        padded = F.pad(x, (0, 0, 1, 1, 1, 1))
        around = torch.cat([padded[:, a : a + height + 1, b : b + width + 1] for a in (0, 1) for b in (0, 1)], -1)
        matrix = weight.permute(0, 2, 3, 1).reshape(-1, 4 * channels)
        return F.linear(around.view(-1, 4 * channels), matrix).view(n, height + 1, width + 1, -1)

    def temporal_conv(self, field: Field, conv: TemporalConv, frames: int, residual: Tensor | None = None) -> Field:
        x = field.x
        n, height, width, channels = x.shape
        scale_shift = self._moments([field], conv.norm, frames)
        tile = self.tiles.temporal
        whole = conv.weight.shape[0] % tile.width == 0 and channels % tile.depth == 0
        if whole and self.choices.temporal_conv == "direct":
            y = torch.empty_like(x)
            normalise(x, scale_shift, y, 0, frames, silu=True)
            out, sums = self._temporal_product(y, conv, frames, residual)
            return Field(out, conv.bias if residual is None else None, self._sums(out) if sums is None else sums)
        unfolded = x.new_empty(n * height * width, 3 * channels)
        normalise(x, scale_shift, unfolded, 0, frames, silu=True, unfold=True)
        if residual is None:
            out = F.linear(unfolded, conv.weight).view(n, height, width, -1)
            return Field(out, conv.bias, self._sums(out))
        rows = residual.view(n * height * width, -1).addmm_(unfolded, conv.weight.t())
        out = rows.view(n, height, width, -1)
        return Field(out, None, self._sums(out, conv.bias, write=True))

    def _temporal_product(
        self, y: Tensor, conv: TemporalConv, frames: int, residual: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        return temporal_product(y, conv.weight, frames, self.tiles.temporal, conv.bias, residual)

    def _normed(self, stream: Stream, layer: NormedLinear) -> Tensor:
        return layer_norm(stream.x, layer.before, layer.eps)

    def attention(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        with sdpa_kernel(_ATTENTION, set_priority=True):
            return super().attention(query, key, value)

    def temporal_attention(self, stream: Stream, attention: SelfAttention, frames: int, pixels: int) -> Tensor:
        return temporal_attention(self.normed_linear(stream, attention.qkv), frames, pixels, attention.heads)

    def geglu(self, stream: Stream, gate: NormedLinear, out: Tensor | None = None) -> Tensor:
        outputs, inputs = gate.weight.shape
        if out is None:
            out = stream.x.new_empty(len(stream.x), outputs // 2)
        if inputs <= self.choices.geglu_width:
            self._geglu_product(stream, gate, out)
        else:
            geglu(self.normed_linear(stream, gate), out, polynomial=self.choices.geglu_polynomial)
        return out

    def _geglu_product(self, stream: Stream, gate: NormedLinear, out: Tensor) -> None:
        tile = self.tiles.geglu_short if gate.weight.shape[1] <= 512 else self.tiles.geglu
        polynomial = self.choices.geglu_polynomial
        geglu_product(self._normed(stream, gate), gate.weight, gate.bias, out, polynomial=polynomial, tile=tile)

    def _sums(
        self, x: Tensor, bias: Tensor | None = None, residual: Tensor | None = None, *, write: bool = False
    ) -> Tensor:
        return channel_sums(x, bias, residual, write=write, passes=self.passes)
