"""What I2VGen-XL needs of a device, from the figures in models.toml, and the modes in which it needs less."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from unstill_config.catalog import Memory, Model
from unstill_engine.renderers.framing import Size
from unstill_engine.renderers.torch.placement import GIB, MemoryMode, Placement, place
from unstill_queue.contract.jobs import Parameters

MEGAPIXEL = 1_000_000
BYTES_PER_VALUE = 2
"""Of the 16-bit numbers that the catalogue's figures are for."""

SizeAt = Callable[[int], Size]
"""From a resolution to (width, height) in pixels, for one photo."""


def place_clip(
    parameters: Parameters, model: Model, free: int, size_at: SizeAt, *, bytes_per_value: int = BYTES_PER_VALUE
) -> Placement:
    """Return the nearest to what was asked that fits into `free` bytes: see `place`."""

    def estimate(memory: Memory, chosen: Parameters, mode: MemoryMode) -> int:
        return peak(memory, size_at(chosen.resolution), chosen, mode, bytes_per_value=bytes_per_value)

    return place(parameters, model, free, modes=memory_modes, estimate=estimate)


def peak(
    memory: Memory, size: Size, parameters: Parameters, mode: MemoryMode, *, bytes_per_value: int = BYTES_PER_VALUE
) -> int:
    """Estimate the bytes on the device at their most, its weights included."""
    megapixels = size[0] * size[1] / MEGAPIXEL
    weights = memory.weights - (memory.encoders if _offloads(memory, mode) else 0.0)
    cached = memory.cached if parameters.cache_interval > 1 else 0.0
    render = (memory.render + cached) * megapixels * parameters.num_frames
    if mode.split_guidance or parameters.guidance_scale <= 1:
        render /= 2
    decode = memory.decode * megapixels * mode.decode_frames
    return round((weights + max(render, decode)) * GIB * bytes_per_value / BYTES_PER_VALUE)


def memory_modes(memory: Memory, parameters: Parameters) -> Iterator[MemoryMode]:
    """Yield the modes from the fastest to the most sparing. Decoding is never to need more than the render did."""
    frames = parameters.num_frames
    free_to_decode = memory.render * frames / (1 if parameters.guidance_scale > 1 else 2)
    at_once = max(1, min(frames, memory.decode_frames, int(free_to_decode / memory.decode)))
    low = memory.mode == "low"
    yield MemoryMode(at_once, offload_encoders=low)
    while at_once > 1:
        at_once //= 2
        yield MemoryMode(at_once, offload_encoders=low)
    if parameters.guidance_scale > 1:
        yield MemoryMode(at_once, split_guidance=True, offload_encoders=low)
    yield MemoryMode(at_once, split_guidance=parameters.guidance_scale > 1, offload_encoders=True)


def _offloads(memory: Memory, mode: MemoryMode) -> bool:
    return mode.offload_encoders or memory.mode == "low"
