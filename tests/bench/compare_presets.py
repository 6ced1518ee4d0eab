"""How far presets' clips are from a finer one, on real weights: `python -m tests.bench.compare_presets PHOTO ...`.

For each photo and seed a clip is rendered by each preset, and once by the reference, from the same noise. The table
has seconds of a render, PSNR and SSIM (Wang and others 2004) of the frames, and LPIPS (Zhang and others 2018) where
the package `lpips` is installed, as means over frames, photos and seeds. The row "another seed" is the scale: how far
two clips of the same photo and words are that have nothing else in common.

Far from the reference is not worse by itself, only another clip: look at them too (`unstill animate --preset NAME`).
`--presets` and `--reference` take what a caption takes, as in `--presets "--preset unipc" "--steps 25"`.
"""

from __future__ import annotations

import argparse
import importlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from unstill_bots.intake.captions import parse
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog
from unstill_config.errors import ConfigError
from unstill_config.settings import Settings
from unstill_engine.renderers.base import Frames, Photos, Renderer, RenderError
from unstill_engine.renderers.photo import photo_size
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.jobs import Parameters
from unstill_queue.contract.resolving import resolve

REFERENCE = "--preset standard --steps 100"
PRESETS = ("--preset standard", "--preset unipc", "--preset cache2", "--preset cache3")
OTHER = "another seed"
WORDS = "the scene comes to life, natural motion"
MOST = 99.0
"""PSNR in dB of clips that are equal."""


@dataclass
class Row:
    """What was measured of one preset, a value for each photo and seed."""

    steps: int = 0
    seconds: list[float] = field(default_factory=list)
    psnr: list[float] = field(default_factory=list)
    ssim: list[float] = field(default_factory=list)
    lpips: list[float] = field(default_factory=list)


class Comparison:
    """Renders by one model that is loaded. `perceptual` is LPIPS of frames (T, 3, H, W), -1 to 1; None: left out."""

    def __init__(
        self,
        name: str,
        catalog: Catalog,
        renderer: Renderer,
        perceptual: Callable[[Tensor, Tensor], float] | None = None,
    ) -> None:
        self._name = name
        self._catalog = catalog
        self._renderer = renderer
        self._perceptual = perceptual

    def rows(
        self, photos: Sequence[Path], seeds: Sequence[int], presets: Sequence[str], reference: str, words: str
    ) -> dict[str, Row]:
        """Return a row for each of the presets and for another seed; all but that one from the reference's noise.

        Raises:
            OptionError: one of them asks for what the model cannot do.
            RenderError: a photo cannot be read, or the device is too small.
            ValueError: their clips are of another size or length than the reference.
        """
        found: dict[str, Row] = {}
        asked = {preset: self._parameters(f"{words} {preset}") for preset in dict.fromkeys([*presets, reference])}
        for photo in photos:
            for preset in presets:
                self._check(photo, preset, asked[preset], asked[reference])
        for photo in photos:
            for each in {parameters: None for parameters in asked.values()}:
                self._render(photo, each)  # compiles kernels, and captures graphs
            for seed in seeds:
                exact, _ = self._render(photo, seeded(asked[reference], seed))
                for preset in presets:
                    frames, seconds = self._render(photo, seeded(asked[preset], seed))
                    self._note(found.setdefault(preset, Row(asked[preset].num_inference_steps)), frames, exact, seconds)
                other, seconds = self._render(photo, seeded(asked[reference], seed + 1))
                row = found.setdefault(OTHER, Row(asked[reference].num_inference_steps))
                self._note(row, other, exact, seconds)
        return found

    def _check(self, photo: Path, preset: str, asked: Parameters, reference: Parameters) -> None:
        """Raise ValueError where a preset's frames cannot be compared with the reference's."""
        first, second = (self._renderer.plan(each, Photos(photo)) for each in (asked, reference))
        sizes = [f"{plan.num_frames} frames of {plan.width}x{plan.height}" for plan in (first, second)]
        if sizes[0] != sizes[1]:
            raise ValueError(f"`{preset}` makes {sizes[0]}, the reference {sizes[1]}: give both one size and length.")

    def _parameters(self, caption: str) -> Parameters:
        read = parse(caption, self._catalog, self._name)
        given = {**read.given, "model": self._name}
        return seeded(resolve(read.prompt, given, self._catalog, default_model=self._name)[0], 0)

    def _render(self, photo: Path, parameters: Parameters) -> tuple[Frames, float]:
        """Return frames (T, H, W, 3), and the seconds from the photo's file to the last of them."""
        begin = time.perf_counter()
        plan = self._renderer.plan(parameters, Photos(photo))
        chunks = self._renderer.render(plan, Photos(photo), lambda step, steps: None, lambda: False)
        frames = np.concatenate([chunk for chunk in chunks if isinstance(chunk, np.ndarray)])
        return frames, time.perf_counter() - begin

    def _note(self, row: Row, frames: Frames, exact: Frames, seconds: float) -> None:
        if frames.shape != exact.shape:  # memory ran out in one of them
            raise ValueError(f"Clips of {frames.shape} and {exact.shape} cannot be compared: ask for smaller ones.")
        row.seconds.append(seconds)
        found, wanted = (torch.from_numpy(each).permute(0, 3, 1, 2).double() for each in (frames, exact))
        row.psnr.append(fmean(psnr(found, wanted)))
        row.ssim.append(fmean(ssim(found, wanted)))
        if self._perceptual is not None:
            row.lpips.append(self._perceptual(found.float() / 127.5 - 1, wanted.float() / 127.5 - 1))


