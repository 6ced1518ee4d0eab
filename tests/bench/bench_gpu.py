"""A model on a GPU, stock beside ours: `make bench-gpu`, or `python -m tests.bench.bench_gpu --parts steps vae`.

`--model wan-ti2v-5b` measures another than I2VGen-XL, whose parts are its own (gpu_diffusers.py).

All models have random weights and are made on the device. Each part ends by itself, and one that fails does not end
the others; what would take longer than `--within` is left out, and that is said. `--explore` measures every operation
in every way. `--tiny` runs the whole program on any machine.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch
from tests.bench import gpu_diffusers
from tests.bench.figures import Figure, at_most, plain, rounded, table
from tests.bench.gpu_diffusers import BENCHMARKS
from tests.bench.gpu_models import TINY_UNET, UNET, build_unet, build_vae
from tests.bench.gpu_steps import BASE, VARIANTS, Row, inputs, measure_steps, measure_vae, profile, work
from tests.bench.gpu_timing import ceilings

from unstill_engine.renderers.i2vgen_xl.choices import Choices

PARTS = {
    "ceilings": 10, "start": 60, "clip": 155, "steps": 30, "vae": 20, "lossy": 45, "small": 45, "variants": 50,
    "profile": 10, "engine": 100, "fleet": 150,
}  # fmt: skip
"""What is measured, in order of what is worth most, and about how many seconds each takes on an H200."""
BEGUN = time.monotonic()
SIZES = [(512, 512), (704, 1280)]


class Bench:
    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.tiny: bool = options.tiny
        self.device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.frames = 4 if self.tiny else 16
        self.sizes = [(64, 64), (64, 128)] if self.tiny else list(SIZES)
        if options.quick:
            self.sizes = self.sizes[:1]
        self.results: dict[str, Any] = {"circumstances": circumstances(self.device, sys.argv[1:])}
        self.rate = 0.0
        self.unet: Any = None
        self.kept: tempfile.TemporaryDirectory[str] | None = None

    def stock(self) -> Any:
        if self.unet is None:
            self.unet = build_unet(self.device, self.dtype, tiny=self.tiny)
        return self.unet

    def part(self, name: str, run: Callable[[], Any]) -> None:
        begin = time.monotonic()
        if begin - BEGUN + (0 if self.tiny else PARTS.get(name, 0)) > self.options.within:
            self.results[name] = {"not measured": "the time was over"}
            print(f"\n== {name}: not measured, as {self.options.within:.0f} s are nearly over", flush=True)
            return
        print(f"\n== {name}", flush=True)
        try:
            self.results[name] = run()
        except Exception as error:  # what follows is still worth its time
            self.results[name] = {"failed": f"{type(error).__name__}: {error}"}
            print(f"{name} failed: {type(error).__name__}: {error}", flush=True)
        print(f"== {name}: {time.monotonic() - begin:.1f} s", flush=True)
        if self.options.out:
            Path(self.options.out).write_text(json.dumps(self.results, indent=1, default=asdict))

    def ceilings(self) -> dict[str, float]:
        found = ceilings(self.device, *((128, 0.01) if self.tiny else ()))
        self.rate = found["product_sustained_tflops"]
        print(found, flush=True)
        return found

    def tell(self) -> None:
        """Print all figures as one table, and what was not measured; with `--write` into the page too."""
        figures = [one for found in self.results.values() if "figures" in found for one in found["figures"]]
        left = [name for name in self.options.parts if name not in self.results or "not measured" in self.results[name]]
        told = table(figures)
        if left:
            told += f"\n\nNot measured, as there was no time: {', '.join(left)}."
        print(f"\n{told}", flush=True)
        if self.options.write and "ceilings" in self.results:
            about = _about(self.results["circumstances"], self.results["ceilings"])
            page = gpu_diffusers.placed(BENCHMARKS.read_text("utf-8"), "i2vgen-xl", f"{about}\n\n{told}")
            BENCHMARKS.write_text(page, "utf-8")

    def explore(self) -> Any:
        from tests.bench.gpu_ops import explore

        return explore(
            self.device, self.dtype, set(self.options.ops or ()), tiny=self.tiny, budget=self.options.explore_seconds
        )

    def steps(self) -> Any:
        """Stock and ours side by side."""
        found: dict[str, Any] = {"rows": [], "figures": []}
        for index, (height, width) in enumerate(self.sizes):
            rows = self._steps(height, width, {"ours": BASE}, 3 if self.tiny else 50 if index == 0 else 15)
            found["rows"] += rows
            ours, stock = rows[-1], next(row for row in rows if "sustained_ms" in row)
            size = f"{width}x{height}x{self.frames}"
            name = f"a step at {size}, sustained (stock {rounded(stock['sustained_ms'])} ms)"
            goal = 75 if index == 0 else None
            found["figures"] += [
                at_most(name, ours["sustained_ms"], "ms", goal) if goal else plain(name, ours["sustained_ms"], "ms"),
                plain(f"a step at {size}, times as fast as stock", ours["times_stock"], ""),
                plain(f"a step at {size}, of its floor ({ours['tflop']:.2f} TFLOP)", 100 * ours["of_floor"], "%"),
            ]
            if rows[0]["error"]:  # none where stock's own type is fp32
                name = f"error of a step at {size}, by stock's own ({rounded(rows[0]['error'])})"
                found["figures"].append(at_most(name, ours["error"] / rows[0]["error"], "", 1))
        print(table(found["figures"]), flush=True)
        return found

    def variants(self) -> Any:
        """What each choice alone is worth."""
        others = {name: choices for name, choices in VARIANTS.items() if name != "ours"}
        wanted = {name: VARIANTS[name] for name in self.options.variants} if self.options.variants else others
        return self._steps(*self.sizes[0], {"ours": BASE, **wanted}, 3 if self.tiny else 25, with_stock=False)

    def _steps(
        self, height: int, width: int, variants: dict[str, Choices], steps: int, *, with_stock: bool = True
    ) -> list[Row]:
        given = inputs(self.stock(), self.frames, height, width, 50)
        tflop = work(TINY_UNET if self.tiny else UNET, self.frames, height, width)
        floor = 1e3 * tflop / self.rate if self.rate else 0.0
        rows = measure_steps(self.stock(), given, variants, steps=steps, with_stock=with_stock, floor=floor)
        return [{**row, "tflop": tflop} for row in rows]

    def vae(self) -> Any:
        vae = build_vae(self.device, self.dtype, tiny=self.tiny)
        found: dict[str, Any] = {"rows": [], "figures": []}
        for height, width in self.sizes:
            rows = measure_vae(vae, self.frames, height, width, (2,) if self.tiny else (4,))
            found["rows"] += rows
            stock, ours = rows[0], rows[1]
            size = f"{width}x{height}x{self.frames}"
            name = f"VAE decode of {size}, four at a time (stock {rounded(stock['ms'])} ms)"
            found["figures"] += [
                plain(name, ours["ms"], "ms"),
                plain(f"VAE decode of {size}, times as fast as stock", stock["ms"] / ours["ms"], ""),
            ]
        print(table(found["figures"]), flush=True)
        return found

    def lossy(self) -> Any:
        from tests.bench.gpu_cached import measure

        self.unet = None
        return {"rows": measure(self.device, tiny=self.tiny)}

    def small(self) -> Any:
        from tests.bench.gpu_small import measure_small

        return self.gather(partial(measure_small, self.checkpoint(), torch.device(self.card), tiny=self.tiny))

    def profile(self) -> Any:
        return profile(self.stock(), inputs(self.stock(), self.frames, *self.sizes[0], 50), BASE)

    def checkpoint(self) -> Path:
        """The folder of a whole model with random weights, made once."""
        from tests.bench.gpu_clip import save_models

        self.unet = None  # its memory would count
        if self.kept is None:
            begin = time.monotonic()
            self.kept = tempfile.TemporaryDirectory(prefix="unstill-", ignore_cleanup_errors=True)
            save_models(Path(self.kept.name), self.device, self.dtype, tiny=self.tiny)
            print(f"model made and saved in {time.monotonic() - begin:.1f} s", flush=True)
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        return Path(self.kept.name)

    def clip(self) -> Any:
        from tests.bench.gpu_render import Clips

        made = self.checkpoint(), torch.device(self.card), self.dtype, self.tiny
        return self.gather(lambda rows, figures: Clips(*made, rows, figures).run())

    def engine(self) -> Any:
        from tests.bench.gpu_engine import measure_engine

        return self.gather(partial(measure_engine, self.checkpoint(), self.card, tiny=self.tiny))

    def fleet(self) -> Any:
        from tests.bench.gpu_engine import measure_fleet

        return self.gather(partial(measure_fleet, self.checkpoint(), self.card, tiny=self.tiny))

    @property
    def card(self) -> str:
        return "cuda:0" if str(self.device) == "cuda" else str(self.device)

    def gather(self, measure: Callable[[list[Row], list[Figure]], None]) -> dict[str, Any]:
        """What was measured, also before something failed."""
        rows: list[Row] = []
        figures: list[Figure] = []
        found = {"rows": rows, "figures": figures}
        try:
            measure(rows, figures)
        except Exception as error:
            traceback.print_exc()
            return {**found, "failed": f"{type(error).__name__}: {error}"}
        finally:
            print(table(figures), flush=True)
        return found

    def start(self) -> Any:
        from tests.bench.gpu_start import measure_start

        return self.gather(partial(measure_start, self.checkpoint(), self.card, tiny=self.tiny))


def circumstances(device: torch.device, arguments: Sequence[str]) -> dict[str, str]:
    import diffusers

    found = {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "python": platform.python_version(),
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "command": " ".join(["python -m tests.bench.bench_gpu", *arguments]),
        "device": platform.processor() or platform.machine(),
    }
    if device.type == "cuda":
        import triton

        found["device"] = torch.cuda.get_device_name(device)
        found["cuda"] = f"{torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}, Triton {triton.__version__}"
    return found


def _about(found: dict[str, str], rates: dict[str, float]) -> str:
    """The circumstances as BENCHMARKS.md has them."""
    burst, sustained = rates["product_burst_tflops"], rates["product_sustained_tflops"]
    return "\n".join(
        [
            f"- Date: {found['date']}",
            f"- Machine: {found['device']}; bf16 products: {burst:.0f} TFLOP/s in a burst, {sustained:.0f} sustained",
            f"- Python {found['python']}, torch {found['torch']}, CUDA {found.get('cuda', 'none')}, "
            f"diffusers {found['diffusers']}",
            f"- Command: `{found['command']}`",
        ]
    )


def main(argv: Sequence[str] | None = None) -> int:
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")  # as an engine's child does
    parser = argparse.ArgumentParser(prog="python -m tests.bench.bench_gpu", description=__doc__)
    parser.add_argument("--model", default="i2vgen-xl", help="one that the renderer `diffusers` serves, or i2vgen-xl")
    parser.add_argument("--parts", nargs="*", default=None, help="which parts; all by default")
    parser.add_argument("--explore", action="store_true", help="measure each operation in every way, last of all")
    parser.add_argument("--explore-seconds", type=float, default=300, help="the longest that this may take")
    parser.add_argument("--ops", nargs="*", help="explore these alone")
    parser.add_argument("--variants", nargs="*", choices=list(VARIANTS), help="these variants of the step alone")
    parser.add_argument("--quick", action="store_true", help="512x512 alone")
    parser.add_argument("--within", type=float, default=540, help="seconds; a part that would go on longer is left out")
    parser.add_argument("--tiny", action="store_true", help="models of a few layers: tests the program")
    parser.add_argument("--device", help="cuda, cuda:1, cpu")
    parser.add_argument("--write", action="store_true", help="put the table into engine/BENCHMARKS.md")
    parser.add_argument("--out", help="a file for all results, JSON")
    options = parser.parse_args(argv)
    torch.backends.cudnn.benchmark = False
    others = options.model != "i2vgen-xl"
    known = gpu_diffusers.PARTS if others else tuple(PARTS)
    wanted = known if options.parts is None else tuple(options.parts)
    if unknown := set(wanted) - set(known):
        parser.error(f"{options.model} has no part {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    options.parts = wanted
    bench = Bench(options)
    print(bench.results["circumstances"], flush=True)
    if others:
        rates = ceilings(bench.device, *((128, 0.01) if bench.tiny else ()))
        print(rates, flush=True)
        about = _about(bench.results["circumstances"], rates) if options.write else ""
        return gpu_diffusers.run(
            options.model, torch.device(bench.card), wanted, options.out, tiny=bench.tiny, about=about
        )
    for name in PARTS:
        if name in options.parts:
            bench.part(name, getattr(bench, name))
    if options.explore:
        bench.part("explore", bench.explore)
    if bench.kept is not None:
        bench.kept.cleanup()
    bench.tell()
    failed = [name for name, found in bench.results.items() if isinstance(found, dict) and "failed" in found]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
