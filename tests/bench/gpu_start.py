"""How soon I2VGen-XL is ready, by stages, what a graph keeps, and what a shape costs that was never seen before.

`measure_start` starts fresh processes that do what an engine's child does, with one Triton cache: cold, then warm. The
warm one goes on to shapes that the machine never saw.
"""

from __future__ import annotations

import time

BEGUN = time.time()

import argparse  # noqa: E402
import json  # noqa: E402
import os  # noqa: E402
import subprocess  # noqa: E402
import sys  # noqa: E402
from pathlib import Path  # noqa: E402
from tempfile import TemporaryDirectory  # noqa: E402
from typing import Any  # noqa: E402

Row = dict[str, Any]

SHAPES = (
    (512, 512, 16),
    (640, 512, 16),
    (448, 704, 16),
    (512, 512, 24),
    (768, 768, 16),
    (1280, 704, 16),
    (512, 512, 16),
)
"""Width, height and frames; the first is the usual clip's, which a start rehearses, and it comes again at the end."""
TINY_SHAPES = ((64, 64, 8), (128, 64, 4), (64, 64, 8))
GOALS = {"cold": 30.0, "warm": 10.0}
SHAPE_GOAL = 5.0


def measure_start(checkpoint: Path, device: str, rows: list[Row], figures: list[Any], *, tiny: bool) -> None:
    """Two starts with one Triton cache that is empty at first, and in the second shapes that were never seen."""
    from tests.bench.figures import at_most, plain
    from tests.bench.gpu_steps import report

    with TemporaryDirectory() as cache:
        for temperature, goal in GOALS.items():
            command = [
                sys.executable,
                "-m",
                "tests.bench.gpu_start",
                "--checkpoint",
                str(checkpoint),
                "--device",
                device,
            ]
            command += ["--tiny"] if tiny else []
            command += ["--shapes"] if temperature == "warm" else []
            environment = {
                **os.environ,
                "TRITON_CACHE_DIR": cache,
                "PYTORCH_CUDA_ALLOC_CONF": "expandable_segments:True",
            }
            begun = time.time()
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400, check=False)
            print(done.stderr[-3000:], flush=True)
            if done.returncode:
                raise RuntimeError(done.stderr[-500:])
            for line in done.stdout.splitlines():
                row = json.loads(line)
                if "stages" in row:
                    row = {"start": temperature, "python": row.pop("begun") - begun, **row.pop("stages"), **row}
                    row["ready_s"] = row.pop("ready") - begun
                    row["without_weights_s"] = row["ready_s"] - row["weights"]
                    name = f"start: to ready, {temperature} Triton cache, less reading weights"
                    figures.append(at_most(name, row["without_weights_s"], "s", goal))
                report(rows, row)
    seen = [row for row in rows if "first_s" in row]
    fresh = [row for row in seen if not row["known"]]
    figures.append(at_most("start: a shape never seen before adds", max(map(_adds, fresh)), "s", SHAPE_GOAL))
    figures.append(plain("start: a graph keeps, most", max(row["kept_mib"] for row in seen), "MiB"))


def _adds(row: Row) -> float:
    return float(row["first_s"] + row["first_decode_s"] - row["second_s"] - row["second_decode_s"])


def _tell(**row: Any) -> None:
    print(json.dumps(row), flush=True)


