"""GroupNorm from sums: a scale and a shift for each channel, then one pass over the activations."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl.kernels.tiles import columns

PARTS_AT_ONCE = (16, 64, 256)
"""Numbers of parts that are read at once: the least that holds all is taken, so three kernels do for any size."""


@triton.jit(do_not_specialize=["parts", "norms_per_bias"])
def _moments(
    sums, weight, norm_bias, bias, scale, shift, channels, parts, norms_per_bias, pixels, eps,
    PER_GROUP: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr, HAS_BIAS: tl.constexpr,
):  # fmt: skip
    norm, group = tl.program_id(0), tl.program_id(1)
    lane = tl.arange(0, COLS)
    inside = lane < PER_GROUP
    column = group * PER_GROUP + lane
    total = tl.zeros([ROWS, COLS], tl.float32)
    squares = tl.zeros([ROWS, COLS], tl.float32)
    for begin in range(0, parts, ROWS):
        part = begin + tl.arange(0, ROWS)
        mask = (part < parts)[:, None] & inside[None, :]
        offset = (norm * parts + part).to(tl.int64)[:, None] * 2 * channels + column[None, :]
        total += tl.load(sums + offset, mask=mask, other=0.0)
        squares += tl.load(sums + offset + channels, mask=mask, other=0.0)
    first = tl.sum(total, 0)
    second = tl.sum(squares, 0)
    if HAS_BIAS:
        pending = tl.load(bias + (norm // norms_per_bias) * channels + column, mask=inside, other=0.0).to(tl.float32)
        second += pending * (2.0 * first + pixels * pending)
        first += pixels * pending
    count = pixels * PER_GROUP
    mean = tl.sum(first, 0) / count
    variance = tl.maximum(tl.sum(second, 0) / count - mean * mean, 0.0)
    factor = tl.load(weight + column, mask=inside, other=0.0).to(tl.float32) / tl.sqrt(variance + eps)
    offset = tl.load(norm_bias + column, mask=inside, other=0.0).to(tl.float32) - mean * factor
    if HAS_BIAS:
        offset += pending * factor
    tl.store(scale + norm * channels + column, factor, mask=inside)
    tl.store(shift + norm * channels + column, offset, mask=inside)


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
    """Scale and shift (2, N / frames, C) fp32 that make GroupNorm of `x + bias` out of `x`.

    `sums` (N, S, 2, C) are those of `x`; `pixels` is a picture's number of pixels.
    """
    n, parts, _, channels = sums.shape
    norms, per_group = n // frames, channels // groups
    out = torch.empty(2, norms, channels, device=sums.device, dtype=torch.float32)
    _moments[(norms, groups)](
        sums, weight, norm_bias, weight if bias is None else bias, out[0], out[1], channels, frames * parts,
        1 if bias is None else norms // bias.shape[0], float(frames * pixels), eps,
        PER_GROUP=per_group, ROWS=next((most for most in PARTS_AT_ONCE if most >= frames * parts), PARTS_AT_ONCE[-1]),
        COLS=triton.next_power_of_2(per_group), HAS_BIAS=bias is not None, num_warps=4,
    )  # fmt: skip
    return out


@triton.jit(do_not_specialize=["pixels", "blocks", "frames"])
def _normalise(
    x, scale, shift, y, pixels, channels, total, offset, blocks, frames,
    ROWS: tl.constexpr, COLS: tl.constexpr, SILU: tl.constexpr, UNFOLD: tl.constexpr,
):  # fmt: skip
    across = tl.cdiv(channels, COLS)
    program = tl.program_id(0) // across
    picture, block = program // blocks, program % blocks
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    inside = column < channels
    pixel = block * ROWS + tl.arange(0, ROWS)
    mask = (pixel < pixels)[:, None] & inside[None, :]
    row = picture.to(tl.int64) * pixels + pixel
    norm = (picture // frames) * total + offset + column
    factor = tl.load(scale + norm, mask=inside, other=0.0)
    summand = tl.load(shift + norm, mask=inside, other=0.0)
    value = tl.load(x + row[:, None] * channels + column[None, :], mask=mask, other=0.0).to(tl.float32)
    value = value * factor[None, :] + summand[None, :]
    if SILU:
        value = value / (1.0 + tl.exp(-value))
    rounded = value.to(y.dtype.element_ty)
    if UNFOLD:
        frame = picture % frames
        here = y + row[:, None] * (3 * channels) + column[None, :]
        after = y + (row + pixels)[:, None] * (3 * channels) + column[None, :]
        before = y + (row - pixels)[:, None] * (3 * channels) + column[None, :]
        nothing = tl.zeros([ROWS, COLS], y.dtype.element_ty)
        tl.store(here + channels, rounded, mask=mask)
        if frame + 1 < frames:
            tl.store(after, rounded, mask=mask)
        else:
            tl.store(here + 2 * channels, nothing, mask=mask)
        if frame > 0:
            tl.store(before + 2 * channels, rounded, mask=mask)
        else:
            tl.store(here, nothing, mask=mask)
    else:
        tl.store(y + row[:, None] * total + offset + column[None, :], rounded, mask=mask)


def normalise(
    x: Tensor, scale_shift: Tensor, out: Tensor, offset: int, frames: int, *, silu: bool, unfold: bool = False,
    rows: int = 64, cols: int | None = None, warps: int = 4,
) -> None:  # fmt: skip
    """`silu(x * scale + shift)` into `out`, from column `offset` on; or unfolded over frames, rows of 3 C."""
    n, height, width, channels = x.shape
    cols = cols or columns(channels)
    rows = min(rows, triton.next_power_of_2(height * width))
    blocks = triton.cdiv(height * width, rows)
    _normalise[(n * blocks * triton.cdiv(channels, cols),)](
        x, scale_shift[0], scale_shift[1], out, height * width, channels, scale_shift.shape[2], offset, blocks, frames,
        ROWS=rows, COLS=cols, SILU=silu, UNFOLD=unfold, num_warps=warps,
    )  # fmt: skip
