"""What each Triton kernel computes, in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from unstill_engine.renderers.i2vgen_xl.ops import add_bias, join_phases, unfold_frames


def channel_sums(x: Tensor, bias: Tensor | None = None, residual: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The value that is written, and its sums with one part a picture."""
    value = add_bias(x, bias)
    value = value if residual is None else value + residual
    flat = value.float().flatten(1, 2)
    return value, torch.stack([flat.sum(1), flat.square().sum(1)], 1)[:, None]


def join_phases_sums(y: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    return channel_sums(join_phases(y), bias)


def moments(
    sums: Tensor,
    weight: Tensor,
    norm_bias: Tensor,
    bias: Tensor | None,
    groups: int,
    eps: float,
    frames: int,
    pixels: int,
) -> Tensor:
    n, _, _, channels = sums.shape
    count = float(frames * pixels)
    first, second = sums.sum(1).unflatten(0, (n // frames, frames)).sum(1).unbind(1)
    pending = torch.zeros_like(first) if bias is None else bias.float().repeat_interleave(n // frames // len(bias), 0)
    second = second + pending * (2 * first + count * pending)
    first = first + count * pending
    grouped = torch.stack([first, second]).unflatten(-1, (groups, -1)).mean(-1, keepdim=True) / count
    mean, square = grouped.expand(-1, -1, -1, channels // groups).flatten(2)
    scale = weight.float() * (square - mean.square()).clamp(min=0).add(eps).rsqrt()
    return torch.stack([scale, norm_bias.float() + (pending - mean) * scale])


def normalise(x: Tensor, scale_shift: Tensor, offset: int, frames: int, *, silu: bool, unfold: bool) -> Tensor:
    """What is written: (N, H, W, C), or rows of 3 C."""
    channels = x.shape[-1]
    scale, shift = scale_shift[:, :, None, None, offset : offset + channels].repeat_interleave(frames, 1)
    y = x.float() * scale + shift
    y = (F.silu(y) if silu else y).to(x.dtype)
    return unfold_frames(y, frames) if unfold else y


def layer_norm(x: Tensor, before: Tensor, eps: float) -> Tensor:
    return F.layer_norm(x + before, x.shape[-1:], eps=eps)


def temporal_attention(qkv: Tensor, frames: int, pixels: int, heads: int) -> Tensor:
    split = qkv.view(-1, frames, pixels, 3, heads, qkv.shape[1] // 3 // heads).permute(3, 0, 2, 4, 1, 5).float()
    score = split[0] @ split[1].transpose(-1, -2) * split.shape[-1] ** -0.5
    out: Tensor = (score.softmax(-1) @ split[2]).permute(0, 3, 1, 2, 4).reshape(len(qkv), -1)
    return out.to(qkv.dtype)


def geglu(x: Tensor) -> Tensor:
    value, gate = x.float().view(len(x), -1, 2).unbind(-1)
    out: Tensor = value * F.gelu(gate)
    return out.to(x.dtype)


def geglu_product(a: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return geglu(F.linear(a.float(), weight.float(), bias.float())).to(a.dtype)


def temporal_product(
    y: Tensor, weight: Tensor, frames: int, bias: Tensor | None = None, residual: Tensor | None = None
) -> Tensor:
    out = F.linear(unfold_frames(y, frames), weight).view(*y.shape[:3], -1)
    return out if bias is None or residual is None else out + bias + residual