class _Compiled:
    """Counts what Triton compiles in this process, and what it finds in its cache."""

    def __init__(self) -> None:
        self.count, self.found, self.seconds = 0, 0, 0.0
        self.names: list[str] = []

    def __call__(self, *, src: Any, times: Any, cache_hit: bool, **_: Any) -> None:
        if cache_hit:
            self.found += 1
            return
        self.count += 1
        self.seconds += times.total / 1e6
        self.names.append(str(src.name))

    def listen(self) -> None:
        try:
            from triton import knobs
        except ImportError:
            return
        knobs.compilation.listener = self

    def taken(self) -> Row:
        row = {"compiled": self.count, "compile_s": self.seconds, "from_cache": self.found, "kernels": self.names}
        self.count, self.found, self.seconds, self.names = 0, 0, 0.0, []
        return row


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--device", required=True)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--shapes", action="store_true")
    options = parser.parse_args()
    stages = {}

    def passed(stage: str, since: float) -> float:
        now = time.time()
        stages[stage] = now - since
        return now

    import unstill_engine.device.child  # noqa: F401
    from unstill_engine.device.early_context import begin_context

    begin_context(options.device)
    mark = passed("child", BEGUN)
    import torch

    mark = passed("torch", mark)
    from unstill_engine.renderers.i2vgen_xl.renderer import I2VGenXL

    mark = passed("renderer", mark)
    compiled = _Compiled()
    if options.device.startswith("cuda"):
        compiled.listen()
    from unstill_config.catalog import Catalog

    model = Catalog.load().models["i2vgen-xl"]
    model = model.model_copy(update={"weights": {"repo": str(options.checkpoint), "revision": "main", "variant": ""}})
    if options.tiny:
        model = model.model_copy(update={"defaults": {**model.defaults, "resolution": 64, "num_frames": 8}})
    mark = passed("catalog", mark)
    renderer = I2VGenXL("i2vgen-xl", model)
    renderer.load(options.device)
    if options.device.startswith("cuda"):
        torch.cuda.synchronize()
    without_cache = sum(
        1
        for module in list(sys.modules.values())
        if (spec := getattr(module, "__spec__", None)) and spec.cached and not Path(spec.cached).exists()
    )
    _tell(
        begun=BEGUN, ready=time.time(), stages={**stages, **renderer.stages.seconds}, modules=len(sys.modules),
        not_precompiled=without_cache, **compiled.taken(),
    )  # fmt: skip
    if options.shapes:
        _shapes(renderer, options, compiled)


def _shapes(renderer: Any, options: argparse.Namespace, compiled: _Compiled) -> None:
    """A clip of two steps in each shape, twice: what the first takes longer is what the shape costs."""
    import msgspec
    import torch
    from PIL import Image

    from unstill_engine.renderers.torch.placement import MemoryMode, usual_parameters

    cuda = options.device.startswith("cuda")
    seen = {TINY_SHAPES[0] if options.tiny else SHAPES[0]}
    for width, height, frames in TINY_SHAPES if options.tiny else SHAPES:
        photo = Image.effect_noise((width, height), 90).convert("RGB")
        wanted = msgspec.structs.replace(
            usual_parameters("i2vgen-xl", renderer._model), num_frames=frames, num_inference_steps=2
        )
        plan = renderer._lay(wanted, photo.size)
        plan = msgspec.structs.replace(plan, width=width, height=height)
        mode = MemoryMode(min(4, frames))
        if cuda:
            torch.cuda.empty_cache()
        kept = torch.cuda.memory_reserved() if cuda else 0
        row: Row = {"shape": f"{width}x{height}x{frames}", "known": (width, height, frames) in seen}
        for which in ("first", "second"):
            begun = time.time()
            latents = renderer.latents(plan, mode, photo, lambda step, steps: None, lambda: False)
            latents[0, 0, 0, 0, 0].item()
            row[f"{which}_s"] = time.time() - begun
            if cuda and which == "first":
                torch.cuda.empty_cache()
                row["kept_mib"] = (torch.cuda.memory_reserved() - kept) / 2**20
            begun = time.time()
            renderer._decoder.decode(latents, 0, mode.decode_frames)
            row[f"{which}_decode_s"] = time.time() - begun
            del latents
        row.setdefault("kept_mib", 0.0)
        seen.add((width, height, frames))
        if cuda:
            torch.cuda.empty_cache()
            row["reserved_mib"] = torch.cuda.memory_reserved() / 2**20
            row["allocated_mib"] = torch.cuda.memory_allocated() / 2**20
        _tell(**row, **compiled.taken())


if __name__ == "__main__":
    main()
