"""The end of a tile of a product: what is done to it before it is stored, and the sums of its rows for a LayerNorm."""

from __future__ import annotations

from triton.experimental import gluon
from triton.experimental.gluon import language as gl

from unstill_engine.renderers.i2vgen_xl.kernels.geglu import gelu


@gluon.jit
def finish(
    total, column, buffer, bias, offset, sums, part, outputs, factor,
    ROWS: gl.constexpr, COLS: gl.constexpr, GEGLU: gl.constexpr, RESIDUAL: gl.constexpr, SUMS: gl.constexpr,
    ROW_SUMS: gl.constexpr, PARTS: gl.constexpr,
):  # fmt: skip
    """Finish the product `total` (ROWS, COLS), write it to `buffer` and return it as it is stored.

    With PARTS `offset` is added and each row multiplied by its `factor`; then come `bias`, GEGLU or the residual that
    was loaded into `buffer`. With SUMS the sums of the columns and of their squares go to `sums`, from `part` on.
    """
    layout: gl.constexpr = total.type.layout
    place = column + gl.arange(0, COLS, layout=gl.SliceLayout(0, layout))
    if PARTS:
        total += gl.load(offset + place)[None, :]
        total *= gl.convert_layout(factor, gl.SliceLayout(1, layout), assert_trivial=True)[:, None]
    if GEGLU or PARTS or (RESIDUAL and not ROW_SUMS):  # with ROW_SUMS `bias` is what the next norm adds, not this
        total += gl.load(bias + place).to(gl.float32)[None, :]
    if GEGLU:
        value, gate = gl.split(total.reshape([ROWS, COLS // 2, 2]))
        rounded = (value * gelu(gate, True)).to(buffer.dtype)
        buffer.reshape([ROWS, COLS // 2]).store(rounded)
    else:
        flat = buffer.reshape([ROWS, COLS])
        if RESIDUAL:
            total += flat.load(layout).to(gl.float32)
        rounded = total.to(buffer.dtype)
        flat.store(rounded)
        if SUMS:
            value = rounded.to(gl.float32)
            gl.store(sums + part + place, gl.sum(value, 0))
            gl.store(sums + part + outputs + place, gl.sum(value * value, 0))
    return rounded


@gluon.jit
def sum_rows(rounded, before):
    """Return the sums and the sums of squares of the rows of `rounded` plus what `before` points to."""
    COLS: gl.constexpr = rounded.shape[1]
    place = gl.arange(0, COLS, layout=gl.SliceLayout(0, rounded.type.layout))
    value = rounded.to(gl.float32) + gl.load(before + place).to(gl.float32)[None, :]
    return gl.sum(value, 1), gl.sum(value * value, 1)


@gluon.jit
def read_sums(sums, row, rows, layout: gl.constexpr, ROWS: gl.constexpr, PARTS: gl.constexpr):
    """Load the `sums` (PARTS, 2, rows) of a tile's rows: a tuple of the sum and the sum of squares of each part."""
    place = sums + row + gl.arange(0, ROWS, layout=gl.SliceLayout(1, layout))
    read = (gl.load(place), gl.load(place + rows))
    for part in gl.static_range(1, PARTS):
        read += (gl.load(place + 2 * part * rows), gl.load(place + (2 * part + 1) * rows))  # type: ignore[assignment]
    return read


@gluon.jit
def row_factor(read, inputs, eps, PARTS: gl.constexpr):
    """Return the reciprocal of each row's standard deviation over `inputs` columns, from what `read_sums` returned."""
    total = read[0]
    squares = read[1]
    for part in gl.static_range(1, PARTS):
        total += read[2 * part]
        squares += read[2 * part + 1]
    mean = total / inputs
    return gl.rsqrt(gl.maximum(squares / inputs - mean * mean, 0.0) + eps)
