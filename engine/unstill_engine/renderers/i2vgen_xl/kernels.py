# mypy: disable-error-code="no-untyped-def, untyped-decorator"
"""Triton kernels of the fast forward, each with its launcher and its reference in plain torch.

Pictures are (N, H, W, C), rows (N*H*W, C). Sums are (N, S, 2, C) fp32: for each of S parts of a picture and each
channel the sum and the sum of squares. All arithmetic is fp32; products take their inputs as they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.nn import functional as F
from triton.tools.tensor_descriptor import TensorDescriptor

from unstill_engine.renderers.i2vgen_xl.ops import add_bias, join_phases, unfold_frames

LOG2_E = 1.4426950408889634


@dataclass(frozen=True)
class Tile:
    """What one program of a product computes: `rows` x (`cols` + `tail`), `depth` inputs at a time."""

    rows: int = 128
    cols: int = 256
    tail: int = 0
    depth: int = 64
    warps: int = 8
    stages: int = 3

    @property
    def width(self) -> int:
        return self.cols + self.tail


@dataclass(frozen=True)
class Pass:
    """How sums are taken: a program reads `part` pixels, `rows` at a time."""

    part: int = 256
    rows: int = 32
    warps: int = 4


SUMS = Pass()


def columns(channels: int) -> int:
    return 64 if channels % 64 == 0 else triton.next_power_of_2(min(channels, 64))


def split_width(width: int) -> tuple[int, int]:
    """The largest power of two in `width`, and one that covers the rest: blocks are powers of two, 320 is none."""
    cols: int = triton.next_power_of_2(width // 2 + 1)
    return cols, triton.next_power_of_2(width - cols) if width > cols else 0


# --- sums for GroupNorm, with the additions that come before it


@triton.jit
def _read(x, picture, pixel, column, inside, pixels, channels, width, PHASES: tl.constexpr):
    mask = (pixel < pixels)[:, None] & inside[None, :]
    if PHASES:
        row, col = pixel // width, pixel % width
        a, b = row % 2, col % 2
        source_width = width // 2 + 1
        source = (row // 2 + a) * source_width + col // 2 + b
        source += picture * (pixels // width // 2 + 1) * source_width
        start = source.to(tl.int64) * (4 * channels) + (2 * a + b) * channels
    else:
        start = (picture.to(tl.int64) * pixels + pixel) * channels
    return tl.load(x + start[:, None] + column[None, :], mask=mask, other=0.0)


@triton.jit
def _channel_sums(
    x, bias, residual, out, sums, pixels, channels, pictures_per_bias, parts, width,
    PART: tl.constexpr, ROWS: tl.constexpr, COLS: tl.constexpr, HAS_BIAS: tl.constexpr, HAS_RESIDUAL: tl.constexpr,
    WRITE: tl.constexpr, PHASES: tl.constexpr,
):  # fmt: skip
    across = tl.cdiv(channels, COLS)
    program = tl.program_id(0) // across
    picture, part = program // parts, program % parts
    column = tl.program_id(0) % across * COLS + tl.arange(0, COLS)
    inside = column < channels
    line = tl.arange(0, ROWS)
    total = tl.zeros([ROWS, COLS], tl.float32)
    squares = tl.zeros([ROWS, COLS], tl.float32)
    if HAS_BIAS:
        shift = tl.load(bias + (picture // pictures_per_bias) * channels + column, mask=inside, other=0.0)
        shift = shift.to(tl.float32)
    # each block is asked for before the one ahead of it is used
    block = _read(x, picture, part * PART + line, column, inside, pixels, channels, width, PHASES)
    if HAS_RESIDUAL:
        more = _read(residual, picture, part * PART + line, column, inside, pixels, channels, width, False)
    for begin in range(0, PART, ROWS):
        pixel = part * PART + begin + line
        value = block.to(tl.float32)
        after = tl.where(begin + ROWS < PART, pixel + ROWS, pixels)
        block = _read(x, picture, after, column, inside, pixels, channels, width, PHASES)
        if HAS_RESIDUAL:
            value += more.to(tl.float32)
            more = _read(residual, picture, after, column, inside, pixels, channels, width, False)
        if HAS_BIAS:
            value += shift[None, :]
        mask = (pixel < pixels)[:, None] & inside[None, :]
        if WRITE:
            rounded = value.to(out.dtype.element_ty)
            start = (picture.to(tl.int64) * pixels + pixel) * channels
            tl.store(out + start[:, None] + column[None, :], rounded, mask=mask)
            value = rounded.to(tl.float32)
        if HAS_BIAS:
            value = tl.where(mask, value, 0.0)
        total += value
        squares += value * value
    target = sums + program.to(tl.int64) * 2 * channels + column
    tl.store(target, tl.sum(total, 0), mask=inside)
    tl.store(target + channels, tl.sum(squares, 0), mask=inside)


def channel_sums(
    x: Tensor, bias: Tensor | None = None, residual: Tensor | None = None, *, write: bool = False, passes: Pass = SUMS
) -> Tensor:
    """Sums of `x + bias + residual`, which `write` stores over `x`."""
    n, height, width, channels = x.shape
    return _launch_sums(x, x if write else None, bias, residual, (n, height, width, channels), passes, phases=False)


def join_phases_sums(y: Tensor, bias: Tensor, *, passes: Pass = SUMS) -> tuple[Tensor, Tensor]:
    """The phases of an upsampling convolution (see `upsample_phases`) as a picture, plus `bias`; and its sums."""
    n, height, width, channels = y.shape
    out = y.new_empty(n, 2 * (height - 1), 2 * (width - 1), channels // 4)
    return out, _launch_sums(y, out, bias, None, tuple(out.shape), passes, phases=True)


def _launch_sums(
    x: Tensor, out: Tensor | None, bias: Tensor | None, residual: Tensor | None, shape: tuple[int, ...], passes: Pass,
    *, phases: bool,
) -> Tensor:  # fmt: skip
    n, height, width, channels = shape
    pixels = height * width
    part = min(passes.part if pixels >= 2048 else passes.part // 4, triton.next_power_of_2(pixels))
    parts = triton.cdiv(pixels, part)
    cols = columns(channels)
    sums = torch.empty(n, parts, 2, channels, device=x.device, dtype=torch.float32)
    _channel_sums[(n * parts * triton.cdiv(channels, cols),)](
        x, x if bias is None else bias, x if residual is None else residual, x if out is None else out, sums,
        pixels, channels, 1 if bias is None else n // bias.shape[0], parts, width,
        PART=part, ROWS=min(passes.rows, part), COLS=cols, HAS_BIAS=bias is not None,
        HAS_RESIDUAL=residual is not None, WRITE=out is not None, PHASES=phases, num_warps=passes.warps,
    )  # fmt: skip
    return sums


def channel_sums_reference(
    x: Tensor, bias: Tensor | None = None, residual: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The value that is written, and its sums with one part a picture."""
    value = add_bias(x, bias)
    value = value if residual is None else value + residual
    flat = value.float().flatten(1, 2)
    return value, torch.stack([flat.sum(1), flat.square().sum(1)], 1)[:, None]


