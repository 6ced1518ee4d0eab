"""The products of the fast forward that are multiplied by ping-pong (`pingpong.multiply`), each by its own name."""

from __future__ import annotations

import torch
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl.kernels.hopper.pingpong import multiply, tile_width
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.tiles import ROWS
from unstill_engine.renderers.i2vgen_xl.weights import NormedLinear


def geglu_pingpong(a: Tensor, weight: Tensor, bias: Tensor, out: Tensor) -> None:
    """Multiply `a` (M, K) by interleaved `weight` (2 I, K), add `bias` (2 I,), and write GEGLU of that to `out` (M, I).

    K and I must be multiples of 64, and rows aligned to 16 bytes.
    """
    multiply(a[None], weight, out[None], bias, geglu=True)


def temporal_pingpong(
    y: Tensor, weight: Tensor, frames: int, bias: Tensor, residual: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Convolve `y` (N, H, W, C) over three frames by `weight` (Co, 3 C), to (N, H, W, Co) and its sums.

    `bias` (1, Co) is added only together with a `residual` (N, H, W, Co). The sums (N, S, 2, Co), for GroupNorm, are of
    what is returned, and None where a picture is not made of whole tiles. C must be a multiple of 64, and `covers` hold
    for Co.
    """
    n, height, width, channels = y.shape
    outputs, pixels = weight.shape[0], height * width
    out = y.new_empty(n, height, width, outputs)
    sums = None
    if pixels % ROWS == 0:
        sums = torch.empty(n, pixels // ROWS, 2, outputs, device=y.device, dtype=torch.float32)
    clips = (n // frames, frames * pixels)
    added = None if residual is None else residual.view(*clips, outputs)
    multiply(
        y.view(*clips, channels), weight, out.view(*clips, outputs), bias, residual=added, sums=sums, pixels=pixels
    )
    return out, sums


def summed_pingpong(a: Tensor, weight: Tensor, out: Tensor, before: Tensor, *, add: bool) -> Tensor:
    """Write `a` (M, K) by `weight` (N, K) to `out` (M, N), or add it there, and return sums (parts, 2, M) in fp32.

    They are the sums of the rows of `out + before` and of their squares, a part for each tile's columns; `before` (N,)
    is not added to `out`. M must be a multiple of 128, K one of 64; `covers` must hold for N, and rows be aligned to 16
    bytes.
    """
    outputs = weight.shape[0]
    sums = torch.empty(outputs // tile_width(outputs), 2, len(a), device=a.device, dtype=torch.float32)
    multiply(a[None], weight, out[None], before, residual=out[None] if add else None, row_sums=sums)
    return sums


def normed_pingpong(rows: Tensor, sums: Tensor, layer: NormedLinear, out: Tensor, *, geglu: bool = False) -> None:
    """Write what `layer` makes of `rows` (M, K) to `out` (M, N); with `geglu`, GEGLU of that to `out` (M, N / 2).

    `sums` are what `summed_pingpong` returned for `rows` and the `before` of `layer`. `covers` must hold for N; with
    `geglu` N must be a multiple of 128.
    """
    multiply(
        rows[None], layer.weight, out[None], layer.bias, normed_by=sums, offset=layer.offset, eps=layer.eps, geglu=geglu
    )
