"""Attention of each pixel over its frames."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

LOG2_E = 1.4426950408889634


@triton.jit(do_not_specialize=["pixels", "frames"])
def _temporal_attention(
    qkv, out, pixels, channels, frames, scale, FRAMES: tl.constexpr, PIXELS: tl.constexpr, DIM: tl.constexpr,
):  # fmt: skip
    program, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    blocks = tl.cdiv(pixels, PIXELS)
    clip, block = program // blocks, program % blocks
    entry = tl.arange(0, FRAMES * PIXELS)
    frame, pixel = entry // PIXELS, entry % PIXELS
    mask = ((frame < frames) & (block * PIXELS + pixel < pixels))[:, None]
    row = (clip * frames + frame) * pixels + block * PIXELS + pixel
    column = head * DIM + tl.arange(0, DIM)
    source = qkv + row[:, None] * (3 * channels) + column[None, :]
    query = tl.load(source, mask=mask, other=0.0)
    key = tl.load(source + channels, mask=mask, other=0.0)
    value = tl.load(source + 2 * channels, mask=mask, other=0.0)
    score = tl.dot(query, tl.trans(key)) * scale
    allowed = (pixel[:, None] == pixel[None, :]) & (frame < frames)[None, :]
    score = tl.where(allowed, score, float("-inf"))
    score = tl.exp2(score - tl.max(score, 1)[:, None])
    result = tl.dot(score.to(value.dtype), value) / tl.sum(score, 1)[:, None]
    tl.store(out + row[:, None] * channels + column[None, :], result.to(out.dtype.element_ty), mask=mask)


def temporal_attention(
    qkv: Tensor, frames: int, pixels: int, heads: int, *, entries: int = 64, warps: int = 4
) -> Tensor:
    """`qkv` rows of 3 C in the order (clip, frame, pixel), to rows of C.

    One product serves several pixels at once, and what belongs to other pixels is masked: 16 frames alone would
    leave most of a matrix unit idle.
    """
    count, channels = qkv.shape[0], qkv.shape[1] // 3
    out = torch.empty(count, channels, device=qkv.device, dtype=qkv.dtype)
    padded = max(2, triton.next_power_of_2(frames))
    side = max(entries // padded, 16 // padded, 1)
    grid = (count // (frames * pixels) * triton.cdiv(pixels, side), heads)
    _temporal_attention[grid](
        qkv, out, pixels, channels, frames, (channels // heads) ** -0.5 * LOG2_E,
        FRAMES=padded, PIXELS=side, DIM=channels // heads, num_warps=warps,
    )  # fmt: skip
    return out
