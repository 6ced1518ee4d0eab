"""Products of which one tile is multiplied while the tile before is finished, after CUTLASS' ping-pong schedule.

Two groups of warps take a program's tiles in turn. The one whose `turn` it is multiplies, the other meanwhile adds,
activates and stores what it multiplied before. A temporal convolution is a product with three taps, which read rows of
the frame before, this one and the one after.
"""

from __future__ import annotations

from torch import Tensor
from triton import cdiv
from triton.experimental import gluon
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.language.nvidia.hopper import (
    fence_async_shared,
    mbarrier,
    tma,
    warpgroup_mma,
    warpgroup_mma_wait,
)

from unstill_engine.renderers.i2vgen_xl.kernels.hopper.finish import finish, read_sums, row_factor, sum_rows
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.tiles import DEPTH, REGISTERS, ROWS, blocks, programs

COLUMNS = 128
"""The columns that a tile has at least."""
TAIL = 32
"""Columns that a tile has beyond COLUMNS where COLUMNS does not divide all: 320 are two tiles of 160."""
GEGLU_STAGES, STAGES, TAIL_STAGES = 6, 5, 4
"""Loads that may be under way: as many as fit into 227 KiB beside the finished tiles; one less where there are sums for
GroupNorm, which are added up between warps by shared memory."""


