"""Norm, SiLU and the frames before, as a causal convolution takes them. A Triton program has some pixels."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from unstill_engine.renderers.diffusers.fast_wan.ops import CONTEXT


@triton.jit
def _norm_silu(
    x, gamma, before, out, kept, pixels, frames, frame_pixels, channels, scale,
    CONTEXT: tl.constexpr, HAS: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    """`pixels` of CONTEXT + T frames; those of the first CONTEXT frames are copied."""
    pixel = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    inside = pixel < pixels
    frame = pixel // frame_pixels
    channel = tl.arange(0, BLOCK)
    within = channel < channels
    new = inside & (frame >= CONTEXT)
    mask = new[:, None] & within[None, :]
    at = (pixel - CONTEXT * frame_pixels)[:, None] * channels + channel[None, :]
    value = tl.load(x + at, mask=mask, other=0.0).to(tl.float32)
    length = tl.sqrt(tl.sum(value * value, 1))
    by = tl.load(gamma + channel, mask=within, other=0.0).to(tl.float32)
    value = value / tl.maximum(length, 1e-12)[:, None] * scale * by[None, :]
    value = value * tl.sigmoid(value)
    here = pixel[:, None] * channels + channel[None, :]
    if HAS:
        old = (inside & (frame < CONTEXT))[:, None] & within[None, :]
        value += tl.load(before + here, mask=old, other=0.0).to(tl.float32)
    result = value.to(out.dtype.element_ty)
    tl.store(out + here, result, mask=inside[:, None] & within[None, :])
    late = inside & (frame >= frames - CONTEXT)
    there = (pixel - (frames - CONTEXT) * frame_pixels)[:, None] * channels + channel[None, :]
    tl.store(kept + there, result, mask=late[:, None] & within[None, :])


def norm_silu(x: Tensor, gamma: Tensor, scale: float, before: Tensor | None) -> tuple[Tensor, Tensor]:
    """Do as `Ops.norm_silu`. A copy is made of an `x` that is not in torch.channels_last_3d."""
    x = x.contiguous(memory_format=torch.channels_last_3d)
    _, channels, new, height, width = x.shape
    frames = CONTEXT + new
    out, kept = (_video(x, channels, number, height, width) for number in (frames, CONTEXT))
    block = triton.next_power_of_2(channels)
    rows = max(1, 2048 // block)
    pixels = frames * height * width
    _norm_silu[(triton.cdiv(pixels, rows),)](
        x, gamma, x if before is None else before, out, kept, pixels, frames, height * width, channels, scale,
        CONTEXT=CONTEXT, HAS=before is not None, ROWS=rows, BLOCK=block, num_warps=4,
    )  # fmt: skip
    return out, kept


def _video(like: Tensor, channels: int, frames: int, height: int, width: int) -> Tensor:
    shape = (1, channels, frames, height, width)
    return torch.empty(shape, device=like.device, dtype=like.dtype, memory_format=torch.channels_last_3d)
