"""A model of the `diffusers` renderer on a GPU: `make bench-gpu MODEL=wan-ti2v-5b`, stock diffusers beside ours.

All weights are random and of full size. Each part ends by itself, and one that fails does not end the others.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from tests.bench import gpu_wan
from tests.bench.figures import Figure, at_least, at_most, plain, table
from tests.bench.gpu_timing import wait
from tests.bench.gpu_wan import GIB, Size

from unstill_config.catalog import Catalog, Model
from unstill_engine.renderers.base import Photos, Revised, Sound
from unstill_engine.renderers.diffusers.fast_wan.accelerate import ops_on
from unstill_engine.renderers.diffusers.fast_wan.decoder import FastDecoder
from unstill_engine.renderers.diffusers.fast_wan.transformer import FastTransformer
from unstill_engine.renderers.diffusers.renderer import Diffusers
from unstill_queue.contract.jobs import Parameters

PARTS = ("forward", "decode", "start", "clip", "memory")
FULL, SMALL, SHORT = (121, 704, 1280), (81, 480, 832), (49, 704, 1280)
TINY_SIZES = {FULL: (9, 64, 96), SMALL: (9, 64, 64), SHORT: (5, 64, 64)}
HELD = (24, 16, 12, 8)
"""GiB to which a process is held."""
BENCHMARKS = Path(__file__).parents[2] / "engine" / "BENCHMARKS.md"
SHARED_MEMORY = Path("/dev/shm")  # noqa: S108
"""Where checkpoints are saved, if there: reading weights from a disk is not measured."""


class DiffusersBench:
    """`figures` is what was measured, and `rows` all of it."""

    def __init__(self, model: str, device: torch.device, *, tiny: bool) -> None:
        self.name, self.device, self.tiny = model, device, tiny
        self.figures: list[Figure] = []
        self.rows: list[dict[str, Any]] = []
        self.dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        self.kept: tempfile.TemporaryDirectory[str] | None = None
        self.experts = model == "wan-i2v-a14b-fast"

    def forward(self) -> None:
        """One forward of the transformer, sustained; and its rounding."""
        config, spatial = (gpu_wan.I2V_A14B, 8) if self.experts else (gpu_wan.TI2V_5B, 16)
        times = {SMALL: 4} if self.experts else {FULL: 6, SMALL: 15, SHORT: 8}
        goals = {SMALL: 2600.0} if self.experts else {FULL: 850.0, SMALL: 165.0}
        sizes = {self._size(size): count for size, count in times.items()}
        for row in gpu_wan.measure_forward(config, sizes, spatial, self.device, self.dtype, tiny=self.tiny):
            self._row("forward", row)
            if "stock_error" in row:
                self.figures.append(
                    at_most(
                        "error of a forward, by stock's own", row["ours_error"] / max(row["stock_error"], 1e-9), "", 1.0
                    )
                )
                continue
            told, goal = _told(row["size"]), goals.get(row["size"])
            name = f"a forward at {told} (stock {row['stock_ms']:,.0f} ms)"
            self.figures.append(
                at_most(name, row["ours_ms"], "ms", goal) if goal else plain(name, row["ours_ms"], "ms")
            )
            self.figures.append(plain(f"a forward at {told}, times as fast as stock", row["times"], ""))
            self.figures.append(plain(f"the first forward at {told}, kernels compiled", row["ours_first_s"], "s"))

    def decode(self) -> None:
        """A clip's frames from their latents."""
        row = gpu_wan.measure_decode(self._size(FULL), self.device, tiny=self.tiny)
        self._row("decode", row)
        name = f"decoding {_told(row['size'])} (stock {row['stock_ms']:,.0f} ms)"
        self.figures.append(at_most(name, row["ours_ms"], "ms", 4600.0))
        self.figures.append(at_most("error of the decoding in 16 bits", row["ours_error"], "", 0.002))
        memory = f"memory of the decoding at its most (stock {row['stock_peak_gib']:.1f} GiB)"
        self.figures.append(plain(memory, row["ours_peak_gib"], "GiB"))

    def start(self) -> None:
        """Fresh processes: with an empty Triton cache to the end of two shapes, and again with what that left."""
        with tempfile.TemporaryDirectory() as cache:
            for temperature in ("cold", "warm"):
                row = self._alone("--first", environment={"TRITON_CACHE_DIR": cache})
                self._row(temperature, row)
                self.figures.append(plain(f"{temperature}: process start to imported", row["imported_s"], "s"))
                goal = 15.0
                name = f"{temperature}: the first shape adds to its second run"
                self.figures.append(at_most(name, row["first_s"] - row["again_s"], "s", goal))
                name = f"{temperature}: a second shape adds to its second run"
                self.figures.append(at_most(name, row["other_s"] - row["other_again_s"], "s", 5.0))

    def clip(self) -> None:
        """The whole way of a clip through the renderer, photo to frames in the host's memory."""
        model = self.checkpoint()
        begin = time.perf_counter()
        renderer = Diffusers(self.name, model)
        renderer.load(str(self.device))
        wait(self.device)
        self.figures.append(plain("loading, weights in shared memory", time.perf_counter() - begin, "s"))
        photo = _photo(Path(model.weights["repo"]))
        size = self._size(FULL)
        self._render(renderer, photo, size, steps=2)
        steps = 3 if self.tiny else 50
        row = self._render(renderer, photo, size, steps=steps)
        self._row("clip", row)
        name = f"clip: photo to frames, {_told(size)}, {steps} steps, guidance 5"
        self.figures.append(at_most(name, row["seconds"], "s", 90.0))
        self._memory_figure("clip", row)
        stock = self._stock_clip(renderer, photo, size, steps)
        self._row("stock clip", stock)
        self.figures.append(plain(f"clip: stock, {stock['measured']}", stock["seconds"], "s"))
        self.figures.append(at_least("clip: times as fast as stock", stock["seconds"] / row["seconds"], "", 1.45))

    def memory(self) -> None:
        """Peaks beside the plan at three sizes, and what runs in a process that is held to less."""
        model = self.checkpoint()
        for held in (0, *HELD) if self.device.type == "cuda" else (0,):
            row = self._alone("--held", str(held), "--folder", model.weights["repo"])
            self._row(f"held to {held} GiB" if held else "whole card", row)
            for clip in row["clips"]:
                what = f"{'held to ' + str(held) + ' GiB' if held else 'whole card'}, {clip['asked']}"
                if "failed" in clip:
                    self.figures.append(plain(f"{what}: {clip['failed']}", 0.0, "s"))
                    continue
                self._memory_figure(f"{what} as {clip['size']} {clip['mode']}", clip)
                self.figures.append(plain(f"{what}: a step", clip["step_s"], "s"))

    def first(self) -> dict[str, float]:
        """Times of one forward and decoding of two shapes, twice each, in this process."""
        found = {}
        model = gpu_wan.build_transformer(gpu_wan.TI2V_5B, self.device, self.dtype, tiny=self.tiny)
        vae = gpu_wan.build_decoder(
            self.device, torch.float16 if self.device.type == "cuda" else torch.float32, tiny=self.tiny
        )
        ops = ops_on(self.device)
        ours, decoder = FastTransformer(model, ops), FastDecoder(vae, ops)
        for name, size in (("first", SHORT), ("again", SHORT), ("other", SMALL), ("other_again", SMALL)):
            inputs = gpu_wan.given(model, self._size(size), self.device, self.dtype, 16)
            z = inputs["hidden_states"][:, :, :3].to(vae.dtype)
            begin = time.perf_counter()
            ours.forget()
            ours(**inputs)
            for _ in decoder.chunks(z):
                pass
            wait(self.device)
            found[f"{name}_s"] = time.perf_counter() - begin
        return found

    def held(self, folder: Path, gib: int) -> dict[str, Any]:
        """Clips of three sizes and two steps, in this process, which is held to `gib`; 0, not at all."""
        if gib:
            total = torch.cuda.get_device_properties(self.device).total_memory
            torch.cuda.set_per_process_memory_fraction(gib * GIB / total, self.device)
        renderer = Diffusers(self.name, _at(self.name, folder))
        begin = time.perf_counter()
        renderer.load(str(self.device))
        found: dict[str, Any] = {"load_s": time.perf_counter() - begin, "clips": []}
        for size in (SMALL, SHORT, FULL):
            try:
                row = self._render(renderer, _photo(folder), self._size(size), steps=2)
            except Exception as error:
                row = {"failed": f"{type(error).__name__}: {error}"[:200]}
            found["clips"].append({"asked": _told(self._size(size)), **row})
            print(found["clips"][-1], file=sys.stderr, flush=True)
        return found

    def _render(self, renderer: Diffusers, photo: Path, size: Size, *, steps: int) -> dict[str, Any]:
        parameters = Parameters(
            self.name, "waves roll in", seed=1, num_frames=size[0], fps=24,
            resolution=min(size[1:]), num_inference_steps=steps, guidance_scale=1.0 if self.experts else 5.0,
        )  # fmt: skip
        photos = Photos(photo)
        with gpu_wan.peak(self.device) as used:
            begin = time.perf_counter()
            marks: list[float] = []
            plan = renderer.plan(parameters, photos)
            frames, pixels = 0, 0
            for chunk in renderer.render(plan, photos, lambda *_: marks.append(time.perf_counter()), lambda: False):
                if isinstance(chunk, Revised):
                    plan = chunk.plan
                elif not isinstance(chunk, Sound):
                    frames, pixels = frames + len(chunk), pixels + chunk.size
            seconds = time.perf_counter() - begin
        if frames != plan.num_frames:
            raise RuntimeError(f"{frames} frames of {plan.num_frames}")
        reserved = torch.cuda.max_memory_reserved(self.device) / GIB if self.device.type == "cuda" else 0.0
        return {
            "seconds": seconds,
            "step_s": (marks[-1] - marks[0]) / max(len(marks) - 1, 1),
            "decode_s": begin + seconds - marks[-1],
            "size": f"{plan.width}x{plan.height}x{plan.num_frames}",
            "mode": _placed(renderer, plan.parameters, photo),
            "notes": plan.notes,
            "planned_gib": plan.memory / GIB,
            "allocated_gib": used[0],
            "reserved_gib": reserved,
        }

    def _stock_clip(self, renderer: Diffusers, photo: Path, size: Size, steps: int) -> dict[str, Any]:
        """Diffusers' own pipeline, its forwards and VAE as they are, from 2 and 4 steps: a step is always the same."""
        pipeline = renderer._loaded.photo
        for part in (pipeline.transformer, pipeline.vae):
            part.__dict__.pop("forward", None)
            part.__dict__.pop("_decode", None)
        picture = Image.open(photo).resize((size[2], size[1]))
        took = {}
        for few in (2, 4):
            wait(self.device)
            begin = time.perf_counter()
            pipeline(
                image=picture, prompt="waves roll in", negative_prompt="blur", height=size[1], width=size[2],
                num_frames=size[0], num_inference_steps=few, guidance_scale=5.0, output_type="np",
                generator=torch.Generator().manual_seed(1),
            )  # fmt: skip
            wait(self.device)
            took[few] = time.perf_counter() - begin
        a_step = (took[4] - took[2]) / 2
        return {"seconds": took[2] + (steps - 2) * a_step, "step_s": a_step, "measured": "from 2 and 4 steps"}

    def _memory_figure(self, what: str, row: dict[str, Any]) -> None:
        name = f"{what}: memory at its most (planned {row['planned_gib']:.2f}, reserved {row['reserved_gib']:.2f})"
        self.figures.append(plain(name, row["allocated_gib"], "GiB"))

    def _row(self, part: str, row: dict[str, Any]) -> None:
        self.rows.append({"part": part, **row})
        print(json.dumps(self.rows[-1], default=str), flush=True)

    def _size(self, size: Size) -> Size:
        return TINY_SIZES[size] if self.tiny else size

    def _alone(self, *arguments: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
        """What a process of its own prints as its last line."""

        command = [
            sys.executable,
            "-m",
            "tests.bench.gpu_diffusers",
            self.name,
            "--device",
            str(self.device),
            *arguments,
        ]
        begin = time.time()
        done = subprocess.run(
            [*command, *arguments, *(["--tiny"] if self.tiny else []), "--began", str(begin)],
            env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, text=True, timeout=300, check=True,
        )  # fmt: skip
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return found

    def checkpoint(self) -> Model:
        """The whole model in a folder, as `save_pretrained` leaves it, made once."""
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        if self.kept is None:
            base = SHARED_MEMORY if SHARED_MEMORY.is_dir() and not self.tiny else None
            self.kept = tempfile.TemporaryDirectory(prefix="unstill-", dir=base, ignore_cleanup_errors=True)
            begin = time.perf_counter()
            folder = Path(self.kept.name)
            gpu_wan.save(folder, self.device, self.dtype, tiny=self.tiny)
            noise = np.random.default_rng(0).integers(0, 256, (720, 1280, 3), np.uint8)
            Image.fromarray(noise).save(_photo(folder))
            print(f"model made and saved in {time.perf_counter() - begin:.1f} s", flush=True)
            gc.collect()
            if self.device.type == "cuda":
                torch.cuda.empty_cache()
        return _at(self.name, Path(self.kept.name))


def _at(name: str, folder: Path) -> Model:
    model = Catalog.load().models[name]
    return model.model_copy(update={"weights": {"repo": str(folder)}})


def _placed(renderer: Diffusers, parameters: Parameters, photo: Path) -> str:
    """Where the parts were, by the plan, before anything ran out."""
    placing = renderer._place(parameters, Image.open(photo).size).mode.placing
    return f"words {placing.words}, denoiser {placing.denoiser}{', tiled' if placing.tiled else ''}" if placing else ""


def _photo(folder: Path) -> Path:
    return folder / "photo.png"


def _told(size: Size) -> str:
    frames, height, width = size
    return f"{width}x{height}x{frames}"


def run(
    model: str, device: torch.device, parts: tuple[str, ...], out: str | None, *, tiny: bool, about: str = ""
) -> int:
    """Measure the parts and print the table; 1 where one failed.

    `about`: the circumstances, where the table shall take the place of the one before in engine/BENCHMARKS.md.
    """
    torch.set_num_threads(os.cpu_count() or 1)  # a module of the tests, which makes tokenizers, has set one
    bench = DiffusersBench(model, device, tiny=tiny)
    failed = False
    for name in parts:
        print(f"\n== {name}", flush=True)
        begin = time.monotonic()
        try:
            getattr(bench, name)()
        except Exception as error:  # what follows is still worth its time
            traceback.print_exc()
            failed = True
            bench.rows.append({"part": name, "failed": f"{type(error).__name__}: {error}"})
        print(f"== {name}: {time.monotonic() - begin:.1f} s", flush=True)
        if out:
            Path(out).write_text(json.dumps(bench.rows, indent=1, default=str))
    if bench.kept is not None:
        bench.kept.cleanup()
    print(table(bench.figures), flush=True)
    if about:
        BENCHMARKS.write_text(
            placed(BENCHMARKS.read_text("utf-8"), model, f"{about}\n\n{table(bench.figures)}"), "utf-8"
        )
    return int(failed)


def placed(text: str, model: str, measured: str) -> str:
    """Return the page with what was measured of a model in its place; behind all else where it has none yet."""
    begin, end = f"<!-- measured: {model} -->", f"<!-- end of {model} -->"
    before, found, rest = text.partition(begin)
    if not found:
        return f"{text.rstrip()}\n\n## GPU: {model}\n\n{begin}\n{measured}\n{end}\n"
    return f"{before}{begin}\n{measured}\n{end}{rest.partition(end)[2]}"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("model")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--first", action="store_true")
    parser.add_argument("--held", type=int, default=0)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--began", type=float, default=0.0)
    options = parser.parse_args()
    imported = time.time() - options.began
    torch.set_num_threads(os.cpu_count() or 1)
    bench = DiffusersBench(options.model, torch.device(options.device), tiny=options.tiny)
    with torch.no_grad():
        found = bench.first() if options.first else bench.held(options.folder, options.held)
    print(json.dumps({"imported_s": imported, **found}, default=str))
    return 0


if __name__ == "__main__":
    sys.exit(main())
