"""Operations of the fast forward at their real shapes, in the ways that PyTorch and Triton have for them.

Winograd's convolution and the kernels in Gluon are not among them: what those are worth is measured by whole steps
(`gpu_steps.VARIANTS`), as a card at its power limit gains less there than by a kernel alone.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

import torch
from tests.bench.gpu_timing import captured_seconds, relative_error
from torch import Tensor
from torch.nn import functional as F
from torch.nn.attention import SDPBackend, sdpa_kernel

from unstill_engine.renderers.i2vgen_xl.kernels.channel_sums import channel_sums, join_phases_sums
from unstill_engine.renderers.i2vgen_xl.kernels.geglu import geglu, geglu_product
from unstill_engine.renderers.i2vgen_xl.kernels.group_norm import normalise
from unstill_engine.renderers.i2vgen_xl.kernels.layer_norm import layer_norm
from unstill_engine.renderers.i2vgen_xl.kernels.temporal_attention import temporal_attention
from unstill_engine.renderers.i2vgen_xl.kernels.temporal_conv import temporal_product
from unstill_engine.renderers.i2vgen_xl.kernels.tiles import Pass, Tile
from unstill_engine.renderers.i2vgen_xl.ops import convolve, unfold_frames

Variant = tuple[str, Callable[[], Any]]
Row = dict[str, Any]

# (pictures, height, width, channels) of a step at 512x512, 16 frames, with guidance
LEVELS = ((32, 64, 64, 320), (32, 32, 32, 640), (32, 16, 16, 1280))
TINY_LEVELS = ((4, 4, 4, 64), (4, 2, 2, 128))
GEGLU_TILES = (Tile(128, 128, 0, 64, 4, 2), Tile(128, 128, 0, 64, 4, 3), Tile(128, 256, 0, 64, 8, 3))
TEMPORAL_TILES = (Tile(128, 128, 32, 64, 4, 3), Tile(128, 256, 64, 64, 8, 4))
TINY_TILES = (Tile(32, 32, 32, 32, 4, 2),)


class Explorer:
    def __init__(self, device: torch.device, dtype: torch.dtype, *, tiny: bool, until: float) -> None:
        self.device, self.dtype, self.tiny, self.until = device, dtype, tiny, until
        self.levels = TINY_LEVELS if tiny else LEVELS
        self.frames = 2 if tiny else 16
        self.rows: list[Row] = []

    def rand(self, *shape: int, scale: float = 1.0) -> Tensor:
        return torch.randn(*shape, device=self.device, dtype=self.dtype) * scale

    def compare(self, op: str, shape: str, work: float, ways: Iterable[Variant], reference: Tensor | None) -> None:
        """Prints a line for each way: milliseconds, TFLOP/s of `work`, relative error against `reference`."""
        for name, call in ways:
            if time.monotonic() > self.until:
                print(f"{op} {shape}: out of time", flush=True)
                return
            row: Row = {"op": op, "shape": shape, "variant": name}
            try:
                out = call()
                if reference is not None and isinstance(out, Tensor) and out.numel() == reference.numel():
                    row["error"] = relative_error(out.reshape(reference.shape), reference)
                del out
                row["ms"] = 1e3 * captured_seconds(call, self.device)
                row["tflops"] = work / row["ms"] * 1e-9
            except Exception as error:  # one way that fails must not end the others
                row["failed"] = f"{type(error).__name__}: {error}".replace("\n", " ")[:160]
                if "CUDA error" in str(error):
                    raise
            self.rows.append(row)
            told = row.get("failed") or f"{row['ms']:8.4f} ms {row['tflops']:7.1f} TF/s  err {row.get('error', 0):.1e}"
            print(f"{op:10} {shape:18} {name:34} {told}", flush=True)

    def run(self, only: set[str]) -> list[Row]:
        for name in ("products", "geglu", "temporal", "norms", "attention", "per_pixel", "upsample"):
            if not only or name in only:
                begin = time.monotonic()
                getattr(self, name)()
                print(f"-- {name}: {time.monotonic() - begin:.0f} s", flush=True)
        return self.rows

    def products(self) -> None:
        for n, h, w, c in self.levels:
            m = n * h * w
            for label, k, out in (("qkv", c, 3 * c), ("out", c, c), ("merged", 5 * c, c)):
                a, weight, rows = self.rand(m, k), self.rand(out, k, scale=k**-0.5), self.rand(m, out)
                ways: list[Variant] = [
                    (label, partial(F.linear, a, weight)),
                    (f"{label} onto rows", partial(rows.addmm_, a, weight.t(), beta=0.5)),
                ]
                self.compare("product", f"{m}x{k}x{out}", 2.0 * m * k * out, ways, None)

    def geglu(self) -> None:
        for n, h, w, c in self.levels:
            m, inner = n * h * w, 4 * c
            a, weight, bias = self.rand(m, c), self.rand(2 * inner, c, scale=c**-0.5), self.rand(2 * inner)
            wide = torch.empty(m, c + inner, device=self.device, dtype=self.dtype)[:, c:]
            both = F.linear(a, weight, bias)
            ways: list[Variant] = [("product alone", partial(F.linear, a, weight, bias))]
            for polynomial, kind in ((True, "polynomial"), (False, "erf")):
                ways.append((f"pointwise {kind}", partial(geglu, both, wide, polynomial=polynomial)))
                for tile in TINY_TILES if self.tiny else GEGLU_TILES:
                    call = partial(geglu_product, a, weight, bias, wide, polynomial=polynomial, tile=tile)
                    ways.append((f"{tell(tile)} {kind}", call))
            self.compare("geglu", f"{m}x{c}x{2 * inner}", 4.0 * m * c * inner, ways, None)

    def temporal(self) -> None:
        for n, h, w, c in self.levels:
            y, weight = self.rand(n, h, w, c), self.rand(c, 3 * c, scale=(3 * c) ** -0.5)
            moments = torch.rand(2, n // self.frames, c, device=self.device)
            unfolded, out = unfold_frames(y, self.frames), torch.empty_like(y)
            kernel = weight.view(c, 3, c).transpose(1, 2)[..., None, None]
            volume = kernel.contiguous(memory_format=torch.channels_last_3d)
            cube = y.view(n // self.frames, self.frames, h, w, c).permute(0, 4, 1, 2, 3)
            ways: list[Variant] = [
                ("unfolded product", partial(F.linear, unfolded, weight)),
                ("normalise", partial(normalise, y, moments, out, 0, self.frames, silu=True)),
                (
                    "normalise, unfolded",
                    partial(normalise, y, moments, unfolded, 0, self.frames, silu=True, unfold=True),
                ),
                ("cuDNN 3d", partial(F.conv3d, cube, volume, None, 1, (1, 0, 0))),
            ]
            for tile in TINY_TILES if self.tiny else TEMPORAL_TILES:
                call = partial(temporal_product, y, weight, self.frames, tile)
                ways.append((tell(tile), call))
            self.compare("temporal", f"{n}x{h}x{w}x{c}", 6.0 * n * h * w * c * c, ways, None)

    def norms(self) -> None:
        for n, h, w, c in self.levels:
            x, out, vector = self.rand(n, h, w, c), self.rand(n, h, w, c), self.rand(c)
            moments = torch.rand(2, n, c, device=self.device)
            wide = self.rand(n * h * w, 5 * c)[:, :c]
            ways: list[Variant] = []
            for passes in (Pass(256, 32, 4), Pass(128, 32, 4), Pass(256, 64, 8), Pass(256, 64, 4), Pass(512, 64, 8)):
                told = f"{passes.part} {passes.rows} {passes.warps}w"
                ways.append((f"sums {told}", partial(channel_sums, x, passes=passes)))
                call = partial(channel_sums, out, vector[None], x, write=True, passes=passes)
                ways.append((f"sums, settling {told}", call))
            for rows, warps in ((64, 4), (32, 2), (32, 4), (128, 8)):
                apply = partial(normalise, x, moments, out, 0, 1, silu=True, rows=rows, warps=warps)
                ways.append((f"normalise {rows} {warps}w", apply))
            for block, warps in ((512, 1), (1024, 1), (1024, 2), (2048, 2), (2048, 4)):
                call = partial(layer_norm, wide, vector, 1e-5, block=block, warps=warps)
                ways.append((f"LayerNorm {block} {warps}w", call))
            self.compare("norm", f"{n}x{h}x{w}x{c}", 0.0, ways, None)

    def attention(self) -> None:
        for n, h, w, c in self.levels:
            heads, pixels = max(1, c // 64), h * w
            qkv = self.rand(n, pixels, 3, heads, c // heads).permute(2, 0, 3, 1, 4)
            crossed = self.rand(2, n // 2 * pixels, heads, c // heads).transpose(1, 2)
            key, value = self.rand(2, 2, heads, 145, c // heads)
            for label, q, k, v in (("self", qkv[0], qkv[1], qkv[2]), ("cross", crossed, key, value)):
                work = 4.0 * q.shape[0] * c * q.shape[2] * k.shape[2]
                ways = [(f"{label} {b.name}", partial(attend, b, q, k, v)) for b in backends(self.device)]
                self.compare("attention", "x".join(map(str, q.shape)), work, ways, None)

    def per_pixel(self) -> None:
        for n, h, w, c in self.levels:
            heads, rows, pixels = max(1, c // 64), n * h * w, h * w
            qkv = self.rand(rows, 3 * c)
            ways: list[Variant] = []
            for entries, warps in ((32, 1), (32, 2), (64, 2), (64, 4)):
                call = partial(temporal_attention, qkv, self.frames, pixels, heads, entries=entries, warps=warps)
                ways.append((f"{entries} entries {warps}w", call))
            self.compare("per pixel", f"{rows}x{c}", 4.0 * rows * c * self.frames, ways, None)

    def upsample(self) -> None:
        for n, h, w, c in self.levels[1:] if self.tiny else ((32, 32, 32, 640), (32, 16, 16, 1280), (32, 8, 8, 1280)):
            x, big = self.rand(n, h, w, c), self.rand(n, 2 * h, 2 * w, c)
            weight = self.rand(c, c, 3, 3, scale=(9 * c) ** -0.5).contiguous(memory_format=torch.channels_last)
            phases = self.rand(4 * c, c, 2, 2, scale=(9 * c) ** -0.5).contiguous(memory_format=torch.channels_last)
            y, bias = self.rand(n, h + 1, w + 1, 4 * c), self.rand(1, c)
            ways: list[Variant] = [
                ("3x3 on the large picture", partial(convolve, big, weight)),
                ("phases", partial(convolve, x, phases)),
                ("joining them", partial(join_phases_sums, y, bias)),
            ]
            self.compare("upsample", f"{n}x{h}x{w}x{c}", 18.0 * n * h * w * 4 * c * c, ways, None)


def attend(backend: SDPBackend, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    with sdpa_kernel(backend):
        return F.scaled_dot_product_attention(query, key, value)


def backends(device: torch.device) -> Iterator[SDPBackend]:
    if device.type == "cuda":
        yield SDPBackend.CUDNN_ATTENTION
    yield SDPBackend.FLASH_ATTENTION


def tell(tile: Tile) -> str:
    tail = f"+{tile.tail}" if tile.tail else ""
    return f"{tile.rows}x{tile.cols}{tail}x{tile.depth} {tile.warps}w {tile.stages}s"


def explore(device: torch.device, dtype: torch.dtype, only: set[str], *, tiny: bool, budget: float) -> list[Row]:
    explorer = Explorer(device, dtype, tiny=tiny, until=time.monotonic() + budget)
    try:
        return explorer.run(only)
    except Exception as error:
        print(f"explore ended early: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
        return explorer.rows
