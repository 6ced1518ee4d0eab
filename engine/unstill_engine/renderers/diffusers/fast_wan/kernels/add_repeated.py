"""Wan 2.2's shortcut around an upsampling. A Triton program has some pixels and channels."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor


@triton.jit
def _add_repeated(
    y, x, pixels, channels, source_channels, height, width, skipped,
    TIMES: tl.constexpr, REPEATS: tl.constexpr, ROWS: tl.constexpr, BLOCK: tl.constexpr,
):  # fmt: skip
    pixel = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    channel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = (pixel < pixels)[:, None] & (channel < channels)[None, :]
    column, rest = pixel % (2 * width), pixel // (2 * width)
    line, frame = rest % (2 * height), rest // (2 * height) + skipped
    part = (frame % TIMES) * 4 + (line % 2) * 2 + column % 2
    source = ((frame // TIMES) * height + line // 2) * width + column // 2
    from_ = (channel[None, :] * (TIMES * 4) + part[:, None]) // REPEATS
    at = pixel[:, None] * channels + channel[None, :]
    value = tl.load(y + at, mask=mask, other=0.0).to(tl.float32)
    value += tl.load(x + source[:, None] * source_channels + from_, mask=mask, other=0.0).to(tl.float32)
    tl.store(y + at, value.to(y.dtype.element_ty), mask=mask)


def add_repeated(y: Tensor, x: Tensor, times: int, first: bool) -> Tensor:
    """Do as `Ops.add_repeated`. A copy is made of what is not in torch.channels_last_3d."""
    y, x = (video.contiguous(memory_format=torch.channels_last_3d) for video in (y, x))
    _, source_channels, _, height, width = x.shape
    _, channels, frames, tall, wide = y.shape
    pixels, block = frames * tall * wide, min(256, triton.next_power_of_2(channels))
    rows = max(1, 2048 // block)
    _add_repeated[(triton.cdiv(pixels, rows), triton.cdiv(channels, block))](
        y, x, pixels, channels, source_channels, height, width, times - 1 if first else 0,
        TIMES=times, REPEATS=channels * times * 4 // source_channels, ROWS=rows, BLOCK=block, num_warps=4,
    )  # fmt: skip
    return y
