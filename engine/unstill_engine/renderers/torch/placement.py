"""What fits on a device: the nearest to what was asked, and how sparing with memory its render has to be.

Arithmetic alone, without torch. What a render needs is the renderer's own estimate.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from unstill_config.catalog import Memory, Model
from unstill_config.pipelines import Placing
from unstill_queue.contract.codes import note
from unstill_queue.contract.jobs import Parameters

GIB = 2**30


class MemoryMode(msgspec.Struct, frozen=True):
    """Says how sparing with memory a render is. None of it changes the clip, but for weights in 8 bits.

    `decode_frames` are decoded at once; `split_guidance` computes the two halves of classifier-free
    guidance one after the other; with `offload_encoders` the text and image encoders are on the
    device only while they encode. `placing` is where the parts of a pipeline of diffusers are. A
    renderer yields those alone that it can do.
    """

    decode_frames: int
    split_guidance: bool = False
    offload_encoders: bool = False
    placing: Placing | None = None

    @property
    def slower(self) -> bool:
        """Whether a clip takes notably longer so."""
        placing = self.placing
        sparing = placing is not None and (placing.tiled or placing.denoiser in ("eight_bit", "leaf"))
        return self.split_guidance or self.offload_encoders or sparing


class Placement(msgspec.Struct, frozen=True):
    """`memory` is the estimated peak in bytes; `notes` are codes of what was chosen and why, for `Succeeded.notes`."""

    parameters: Parameters
    mode: MemoryMode
    memory: int
    notes: tuple[str, ...] = ()


Modes = Callable[[Memory, Parameters], Iterable[MemoryMode]]
"""The modes that a renderer has for those parameters, one at least, from the fastest to the most sparing."""

Estimate = Callable[[Memory, Parameters, MemoryMode], int]
"""Bytes on the device at their most, the model's weights included."""


def place(parameters: Parameters, model: Model, free: int, *, modes: Modes, estimate: Estimate) -> Placement:
    """Return the nearest to what was asked that fits into `free` bytes, those that the model holds already included.

    What nothing is known to be small enough for is tried all the same, at its smallest: estimates err.
    """
    memory = model.memory
    if memory is None:
        return Placement(parameters, MemoryMode(parameters.num_frames), 0)
    budget = _budget(memory, free)
    for chosen, mode in _choices(parameters, model, memory, budget, modes):
        needed = estimate(memory, chosen, mode)
        if needed <= budget:
            break
    return Placement(chosen, mode, needed, _notes(parameters, chosen, memory, mode, budget))


def usual_parameters(name: str, model: Model) -> Parameters:
    """Return the parameters of a model's usual clip, without words."""
    usual = model.defaults
    return Parameters(
        model=name,
        prompt="",
        seed=0,
        num_frames=int(usual["num_frames"]),
        fps=int(usual["fps"]),
        resolution=int(usual["resolution"]),
        guidance_scale=float(usual["guidance_scale"]),
    )


def smaller(parameters: Parameters, model: Model) -> Parameters | None:
    """Return the next smaller clip that the model can make: a lower resolution, then half the frames; None, no more."""
    lower = [resolution for resolution in model.resolutions if resolution < parameters.resolution]
    if lower:
        return parameters.at(max(lower))
    least = int(model.ranges["num_frames"][0]) if "num_frames" in model.ranges else 1
    fewer = max(model.frame_grid.nearest(parameters.num_frames // 2), least)
    if fewer < parameters.num_frames:
        return msgspec.structs.replace(parameters, num_frames=fewer)
    return None


def _budget(memory: Memory, free: int) -> int:
    return min(free, round(memory.low * GIB)) if memory.mode == "low" else free


def _choices(
    parameters: Parameters, model: Model, memory: Memory, budget: int, modes: Modes
) -> Iterator[tuple[Parameters, MemoryMode]]:
    """What was asked, at a resolution that is promised for that much memory; then ever smaller clips. At least one."""
    chosen: Parameters | None = parameters
    while chosen is not None:
        following = smaller(chosen, model)
        promised = budget > memory.least_free.get(chosen.resolution, 0) * GIB
        if promised or following is None or following.resolution == chosen.resolution:
            for mode in modes(memory, chosen):
                yield chosen, mode
        chosen = following


def _notes(asked: Parameters, chosen: Parameters, memory: Memory, mode: MemoryMode, budget: int) -> tuple[str, ...]:
    free = f"{budget / GIB:.1f}"
    notes = []
    if chosen.resolution != asked.resolution:
        notes.append(note("memory_resolution", asked=asked.resolution, chosen=chosen.resolution, free=free))
    if chosen.num_frames != asked.num_frames:
        notes.append(note("memory_frames", asked=asked.num_frames, chosen=chosen.num_frames, free=free))
    if chosen.resolution in memory.experimental:
        notes.append(note("experimental_size", value=chosen.resolution))
    if mode.placing is not None and mode.placing.denoiser == "eight_bit":
        notes.append(note("memory_eight_bit"))
    if memory.mode == "low":
        notes.append(note("memory_low", value=f"{memory.low:g}"))
    elif mode.slower:
        notes.append(note("memory_saved"))
    return tuple(notes)
