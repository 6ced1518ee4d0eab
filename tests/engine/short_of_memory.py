"""A renderer on a device of little memory: the prompt says how much, and the allocator itself refuses the rest."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import torch

from unstill_config.catalog import Catalog, Model
from unstill_engine.renderers.base import Frames, OnStep, Photos, Plan, RenderCancelled, Revised
from unstill_engine.renderers.i2vgen_xl.memory import memory_modes, peak
from unstill_engine.renderers.torch.device import device_errors
from unstill_engine.renderers.torch.oom_fallback import OomFallback
from unstill_engine.renderers.torch.placement import GIB, MemoryMode
from unstill_queue.contract.jobs import Parameters

STEPS = 3
NO_CARD_HAS = 1 << 58
SCALE = 16
"""The clips of these tests are that much smaller on each side, and what they need per pixel that much more."""


def small_model() -> Model:
    """I2VGen-XL's table with frames of 32, 48 and 64 pixels that need about what 512, 768 and 1024 do."""
    model = Catalog.load().models["i2vgen-xl"]
    assert model.memory is not None
    memory = model.memory.model_copy(
        update={
            "weights": 4.64,
            "encoders": 1.84,
            "render": 0.632 * SCALE**2,
            "decode": 1.433 * SCALE**2,
            "decode_frames": 16,
            "least_free": {size // SCALE: least for size, least in model.memory.least_free.items()},
            "experimental": (),
        }
    )
    resolutions = tuple(size // SCALE for size in model.resolutions)
    defaults = {**model.defaults, "resolution": resolutions[0]}
    return model.model_copy(update={"memory": memory, "resolutions": resolutions, "defaults": defaults})


def frame(seed: int, index: int, size: tuple[int, int]) -> Frames:
    return np.random.default_rng((seed, index)).integers(0, 256, (1, size[1], size[0], 3), np.uint8)


class ShortOfMemory:
    """The prompt is 'denoise=4.5 decode=3', the GiB that each phase has.

    'poison' raises CUDA's own words for a lost context, with 'once' only the first time.
    """

    def __init__(self, name: str, model: Model) -> None:
        assert model.memory is not None
        self._model = model
        self._memory = model.memory
        self._fresh = True
        self.held = 0

    def load(self, device: str) -> None:
        torch.manual_seed(0)

    def plan(self, parameters: Parameters, photos: Photos) -> Plan:
        side = parameters.resolution
        return Plan(side, side, parameters.num_frames, parameters.fps, 0.5, 1000, parameters, ("steady",))

    def render(
        self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]
    ) -> Iterator[Frames | Revised]:
        fresh, self._fresh = self._fresh, False
        fallback = OomFallback(
            self._model,
            plan,
            next(memory_modes(self._memory, plan.parameters)),
            replan=lambda parameters: self.plan(parameters, photos),
            release=self._release,
            fresh=fresh,
        )

        def attempt(plan: Plan, mode: MemoryMode) -> Iterator[Frames]:
            return self._attempt(plan, mode, fallback, on_step, cancelled)

        yield from fallback.run(attempt)

    def _again(self) -> bool:
        """Whether a child before this one has been here: it left a mark where the journals are kept."""
        mark = Path(os.environ["JOURNAL_FILE"]).with_suffix(".poisoned")
        if mark.exists():
            return True
        mark.touch()
        return False

    def _release(self) -> int:
        self.held = 0
        return 0

    def _attempt(
        self, plan: Plan, mode: MemoryMode, fallback: OomFallback, on_step: OnStep, cancelled: Callable[[], bool]
    ) -> Iterator[Frames]:
        if "poison" in plan.parameters.prompt and not ("once" in plan.parameters.prompt and self._again()):
            raise RuntimeError("CUDA error: an illegal memory access was encountered\nCompile with TORCH_USE_CUDA_DSA")
        for step in range(STEPS):
            if cancelled():
                raise RenderCancelled
            self._allocate(plan, mode, "denoise")
            on_step(step + 1, STEPS)

        def decode(start: int, stop: int) -> Frames:
            self._allocate(plan, msgspec.structs.replace(mode, decode_frames=stop - start), "decode")
            size = (plan.width, plan.height)
            return np.concatenate([frame(plan.parameters.seed, index, size) for index in range(start, stop)])

        yield from fallback.in_chunks(decode, plan.num_frames, mode.decode_frames)

    def _allocate(self, plan: Plan, mode: MemoryMode, phase: str) -> None:
        """What the phase needs, of what it has."""
        room = dict(part.split("=") for part in plan.parameters.prompt.split() if "=" in part)
        memory = self._memory.model_copy(update={"decode" if phase == "denoise" else "render": 1e-9})
        needed = peak(memory, (plan.width, plan.height), plan.parameters, mode)
        if phase in room and needed > float(room[phase]) * GIB:
            torch.empty(NO_CARD_HAS, dtype=torch.uint8)
        self.held += needed


class OfTheCard(ShortOfMemory):
    """The same with the error of the card's allocator, which this machine need not have."""

    def _allocate(self, plan: Plan, mode: MemoryMode, phase: str) -> None:
        try:
            super()._allocate(plan, mode, phase)
        except RuntimeError as error:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.") from error


def poisoned_by(error: Exception) -> None:
    with device_errors():
        raise error
