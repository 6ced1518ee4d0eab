"""Whole clips in one process, a photo's file in and uint8 frames out: the renderer, and the stock pipeline beside it.

Seconds, memory and how far each is from fp32. What comes first matters most: past its time the rest is left out.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from unittest.mock import patch

import msgspec
import numpy as np
import torch
from diffusers import DDIMScheduler
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from PIL import Image
from tests.bench.figures import Figure, at_least, at_most, plain
from tests.bench.gpu_clip import model_at, photo
from tests.bench.gpu_memory import Measured, Peak, constants, reset
from tests.bench.gpu_steps import Row, report
from tests.bench.gpu_timing import relative_error, wait
from tests.engine.i2vgen_stock import stock_pipeline
from torch import Tensor

from unstill_config.catalog import Memory
from unstill_engine.renderers.base import Frames, Photos, Plan, Revised
from unstill_engine.renderers.i2vgen_xl.conditioning import Noise
from unstill_engine.renderers.i2vgen_xl.memory import memory_modes
from unstill_engine.renderers.i2vgen_xl.renderer import I2VGenXL
from unstill_engine.renderers.i2vgen_xl.schedules import TrailingDDIM
from unstill_engine.renderers.torch.placement import GIB, MemoryMode
from unstill_queue.contract.jobs import Parameters

SECONDS = 150.0
PARITY_STEPS = 10
LOSSY: dict[str, dict[str, Any]] = {
    "unipc": {"num_inference_steps": 25, "scheduler": "unipc"},
    "cache2": {"cache_interval": 2},
    "cache3": {"cache_interval": 3},
}
LOW_GIB = 6.0
"""In fp32 a step takes a second and more."""


@dataclass
class Clip:
    """`seconds` from the photo's file to the last frame; `peaks` up to the last step, and of what comes after it."""

    plan: Plan
    seconds: float
    first_step: float
    step_ms: float
    frames: Frames
    denoising: Peak
    decoding: Peak

    @property
    def row(self) -> Row:
        return {
            "size": "x".join(map(str, (self.plan.width, self.plan.height, self.plan.num_frames))),
            "steps": self.plan.parameters.num_inference_steps,
            "clip_s": self.seconds, "first_step_s": self.first_step, "step_ms": self.step_ms,
            "allocated_gib": max(self.denoising.allocated, self.decoding.allocated),
            "reserved_gib": max(self.denoising.reserved, self.decoding.reserved),
            **({"notes": list(self.plan.notes)} if self.plan.notes else {}),
        }  # fmt: skip


