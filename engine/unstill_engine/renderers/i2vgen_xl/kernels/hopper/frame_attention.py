"""LayerNorm, queries, keys and values, and each pixel's attention over its 16 frames: one kernel, and one pass.

A tile is 8 pixels. Each of two groups of warps keeps the normed rows of four of them in registers, multiplies them by
one head's part of the matrix after the other, and attends: a warp has the 16 rows of one pixel, and needs no other's.
The groups take turns at the matrix units, so that one attends while the other multiplies.
"""

from __future__ import annotations

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

from unstill_engine.renderers.i2vgen_xl.kernels.hopper import frame_attention_ptx
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.tiles import DEPTH, REGISTERS, blocks, programs
from unstill_engine.renderers.i2vgen_xl.weights import NormedLinear

FRAMES = 16
"""Frames that a pixel attends over: as many as the rows of a warp's part of a product."""
PIXELS = 8
"""Pixels of a tile."""
CHANNELS = 320
"""As many as can be kept in registers: five loads of DEPTH, as written out below."""
DIM = frame_attention_ptx.DIM
"""Channels of a head."""
STAGES = CHANNELS // DEPTH
"""Loads of one head's part of the matrix. All have a place, as the second group begins with the first of them when the
first group is done with the last."""
_ATTEND = gl.constexpr(frame_attention_ptx.PTX)
_CONSTRAINTS = gl.constexpr(frame_attention_ptx.CONSTRAINTS)


@gluon.jit
def _columns(vector, column, layout: gl.constexpr):
    return gl.load(vector + column + gl.arange(0, 64, layout=gl.SliceLayout(0, layout))).to(gl.float32)[None, :]


@gluon.jit
def _raw(x, i: gl.constexpr, before, layout: gl.constexpr):
    return x.reshape([64, 64]).load(layout).to(gl.float32) + _columns(before, 64 * i, layout)


@gluon.jit
def _normed(value, factor):
    operand: gl.constexpr = gl.DotOperandLayout(operand_index=0, parent=value.type.layout, k_width=2)
    return gl.convert_layout((value * factor[:, None]).to(gl.bfloat16), operand)


@gluon.jit
def _centred(a, b, c, d, e):
    mean = (gl.sum(((a + b) + (c + d)) + e, 1) / 320)[:, None]
    return a - mean, b - mean, c - mean, d - mean, e - mean


@gluon.jit
def _accumulate(a, w, w_value, total, total_value, step: gl.constexpr, layout: gl.constexpr):
    """Add the product of 64 channels to queries and keys, and to values, once it is done."""
    operand: gl.constexpr = gl.DotOperandLayout(operand_index=0, parent=layout, k_width=2)
    w = w.reshape([128, 64]).permute((1, 0))
    total = warpgroup_mma(gl.convert_layout(a, operand), w, total, use_acc=step > 0, is_async=True)
    w_value = w_value.reshape([64, 64]).permute((1, 0))
    return total, warpgroup_mma(a, w_value, total_value, use_acc=step > 0, is_async=True)


@gluon.jit
def _biased(part, bias, column, layout: gl.constexpr):
    return (gl.convert_layout(part, layout) + _columns(bias, column, layout)).to(gl.bfloat16)