def seeded(parameters: Parameters, seed: int) -> Parameters:
    return msgspec.structs.replace(parameters, seed=seed)


def psnr(found: Tensor, wanted: Tensor) -> list[float]:
    """Of each frame of (T, 3, H, W), 0 to 255, in dB; MOST where there is no difference."""
    errors = (found - wanted).square().flatten(1).mean(1).clamp(min=255**2 / 10 ** (MOST / 10))
    return [float(value) for value in 10 * torch.log10(255**2 / errors)]


def ssim(found: Tensor, wanted: Tensor) -> list[float]:
    """Of each frame, by a Gaussian window of 11 by 11 with a deviation of 1.5, as it was published."""
    distance = torch.arange(11, dtype=found.dtype) - 5  # differences of squares: not in 32 bits
    line = torch.exp(-(distance**2) / (2 * 1.5**2))
    window = torch.outer(line, line) / line.sum() ** 2

    def mean(x: Tensor) -> Tensor:
        return F.conv2d(x.flatten(0, 1)[:, None], window[None, None])

    a, b = mean(found), mean(wanted)
    variances = mean(found**2) - a**2 + mean(wanted**2) - b**2
    together = mean(found * wanted) - a * b
    light, contrast = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    values = (2 * a * b + light) * (2 * together + contrast) / ((a**2 + b**2 + light) * (variances + contrast))
    return [float(value) for value in values.view(len(found), -1).mean(1)]


def perceptual_metric(device: str) -> Callable[[Tensor, Tensor], float] | None:
    """Return LPIPS by AlexNet, whose weights its package fetches; None where the package is not installed."""
    try:
        lpips: Any = importlib.import_module("lpips")
    except ModuleNotFoundError:
        return None
    network = lpips.LPIPS(net="alex", verbose=False).to(device).eval()

    @torch.no_grad()
    def measure(found: Tensor, wanted: Tensor) -> float:
        return fmean(float(network(a[None].to(device), b[None].to(device))) for a, b in zip(found, wanted, strict=True))

    return measure


def table(rows: dict[str, Row], reference: str) -> str:
    """Return the rows in Markdown; `reference` names what they were compared with."""
    lines = [
        f"Compared with `{reference}` from the same noise; the last row is that with another seed.",
        "",
        "| preset | steps | seconds | times as fast | PSNR, dB | SSIM | LPIPS |",
        "|---|---|---|---|---|---|---|",
    ]
    first = fmean(next(iter(rows.values())).seconds)
    for name, row in rows.items():
        seconds = fmean(row.seconds)
        lpips = f"{fmean(row.lpips):.4f}" if row.lpips else "not measured"
        lines.append(
            f"| {name} | {row.steps} | {seconds:.2f} | {first / seconds:.2f} | {fmean(row.psnr):.2f} "
            f"| {fmean(row.ssim):.4f} | {lpips} |"
        )
    return "\n".join(lines)


def loaded(name: str, catalog: Catalog, device: str) -> Renderer:
    """Return a model's renderer, loaded. Raises RenderError where its weights are not there."""
    module, _, kind = catalog.models[name].renderer.partition(":")
    renderer: Renderer = getattr(importlib.import_module(module), kind)(name, catalog.models[name])
    renderer.load(device)
    return renderer


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.compare_presets",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("photos", nargs="+", type=Path, help="photos to animate")
    parser.add_argument("--model", default="i2vgen-xl", help="a model of the catalogue, i2vgen-xl by default")
    parser.add_argument("--catalog", type=Path, help="a catalogue of yours, by default that of the settings")
    parser.add_argument("--weights", help="a folder with the weights, in place of what the catalogue names")
    parser.add_argument("--variant", default="fp16", help="of the weights in that folder, fp16 by default")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--words", default=WORDS, help="what happens")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 1001], help="a clip of each")
    parser.add_argument("--presets", nargs="+", default=list(PRESETS), help="the first one is what speed is told by")
    parser.add_argument("--reference", default=REFERENCE, help="what all are compared with")
    options = parser.parse_args(argv)
    try:
        catalog = Catalog.load(options.catalog) if options.catalog else Settings().load_catalog()
    except ConfigError as error:
        parser.error(str(error))
    if options.model not in catalog.models:
        parser.error(f"--model {options.model} is none of {', '.join(catalog.models)}")
    if options.weights:
        model = catalog.models[options.model]
        weights = {**model.weights, "repo": options.weights, "variant": options.variant}
        catalog.models[options.model] = model.model_copy(update={"weights": weights})
    try:
        for photo in options.photos:  # before the weights are read
            photo_size(photo)
        perceptual = perceptual_metric(options.device)
        comparison = Comparison(options.model, catalog, loaded(options.model, catalog, options.device), perceptual)
        rows = comparison.rows(options.photos, options.seeds, options.presets, options.reference, options.words)
    except OptionError as error:
        parser.error(Replies().option_error(error))
    except (RenderError, ValueError) as error:
        parser.error(str(error))
    print(table(rows, options.reference))
    if perceptual is None:
        print("\nLPIPS was not measured: `pip install lpips` adds it.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
