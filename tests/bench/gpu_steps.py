"""One UNet step and one VAE decode, stock and ours in one process: parity against fp32, speed, memory."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
from diffusers import I2VGenXLUNet
from tests.bench.gpu_timing import relative_error, seconds, sustained, wait
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from unstill_engine.renderers.i2vgen_xl.backend import ops_on
from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.fast_vae import FastDecoder
from unstill_engine.renderers.i2vgen_xl.graph import StepGraphs
from unstill_engine.renderers.i2vgen_xl.kernels.winograd import POSITIONS, tiles_of
from unstill_engine.renderers.i2vgen_xl.ops import Field, TorchOps
from unstill_engine.renderers.i2vgen_xl.packing import pack_unet
from unstill_engine.renderers.i2vgen_xl.triton_ops import takes_winograd
from unstill_engine.renderers.i2vgen_xl.unet import FastUNet
from unstill_engine.renderers.i2vgen_xl.weights import Conv, GroupNorm

Row = dict[str, Any]
BASE = Choices()
VARIANTS: dict[str, Choices] = {
    "ours": BASE,
    "without sharing the prefix": replace(BASE, share_prefix=False),
    "without phases": replace(BASE, upsample_phases=False),
    "phases by cuDNN alone": replace(BASE, product_width=100_000),
    "without merged projections": replace(BASE, merge_projections=False),
    "temporal unfolded": replace(BASE, temporal_conv="unfold"),
    "GEGLU never fused": replace(BASE, geglu_width=0),
    "GELU by erf": replace(BASE, geglu_polynomial=False),
    "products not by ping-pong": replace(BASE, pingpong=False),
    "temporal attention in three passes": replace(BASE, frame_attention=False),
    "LayerNorm in a pass of its own": replace(BASE, row_sums_width=0),
    "convolutions direct": replace(BASE, winograd=False),
    "temporal convolution normalised by a pass": replace(BASE, temporal_conv_norm=False),
    "sums 128 a part": replace(BASE, sums_part=128),
}


@dataclass(frozen=True)
class Inputs:
    """One clip's, without guidance's doubling: `text` and `image` have its two rows."""

    latents: Tensor
    timesteps: Tensor
    fps: Tensor
    photo: Tensor
    image: Tensor
    text: Tensor


def inputs(unet: Any, frames: int, height: int, width: int, steps: int) -> Inputs:
    torch.manual_seed(2)
    device, dtype, context = unet.device, unet.dtype, unet.config.cross_attention_dim

    def rand(*shape: int) -> Tensor:
        return torch.randn(*shape, device=device).to(dtype)

    image = rand(2, 1, context)
    image[0] = 0
    return Inputs(
        rand(1, 4, frames, height // 8, width // 8),
        torch.arange(1, 1000, 1000 // steps, device=device).flip(0)[:steps],
        torch.tensor([8], device=device),
        rand(1, 4, frames, height // 8, width // 8),
        image,
        rand(2, 77, context),
    )


def stock_step(unet: Any, given: Inputs, index: int = 0) -> Tensor:
    dtype = unet.dtype
    pair = (2, -1, -1, -1, -1)
    out: Tensor = unet(
        given.latents.to(dtype).expand(pair),
        given.timesteps[index],
        given.fps.expand(2),
        given.photo.to(dtype).expand(pair),
        given.image.to(dtype),
        given.text.to(dtype),
        return_dict=False,
    )[0]
    return out


def stepper(unet: FastUNet, given: Inputs) -> Callable[[int], Tensor]:
    clip = unet.prepare(given.timesteps, given.fps, given.photo, given.image, given.text)
    if given.latents.device.type != "cuda":
        return lambda index: unet.step(given.latents, clip.times[index], clip)
    graphs = StepGraphs(unet)
    graphs.bind(clip, given.latents)
    return lambda index: graphs.step(given.latents, index)  # reads them anew at each step


class _Counted(TorchOps):
    """Counts what the kernels multiply: PyTorch's counter leaves out products over their own summand."""

    def norm_conv(
        self,
        fields: Sequence[Field],
        norm: GroupNorm,
        conv: Conv,
        bias: Tensor | None = None,
        residual: Tensor | None = None,
    ) -> Field:
        x, (outputs, channels) = fields[0].x, conv.weight.shape[:2]
        n, height, width, _ = x.shape
        if not takes_winograd(x, BASE):
            return super().norm_conv(fields, norm, conv, bias, residual)
        tiles = n * tiles_of(height, width)
        torch.bmm(x.new_empty(POSITIONS, tiles, channels), x.new_empty(POSITIONS, channels, outputs))
        return Field(x.new_empty(n, height, width, outputs), bias)

    def accumulate(self, rows: Tensor, a: Tensor, weight: Tensor) -> Tensor:
        return torch.addmm(rows, a, weight.t())


@torch.no_grad()
def work(config: dict[str, Any], frames: int, height: int, width: int) -> float:
    """Count the TFLOP that our forward computes in a step with guidance; no value is computed."""
    with torch.device("meta"):
        stock = I2VGenXLUNet(**config)
    nn.Module.to(stock, torch.bfloat16)
    given = inputs(stock, frames, height, width, 50)
    unet = FastUNet(pack_unet(stock, BASE), _Counted(), BASE)
    clip = unet.prepare(given.timesteps, given.fps, given.photo, given.image, given.text)
    with FlopCounterMode(display=False) as counter:
        unet.step(given.latents, clip.times[0], clip)
    return float(counter.get_total_flops()) / 1e12


def peak(device: torch.device) -> float:
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else 0.0


