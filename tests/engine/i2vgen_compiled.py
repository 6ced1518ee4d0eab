"""Loads the tiny I2VGen-XL as on a card of compute capability 9.0, and prints what is compiled for it, as JSON.

Arguments: the folder in which its table lies, and `--count`, so that kernels are counted and not compiled. Triton
compiles for any card; what is not here is its driver, in whose place stands what answers for such a card and launches
nothing. A process of its own, so that nobody else meets that.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import torch
from triton import knobs
from triton.backends.compiler import GPUTarget
from triton.runtime.driver import driver
from triton.runtime.jit import JITFunction

from unstill_config.catalog import Catalog
from unstill_engine.renderers.i2vgen_xl import backend, dry_run
from unstill_engine.renderers.i2vgen_xl import renderer as module
from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.loading import UNET, VAE
from unstill_engine.renderers.i2vgen_xl.triton_ops import TritonOps
from unstill_engine.renderers.torch.compile_ahead import compile_once
from unstill_engine.renderers.torch.lean_imports import lean_imports, load_classes

HOPPER = (9, 0)
HEAVY = ("transformers", "accelerate", "peft", "torch._dynamo", "torch._inductor")
OTHERS: tuple[dry_run.Shape, ...] = ((768, 512, 16), (768, 768, 16), (1280, 704, 16), (576, 320, 24), (512, 1024, 20))


class NoCard:
    """What Triton asks a driver for before a launch."""

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", 90, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


def main(scratch: Path, *, counting: bool) -> None:
    driver.set_active(NoCard())
    torch.cuda.get_device_capability = lambda *_: HOPPER
    backend.runs_triton = lambda device: True  # type: ignore[attr-defined]
    module.trusted = lambda ops, *_: ops  # type: ignore[attr-defined]
    wanted: set[tuple[str, str]] = set()
    compiled: list[str] = []
    found: list[str] = []

    def listen(*, src: Any, cache_hit: bool, **_: Any) -> None:
        (found if cache_hit else compiled).append(src.name)

    def count(kernel: Any, specialization: str) -> None:
        wanted.add((kernel.__name__, specialization))

    knobs.compilation.listener = listen
    if counting:
        JITFunction.preload = count
    renderer = module.I2VGenXL("tiny", Catalog.load(scratch / "catalog.toml").models["tiny"])
    renderer.load("cpu")
    imported = [name for name in HEAVY if name in sys.modules]
    kernels = sorted({*compiled, *found, *(name for name, _ in wanted)})
    told: dict[str, Any] = {"compiled": len(compiled), "found": len(found), "kernels": kernels, "imported": imported}
    if counting:  # what shapes need that a start does not foresee
        told["wanted"], told["more"] = len(wanted), {}
        for shape in OTHERS:
            before = len(wanted)
            dry(renderer, shape)
            told["more"][str(shape)] = len(wanted) - before
    print(json.dumps(told))


def dry(renderer: Any, shape: dry_run.Shape) -> None:
    """Have a shape's kernels compiled."""
    choices, folder = Choices(), Path(renderer._model.weights["repo"])
    with torch.device("meta"), lean_imports():
        unet, vae = (
            kind.from_config(json.loads((folder / part / "config.json").read_text()))
            for kind, part in zip(load_classes(UNET, VAE), ("unet", "vae"), strict=True)
        )
    ops = TritonOps(choices)
    compile_once(str(shape), lambda: dry_run._run(unet, vae, ops, choices, torch.float32, [shape])).wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]), counting="--count" in sys.argv)
