"""Estimates what a pipeline needs of a device, from the figures in models.toml, and the modes in which it needs less.

Arithmetic alone, without torch. Figures are for 16-bit weights; `bytes_per_value` brings them to others.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from unstill_config.memory import Memory
from unstill_config.pipelines import Pipeline, Placing
from unstill_engine.renderers.framing import Size
from unstill_engine.renderers.torch.placement import GIB, Estimate, MemoryMode, Modes
from unstill_queue.contract.jobs import Parameters

MEGAPIXEL = 1_000_000
BYTES_PER_VALUE = 2

SizeAt = Callable[[int], Size]
"""From a resolution to (width, height) in pixels, for one photo."""


def ladder(pipeline: Pipeline) -> tuple[MemoryMode, ...]:
    """Return the modes of a table's placements, from the fastest to the most sparing."""
    return tuple(MemoryMode(decode_frames=1, placing=placing) for placing in pipeline.placements)


def modes_of(pipeline: Pipeline) -> Modes:
    """Return the modes as `place` takes them: the same for any clip."""

    def modes(memory: Memory, parameters: Parameters) -> Iterable[MemoryMode]:
        return ladder(pipeline)

    return modes


def estimate_of(pipeline: Pipeline, size_at: SizeAt, *, bytes_per_value: int = BYTES_PER_VALUE) -> Estimate:
    """Return the estimate as `place` takes it, for a photo whose frames are of the size that `size_at` returns."""

    def estimate(memory: Memory, parameters: Parameters, mode: MemoryMode) -> int:
        width, height = size_at(parameters.resolution)
        needed = peak(memory, pipeline, mode.placing or Placing(), width * height, parameters.num_frames)
        return round(needed * GIB * bytes_per_value / BYTES_PER_VALUE)

    return estimate


def peak(memory: Memory, pipeline: Pipeline, placing: Placing, pixels: int, num_frames: int) -> float:
    """Return the GiB on the device at their most: while words are encoded, while it denoises, or while it decodes."""
    megapixels = pixels / MEGAPIXEL
    denoisers = memory.weights - memory.encoders - memory.vae
    resident = placing.denoiser == "resident"
    fast = resident or placing.denoiser == "moved"
    accelerated = fast and pipeline.accelerate is not None
    render = memory.render if accelerated or not memory.render_plain else memory.render_plain
    words = memory.encoders if placing.words == "resident" else 0.0
    visiting = memory.encoders if placing.words == "moved" else 0.0
    staying = words + (denoisers + memory.vae if resident else 0.0)
    encodes = staying + visiting
    denoises = words + _held(memory, placing, denoisers, len(pipeline.denoisers)) + render * megapixels * num_frames
    decodes = (
        staying + (0.0 if resident else memory.vae) + (memory.tile if placing.tiled else memory.decode * megapixels)
    )
    return max(encodes, denoises, decodes)


def _held(memory: Memory, placing: Placing, denoisers: float, count: int) -> float:
    """Return the GiB of weights that are on the device while a step is done, but for those of words."""
    match placing.denoiser:
        case "resident":
            return denoisers + memory.vae
        case "moved":
            return denoisers / count
        case "eight_bit":
            return denoisers / count / 2
        case "leaf":
            return memory.leaf
