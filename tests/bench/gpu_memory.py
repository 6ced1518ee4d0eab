"""What a device's memory held at most, and the figures of models.toml that this would make."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from tests.bench.gpu_steps import Row

from unstill_engine.renderers.base import Plan
from unstill_engine.renderers.i2vgen_xl.memory import MEGAPIXEL
from unstill_engine.renderers.torch.placement import GIB


@dataclass(frozen=True)
class Peak:
    """GiB since the last `reset`: of tensors, and of what the allocator took from the device for them.

    A CUDA graph's own memory is counted as allocated only while it is captured, so of later clips the second counts.
    """

    allocated: float
    reserved: float

    @classmethod
    def now(cls, device: torch.device) -> Peak:
        if device.type != "cuda":
            return cls(0.0, 0.0)
        return cls(torch.cuda.max_memory_allocated(device) / GIB, torch.cuda.max_memory_reserved(device) / GIB)

    def __str__(self) -> str:
        return f"{self.allocated:.2f}/{self.reserved:.2f}"


def reset(device: torch.device, *, keep_cache: bool = False) -> None:
    """From here on a new `Peak` counts."""
    if device.type == "cuda":
        if not keep_cache:
            torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


@dataclass(frozen=True)
class Measured:
    """A clip's plan, how many frames were decoded at once, and GiB at most while it was denoised and decoded."""

    plan: Plan
    decode_frames: int
    denoising: float
    decoding: float

    @property
    def megapixels(self) -> float:
        """Of one frame."""
        return self.plan.width * self.plan.height / MEGAPIXEL


def constants(weights: float, clips: Sequence[Measured]) -> Row:
    """`memory.weights`, `render` and `decode` that no clip needs more than, in GiB.

    The line through the first two clips says whether the plan's form holds: where it does, `base` is `weights`.
    """
    denoised = [(clip.megapixels * clip.plan.num_frames, clip.denoising) for clip in clips]
    decoded = [(clip.megapixels * clip.decode_frames, clip.decoding) for clip in clips]
    row: Row = {"weights": weights}
    for name, points in (("render", denoised), ("decode", decoded)):
        row[name] = max((held - weights) / size for size, held in points)
        (x, y), (other_x, other_y) = points[:2]
        if other_x != x:
            slope = (other_y - y) / (other_x - x)
            row |= {f"{name}_slope": slope, f"{name}_base": y - slope * x}
    return row
