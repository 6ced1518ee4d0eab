"""The backend for compute capability 9.0: products in Gluon where a device's multiprocessors are kept busy by them."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from unstill_engine.renderers.i2vgen_xl.kernels.hopper.pingpong import (
    COLUMNS,
    covers,
    geglu_pingpong,
    temporal_pingpong,
)
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.temporal_norm import WIDTH, fits, temporal_normalised
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.tiles import DEPTH, ROWS, multiprocessors
from unstill_engine.renderers.i2vgen_xl.ops import Field
from unstill_engine.renderers.i2vgen_xl.triton_ops import TritonOps
from unstill_engine.renderers.i2vgen_xl.weights import Linear, TemporalConv


class HopperOps(TritonOps):
    """Computes products by Gluon; what is too small or not made of whole tiles, and all else, as on other cards."""

    def temporal_conv(self, field: Field, conv: TemporalConv, frames: int, residual: Tensor | None = None) -> Field:
        x, wanted = field.x, self.choices.temporal_norm and self.choices.temporal_conv == "direct"
        tiles = x[..., 0].numel() // ROWS * (conv.weight.shape[0] // WIDTH)
        if not wanted or residual is not None or not _computes(x) or not fits(x, conv.weight, frames):
            return super().temporal_conv(field, conv, frames, residual)
        if 2 * tiles < multiprocessors():
            return super().temporal_conv(field, conv, frames, residual)
        y, sums = temporal_normalised(x, self._moments([field], conv.norm, frames), conv.weight, frames)
        return Field(y, conv.bias, sums)

    def _temporal_product(
        self, y: Tensor, conv: TemporalConv, frames: int, residual: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        outputs, channels = conv.weight.shape[0], y.shape[-1]
        fits = self.choices.pingpong and covers(outputs) and channels % DEPTH == 0 and _computes(y)
        # one tile at least for each of a multiprocessor's two groups of warps
        tiles = y[..., 0].numel() // ROWS * (outputs // COLUMNS)
        if not fits or tiles < 2 * multiprocessors():
            return super()._temporal_product(y, conv, frames, residual)
        return temporal_pingpong(y, conv.weight, frames, conv.bias, residual)

    def geglu(self, rows: Tensor, gate: Linear, out: Tensor | None = None) -> Tensor:
        outputs, inputs = gate.weight.shape
        wanted = self.choices.pingpong and self.choices.geglu_polynomial and self.choices.geglu_width >= inputs
        if not wanted or outputs % COLUMNS or inputs % DEPTH or not _computes(rows):
            return super().geglu(rows, gate, out)
        if out is None:
            out = rows.new_empty(len(rows), outputs // 2)
        geglu_pingpong(rows, gate.weight, gate.bias, out)
        return out


def _computes(x: Tensor) -> bool:
    return x.dtype == torch.bfloat16


def agrees(device: torch.device) -> bool:
    """Return whether the products in Gluon run here and give what PyTorch gives.

    Gluon is an experiment of Triton's: with another version it may not compile, or not compute the same.
    """
    generator = torch.Generator("cpu").manual_seed(0)

    def made(*shape: int, by: int = 1) -> Tensor:
        drawn: Tensor = torch.randn(*shape, generator=generator) / math.sqrt(by)
        return drawn.to(device, torch.bfloat16)

    def near(found: Tensor, expected: Tensor) -> bool:
        return bool((found.float() - expected.float()).norm() < 0.01 * expected.float().norm())

    try:
        x, residual, bias = made(4, 16, 16, 320), made(4, 16, 16, 320), made(1, 320)
        weight = made(320, 960, by=960)
        padded = F.pad(x.view(2, 2, 256, 320), (0, 0, 0, 0, 1, 1))
        expected = F.linear(torch.cat([padded[:, tap : tap + 2] for tap in range(3)], -1), weight).view(x.shape)
        for added in (None, residual):
            whole = expected if added is None else expected + bias + added
            if not near(temporal_pingpong(x, weight, 2, bias, added)[0], whole):
                return False
        x, scale_shift = made(32, 4, 8, 320), made(2, 2, 320).float()
        y = F.silu(x.view(2, 16, 32, 320) * scale_shift[0][:, None, None] + scale_shift[1][:, None, None])
        padded = F.pad(y.bfloat16(), (0, 0, 0, 0, 1, 1))
        expected = F.linear(torch.cat([padded[:, tap : tap + 16] for tap in range(3)], -1), weight).view(x.shape)
        found, sums = temporal_normalised(x, scale_shift, weight, 16)
        if not near(found, expected) or not near(sums.sum(1)[:, 0], expected.float().view(2, -1, 320).sum(1)):
            return False
        rows, gate, offset = made(256, 320), made(256, 320, by=320), made(256)
        value, gates = F.linear(rows, gate, offset).view(256, 128, 2).unbind(-1)
        out = rows.new_empty(256, 128)
        geglu_pingpong(rows, gate, offset, out)
        return near(out, value * F.gelu(gates))
    except Exception:  # whatever an experiment raises, clips are rendered without it
        return False
