"""Computes in plain torch what each kernel in Gluon does, under its launcher's name and for its arguments."""

from __future__ import annotations

import torch
from tests.engine import kernel_references
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl.ops import Stream, TorchOps
from unstill_engine.renderers.i2vgen_xl.weights import NormedLinear, SelfAttention


def temporal_pingpong(
    y: Tensor, weight: Tensor, frames: int, bias: Tensor, residual: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    return kernel_references.temporal_product(y, weight, frames, bias, residual), None


def temporal_normalised(x: Tensor, scale_shift: Tensor, weight: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    y = kernel_references.normalise(x, scale_shift, 0, frames, silu=True, unfold=False)
    out = kernel_references.temporal_product(y, weight, frames)
    _, sums = kernel_references.channel_sums(out.view(len(x) // frames, -1, *out.shape[2:]))
    return out, sums


def geglu_pingpong(a: Tensor, weight: Tensor, bias: Tensor, out: Tensor) -> None:
    out.copy_(kernel_references.geglu_product(a, weight, bias))


def summed_pingpong(a: Tensor, weight: Tensor, out: Tensor, before: Tensor, *, add: bool) -> Tensor:
    out.copy_(a @ weight.t() + (out if add else 0))
    value = (out + before).float()
    return torch.stack([value.sum(1), value.square().sum(1)])[None]


def normed_pingpong(rows: Tensor, sums: Tensor, layer: NormedLinear, out: Tensor, *, geglu: bool = False) -> None:
    mean, square = sums.sum(0) / rows.shape[1]
    product = rows.float() @ layer.weight.float().t() + layer.offset
    y = product / (square - mean.square() + layer.eps).sqrt()[:, None] + layer.bias
    out.copy_(kernel_references.geglu(y) if geglu else y)


def frame_attention(rows: Tensor, layer: NormedLinear, pixels: int) -> Tensor:
    return TorchOps().temporal_attention(Stream(rows), SelfAttention(layer, rows, rows.shape[1] // 64), 16, pixels)
