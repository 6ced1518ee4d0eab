"""Compiles the products in Gluon for a card of 9.0, and prints what each needs, as JSON: no card is needed for that.

A process of its own, since a stand-in takes the place of Triton's driver.
"""

from __future__ import annotations

import json
import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import torch
import triton
from tests.engine.i2vgen_compiled import NoCard
from torch import Tensor, nn
from triton import knobs
from triton.runtime.driver import driver

from unstill_engine.renderers.i2vgen_xl.kernels.hopper.frame_attention import frame_attention
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.products import (
    geglu_pingpong,
    normed_pingpong,
    summed_pingpong,
    temporal_pingpong,
)
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.temporal_norm import temporal_normalised
from unstill_engine.renderers.i2vgen_xl.packing import fold_norm
from unstill_engine.renderers.torch.compile_ahead import compile_ahead


def products() -> None:
    """Each kernel that a clip of 512x512 or of 1280x704 has launched."""

    def empty(*shape: int) -> Tensor:
        return torch.empty(*shape, dtype=torch.bfloat16, device="meta")

    for width in (320, 640):
        residual = empty(32, 32, 32, width)
        for added in (None, residual):
            temporal_pingpong(empty(32, 32, 32, width), empty(width, 3 * width), 16, empty(1, width), added)
        for frames in (16, 32):
            moments = empty(2, 32 // frames, width).float()
            temporal_normalised(empty(32, 32, 32, width), moments, empty(width, 3 * width), frames)
        geglu_pingpong(empty(4096, width), empty(8 * width, width), empty(8 * width), empty(4096, 4 * width))
        rows, square, norm = empty(4096, width), empty(width, width), nn.LayerNorm(width, device="meta")
        for add in (False, True):
            sums = summed_pingpong(rows, square, rows, empty(width), add=add)
        for outputs, geglu in ((3 * width, False), (8 * width, True)):
            layer = fold_norm(norm, empty(width), empty(outputs, width))
            normed_pingpong(rows, sums, layer, empty(4096, 4 * width if geglu else outputs), geglu=geglu)
    qkv = fold_norm(nn.LayerNorm(320, device="meta"), empty(320), empty(960, 320))
    frame_attention(empty(32 * 64, 640)[:, :320], qkv, 64)


def spilled(cubin: bytes) -> int:
    """Return the bytes of a thread's stack, by NVIDIA's own reader of cubins, which Triton ships."""
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        reader = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
        told = subprocess.run([reader, "-res-usage", file.name], capture_output=True, text=True, check=True).stdout
    return max(map(int, re.findall(r"STACK:(\d+)", told)))


def main() -> None:
    driver.set_active(NoCard())
    found: list[dict[str, Any]] = []

    def listen(*, src: Any, metadata: dict[str, Any], metadata_group: dict[str, str], **_: Any) -> None:
        (cubin,) = (Path(path) for name, path in metadata_group.items() if name.endswith(".cubin"))
        found.append({"name": src.name, "shared": metadata["shared"], "spilled": spilled(cubin.read_bytes())})

    knobs.compilation.listener = listen
    compile_ahead(products).wait()
    print(json.dumps(found))


if __name__ == "__main__":
    main()
