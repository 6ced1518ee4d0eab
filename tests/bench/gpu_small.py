"""What a clip costs on smaller cards, by size: in `low` mode, and in a process held to 8 and to 12 GB.

A clip of few steps each time, in a process whose allocator gets no more than that. The speed is an H200's.
"""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Literal

import torch
from tests.bench.figures import Figure, plain
from tests.bench.gpu_memory import reset
from tests.bench.gpu_render import Clips, held_to, in_steps
from tests.bench.gpu_steps import Row, report

from unstill_engine.renderers.torch.placement import GIB
from unstill_queue.contract.jobs import Parameters

GB = 1e9
HELD: tuple[tuple[Literal["auto", "low"], float], ...] = (("low", 6 * GIB), ("auto", 8 * GB), ("auto", 12 * GB))
SIZES = ((512, 512), (768, 768), (1280, 704))
STEPS = 4


def measure_small(
    checkpoint: Path, device: torch.device, rows: list[Row], figures: list[Figure], *, tiny: bool
) -> None:
    """Each size in each of those, first and again; the second is told."""
    clips = Clips(checkpoint, device, torch.bfloat16, tiny, [], [])
    for mode, held in HELD:
        told = f"{mode}, held to {held / GIB:.2f} GiB"
        with held_to(held / GIB, device):
            renderer, _ = clips.loaded(mode)
            for width, height in SIZES[:1] if tiny else SIZES:
                wanted = in_steps(_parameters(clips, width, height), STEPS)
                clips.clip(renderer, wanted, "first")
                clip = clips.clip(renderer, wanted, "again")
                found = clip.row
                row = {"held": told, "asked": f"{width}x{height}", **found, "planned_gib": clip.plan.memory / GIB}
                report(rows, row)
                taken = f"{found['reserved_gib']:.2f} GiB"
                name = f"{told}: a step of {width}x{height} as {found['size']}, which took {taken}"
                figures.append(plain(name, found["step_ms"], "ms"))
            del renderer
            gc.collect()
            reset(device)


def _parameters(clips: Clips, width: int, height: int) -> Parameters:
    if clips.tiny:
        return clips.parameters()
    return clips.parameters(sides=(width, height))
