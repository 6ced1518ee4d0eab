"""The temporal convolution with its GroupNorm and SiLU inside: what it multiplies is never written to memory.

A tile is sixteen frames of eight pixels, by 320 columns; each of two groups of warps has eight of the frames, and all
the columns. A third group, of two warps, normalises what was loaded, in place. The swizzle of shared memory repeats
after eight rows, and a frame has eight: so a tap is a view that begins one frame later, and all three read one copy.
The three groups meet by barriers: a chunk is `raw` when it was loaded, `ready` when it is normalised and `used` when
both groups multiplied it; the weights of a tap are `loaded`, and `free` when both did.
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

from unstill_engine.renderers.i2vgen_xl.kernels.hopper.tiles import DEPTH, REGISTERS, blocks, multiprocessors

FRAMES, PIXELS = 16, 8
"""Frames and pixels of a tile. A chunk of it is DEPTH channels of these, and of one frame before and one after: 18."""
COLUMNS, TAIL = 256, 64
"""A tile's columns are those of two products, as an instruction has 256 at most."""
WIDTH = COLUMNS + TAIL
"""Columns of a tile."""
CHUNKS, TAPS = 4, 3
"""Chunks that may be under way, and frames that are summed up; the weights of each tap have one buffer."""
_barrier = gl.barrier if hasattr(gl, "barrier") else gl.thread_barrier
"""Its name depends on Triton's version."""


@gluon.jit
def _rows(chunks, frame, ROWS: gl.constexpr, layout: gl.constexpr):
    """View `ROWS` rows, eight of each frame, from a frame on that counts from the first chunk's first."""
    return chunks.index(frame)._reinterpret(chunks.dtype, [ROWS, 64], layout)