def reset_peak(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


@torch.no_grad()
def measure_steps(
    stock: Any, given: Inputs, variants: dict[str, Choices], *, steps: int, with_stock: bool, floor: float
) -> list[Row]:
    """A row for stock and each variant; `floor` is what a step takes at the device's sustained rate, in ms."""
    device = stock.device
    size = "x".join(str(side * 8) for side in given.latents.shape[3:]) + f"x{given.latents.shape[2]}"
    exact = _exact(stock, given)
    rows: list[Row] = []
    stock_ms = None
    bf16 = stock_step(stock, given)
    report(rows, {"size": size, "variant": "stock", "error": relative_error(bf16, exact)})
    if with_stock:
        reset_peak(device)
        stock_ms = 1e3 * sustained(lambda: stock_step(stock, given), device, max(2, steps // 4))
        report(rows, {"size": size, "variant": "stock", "sustained_ms": stock_ms, "peak_gib": peak(device)})
    for name, choices in variants.items():
        row: Row = {"size": size, "variant": name}
        try:
            begin = time.monotonic()
            unet = FastUNet(pack_unet(copy.deepcopy(stock), choices), ops_on(device, choices), choices)
            reset_peak(device)
            step = stepper(unet, given)
            noise = step(0).clone()
            wait(device)
            row["ready_s"] = time.monotonic() - begin
            row["error"] = relative_error(noise, exact)
            row["burst_ms"] = 1e3 * seconds(partial(step, 0), device, repeats=5)
            row["sustained_ms"] = 1e3 * sustained(partial(step, 0), device, steps)
            row["peak_gib"] = peak(device)
            row["of_floor"] = floor / row["sustained_ms"]
            if stock_ms:
                row["times_stock"] = stock_ms / row["sustained_ms"]
            del unet, step, noise
        except Exception as error:  # the others are still worth their time
            row["failed"] = f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
            if "CUDA error" in str(error):
                report(rows, row)
                return rows
        report(rows, row)
    return rows


def _exact(stock: Any, given: Inputs) -> Tensor:
    """The step in fp32 from the same weights, its products without TF32.

    Convolutions have it: cuDNN 9.19 computes some of those of 1280x704 wrongly in strict fp32.
    """
    torch.backends.cuda.matmul.allow_tf32 = False
    full = copy.deepcopy(stock).float()
    out = stock_step(full, given)
    del full
    reset_peak(given.latents.device)
    return out


def report(rows: list[Row], row: Row) -> None:
    rows.append(row)
    told = " ".join(
        f"{name}={value:.4g}" if isinstance(value, float) else f"{name}={value}" for name, value in row.items()
    )
    print(told, flush=True)


def _decode(decoder: FastDecoder, parts: tuple[Tensor, ...]) -> None:
    for part in parts:
        decoder.decode(part)


@torch.no_grad()
def measure_vae(vae: Any, frames: int, height: int, width: int, chunks: tuple[int, ...]) -> list[Row]:
    device = vae.device
    latents = torch.randn(frames, 4, height // 8, width // 8, device=device).to(vae.dtype)
    rows: list[Row] = []
    size = f"{height}x{width}x{frames}"

    def stock(chunk: int) -> Tensor:
        return torch.cat([vae.decode(part).sample for part in latents.split(chunk)])

    reset_peak(device)
    exact = copy.deepcopy(vae).float().decode(latents[:2].float()).sample.permute(0, 2, 3, 1)
    error = relative_error(stock(1)[:2].permute(0, 2, 3, 1), exact)
    report(
        rows,
        {"size": size, "variant": "stock VAE", "ms": 1e3 * seconds(lambda: stock(1), device, 3, 1), "error": error},
    )
    for name, choices in (("VAE", BASE), ("VAE without phases", VARIANTS["without phases"])):
        try:
            begin = time.monotonic()
            decoder = FastDecoder(copy.deepcopy(vae), ops_on(device, choices), choices)
            error = relative_error(decoder.decode(latents[:2]), exact)
            first = time.monotonic() - begin
            for chunk in chunks:
                reset_peak(device)
                ms = 1e3 * seconds(partial(_decode, decoder, latents.split(chunk)), device, 5)
                told = {"size": size, "variant": f"{name}, {chunk} at a time", "ms": ms, "error": error}
                report(rows, {**told, "first_s": first, "peak_gib": peak(device)})
        except Exception as error:  # the other variant is still worth its time
            failed = f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
            report(rows, {"size": size, "variant": name, "failed": failed})
    return rows


@torch.no_grad()
def profile(stock: Any, given: Inputs, choices: Choices, top: int = 45) -> list[Row]:
    """Where one step's time goes, by kernel."""
    device = stock.device
    unet = FastUNet(pack_unet(copy.deepcopy(stock), choices), ops_on(device, choices), choices)
    clip = unet.prepare(given.timesteps, given.fps, given.photo, given.image, given.text)
    for _ in range(3):
        unet.step(given.latents, clip.times[0], clip)
    wait(device)
    with torch.profiler.profile(activities=list(torch.profiler.supported_activities())) as recorded:
        unet.step(given.latents, clip.times[0], clip)
        wait(device)
    field = "self_device_time_total" if device.type == "cuda" else "self_cpu_time_total"
    events = [event for event in recorded.key_averages() if getattr(event, field) > 0]
    if device.type == "cuda":
        events = [event for event in events if event.device_type.name == "CUDA"]
    events.sort(key=lambda event: -getattr(event, field))
    rows: list[Row] = []
    total = sum(getattr(event, field) for event in events) / 1e3
    print(f"profile: {total:.2f} ms in {sum(event.count for event in events)} kernels", flush=True)
    for event in events[:top]:
        rows.append({"kernel": event.key[:110], "ms": getattr(event, field) / 1e3, "count": event.count})
        print(f"{rows[-1]['ms']:8.3f} ms {event.count:5} x {rows[-1]['kernel']}", flush=True)
    return rows