@gluon.jit
def _span(
    tile, across, down, steps, clip_rows, pixels, channels,
    ROWS: gl.constexpr, DEPTH: gl.constexpr, TAPS: gl.constexpr,
):  # fmt: skip
    """Return which of `steps` a tile needs: a first frame has none before it, and a last one none after."""
    begin, end = 0, steps
    if TAPS == 3:
        row = tile // across % down * ROWS
        begin = gl.where(row + ROWS <= pixels, channels // DEPTH, 0)
        end = gl.where(row + pixels >= clip_rows, steps - channels // DEPTH, steps)
    return begin, end


@gluon.jit
def _multiply(
    who: gl.constexpr, out, out_tail, bias, offset, sums, eps, a_bufs, w_bufs, tail_bufs, out_bufs, out_tail_bufs,
    loaded, free, residual_loaded, out_free, turn, tiles, across, down, steps, clip_rows, inputs, outputs, pixels,
    channels, ROWS: gl.constexpr, COLS: gl.constexpr, TAIL: gl.constexpr, DEPTH: gl.constexpr,
    STAGES: gl.constexpr, TAPS: gl.constexpr, GEGLU: gl.constexpr, RESIDUAL: gl.constexpr, SUMS: gl.constexpr,
    ROW_SUMS: gl.constexpr, PARTS: gl.constexpr,
):  # fmt: skip
    layout: gl.constexpr = gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, COLS, 16])
    narrow: gl.constexpr = gl.NVMMADistributedLayout(
        version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, max(TAIL, 8), 16]
    )
    buffer = out_bufs.index(who)
    buffer_tail = out_tail_bufs.index(who)
    count = 0
    done = 0
    for tile in range(gl.program_id(0) + who * gl.num_programs(0), tiles, 2 * gl.num_programs(0)):
        column = tile % across * (COLS + TAIL)
        clip = tile // across // down
        row = tile // across % down * ROWS
        total = gl.zeros([ROWS, COLS], gl.float32, layout)
        if TAIL:
            total_tail = gl.zeros([ROWS, TAIL], gl.float32, narrow)
        if PARTS:  # loaded while the tile is multiplied
            read = read_sums(sums, row, clip_rows, layout, ROWS, PARTS)
        else:
            read = (0.0, 0.0)
        # a barrier tells one lap of the stages from the next by one bit: a group that waited for a stage several laps
        # ahead would take an earlier one's load for its own, so it waits for its turn first
        mbarrier.wait(turn.index(who), (count & 1) ^ (1 - who))
        # both count all loads: those of the other group's tile come before this one's (1), or after it (0)
        other = tile + (1 - 2 * who) * gl.num_programs(0)
        begin, end = _span(other, across, down, steps, clip_rows, pixels, channels, ROWS, DEPTH, TAPS)
        of_other = end - begin
        begin, end = _span(tile, across, down, steps, clip_rows, pixels, channels, ROWS, DEPTH, TAPS)
        if who == 1:
            done += of_other
        for step in range(begin, end):
            index = done + step - begin
            stage = index % STAGES
            mbarrier.wait(loaded.index(stage), index // STAGES & 1)
            a = a_bufs.index(stage).reshape([ROWS, DEPTH])
            w = w_bufs.index(stage).permute((1, 0))
            total = warpgroup_mma(a, w, total, use_acc=step > begin, is_async=True)
            if TAIL:
                w_tail = tail_bufs.index(stage).permute((1, 0))
                total_tail = warpgroup_mma(a, w_tail, total_tail, use_acc=step > begin, is_async=True)
                total, total_tail = warpgroup_mma_wait(2, deps=(total, total_tail))
            else:
                total = warpgroup_mma_wait(1, deps=(total,))
            # all but the products of this step are done, so that the stage before it is free
            mbarrier.arrive(free.index((index + STAGES - 1) % STAGES), count=1, pred=step > begin)
        mbarrier.arrive(turn.index(1 - who), count=1)
        if TAIL:
            total, total_tail = warpgroup_mma_wait(0, deps=(total, total_tail))
        else:
            total = warpgroup_mma_wait(0, deps=(total,))
        done += end - begin
        mbarrier.arrive(free.index((done - 1) % STAGES), count=1)
        if who == 0:
            done += of_other
        factor = row_factor(read, inputs, eps, PARTS) if PARTS else 1.0
        part = (clip * clip_rows + row).to(gl.int64) // ROWS * 2 * outputs
        if RESIDUAL:
            mbarrier.wait(residual_loaded.index(who), count & 1)
        else:
            tma.store_wait(0)
        if TAIL:  # ahead of the rest, which needs the registers
            rounded_tail = finish(
                total_tail, column + COLS, buffer_tail, bias, offset, sums, part, outputs, factor,
                ROWS, TAIL, GEGLU, RESIDUAL, SUMS, ROW_SUMS, PARTS,
            )  # fmt: skip
            if ROW_SUMS:
                added_tail, squares_tail = sum_rows(rounded_tail, bias + column + COLS)
        rounded = finish(
            total, column, buffer, bias, offset, sums, part, outputs, factor,
            ROWS, COLS, GEGLU, RESIDUAL, SUMS, ROW_SUMS, PARTS,
        )  # fmt: skip
        fence_async_shared()
        tma.async_copy_shared_to_global(out, [clip, row, column // 2 if GEGLU else column], buffer)
        if TAIL:
            tma.async_copy_shared_to_global(out_tail, [clip, row, column + COLS], buffer_tail)
        if ROW_SUMS:
            added, squares = sum_rows(rounded, bias + column)
            if TAIL:
                added += gl.convert_layout(added_tail, gl.SliceLayout(1, layout), assert_trivial=True)
                squares += gl.convert_layout(squares_tail, gl.SliceLayout(1, layout), assert_trivial=True)
            place = tile % across * 2 * clip_rows + row + gl.arange(0, ROWS, layout=gl.SliceLayout(1, layout))
            gl.store(sums + place, added)
            gl.store(sums + clip_rows + place, squares)
        if RESIDUAL:
            tma.store_wait(0)
            mbarrier.arrive(out_free.index(who), count=1)
        count += 1
    tma.store_wait(0)


@gluon.jit
def _load(
    a, w, w_tail, residual, residual_tail, a_bufs, w_bufs, tail_bufs, out_bufs, out_tail_bufs,
    loaded, free, residual_loaded, out_free, tiles, across, down, steps, clip_rows, pixels, channels,
    ROWS: gl.constexpr, COLS: gl.constexpr, TAIL: gl.constexpr, DEPTH: gl.constexpr, STAGES: gl.constexpr,
    TAPS: gl.constexpr, RESIDUAL: gl.constexpr,
):  # fmt: skip
    index = 0
    count = 0
    for tile in range(gl.program_id(0), tiles, gl.num_programs(0)):
        column = tile % across * (COLS + TAIL)
        clip = tile // across // down
        row = tile // across % down * ROWS
        begin, end = _span(tile, across, down, steps, clip_rows, pixels, channels, ROWS, DEPTH, TAPS)
        for step in range(begin, end):
            stage = index % STAGES
            depth = step * DEPTH
            tap = depth // channels
            bar = loaded.index(stage)
            mbarrier.wait(free.index(stage), (index // STAGES & 1) ^ 1)
            if TAIL:
                mbarrier.expect(bar, a.block_type.nbytes + w.block_type.nbytes + w_tail.block_type.nbytes)
            else:
                mbarrier.expect(bar, a.block_type.nbytes + w.block_type.nbytes)
            # what is beyond the clip's ends in a tile that only touches them is loaded as zeros
            place = [clip, row + (tap - TAPS // 2) * pixels, depth - tap * channels]
            tma.async_copy_global_to_shared(a, place, bar, a_bufs.index(stage))
            tma.async_copy_global_to_shared(w, [column, depth], bar, w_bufs.index(stage))
            if TAIL:
                tma.async_copy_global_to_shared(w_tail, [column + COLS, depth], bar, tail_bufs.index(stage))
            index += 1
        if RESIDUAL:
            who = count & 1
            bar = residual_loaded.index(who)
            mbarrier.wait(out_free.index(who), (count // 2 & 1) ^ 1)
            if TAIL:
                mbarrier.expect(bar, residual.block_type.nbytes + residual_tail.block_type.nbytes)
            else:
                mbarrier.expect(bar, residual.block_type.nbytes)
            tma.async_copy_global_to_shared(residual, [clip, row, column], bar, out_bufs.index(who))
            if TAIL:
                place = [clip, row, column + COLS]
                tma.async_copy_global_to_shared(residual_tail, place, bar, out_tail_bufs.index(who))
        count += 1


@gluon.jit(do_not_specialize=["clips", "clip_rows", "pixels"])
def _product(
    a, w, w_tail, out, out_tail, residual, residual_tail, bias, offset, sums, eps, clips, clip_rows, inputs, outputs,
    pixels, channels, ROWS: gl.constexpr, COLS: gl.constexpr, TAIL: gl.constexpr, DEPTH: gl.constexpr,
    STAGES: gl.constexpr, TAPS: gl.constexpr, GEGLU: gl.constexpr, RESIDUAL: gl.constexpr, SUMS: gl.constexpr,
    ROW_SUMS: gl.constexpr, PARTS: gl.constexpr,
):  # fmt: skip
    across = outputs // (COLS + TAIL)
    down = gl.cdiv(clip_rows, ROWS)
    tiles = clips * across * down
    steps = inputs // DEPTH
    a_bufs = gl.allocate_shared_memory(a.dtype, [STAGES] + a.block_type.shape, a.layout)
    w_bufs = gl.allocate_shared_memory(w.dtype, [STAGES] + w.block_type.shape, w.layout)
    out_bufs = gl.allocate_shared_memory(out.dtype, [2] + out.block_type.shape, out.layout)
    if TAIL:
        tail_bufs = gl.allocate_shared_memory(w.dtype, [STAGES] + w_tail.block_type.shape, w_tail.layout)
        out_tail_bufs = gl.allocate_shared_memory(out.dtype, [2] + out_tail.block_type.shape, out_tail.layout)
    else:
        tail_bufs = w_bufs
        out_tail_bufs = out_bufs
    loaded = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    free = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    residual_loaded = gl.allocate_shared_memory(gl.int64, [2, 1], mbarrier.MBarrierLayout())
    out_free = gl.allocate_shared_memory(gl.int64, [2, 1], mbarrier.MBarrierLayout())
    turn = gl.allocate_shared_memory(gl.int64, [2, 1], mbarrier.MBarrierLayout())
    for i in gl.static_range(STAGES):
        mbarrier.init(loaded.index(i), count=1)
        mbarrier.init(free.index(i), count=1)
    for i in gl.static_range(2):
        mbarrier.init(residual_loaded.index(i), count=1)
        mbarrier.init(out_free.index(i), count=1)
        mbarrier.init(turn.index(i), count=1)
    gl.warp_specialize([
        (_multiply, (
            0, out, out_tail, bias, offset, sums, eps, a_bufs, w_bufs, tail_bufs, out_bufs, out_tail_bufs, loaded, free,
            residual_loaded, out_free, turn, tiles, across, down, steps, clip_rows, inputs, outputs, pixels, channels,
            ROWS, COLS, TAIL, DEPTH, STAGES, TAPS, GEGLU, RESIDUAL, SUMS, ROW_SUMS, PARTS,
        )),
        (_multiply, (
            1, out, out_tail, bias, offset, sums, eps, a_bufs, w_bufs, tail_bufs, out_bufs, out_tail_bufs, loaded, free,
            residual_loaded, out_free, turn, tiles, across, down, steps, clip_rows, inputs, outputs, pixels, channels,
            ROWS, COLS, TAIL, DEPTH, STAGES, TAPS, GEGLU, RESIDUAL, SUMS, ROW_SUMS, PARTS,
        )),
        (_load, (
            a, w, w_tail, residual, residual_tail, a_bufs, w_bufs, tail_bufs, out_bufs, out_tail_bufs, loaded, free,
            residual_loaded, out_free, tiles, across, down, steps, clip_rows, pixels, channels,
            ROWS, COLS, TAIL, DEPTH, STAGES, TAPS, RESIDUAL,
        )),
    ], [4, 1], [240, 24])  # fmt: skip


def covers(outputs: int) -> bool:
    """Return whether `outputs` columns are made of whole tiles."""
    return outputs % COLUMNS == 0 or outputs % (COLUMNS + TAIL) == 0


def tile_width(outputs: int) -> int:
    """Return how many of `outputs` columns a tile has."""
    return COLUMNS if outputs % COLUMNS == 0 else COLUMNS + TAIL


def multiply(
    a: Tensor, weight: Tensor, out: Tensor, bias: Tensor, *, residual: Tensor | None = None,
    sums: Tensor | None = None, pixels: int = 1, geglu: bool = False, row_sums: Tensor | None = None,
    normed_by: Tensor | None = None, offset: Tensor | None = None, eps: float = 0.0,
) -> None:  # fmt: skip
    """Multiply `a` (clips, rows, C) by `weight` (N, taps C), to `out` (clips, rows, N), half as many columns for GEGLU.

    `bias` (N,) is added with GEGLU, with `residual` (as `out`) and with `normed_by`. `sums` (clips * rows / ROWS, 2, N)
    in fp32 gets each tile's sums of columns and of their squares. `pixels` is a picture's number of rows, for taps.
    `row_sums` gets the sums of the rows of `out + bias` and of their squares; then `bias` is not added to `out`. With
    `normed_by`, such sums of `a` and what is added to it, the product plus `offset` (N,) is divided by their standard
    deviation, with `eps`, before `bias` is added. Both are (parts, 2, rows), in fp32, for one clip of whole tiles.
    One of `sums`, `row_sums` and `normed_by` may be given. C must be a multiple of DEPTH, `covers` hold for N (for
    GEGLU, N be a multiple of COLUMNS), and rows be aligned to 16 bytes: nothing of that is checked.
    """
    clips, rows, channels = a.shape
    outputs, inputs = weight.shape
    width = tile_width(outputs)
    tail = width - COLUMNS
    stages = (TAIL_STAGES if tail else STAGES) - (sums is not None)
    narrow = tail or TAIL
    out_blocks = blocks(out, [1, ROWS, COLUMNS // 2 if geglu else COLUMNS])
    out_tail = blocks(out, [1, ROWS, narrow])
    added = (out_blocks, out_tail)
    if residual is not None:
        added = (blocks(residual, [1, ROWS, COLUMNS]), blocks(residual, [1, ROWS, narrow]))
    kept = next(filter(lambda each: each is not None, (sums, row_sums, normed_by)), bias)
    tiles = clips * (outputs // width) * cdiv(rows, ROWS)
    _product[(programs(tiles),)](
        blocks(a, [1, ROWS, DEPTH]), blocks(weight, [COLUMNS, DEPTH]), blocks(weight, [narrow, DEPTH]),
        out_blocks, out_tail, *added, bias, bias if offset is None else offset, kept, eps,
        clips, rows, inputs, outputs, pixels, channels,
        ROWS=ROWS, COLS=COLUMNS, TAIL=tail, DEPTH=DEPTH, STAGES=GEGLU_STAGES if geglu else stages,
        TAPS=inputs // channels, GEGLU=geglu, RESIDUAL=residual is not None, SUMS=sums is not None,
        ROW_SUMS=row_sums is not None, PARTS=0 if normed_by is None else normed_by.shape[0], num_warps=4,
        maxnreg=REGISTERS,
    )  # fmt: skip