@dataclass
class Clips:
    """`checkpoint` is a model's folder."""

    checkpoint: Path
    device: torch.device
    dtype: torch.dtype
    tiny: bool
    rows: list[Row]
    figures: list[Figure]
    failed: list[str] = field(default_factory=list)
    sustained: float = 0.0
    wide: float = 1.0

    def run(self) -> None:
        """Raises RuntimeError at the end, where something failed."""
        if not self.tiny:
            torch.set_num_threads(os.cpu_count() or 1)  # the tiny model's module leaves one
        begin = time.monotonic()
        for section in (self.ours, self.low, self.stock):
            if time.monotonic() - begin > SECONDS:
                report(self.rows, {"left out": section.__name__})
                continue
            try:
                section()
            except Exception as error:  # what follows is still worth its time
                self.failed.append(f"{section.__name__}: {type(error).__name__}: {error}"[:500])
                print("failed:", self.failed[-1], flush=True)
            gc.collect()
            reset(self.device)
        if self.failed:
            raise RuntimeError("; ".join(self.failed))

    def ours(self) -> None:
        renderer, weights = self.loaded("auto")
        square, wide = self.parameters(), self.parameters(wide=True)
        first = self.clip(renderer, square, "first of its shape")
        more = [self.clip(renderer, square, "sustained", keep_cache=True) for _ in range(5)]
        self.sustained = sum(clip.seconds for clip in more) / len(more)
        step_ms = sum(clip.step_ms for clip in more) / len(more)
        report(self.rows, {"mean of 5": first.row["size"], "clip_s": self.sustained, "step_ms": step_ms})
        for name, values in LOSSY.items():
            lossy = msgspec.structs.replace(square, **values)
            lossy = in_steps(lossy, 3) if self.tiny else lossy
            self.clip(renderer, lossy, f"{name}, first")
            again = self.clip(renderer, lossy, f"{name}, again")
            self.figures.append(plain(f"clip: lossy preset {name}", again.seconds, "s"))
        few = in_steps(wide, 3 if self.tiny else PARITY_STEPS)
        new = self.clip(renderer, few, "another shape, first")
        again = self.clip(renderer, few, "another shape, again")
        self.wide = self.clip(renderer, wide, "another shape, whole").seconds
        self._compare(weights, first, new)
        self.figures += [
            at_most("clip: photo to uint8 frames, mean of 5 in a row", self.sustained, "s", 3.95),
            at_most("clip: a step, sustained", step_ms, "ms", 75),
            at_most("clip: a shape never seen before adds", new.seconds - again.seconds, "s", 10),
            at_most("clip: memory allocated at its most", first.row["allocated_gib"], "GiB", 7.3),
            plain("clip: memory reserved at its most, with the cache", first.row["reserved_gib"], "GiB"),
            plain(f"clip: {wide.width}x{wide.height}, {wide.num_inference_steps} steps", self.wide, "s"),
        ]

    def low(self) -> None:
        """In a process that gets no more than 6 GiB, so that it shows if it needs more."""
        with held_to(LOW_GIB, self.device):
            renderer, _ = self.loaded("low")
            clips = [self.clip(renderer, self.parameters(), f"low memory, {which}") for which in ("first", "again")]
        peak = max(clip.row["reserved_gib"] for clip in clips)
        self.figures += [
            at_most("clip: memory reserved in low mode", peak, "GiB", LOW_GIB),
            plain("clip: photo to uint8 frames in low mode", clips[-1].seconds, "s"),
        ]

    @torch.no_grad()
    def stock(self) -> None:
        """Speed in the model's own type; then whole clips by both, against stock in fp32 from the same noise."""
        short = in_steps(self.parameters(), 3 if self.tiny else PARITY_STEPS)
        renderer, _ = self.loaded("auto")
        picture = self._photo(short)
        plan = renderer.plan(short, Photos(picture))
        opened = Image.open(picture).convert("RGB")
        latents = renderer.latents(plan, mode_of(self._memory, plan), opened, lambda done, steps: None, lambda: False)
        ours = latents.cpu(), torch.from_numpy(self.clip(renderer, short, "of the comparison").frames)
        del renderer, latents
        gc.collect()
        reset(self.device)
        pipeline = stock_pipeline(self.checkpoint).to(self.device, self.dtype)
        stock = Stock(pipeline, opened, self.device, self.dtype)
        stock.clip(in_steps(short, 2))
        wait(self.device)
        reset(self.device)
        seconds = stock.seconds(self.parameters())
        at_most_held = Peak.now(self.device)
        report(self.rows, {"clip": "stock", "clip_s": seconds, "allocated_gib": at_most_held.allocated,
                           "reserved_gib": at_most_held.reserved})  # fmt: skip
        name = f"clip: times as fast as stock ({seconds:.2f} s)"
        self.figures.append(at_least(name, seconds / self.sustained, "", 2.75))
        coarse = stock.clip(short)
        pipeline.to(torch.float32)  # the same values
        with exact_products():
            exact = Stock(pipeline, opened, self.device, self.dtype).clip(short)
        errors = {}
        for name, (given, frames) in {"ours": ours, "stock": coarse}.items():
            errors[name] = relative_error(given, exact[0])
            report(self.rows, {"whole clip": name, "steps": short.num_inference_steps, "latents_error": errors[name],
                               "frames_error": relative_error(frames, exact[1]),
                               "frames_mean_levels": float((frames.float() - exact[1]).abs().mean())})  # fmt: skip
        if errors["stock"]:  # none where its own type is fp32
            ratio = errors["ours"] / errors["stock"]
            self.figures.append(at_most("clip: error of the latents, by stock's own", ratio, "", 1))
        pipeline.to(self.dtype)
        wide = self.parameters(wide=True)
        stock = Stock(pipeline, Image.open(self._photo(wide)).convert("RGB"), self.device, self.dtype)
        two, ten = (stock.seconds(in_steps(wide, steps)) for steps in (2, PARITY_STEPS))
        whole = two + (wide.num_inference_steps - 2) * (ten - two) / (PARITY_STEPS - 2)
        report(self.rows, {"clip": f"stock, {wide.width}x{wide.height}", "clip_s_by_2_and_10_steps": whole})
        name = f"clip: {wide.width}x{wide.height}, times as fast as stock ({whole:.1f} s, by 2 and 10 steps)"
        self.figures.append(plain(name, whole / self.wide, ""))

    def loaded(self, mode: Literal["auto", "low"]) -> tuple[I2VGenXL, Peak]:
        """And what it holds once it is loaded."""
        reset(self.device)
        begin = time.monotonic()
        renderer = I2VGenXL("i2vgen-xl", model_at(self.checkpoint, mode))
        renderer.load(str(self.device))
        wait(self.device)
        peak = Peak.now(self.device)
        row = {"load": mode, "load_s": time.monotonic() - begin, "peak_allocated_gib": peak.allocated}
        reset(self.device)
        held = Peak.now(self.device)
        report(self.rows, {**row, "held_gib": held.allocated})
        return renderer, held

    @property
    def _memory(self) -> Memory:
        memory = model_at(self.checkpoint, "auto").memory
        assert memory is not None
        return memory

    def parameters(self, *, wide: bool = False, sides: tuple[int, int] | None = None) -> Parameters:
        if sides is None:
            sides = ((128, 64) if wide else (64, 64)) if self.tiny else (1280, 704) if wide else (512, 512)
        return Parameters(
            "i2vgen-xl", prompt="the waves roll in", negative_prompt="blurry", seed=7, fps=8, guidance_scale=9.0,
            num_frames=4 if self.tiny else 16, num_inference_steps=5 if self.tiny else 50, timestep_spacing="trailing",
            resolution=min(sides), width=sides[0], height=sides[1],
        )  # fmt: skip

    def _photo(self, parameters: Parameters) -> Path:
        assert parameters.width is not None
        assert parameters.height is not None
        scale = 2 if parameters.width == parameters.height else 1
        return photo(self.checkpoint, scale * parameters.width, scale * parameters.height)

    def clip(self, renderer: I2VGenXL, parameters: Parameters, name: str, *, keep_cache: bool = False) -> Clip:
        picture = self._photo(parameters)
        reset(self.device, keep_cache=keep_cache)
        told: list[float] = []
        denoising = Peak(0, 0)

        def stepped(done: int, steps: int) -> None:
            nonlocal denoising
            told.append(time.monotonic())
            if done == steps:  # the allocator is ahead of the device: all that the step needs it has
                denoising = Peak.now(self.device)
                reset(self.device, keep_cache=True)

        begin = time.monotonic()
        plan = renderer.plan(parameters, Photos(picture))
        chunks: list[Frames] = []
        for part in renderer.render(plan, Photos(picture), stepped, lambda: False):
            if isinstance(part, Revised):
                plan, chunks = part.plan, [] if part.anew else chunks
            else:
                chunks.append(part)
        frames = np.concatenate(chunks)
        seconds = time.monotonic() - begin
        step_ms = 1e3 * (told[-1] - told[0]) / max(1, len(told) - 1)
        decoding = Peak.now(self.device)
        clip = Clip(plan, seconds, told[0] - begin, step_ms, frames, denoising, decoding)
        report(self.rows, {"clip": name, **clip.row})
        return clip

    def _compare(self, weights: Peak, *clips: Clip) -> None:
        """The plan's estimate beside what was measured, and the catalogue's figures that would fit."""
        memory = self._memory
        for clip in clips:
            estimate, row = clip.plan.memory / GIB, clip.row
            report(self.rows, {"size": row["size"], "estimate_gib": estimate, "allocated_gib": row["allocated_gib"],
                               "reserved_gib": row["reserved_gib"], "denoising": str(clip.denoising),
                               "decoding": str(clip.decoding)})  # fmt: skip
        for kind in ("allocated", "reserved"):
            measured = []
            for clip in clips:
                at_once = mode_of(memory, clip.plan).decode_frames
                held = (getattr(clip.denoising, kind), getattr(clip.decoding, kind))
                measured.append(Measured(clip.plan, at_once, *held))
            report(self.rows, {"memory's figures": f"by what was {kind}", **constants(weights.allocated, measured)})
        now = {name: getattr(memory, name) for name in ("weights", "render", "decode")}
        report(self.rows, {"memory's figures": "in the catalogue", **now})