@gluon.jit
def _halves(x, ROWS: gl.constexpr, COLS: gl.constexpr):
    return gl.split(gl.permute(x.reshape([ROWS, 2, COLS // 2]), [0, 2, 1]))


@gluon.jit
def _settle(rows, scale, shift, layout: gl.constexpr):
    """Have silu(x * scale + shift) take the place of `rows`."""
    value = rows.load(layout).to(gl.float32) * scale[None, :] + shift[None, :]
    # x / (1 + exp(-x)), 0fBFB8AA3B being -log2(e) and 0f3F800000 one: a quotient that is rounded correctly takes
    # several times as long, and what is stored has 8 bits
    silu = gl.inline_asm_elementwise(
        """
        {
            .reg .f32 t;
            mul.f32 t, $1, 0fBFB8AA3B;
            ex2.approx.ftz.f32 t, t;
            add.f32 t, t, 0f3F800000;
            rcp.approx.ftz.f32 t, t;
            mul.f32 $0, $1, t;
        }
        """,
        "=f,f",
        [value],
        dtype=gl.float32,
        is_pure=True,
        pack=1,
    )
    rows.store(silu.to(rows.dtype))


@gluon.jit
def _normalise(
    chunks, raw, ready, moments, channel, apart, before, after, first, stride, tiles, steps, CHUNKS: gl.constexpr,
    HALO: gl.constexpr, flat: gl.constexpr,
):  # fmt: skip
    layout: gl.constexpr = gl.BlockedLayout([1, 8], [4, 8], [2, 1], [1, 0])
    index = 0
    for _tile in range(first, tiles, stride):
        for step in range(steps):
            stage = index % CHUNKS
            place = moments + (channel + 64 * step) + gl.arange(0, 64, layout=gl.SliceLayout(0, layout))
            scale, shift = gl.load(place), gl.load(place + apart)
            mbarrier.wait(raw.index(stage), index // CHUNKS & 1)
            for i in gl.static_range(2):
                _settle(_rows(chunks, stage * 18 + 1 + 8 * i, 64, flat), scale, shift, layout)
            if HALO:
                # beyond the clip's ends there are zeros, and those stay
                if before:
                    _settle(_rows(chunks, stage * 18, 8, flat), scale, shift, layout)
                if after:
                    _settle(_rows(chunks, stage * 18 + 17, 8, flat), scale, shift, layout)
            fence_async_shared()
            _barrier()
            mbarrier.arrive(ready.index(stage), count=1)
            index += 1


@gluon.jit
def _multiply(
    who: gl.constexpr, out, sums, chunks, w_bufs, tail_bufs, out_bufs, ready, used, loaded, free, first, stride, tiles,
    column, steps, outputs, picture, part, CHUNKS: gl.constexpr, TAPS: gl.constexpr, flat: gl.constexpr,
):  # fmt: skip
    wide: gl.constexpr = gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, 256, 16])
    narrow: gl.constexpr = gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, 64, 16])
    # a warp's lanes have two columns each, and sixteen rows: there is nothing to be added up between threads
    deep: gl.constexpr = gl.BlockedLayout([16, 2], [1, 32], [4, 1], [1, 0])
    summed: gl.constexpr = gl.SliceLayout(1, gl.BlockedLayout([1, 16, 2], [1, 1, 32], [4, 1, 1], [2, 1, 0]))
    nothing = gl.zeros([4, 64], gl.float32, summed)
    totals = (nothing, nothing, nothing, nothing, nothing)
    squares = (nothing, nothing, nothing, nothing, nothing)
    chunk = 0
    for tile in range(first, tiles, stride):
        total = gl.zeros([64, 256], gl.float32, wide)
        total_tail = gl.zeros([64, 64], gl.float32, narrow)
        tap = 0
        # counted, and not unrolled: what three taps have in common would be kept in registers that there are not
        for step in range(TAPS * steps):
            mbarrier.wait(ready.index(chunk % CHUNKS), chunk // CHUNKS & 1)
            mbarrier.wait(loaded.index(tap), chunk & 1)
            a = _rows(chunks, chunk % CHUNKS * 18 + 8 * who + tap, 64, flat)
            total = warpgroup_mma(a, w_bufs.index(tap).permute((1, 0)), total, use_acc=step > 0, is_async=True)
            total_tail = warpgroup_mma(
                a, tail_bufs.index(tap).permute((1, 0)), total_tail, use_acc=step > 0, is_async=True
            )
            total, total_tail = warpgroup_mma_wait(2, deps=(total, total_tail))
            # the tap before this one is done
            mbarrier.arrive(free.index(gl.where(tap == 0, TAPS - 1, tap - 1)), count=1, pred=step > 0)
            mbarrier.arrive(used.index((chunk + CHUNKS - 1) % CHUNKS), count=1, pred=(step > 0) & (tap == 0))
            chunk += tap // (TAPS - 1)
            tap = gl.where(tap == TAPS - 1, 0, tap + 1)
        total, total_tail = warpgroup_mma_wait(0, deps=(total, total_tail))
        mbarrier.arrive(free.index(TAPS - 1), count=1)
        mbarrier.arrive(used.index((chunk - 1) % CHUNKS), count=1)
        left, right = _halves(total, 64, 256)
        parts = _halves(left, 64, 128) + _halves(right, 64, 128) + (total_tail,)
        # one after the other, as there are registers for little more than the sums
        for i in gl.static_range(5):
            buffer = out_bufs.index(2 * who + i % 2)
            tile_rows = buffer.reshape([64, 64])
            rounded = gl.convert_layout(parts[i], narrow).to(gl.bfloat16)
            # the fifth took the buffer that the next tile's first takes
            tma.store_wait(1 if i > 0 else 0)
            tile_rows.store(rounded)
            fence_async_shared()
            tma.async_copy_shared_to_global(out, [picture, 8 * tile, column + 64 * i], buffer)
            value = tile_rows.load(deep).to(gl.float32).reshape([4, 16, 64])
            # the tuples turn by one, so that after all five each is where it was
            totals = totals[1:] + (totals[0] + gl.sum(value, 1),)
            squares = squares[1:] + (squares[0] + gl.sum(value * value, 1),)
    for i in gl.static_range(5):
        place = column + 64 * i + gl.arange(0, 64, layout=gl.SliceLayout(0, summed))
        gl.store(sums + part * outputs + place, gl.sum(totals[i], 0))
        gl.store(sums + (part + 1) * outputs + place, gl.sum(squares[i], 0))
    tma.store_wait(0)


@gluon.jit
def _load(
    x, x_ends, w, w_tail, chunks, w_bufs, tail_bufs, raw, used, loaded, free, first, stride, tiles, column, steps,
    channels, clip, frame, CHUNKS: gl.constexpr, TAPS: gl.constexpr,
):  # fmt: skip
    count = gl.cdiv(tiles - first, stride) * steps
    # a chunk is asked for ahead of the weights for the one before it, as it is to be normalised first
    for chunk in range(count + 1):
        if chunk < count:
            tile = first + chunk // steps * stride
            channel = chunk % steps * 64
            stage = chunk % CHUNKS
            bar = raw.index(stage)
            mbarrier.wait(used.index(stage), (chunk // CHUNKS & 1) ^ 1)
            mbarrier.expect(bar, x.block_type.nbytes + x_ends.block_type.nbytes)
            # the frame before and fifteen of the tile, then its last and the one after; zeros beyond the clip's ends
            most = chunks.index(stage * 18)._reinterpret(x.dtype, [1, 16, 8, 64], x.layout)
            ends = chunks.index(stage * 18 + 16)._reinterpret(x.dtype, [1, 2, 8, 64], x_ends.layout)
            tma.async_copy_global_to_shared(x, [clip, frame - 1, 8 * tile, channel], bar, most)
            tma.async_copy_global_to_shared(x_ends, [clip, frame + 15, 8 * tile, channel], bar, ends)
        if chunk > 0:
            for tap in gl.static_range(TAPS):
                depth = tap * channels + (chunk - 1) % steps * 64
                bar = loaded.index(tap)
                mbarrier.wait(free.index(tap), chunk & 1)  # of the use chunk - 1
                mbarrier.expect(bar, w.block_type.nbytes + w_tail.block_type.nbytes)
                tma.async_copy_global_to_shared(w, [column, depth], bar, w_bufs.index(tap))
                tma.async_copy_global_to_shared(w_tail, [column + 256, depth], bar, tail_bufs.index(tap))


@gluon.jit(do_not_specialize=["clips", "per_clip", "tiles", "stride"])
def _temporal(
    x, x_ends, w, w_tail, out, moments, sums, clips, per_clip, tiles, stride, channels, outputs,
    CHUNKS: gl.constexpr, TAPS: gl.constexpr, HALO: gl.constexpr,
):  # fmt: skip
    flat: gl.constexpr = gl.NVMMASharedLayout(swizzle_byte_width=128, element_bitwidth=16, rank=2)
    # a program has tiles of the same frames and columns, so that it can add up their sums, and stores them once
    across = outputs // 320
    teams = clips * per_clip * across
    team = gl.program_id(0) % teams
    first = gl.program_id(0) // teams
    block = team // across
    clip = block // per_clip
    frame = block % per_clip * 16
    picture = block * 16
    column = team % across * 320
    steps = channels // 64
    part = (block * stride + first) * 4
    chunks = gl.allocate_shared_memory(x.dtype, [CHUNKS * 18, 8, 64], flat)
    w_bufs = gl.allocate_shared_memory(w.dtype, [TAPS] + w.block_type.shape, w.layout)
    tail_bufs = gl.allocate_shared_memory(w.dtype, [TAPS] + w_tail.block_type.shape, w_tail.layout)
    out_bufs = gl.allocate_shared_memory(out.dtype, [4] + out.block_type.shape, out.layout)
    raw = gl.allocate_shared_memory(gl.int64, [CHUNKS, 1], mbarrier.MBarrierLayout())
    ready = gl.allocate_shared_memory(gl.int64, [CHUNKS, 1], mbarrier.MBarrierLayout())
    used = gl.allocate_shared_memory(gl.int64, [CHUNKS, 1], mbarrier.MBarrierLayout())
    loaded = gl.allocate_shared_memory(gl.int64, [TAPS, 1], mbarrier.MBarrierLayout())
    free = gl.allocate_shared_memory(gl.int64, [TAPS, 1], mbarrier.MBarrierLayout())
    for i in gl.static_range(CHUNKS):
        mbarrier.init(raw.index(i), count=1)
        mbarrier.init(ready.index(i), count=1)
        mbarrier.init(used.index(i), count=2)
    for i in gl.static_range(TAPS):
        mbarrier.init(loaded.index(i), count=1)
        mbarrier.init(free.index(i), count=2)
    gl.warp_specialize([
        (_multiply, (
            0, out, sums, chunks, w_bufs, tail_bufs, out_bufs, ready, used, loaded, free, first, stride, tiles, column,
            steps, outputs, picture, part, CHUNKS, TAPS, flat,
        )),
        (_multiply, (
            1, out, sums, chunks, w_bufs, tail_bufs, out_bufs, ready, used, loaded, free, first, stride, tiles, column,
            steps, outputs, picture + 8, part + 2, CHUNKS, TAPS, flat,
        )),
        (_normalise, (
            chunks, raw, ready, moments, clip * channels, clips * channels, frame > 0,
            frame < per_clip * 16 - 16, first, stride, tiles, steps, CHUNKS, HALO, flat,
        )),
        (_load, (
            x, x_ends, w, w_tail, chunks, w_bufs, tail_bufs, raw, used, loaded, free, first, stride, tiles, column,
            steps, channels, clip, frame, CHUNKS, TAPS,
        )),
    ], [4, 2, 1], [216, 72, 72])  # fmt: skip


def programs_of(teams: int, tiles: int) -> int:
    """Return how many programs share the tiles of each team: those of the same frames and block of columns."""
    return min(tiles, max(1, multiprocessors() // teams))


def fits(x: Tensor, weight: Tensor, frames: int) -> bool:
    """Return whether `x` (N, H, W, C), clips of `frames`, and `weight` (Co, 3 C) are made of whole tiles."""
    _, height, width, channels = x.shape
    whole = frames % FRAMES == 0 and height * width % PIXELS == 0
    return whole and channels % DEPTH == 0 and weight.shape[0] % WIDTH == 0


def temporal_normalised(x: Tensor, scale_shift: Tensor, weight: Tensor, frames: int) -> tuple[Tensor, Tensor]:
    """Convolve silu(`x` * scale + shift) over three frames by `weight` (Co, 3 C), to (N, H, W, Co) and its sums.

    `x` is (N, H, W, C), `scale_shift` (2, N / frames, C) fp32; no bias is added. The sums (N / frames, S, 2, Co) fp32
    are of clips, not of pictures, and of what was rounded. `fits` must hold.
    """
    n, height, width, channels = x.shape
    outputs, clips, pixels = weight.shape[0], n // frames, height * width
    teams, tiles = n // FRAMES * (outputs // WIDTH), pixels // PIXELS
    shared = programs_of(teams, tiles)
    out = x.new_empty(n, height, width, outputs)
    sums = torch.empty(clips, frames // FRAMES * shared * 2, 2, outputs, device=x.device, dtype=torch.float32)
    whole = x.view(clips, frames, pixels, channels)
    _temporal[(teams * shared,)](
        blocks(whole, [1, FRAMES, PIXELS, DEPTH]), blocks(whole, [1, 2, PIXELS, DEPTH]),
        blocks(weight, [COLUMNS, DEPTH]), blocks(weight, [TAIL, DEPTH]),
        blocks(out.view(n, pixels, outputs), [FRAMES // 2, PIXELS, 64]), scale_shift, sums,
        clips, frames // FRAMES, tiles, shared, channels, outputs,
        CHUNKS=CHUNKS, TAPS=TAPS, HALO=frames > FRAMES, num_warps=4, maxnreg=REGISTERS,
    )  # fmt: skip
    return out, sums