def join_phases_sums_reference(y: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    return channel_sums_reference(join_phases(y), bias)


# --- GroupNorm from sums: a scale and a shift for each channel, then one pass over the activations


@triton.jit
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
    *,
    rows: int = 256,
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
        PER_GROUP=per_group, ROWS=min(rows, triton.next_power_of_2(frames * parts)),
        COLS=triton.next_power_of_2(per_group), HAS_BIAS=bias is not None, num_warps=4,
    )  # fmt: skip
    return out


def moments_reference(
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


@triton.jit
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


def normalise_reference(
    x: Tensor, scale_shift: Tensor, offset: int, frames: int, *, silu: bool, unfold: bool
) -> Tensor:
    """What is written: (N, H, W, C), or rows of 3 C."""
    channels = x.shape[-1]
    scale, shift = scale_shift[:, :, None, None, offset : offset + channels].repeat_interleave(frames, 1)
    y = x.float() * scale + shift
    y = (F.silu(y) if silu else y).to(x.dtype)
    return unfold_frames(y, frames) if unfold else y


# --- LayerNorm


@triton.jit
def _layer_norm(
    x, before, weight, bias, y, count, channels, stride, eps,
    ROWS: tl.constexpr, COLS: tl.constexpr, TAIL: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    inside = row < count
    column = tl.arange(0, COLS)
    mask = inside[:, None] & (column < channels)[None, :]
    value = tl.load(x + row[:, None] * stride + column[None, :], mask=mask, other=0.0).to(tl.float32)
    value += tl.load(before + column, mask=column < channels, other=0.0).to(tl.float32)[None, :]
    total = tl.sum(value, 1)
    if TAIL:
        column_tail = COLS + tl.arange(0, TAIL)
        mask_tail = inside[:, None] & (column_tail < channels)[None, :]
        tail = tl.load(x + row[:, None] * stride + column_tail[None, :], mask=mask_tail, other=0.0).to(tl.float32)
        tail += tl.load(before + column_tail, mask=column_tail < channels, other=0.0).to(tl.float32)[None, :]
        total += tl.sum(tail, 1)
    mean = total / channels
    value = tl.where(mask, value - mean[:, None], 0.0)
    squares = tl.sum(value * value, 1)
    if TAIL:
        tail = tl.where(mask_tail, tail - mean[:, None], 0.0)
        squares += tl.sum(tail * tail, 1)
    factor = 1.0 / tl.sqrt(squares / channels + eps)
    target = y + row[:, None] * channels
    by = tl.load(weight + column, mask=column < channels, other=0.0).to(tl.float32)
    plus = tl.load(bias + column, mask=column < channels, other=0.0).to(tl.float32)
    result = value * factor[:, None] * by[None, :] + plus[None, :]
    tl.store(target + column[None, :], result.to(y.dtype.element_ty), mask=mask)
    if TAIL:
        by = tl.load(weight + column_tail, mask=column_tail < channels, other=0.0).to(tl.float32)
        plus = tl.load(bias + column_tail, mask=column_tail < channels, other=0.0).to(tl.float32)
        result = tail * factor[:, None] * by[None, :] + plus[None, :]
        tl.store(target + column_tail[None, :], result.to(y.dtype.element_ty), mask=mask_tail)


def layer_norm(
    x: Tensor, before: Tensor, weight: Tensor, bias: Tensor, eps: float, *, block: int = 1024, warps: int = 2
) -> Tensor:
    """LayerNorm of the rows of `x + before`; the rows of `x` may stand apart, those of the result do not."""
    y = torch.empty(x.shape, device=x.device, dtype=x.dtype)
    count, channels = x.shape
    cols, tail = split_width(channels)
    rows = max(1, block // cols)
    _layer_norm[(triton.cdiv(count, rows),)](
        x, before, weight, bias, y, count, channels, x.stride(0), eps,
        ROWS=rows, COLS=cols, TAIL=tail, num_warps=warps,
    )  # fmt: skip
    return y


def layer_norm_reference(x: Tensor, before: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    return F.layer_norm(x + before, x.shape[-1:], weight, bias, eps)


# --- attention of each pixel over its frames


@triton.jit
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


def temporal_attention_reference(qkv: Tensor, frames: int, pixels: int, heads: int) -> Tensor:
    split = qkv.view(-1, frames, pixels, 3, heads, qkv.shape[1] // 3 // heads).permute(3, 0, 2, 4, 1, 5).float()
    score = split[0] @ split[1].transpose(-1, -2) * split.shape[-1] ** -0.5
    out: Tensor = (score.softmax(-1) @ split[2]).permute(0, 3, 1, 2, 4).reshape(len(qkv), -1)
    return out.to(qkv.dtype)


# --- GEGLU


@triton.jit
def _gelu(x, POLYNOMIAL: tl.constexpr):
    """By erf, or x * Phi(x) with Phi - 1/2 as x times a polynomial of x * x: at most 1e-5 off, for |x| <= 4.25."""
    if POLYNOMIAL:
        z = tl.minimum(tl.maximum(x, -4.25), 4.25)
        u = z * z
        p = u * 5.564852051387348e-11 - 5.327753349604336e-09
        p = p * u + 2.2554267786745186e-07
        p = p * u - 5.626426172966603e-06
        p = p * u + 9.341869008494541e-05
        p = p * u - 0.0011085608275607228
        p = p * u + 0.009815970435738564
        p = p * u - 0.0663444921374321
        p = p * u + 0.3989023268222809
        return x * (z * p + 0.5)
    else:
        return 0.5 * x * (1.0 + tl.erf(x * 0.7071067811865476))


@triton.jit
def _geglu(
    x, y, count, channels, stride, ROWS: tl.constexpr, COLS: tl.constexpr, POLYNOMIAL: tl.constexpr,
):  # fmt: skip
    row = tl.program_id(0).to(tl.int64) * ROWS + tl.arange(0, ROWS)
    column = tl.program_id(1) * COLS + tl.arange(0, COLS)
    pair = tl.program_id(1) * COLS * 2 + tl.arange(0, COLS * 2)
    mask = (row < count)[:, None]
    known = pair < 2 * channels
    both = tl.load(x + row[:, None] * (2 * channels) + pair[None, :], mask=mask & known[None, :], other=0.0)
    both = both.to(tl.float32)
    value, gate = tl.split(tl.reshape(both, (ROWS, COLS, 2)))
    result = (value * _gelu(gate, POLYNOMIAL)).to(y.dtype.element_ty)
    tl.store(y + row[:, None] * stride + column[None, :], result, mask=mask & (column < channels)[None, :])


def geglu(x: Tensor, out: Tensor, *, polynomial: bool, rows: int = 16, cols: int = 128, warps: int = 4) -> None:
    """Columns (value 0, gate 0, value 1, ...) of `x` (M, 2 I) to `out` (M, I), whose rows may stand apart."""
    count, channels = out.shape
    _geglu[(triton.cdiv(count, rows), triton.cdiv(channels, cols))](
        x, out, count, channels, out.stride(0), ROWS=rows, COLS=cols, POLYNOMIAL=polynomial, num_warps=warps,
    )  # fmt: skip


def geglu_reference(x: Tensor) -> Tensor:
    value, gate = x.float().view(len(x), -1, 2).unbind(-1)
    out: Tensor = value * F.gelu(gate)
    return out.to(x.dtype)


@triton.jit
def _geglu_product(
    a, w, bias, y, count, channels, inputs,
    ROWS: tl.constexpr, COLS: tl.constexpr, DEPTH: tl.constexpr, GROUP: tl.constexpr, POLYNOMIAL: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0)
    across = tl.cdiv(channels * 2, COLS)
    down = tl.cdiv(count, ROWS)
    band = program // (GROUP * across)
    height = tl.minimum(down - band * GROUP, GROUP)
    row = (band * GROUP + program % (GROUP * across) % height) * ROWS
    column = program % (GROUP * across) // height * COLS
    total = tl.zeros([ROWS, COLS], tl.float32)
    for depth in range(0, inputs, DEPTH):
        total = tl.dot(a.load([row, depth]), w.load([column, depth]).T, total)
    both = column + tl.arange(0, COLS)
    total += tl.load(bias + both, mask=both < 2 * channels, other=0.0).to(tl.float32)[None, :]
    value, gate = tl.split(tl.reshape(total, (ROWS, COLS // 2, 2)))
    y.store([row, column // 2], (value * _gelu(gate, POLYNOMIAL)).to(y.dtype))


def geglu_product(
    a: Tensor, weight: Tensor, bias: Tensor, out: Tensor, *, polynomial: bool, tile: Tile, group: int = 8
) -> None:
    """`a` (M, K) by interleaved `weight` (2 I, K), plus `bias` (2 I,), GEGLU of that into `out` (M, I).

    Rows must be aligned to 16 bytes.
    """
    count, inputs = a.shape
    channels = out.shape[1]
    grid = (triton.cdiv(count, tile.rows) * triton.cdiv(2 * channels, tile.cols),)
    _geglu_product[grid](
        TensorDescriptor.from_tensor(a, [tile.rows, tile.depth]),
        TensorDescriptor.from_tensor(weight, [tile.cols, tile.depth]),
        bias, TensorDescriptor.from_tensor(out, [tile.rows, tile.cols // 2]), count, channels, inputs,
        ROWS=tile.rows, COLS=tile.cols, DEPTH=tile.depth, GROUP=group, POLYNOMIAL=polynomial,
        num_warps=tile.warps, num_stages=tile.stages,
    )  # fmt: skip


def geglu_product_reference(a: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    return geglu_reference(F.linear(a.float(), weight.float(), bias.float())).to(a.dtype)


# --- temporal convolution: a product over three frames that are read in place


@triton.jit
def _temporal_product(
    x, w, w_tail, residual, bias, out, sums, clip_rows, pixels, channels, outputs,
    ROWS: tl.constexpr, COLS: tl.constexpr, TAIL: tl.constexpr, DEPTH: tl.constexpr,
    SETTLE: tl.constexpr, SUMS: tl.constexpr,
):  # fmt: skip
    program = tl.program_id(0)
    across = outputs // (COLS + TAIL)
    down = tl.cdiv(clip_rows, ROWS)
    column = program % across * (COLS + TAIL)
    clip = program // across // down
    row = program // across % down * ROWS
    total = tl.zeros([ROWS, COLS], tl.float32)
    if TAIL:
        total_tail = tl.zeros([ROWS, TAIL], tl.float32)
    for depth in range(0, 3 * channels, DEPTH):
        tap = depth // channels
        # rows beyond the clip's ends read as zeros
        a = x.load([clip, row + (tap - 1) * pixels, depth - tap * channels]).reshape(ROWS, DEPTH)
        total = tl.dot(a, w.load([column, depth]).T, total)
        if TAIL:
            total_tail = tl.dot(a, w_tail.load([column + COLS, depth]).T, total_tail)
    here = clip.to(tl.int64) * clip_rows + row
    part = here // ROWS * 2 * outputs
    _finish(
        total, column + tl.arange(0, COLS), row, here, part, residual, bias, out, sums, clip_rows, outputs,
        ROWS, SETTLE, SUMS,
    )  # fmt: skip
    if TAIL:
        _finish(
            total_tail, column + COLS + tl.arange(0, TAIL), row, here, part, residual, bias, out, sums, clip_rows,
            outputs, ROWS, SETTLE, SUMS,
        )  # fmt: skip


@triton.jit
def _finish(
    total, column, row, here, part, residual, bias, out, sums, clip_rows, outputs,
    ROWS: tl.constexpr, SETTLE: tl.constexpr, SUMS: tl.constexpr,
):  # fmt: skip
    line = tl.arange(0, ROWS)
    mask = (row + line < clip_rows)[:, None]
    offset = (here + line)[:, None] * outputs + column[None, :]
    if SETTLE:
        total += tl.load(bias + column).to(tl.float32)[None, :]
        total += tl.load(residual + offset, mask=mask, other=0.0).to(tl.float32)
    rounded = total.to(out.dtype.element_ty)
    tl.store(out + offset, rounded, mask=mask)
    if SUMS:
        value = rounded.to(tl.float32)
        tl.store(sums + part + column, tl.sum(value, 0))
        tl.store(sums + part + outputs + column, tl.sum(value * value, 0))


def temporal_product(
    y: Tensor, weight: Tensor, frames: int, tile: Tile, bias: Tensor | None = None, residual: Tensor | None = None
) -> tuple[Tensor, Tensor | None]:
    """`y` (N, H, W, C) and `weight` (Co, 3 C), to (N, H, W, Co) and its sums.

    With a residual, `bias` (1, Co) and the residual are added. There are no sums where a picture is not made of whole
    tiles. Raises ValueError where Co is no multiple of the tile's width, or C none of its depth.
    """
    n, height, width, channels = y.shape
    outputs, pixels = weight.shape[0], height * width
    clip_rows = frames * pixels
    if outputs % tile.width or channels % tile.depth:
        raise ValueError(f"{channels} channels to {outputs} are not made of whole tiles: {tile}.")
    out = y.new_empty(n, height, width, outputs)
    whole = pixels % tile.rows == 0
    sums = torch.empty(n, max(1, pixels // tile.rows), 2, outputs, device=y.device, dtype=torch.float32)
    w = TensorDescriptor.from_tensor(weight, [tile.cols, tile.depth])
    _temporal_product[(n // frames * triton.cdiv(clip_rows, tile.rows) * (outputs // tile.width),)](
        TensorDescriptor.from_tensor(y.view(n // frames, clip_rows, channels), [1, tile.rows, tile.depth]),
        w, TensorDescriptor.from_tensor(weight, [tile.tail, tile.depth]) if tile.tail else w,
        out if residual is None else residual, out if bias is None else bias, out, sums,
        clip_rows, pixels, channels, outputs,
        ROWS=tile.rows, COLS=tile.cols, TAIL=tile.tail, DEPTH=tile.depth, SETTLE=residual is not None, SUMS=whole,
        num_warps=tile.warps, num_stages=tile.stages,
    )  # fmt: skip
    return out, sums if whole else None


def temporal_product_reference(
    y: Tensor, weight: Tensor, frames: int, bias: Tensor | None = None, residual: Tensor | None = None
) -> Tensor:
    out = F.linear(unfold_frames(y, frames), weight).view(*y.shape[:3], -1)
    return out if bias is None or residual is None else out + bias + residual