class Stock:
    """The stock pipeline on one photo. What is random is the renderer's, in `dtype`, whatever the pipeline's type."""

    def __init__(self, pipeline: Any, picture: Image.Image, device: torch.device, dtype: torch.dtype) -> None:
        self._pipeline = pipeline
        self._picture = picture
        self._device = device
        self._dtype = dtype

    def latents(self, given: Parameters) -> Tensor:
        assert given.width is not None
        assert given.height is not None
        height, width = given.height // 8, given.width // 8
        noise = Noise.of(given.seed, given.num_frames, height, width, self._device, self._dtype)

        def sample(posterior: Any, generator: object = None) -> Tensor:
            drawn: Tensor = posterior.mean + posterior.std * noise.picture.to(posterior.mean.dtype)
            return drawn

        even = 1000 % given.num_inference_steps == 0  # elsewhere the stock one does not go to its own next timestep
        kind: Any = DDIMScheduler if even else TrailingDDIM
        config = {**self._pipeline.scheduler.config, "timestep_spacing": given.timestep_spacing}
        self._pipeline.scheduler = kind.from_config(config)
        with patch.object(DiagonalGaussianDistribution, "sample", sample):
            made: Tensor = self._pipeline(
                prompt=given.prompt, negative_prompt=given.negative_prompt, image=self._picture, width=given.width,
                height=given.height, target_fps=given.fps, num_frames=given.num_frames, output_type="latent",
                num_inference_steps=given.num_inference_steps, guidance_scale=given.guidance_scale,
                latents=noise.latents.to(self._pipeline.unet.dtype),
            ).frames  # fmt: skip
        return made

    def clip(self, given: Parameters) -> tuple[Tensor, Tensor]:
        """Latents, and frames (T, H, W, 3), 0 to 255 and not rounded; on the processor."""
        latents = self.latents(given)
        pictures = self._pipeline.decode_latents(latents, decode_chunk_size=1)[0].permute(1, 2, 3, 0)
        return latents.float().cpu(), (255 * (pictures.float() / 2 + 0.5).clamp(0, 1)).cpu()

    def seconds(self, given: Parameters) -> float:
        begin = time.monotonic()
        self.clip(given)
        return time.monotonic() - begin


@contextmanager
def held_to(gib: float, device: torch.device) -> Iterator[None]:
    """As if the card had no more memory than that."""
    if device.type != "cuda":
        yield
        return
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(device).total_memory
    torch.cuda.set_per_process_memory_fraction(gib * 2**30 / total, device)
    try:
        yield
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, device)


@contextmanager
def exact_products() -> Iterator[None]:
    """No TF32 in products, which rounds to 10 bits what it multiplies. Convolutions have it: see `gpu_steps._exact`."""
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = False
    try:
        yield
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before


def in_steps(parameters: Parameters, steps: int) -> Parameters:
    return msgspec.structs.replace(parameters, num_inference_steps=steps)


def mode_of(memory: Memory, plan: Plan) -> MemoryMode:
    """Of a plan that did not have to save memory."""
    return next(memory_modes(memory, plan.parameters))
