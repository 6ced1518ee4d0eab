"""What fits on a card: from its free memory to a resolution, a number of frames, and how sparing the render has to be.

Arithmetic alone; what the figures are stands with each model in models.toml.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import msgspec

from unstill_config.catalog import Memory, Model
from unstill_queue.jobs import Parameters

GIB = 2**30
MEGAPIXEL = 1_000_000
BYTES_PER_VALUE = 2
"""Of the 16-bit numbers that the catalogue's figures are for."""

Size = tuple[int, int]
SizeAt = Callable[[int], Size]
"""From a resolution to (width, height) in pixels, for one photo."""


class Thrift(msgspec.Struct, frozen=True):
    """How sparing with memory a render is. None of it changes the clip.

    `decode_frames` are decoded at once; `split_guidance` computes the two halves of classifier-free
    guidance one after the other; with `offload_encoders` the text and image encoders are on the
    device only while they encode.
    """

    decode_frames: int
    split_guidance: bool = False
    offload_encoders: bool = False


class Fitted(msgspec.Struct, frozen=True):
    """`memory` is the estimated peak in bytes; `notes` are codes of what was chosen and why, for `Succeeded.notes`."""

    parameters: Parameters
    thrift: Thrift
    memory: int
    notes: tuple[str, ...] = ()


def fit(
    parameters: Parameters, model: Model, free: int, size_at: SizeAt, *, bytes_per_value: int = BYTES_PER_VALUE
) -> Fitted:
    """The nearest to what was asked that fits into `free` bytes, those that the model itself holds already included.

    What nothing is known to be small enough for is tried all the same, at its smallest: estimates err.
    """
    memory = model.memory
    if memory is None:
        return Fitted(parameters, Thrift(parameters.num_frames), 0)
    budget = _budget(memory, free)
    for chosen, thrift in _choices(parameters, model, memory, budget):
        needed = peak(memory, size_at(chosen.resolution), chosen, thrift, bytes_per_value=bytes_per_value)
        if needed <= budget:
            break
    return Fitted(chosen, thrift, needed, _notes(parameters, chosen, memory, thrift, budget))


def peak(
    memory: Memory, size: Size, parameters: Parameters, thrift: Thrift, *, bytes_per_value: int = BYTES_PER_VALUE
) -> int:
    """Estimated bytes on the device at their most, its weights included."""
    megapixels = size[0] * size[1] / MEGAPIXEL
    weights = memory.weights - (memory.encoders if _offloads(memory, thrift) else 0.0)
    render = memory.render * megapixels * parameters.num_frames
    if thrift.split_guidance or parameters.guidance_scale <= 1:
        render /= 2
    decode = memory.decode * megapixels * thrift.decode_frames
    return round((weights + max(render, decode)) * GIB * bytes_per_value / BYTES_PER_VALUE)


def thrifts(memory: Memory, parameters: Parameters) -> Iterator[Thrift]:
    """From the fastest to the most sparing. Decoding is never to need more than the render did."""
    frames = parameters.num_frames
    free_to_decode = memory.render * frames / (1 if parameters.guidance_scale > 1 else 2)
    at_once = max(1, min(frames, memory.decode_frames, int(free_to_decode / memory.decode)))
    low = memory.mode == "low"
    yield Thrift(at_once, offload_encoders=low)
    while at_once > 1:
        at_once //= 2
        yield Thrift(at_once, offload_encoders=low)
    if parameters.guidance_scale > 1:
        yield Thrift(at_once, split_guidance=True, offload_encoders=low)
    yield Thrift(at_once, split_guidance=parameters.guidance_scale > 1, offload_encoders=True)


def smaller(parameters: Parameters, model: Model) -> Parameters | None:
    """The next smaller clip: a lower resolution, then half the frames, within what the model can do; None, no more."""
    lower = [resolution for resolution in model.resolutions if resolution < parameters.resolution]
    if lower:
        return msgspec.structs.replace(parameters, resolution=max(lower))
    least = int(model.ranges["num_frames"][0]) if "num_frames" in model.ranges else 1
    fewer = max(model.frame_grid.nearest(parameters.num_frames // 2), least)
    if fewer < parameters.num_frames:
        return msgspec.structs.replace(parameters, num_frames=fewer)
    return None


def _budget(memory: Memory, free: int) -> int:
    return min(free, round(memory.low * GIB)) if memory.mode == "low" else free


def _choices(parameters: Parameters, model: Model, memory: Memory, budget: int) -> Iterator[tuple[Parameters, Thrift]]:
    """What was asked, at a resolution that is promised for that much memory; then ever smaller clips. At least one."""
    chosen: Parameters | None = parameters
    while chosen is not None:
        following = smaller(chosen, model)
        promised = budget > memory.least_free.get(chosen.resolution, 0) * GIB
        if promised or following is None or following.resolution == chosen.resolution:
            for thrift in thrifts(memory, chosen):
                yield chosen, thrift
        chosen = following


def _offloads(memory: Memory, thrift: Thrift) -> bool:
    return thrift.offload_encoders or memory.mode == "low"


def _notes(asked: Parameters, chosen: Parameters, memory: Memory, thrift: Thrift, budget: int) -> tuple[str, ...]:
    free = f"{budget / GIB:.1f}"
    notes = []
    if chosen.resolution != asked.resolution:
        notes.append(f"memory_resolution:asked={asked.resolution},chosen={chosen.resolution},free={free}")
    if chosen.num_frames != asked.num_frames:
        notes.append(f"memory_frames:asked={asked.num_frames},chosen={chosen.num_frames},free={free}")
    if chosen.resolution in memory.experimental:
        notes.append(f"experimental_size:{chosen.resolution}")
    if memory.mode == "low":
        notes.append(f"memory_low:{memory.low:g}")
    elif thrift.split_guidance or thrift.offload_encoders:
        notes.append("memory_saved")
    return tuple(notes)