@gluon.jit
def _multiply(
    who: gl.constexpr, out, before, bias, x_bufs, w_bufs, value_bufs, out_bufs,
    x_loaded, x_free, loaded, free, turn, tiles, across, heads, eps,
    STAGES: gl.constexpr,
):  # fmt: skip
    wide: gl.constexpr = gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, 128, 16])
    layout: gl.constexpr = gl.NVMMADistributedLayout(version=[3, 0], warps_per_cta=[4, 1], instr_shape=[16, 64, 16])
    buffer = out_bufs.index(who)
    product = 0
    count = 0
    for tile in range(gl.program_id(0), tiles, gl.num_programs(0)):
        mbarrier.wait(x_loaded.index(who), count & 1)
        a = _raw(x_bufs.index(5 * who + 0), 0, before, layout)
        b = _raw(x_bufs.index(5 * who + 1), 1, before, layout)
        c = _raw(x_bufs.index(5 * who + 2), 2, before, layout)
        d = _raw(x_bufs.index(5 * who + 3), 3, before, layout)
        e = _raw(x_bufs.index(5 * who + 4), 4, before, layout)
        mbarrier.arrive(x_free.index(who), count=1)
        count += 1
        # the variance of centred values: they lie in registers, so a second look at them costs little
        a, b, c, d, e = _centred(a, b, c, d, e)
        square = gl.sum(((a * a + b * b) + (c * c + d * d)) + e * e, 1)
        factor = 1.0 / gl.sqrt(square / 320 + eps)
        rows = (_normed(a, factor), _normed(b, factor), _normed(c, factor), _normed(d, factor), _normed(e, factor))
        for head in range(heads):
            total = gl.zeros([64, 128], gl.float32, wide)
            total_value = gl.zeros([64, 64], gl.float32, layout)
            mbarrier.wait(turn.index(who), (product & 1) ^ (1 - who))
            for step in gl.static_range(5):
                index = 5 * product + step
                stage = index % STAGES
                mbarrier.wait(loaded.index(stage), index // STAGES & 1)
                total, total_value = _accumulate(
                    rows[step], w_bufs.index(stage), value_bufs.index(stage), total, total_value, step, wide
                )
                if step > 0:
                    total, total_value = warpgroup_mma_wait(2, deps=(total, total_value))
                    mbarrier.arrive(free.index((index + STAGES - 1) % STAGES), count=1)
            mbarrier.arrive(turn.index(1 - who), count=1)
            total, total_value = warpgroup_mma_wait(0, deps=(total, total_value))
            product += 1
            mbarrier.arrive(free.index((5 * product - 1) % STAGES), count=1)
            query, key = gl.split(gl.permute(total.reshape([64, 2, 64]), [0, 2, 1]))
            column = 64 * head
            query = _biased(query, bias, column, layout)
            # what the keys' bias adds is the same for all of a query's scores, and changes no probability
            key = gl.convert_layout(key, layout).to(gl.bfloat16)
            value = _biased(total_value, bias, 640 + column, layout)
            mixed = gl.inline_asm_elementwise(
                _ATTEND, _CONSTRAINTS, [query, key, value], dtype=gl.bfloat16, is_pure=False, pack=32
            )
            tma.store_wait(0)
            buffer.reshape([64, 64]).store(mixed)
            fence_async_shared()
            tma.async_copy_shared_to_global(out, [tile // across, tile % across * 8 + 4 * who, 0, column], buffer)
    tma.store_wait(0)


@gluon.jit
def _load_rows(x, x_bufs, x_loaded, x_free, tile, count, across):
    for who in gl.static_range(2):
        bar = x_loaded.index(who)
        mbarrier.wait(x_free.index(who), (count & 1) ^ 1)
        mbarrier.expect(bar, 5 * x.block_type.nbytes)
        for i in gl.static_range(5):
            place = [tile // across, tile % across * 8 + 4 * who, 0, 64 * i]
            tma.async_copy_global_to_shared(x, place, bar, x_bufs.index(5 * who + i))


@gluon.jit
def _load(
    x, w, w_value, x_bufs, w_bufs, value_bufs, x_loaded, x_free, loaded, free, tiles, across, heads,
    STAGES: gl.constexpr,
):  # fmt: skip
    index = 0
    count = 0
    _load_rows(x, x_bufs, x_loaded, x_free, gl.program_id(0), 0, across)
    for tile in range(gl.program_id(0), tiles, gl.num_programs(0)):
        count += 1
        for head in range(heads):
            for step in gl.static_range(5):
                stage = index % STAGES
                bar = loaded.index(stage)
                mbarrier.wait(free.index(stage), (index // STAGES & 1) ^ 1)
                mbarrier.expect(bar, w.block_type.nbytes + w_value.block_type.nbytes)
                tma.async_copy_global_to_shared(w, [0, 64 * head, 64 * step], bar, w_bufs.index(stage))
                tma.async_copy_global_to_shared(w_value, [2, 64 * head, 64 * step], bar, value_bufs.index(stage))
                index += 1
            # the next tile's rows take the place of this one's, which both groups have in registers by then
            if head == 1 and tile + gl.num_programs(0) < tiles:
                _load_rows(x, x_bufs, x_loaded, x_free, tile + gl.num_programs(0), count, across)


@gluon.jit(do_not_specialize=["tiles", "across"])
def _frame_attention(
    x, w, w_value, out, before, bias, tiles, across, heads, eps,
    STAGES: gl.constexpr,
):  # fmt: skip
    x_bufs = gl.allocate_shared_memory(x.dtype, [10] + x.block_type.shape, x.layout)
    w_bufs = gl.allocate_shared_memory(w.dtype, [STAGES] + w.block_type.shape, w.layout)
    value_bufs = gl.allocate_shared_memory(w.dtype, [STAGES] + w_value.block_type.shape, w_value.layout)
    out_bufs = gl.allocate_shared_memory(out.dtype, [2] + out.block_type.shape, out.layout)
    x_loaded = gl.allocate_shared_memory(gl.int64, [2, 1], mbarrier.MBarrierLayout())
    x_free = gl.allocate_shared_memory(gl.int64, [2, 1], mbarrier.MBarrierLayout())
    turn = gl.allocate_shared_memory(gl.int64, [2, 1], mbarrier.MBarrierLayout())
    loaded = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    free = gl.allocate_shared_memory(gl.int64, [STAGES, 1], mbarrier.MBarrierLayout())
    for i in gl.static_range(2):
        mbarrier.init(x_loaded.index(i), count=1)
        mbarrier.init(x_free.index(i), count=1)
        mbarrier.init(turn.index(i), count=1)
    for i in gl.static_range(STAGES):
        mbarrier.init(loaded.index(i), count=1)
        mbarrier.init(free.index(i), count=2)  # both groups read each load
    gl.warp_specialize([
        (_multiply, (
            0, out, before, bias, x_bufs, w_bufs, value_bufs, out_bufs, x_loaded, x_free, loaded, free,
            turn, tiles, across, heads, eps, STAGES,
        )),
        (_multiply, (
            1, out, before, bias, x_bufs, w_bufs, value_bufs, out_bufs, x_loaded, x_free, loaded, free,
            turn, tiles, across, heads, eps, STAGES,
        )),
        (_load, (
            x, w, w_value, x_bufs, w_bufs, value_bufs, x_loaded, x_free, loaded, free, tiles, across, heads, STAGES,
        )),
    ], [4, 1], [240, 24])  # fmt: skip


def attends(rows: Tensor, weight: Tensor, frames: int, pixels: int, heads: int) -> bool:
    """Return whether `frame_attention` computes this: 16 frames of 320 channels in heads of 64, in whole tiles.

    `rows` are (M, C), and `weight` (3 C, C) makes queries, keys and values of them.
    """
    whole = frames == FRAMES and pixels % PIXELS == 0 and len(rows) % (frames * pixels) == 0
    return whole and rows.shape[1] == CHANNELS == heads * DIM and weight.shape == (3 * CHANNELS, CHANNELS)


def frame_attention(rows: Tensor, layer: NormedLinear, pixels: int) -> Tensor:
    """Return each pixel's self-attention over its 16 frames (M, 320): of what `layer` makes of LayerNorm of `rows`.

    `rows` (M, 320) are (clip, frame, pixel) in that order, with `pixels` of a picture; they may stand apart, those of
    the result do not. `layer` makes queries, keys and values (M, 960); `attends` must hold.
    """
    count, channels = rows.shape
    out = rows.new_empty(count, channels)
    clips = count // (FRAMES * pixels)
    half = [1, PIXELS // 2, FRAMES, DEPTH]

    def by_pixel(tensor: Tensor) -> Tensor:
        size, stride = (clips, pixels, FRAMES, channels), tensor.stride(0)
        return tensor.as_strided(size, (FRAMES * pixels * stride, stride, pixels * stride, 1))

    parts = layer.weight.view(3, channels, channels)
    tiles = count // (FRAMES * PIXELS)
    _frame_attention[(programs(tiles),)](
        blocks(by_pixel(rows), half), blocks(parts, [2, DIM, DEPTH]), blocks(parts, [1, DIM, DEPTH]),
        blocks(by_pixel(out), half), layer.before, layer.bias, tiles, pixels // PIXELS, channels // DIM, layer.eps,
        STAGES=STAGES, num_warps=4, maxnreg=REGISTERS,
    )  # fmt: skip
    return out
