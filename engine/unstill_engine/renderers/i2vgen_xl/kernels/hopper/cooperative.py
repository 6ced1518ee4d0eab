"""3x3 convolutions as products of which two groups of warps have half of a tile's pixels each, and all its columns.

A tile is as wide as I2VGen-XL's channels can be cut, 320, so that its inputs are read from shared memory as seldom as
the matrix units ask. Bias, residual and the sums for GroupNorm are part of it. The pixels of half a tile are a patch of
one picture, which TMA reads shifted, and with zeros beyond the picture's edge.
"""

from __future__ import annotations

import torch
from torch import Tensor
from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import (
    fence_async_shared,
    mbarrier,
    tma,
    warpgroup_mma,
    warpgroup_mma_wait,
)

from unstill_engine.renderers.i2vgen_xl.kernels.hopper.tiles import DEPTH, REGISTERS, blocks, programs

PIXELS = 64
"""The pixels of a patch: what one group of warps has."""
COLUMNS, TAIL = 256, 64
WIDTH = COLUMNS + TAIL
STAGES = 3


@gluon.jit
def _halves(x, ROWS: gl.constexpr, COLS: gl.constexpr):
    return gl.split(gl.permute(x.reshape([ROWS, 2, COLS // 2]), [0, 2, 1]))


@gluon.jit
def _quarters(w):
    return w._reinterpret(w.dtype, [4, 64, 64], w.type.layout)


@gluon.jit
def _settle(value, column, bias, added, ADD: gl.constexpr, SETTLE: gl.constexpr, layout: gl.constexpr):
    """Return `value` with bias and residual, rounded. `ADD`: there is a residual, in shared memory."""
    value = gl.convert_layout(value, layout)
    if SETTLE:
        place = column + gl.arange(0, 64, layout=gl.SliceLayout(0, layout))
        value += gl.load(bias + place).to(gl.float32)[None, :]
    if ADD:
        value += added.load(layout).to(gl.float32)
    return value.to(gl.bfloat16)


@gluon.jit
def _multiply(
    who: gl.constexpr, out, bias, sums, a_bufs, w_bufs, tail_bufs, out_bufs, loaded, free, tiles, across, steps,
    outputs, patches, patches_across, PATCH_HEIGHT: gl.constexpr, PATCH_WIDTH: gl.constexpr,
    DEPTH: gl.constexpr, STAGES: gl.constexpr, SETTLE: gl.constexpr, RESIDUAL: gl.constexpr,
):  # fmt: skip
    wide: gl.constexpr = gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, 256, 16])
    narrow: gl.constexpr = gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, 64, 16])
    index = 0
    for tile in range(gl.program_id(0), tiles, gl.num_programs(0)):
        total = gl.zeros([64, 256], gl.float32, wide)
        total_tail = gl.zeros([64, 64], gl.float32, narrow)
        for step in range(steps):
            stage = index % STAGES
            mbarrier.wait(loaded.index(stage), index // STAGES & 1)
            a = a_bufs.index(2 * stage + who).reshape([64, DEPTH])
            total = warpgroup_mma(a, w_bufs.index(stage).permute((1, 0)), total, use_acc=step > 0, is_async=True)
            total_tail = warpgroup_mma(
                a, tail_bufs.index(stage).permute((1, 0)), total_tail, use_acc=step > 0, is_async=True
            )
            total, total_tail = warpgroup_mma_wait(2, deps=(total, total_tail))
            mbarrier.arrive(free.index((index + STAGES - 1) % STAGES), count=1, pred=step > 0)
            index += 1
        total, total_tail = warpgroup_mma_wait(0, deps=(total, total_tail))
        mbarrier.arrive(free.index((index - 1) % STAGES), count=1)
        column = tile % across * 320
        patch = tile // across * 2 + who
        picture = patch // patches
        y = patch % patches // patches_across * PATCH_HEIGHT
        x = patch % patches_across * PATCH_WIDTH
        part = patch.to(gl.int64) * 2 * outputs
        if RESIDUAL:
            mbarrier.wait(loaded.index((index + who) % STAGES), (index + who) // STAGES & 1)
        added = _quarters(w_bufs.index((index + who) % STAGES))
        added_tail = tail_bufs.index((index + who) % STAGES)
        left, right = _halves(total, 64, 256)
        first, second = _halves(left, 64, 128)
        third, fourth = _halves(right, 64, 128)
        parts = (first, second, third, fourth, total_tail)
        # one after the other, as there are registers for little more than the sums
        for i in gl.static_range(5):
            if RESIDUAL and i < 4:
                held = added.index(i)
            else:
                held = added_tail
            rounded = _settle(parts[i], column + 64 * i, bias, held, RESIDUAL, SETTLE, narrow)
            buffer = out_bufs.index(2 * who + i % 2)
            tma.store_wait(1)
            buffer.reshape([64, 64]).store(rounded)
            fence_async_shared()
            tma.async_copy_shared_to_global(out, [picture, y, x, column + 64 * i], buffer)
            value = rounded.to(gl.float32)
            place = column + 64 * i + gl.arange(0, 64, layout=gl.SliceLayout(0, narrow))
            gl.store(sums + part + place, gl.sum(value, 0))
            gl.store(sums + part + outputs + place, gl.sum(value * value, 0))
        if RESIDUAL:
            mbarrier.arrive(free.index((index + who) % STAGES), count=2)
            index += 2
    tma.store_wait(0)


@gluon.jit
def _load(
    a, w, w_tail, residual, a_bufs, w_bufs, tail_bufs, loaded, free, tiles, across, steps, channels, patches,
    patches_across, PATCH_HEIGHT: gl.constexpr, PATCH_WIDTH: gl.constexpr, DEPTH: gl.constexpr, STAGES: gl.constexpr,
    RESIDUAL: gl.constexpr,
):  # fmt: skip
    index = 0
    for tile in range(gl.program_id(0), tiles, gl.num_programs(0)):
        column = tile % across * 320
        patch = tile // across * 2
        for step in range(steps):
            stage = index % STAGES
            depth = step * DEPTH
            tap = depth // channels
            bar = loaded.index(stage)
            mbarrier.wait(free.index(stage), (index // STAGES & 1) ^ 1)
            mbarrier.expect(bar, 2 * a.block_type.nbytes + w.block_type.nbytes + w_tail.block_type.nbytes)
            for i in gl.static_range(2):
                y = (patch + i) % patches // patches_across * PATCH_HEIGHT + tap // 3 - 1
                x = (patch + i) % patches_across * PATCH_WIDTH + tap % 3 - 1
                place = [(patch + i) // patches, y, x, depth - tap * channels]
                tma.async_copy_global_to_shared(a, place, bar, a_bufs.index(2 * stage + i))
            tma.async_copy_global_to_shared(w, [column, depth], bar, w_bufs.index(stage))
            tma.async_copy_global_to_shared(w_tail, [column + 256, depth], bar, tail_bufs.index(stage))
            index += 1
        if RESIDUAL:
            # each group's part takes the place of one load
            for i in gl.static_range(2):
                stage = index % STAGES
                bar = loaded.index(stage)
                mbarrier.wait(free.index(stage), (index // STAGES & 1) ^ 1)
                mbarrier.expect(bar, 5 * residual.block_type.nbytes)
                y = (patch + i) % patches // patches_across * PATCH_HEIGHT
                x = (patch + i) % patches_across * PATCH_WIDTH
                for j in gl.static_range(4):
                    place = [(patch + i) // patches, y, x, column + 64 * j]
                    buffer = _quarters(w_bufs.index(stage)).index(j)
                    tma.async_copy_global_to_shared(
                        residual, place, bar, buffer.reshape([1, PATCH_HEIGHT, PATCH_WIDTH, 64])
                    )
                place = [(patch + i) // patches, y, x, column + 256]
                buffer = tail_bufs.index(stage)
                tma.async_copy_global_to_shared(
                    residual, place, bar, buffer.reshape([1, PATCH_HEIGHT, PATCH_WIDTH, 64])
                )
                index += 1


@gluon.jit(do_not_specialize=["tiles", "patches", "patches_across"])
def _convolution(
    a, w, w_tail, out, residual, bias, sums, tiles, inputs, outputs, channels, patches, patches_across,
    PATCH_HEIGHT: gl.constexpr, PATCH_WIDTH: gl.constexpr, DEPTH: gl.constexpr, STAGES: gl.constexpr,
    SETTLE: gl.constexpr, RESIDUAL: gl.constexpr,
):  # fmt: skip
    across = outputs // 320
    steps = inputs // DEPTH
    a_bufs = gl.allocate_shared_memory(a.dtype, [2 * STAGES] + a.block_type.shape, a.layout)
    w_bufs = gl.allocate_shared_memory(w.dtype, [STAGES] + w.block_type.shape, w.layout)
    tail_bufs = gl.allocate_shared_memory(w.dtype, [STAGES] + w_tail.block_type.shape, w_tail.layout)
    out_bufs = gl.allocate_shared_memory(out.dtype, [4] + out.block_type.shape, out.layout)
    loaded = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    free = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    for i in gl.static_range(STAGES):
        mbarrier.init(loaded.index(i), count=1)
        mbarrier.init(free.index(i), count=2)
    gl.warp_specialize([
        (_multiply, (
            0, out, bias, sums, a_bufs, w_bufs, tail_bufs, out_bufs, loaded, free, tiles, across, steps, outputs,
            patches, patches_across, PATCH_HEIGHT, PATCH_WIDTH, DEPTH, STAGES, SETTLE, RESIDUAL,
        )),
        (_multiply, (
            1, out, bias, sums, a_bufs, w_bufs, tail_bufs, out_bufs, loaded, free, tiles, across, steps, outputs,
            patches, patches_across, PATCH_HEIGHT, PATCH_WIDTH, DEPTH, STAGES, SETTLE, RESIDUAL,
        )),
        (_load, (
            a, w, w_tail, residual, a_bufs, w_bufs, tail_bufs, loaded, free, tiles, across, steps, channels, patches,
            patches_across, PATCH_HEIGHT, PATCH_WIDTH, DEPTH, STAGES, RESIDUAL,
        )),
    ], [4, 1], [240, 24])  # fmt: skip


def patch_of(x: Tensor, weight: Tensor, stride: int) -> tuple[int, int] | None:
    """Return height and width of the patches that `x` (N, H, W, C) is made of; None: not of whole ones, or tiles.

    `weight` (Co, C, 3, 3): C must be a multiple of 64, and Co one of 320.
    """
    n, height, width, channels = x.shape
    if stride != 1 or channels % DEPTH or weight.shape[0] % WIDTH or n * height * width % (2 * PIXELS):
        return None
    for across in (8, 16, 32, 64, 4):  # in that order, as each is a kernel, and most pictures are made of 8 x 8
        if width % across == 0 and height % (PIXELS // across) == 0:
            return PIXELS // across, across
    return None


def convolve_cooperative(
    x: Tensor, weight: Tensor, patch: tuple[int, int], bias: Tensor | None, residual: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Convolve `x` (N, H, W, C) by channels-last `weight` (Co, C, 3, 3), to (N, H, W, Co) and its sums.

    `bias` (1, Co) and a residual (N, H, W, Co) are added where given, the one before the other.
    """
    n, height, width, channels = x.shape
    outputs = weight.shape[0]
    down, across = height // patch[0], width // patch[1]
    out = x.new_empty(n, height, width, outputs)
    sums = torch.empty(n, down * across, 2, outputs, device=x.device, dtype=torch.float32)
    matrix = weight.permute(0, 2, 3, 1).reshape(outputs, 9 * channels)
    tiles = n * down * across // 2 * (outputs // WIDTH)
    out_blocks = blocks(out, [1, *patch, 64])
    _convolution[(programs(tiles),)](
        blocks(x, [1, *patch, DEPTH]), blocks(matrix, [COLUMNS, DEPTH]), blocks(matrix, [TAIL, DEPTH]),
        out_blocks, out_blocks if residual is None else blocks(residual, [1, *patch, 64]),
        out if bias is None else bias, sums, tiles, 9 * channels, outputs, channels, down * across, across,
        PATCH_HEIGHT=patch[0], PATCH_WIDTH=patch[1], DEPTH=DEPTH, STAGES=STAGES, SETTLE=bias is not None,
        RESIDUAL=residual is not None, num_warps=4, maxnreg=REGISTERS,
    )  # fmt: skip
    return out, sums
