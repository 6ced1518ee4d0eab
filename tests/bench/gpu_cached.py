"""Steps of the lossy presets on a GPU, with random weights: `python -m tests.bench.gpu_cached`, a minute or less.

Milliseconds of a whole step, of one that keeps its features and of a shallow one, as graphs; whether each graph gives
what its function gives without one; what the graphs hold; and a step of UniPC beside one of DDIM, without the model.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from diffusers import DDIMScheduler
from tests.bench.gpu_models import build_unet
from tests.bench.gpu_steps import BASE, Row, inputs
from tests.bench.gpu_timing import relative_error, seconds, sustained
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl.backend import ops_on
from unstill_engine.renderers.i2vgen_xl.graph import StepGraphs
from unstill_engine.renderers.i2vgen_xl.packing import pack_unet
from unstill_engine.renderers.i2vgen_xl.schedules import schedule_of
from unstill_engine.renderers.i2vgen_xl.unet import FastUNet
from unstill_queue.contract.jobs import Parameters

STEPS, WARM = 30, 3
SCHEDULER = {
    "beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction", "rescale_betas_zero_snr": True,
    "clip_sample": False, "steps_offset": 1,
}  # fmt: skip


@torch.no_grad()
def measure(device: torch.device, *, tiny: bool) -> list[Row]:
    """Return what was measured at 512x512x16 and 1280x704x16, or of a tiny model at 64x64x4."""
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    stock = build_unet(device, dtype, tiny=tiny)
    sizes = [(64, 64)] if tiny else [(512, 512), (704, 1280)]
    given = [inputs(stock, 4 if tiny else 16, height, width, 50) for height, width in sizes]
    unet = FastUNet(pack_unet(stock, BASE), ops_on(device, BASE), BASE)
    del stock
    gc.collect()
    rows = []
    for size, one in zip(sizes, given, strict=True):
        rows.append({"size": "x".join(map(str, size)), **_steps(unet, one, device)})
        print(json.dumps(rows[-1]), flush=True)
    rows.append(_schedulers(given[0].latents, device))
    print(json.dumps(rows[-1]), flush=True)
    return rows


def _steps(unet: FastUNet, given: Any, device: torch.device) -> Row:
    clip = unet.prepare(given.timesteps, given.fps, given.photo, given.image, given.text)
    features = unet.features(given.latents, clip.rows)
    plain: dict[str, Callable[[int], Tensor]] = {
        "whole": lambda index: unet.step(given.latents, clip.times[index], clip),
        "keeping": lambda index: unet.keeping_step(given.latents, clip.times[index], clip, features),
        "shallow": lambda index: unet.shallow_step(given.latents, clip.times[index], clip, features),
    }
    expected = {name: step(1).clone() for name, step in plain.items()}
    row: Row = {"features_mib": features.nbytes / 2**20}
    # with the features of the step before, and with its own, which shows that nothing else is taken over
    row["shallow_with_its_own_off_whole"] = relative_error(expected["shallow"], expected["whole"])
    plain["keeping"](0)
    row["shallow_with_those_before_off_whole"] = relative_error(plain["shallow"](1), expected["whole"])
    steps = plain
    if device.type == "cuda":
        before = torch.cuda.memory_reserved(device)
        graphs, cached = StepGraphs(unet), StepGraphs(unet)
        graphs.bind(clip, given.latents)
        cached.bind(clip, given.latents, cached=True)
        steps = {
            "whole": lambda index: graphs.step(given.latents, index),
            "keeping": lambda index: cached.step(given.latents, index),
            "shallow": lambda index: cached.step(given.latents, index, shallow=True),
        }
        for name, step in steps.items():
            row[f"{name}_graph_off"] = float((step(1).float() - expected[name].float()).abs().max())
        row["graphs_hold_mib"] = (torch.cuda.memory_reserved(device) - before) / 2**20
    for name, step in steps.items():
        for index in range(WARM if device.type == "cuda" else 0):
            step(index)
        row[f"{name}_ms"] = 1e3 * sustained(partial(step, 1), device, STEPS if device.type == "cuda" else 1)
    row["shallow_of_whole"] = row["shallow_ms"] / row["whole_ms"]
    return row


def _schedulers(latents: Tensor, device: torch.device) -> Row:
    own: Any = DDIMScheduler(**SCHEDULER)
    row: Row = {}
    for name in ("", "unipc"):
        asked = Parameters("i2vgen-xl", "", 1, 16, 8, 512, scheduler=name, timestep_spacing="trailing")
        scheduler = schedule_of(asked, own)

        def loop(scheduler: Any = scheduler) -> None:
            scheduler.set_timesteps(25)
            sample = noise = latents.float()
            for time in scheduler.timesteps.tolist():
                sample = scheduler.step(noise, time, sample, return_dict=False)[0]

        row[f"{name or 'ddim'}_step_ms"] = 1e3 * seconds(loop, device, repeats=3, warm=1) / 25
    return row


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpu_cached", description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--tiny", action="store_true", help="on any machine")
    options = parser.parse_args(argv)
    measure(torch.device(options.device), tiny=options.tiny)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
