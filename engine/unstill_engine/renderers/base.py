"""What a renderer is. One lives in the child process that owns the device, and is kept between jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

import msgspec

from unstill_config.catalog import Model
from unstill_queue.contract.errors import JobError
from unstill_queue.contract.jobs import Parameters

if TYPE_CHECKING:  # the worker reads plans and must stay free of numpy
    import numpy as np
    from numpy.typing import NDArray

Frames: TypeAlias = "NDArray[np.uint8]"
"""One or more frames: (T, H, W, 3), RGB, 0 to 255."""

OnStep = Callable[[int, int], None]
"""Called with (steps done, steps in all)."""


class Plan(msgspec.Struct, frozen=True):
    """What a render will be: pixels, frames, estimated seconds and bytes, and codes of what was changed and why."""

    width: int
    height: int
    num_frames: int
    fps: int
    seconds: float
    memory: int
    parameters: Parameters
    notes: tuple[str, ...] = ()


class Photos(msgspec.Struct, frozen=True):
    """The photos that a clip begins and ends with, each where the job has one; neither for a clip of words alone.

    `continues`: the first is the last frame of what is shown before, so that the first frame has to show all of it.
    """

    first: Path | None = None
    last: Path | None = None
    continues: bool = False


@dataclass(frozen=True)
class Sound:
    """The sound of a clip from its first frame on: `samples` (N, channels) float32, -1 to 1, `rate` a second."""

    samples: NDArray[np.float32]
    rate: int


class Revised(msgspec.Struct, frozen=True):
    """The plan that holds from here on; `anew`: the frames so far do not count."""

    plan: Plan
    anew: bool


class RenderCancelled(Exception):
    """Raised by a renderer that saw `cancelled()` turn true."""


class RenderError(JobError):
    """The job cannot be rendered, or the model not loaded; the text is for the operator. The device is sound."""


class DevicePoisoned(Exception):
    """The device answers no more in this process: the child must be replaced and the job tried again.

    `code`: what the job's answer is about where it was its last try.
    """

    code = "engine_lost"


class MemoryExhausted(DevicePoisoned):
    """The device is sound, but what this process holds of its memory leaves too little; a fresh one may do."""

    code = "out_of_memory"


class Renderer(Protocol):
    """One model on one device.

    `render` yields chunks of frames, each (T, H, W, 3) uint8 RGB with T >= 1, `plan.num_frames` of
    them in all, and a `Revised` wherever the plan could not be kept. A model that makes sound yields one `Sound`
    besides. It calls `on_step` after each step and looks at `cancelled` before each one.
    """

    def __init__(self, name: str, model: Model) -> None: ...

    def load(self, device: str) -> None:
        """Raises RenderError where the model cannot be had."""
        ...

    def plan(self, parameters: Parameters, photos: Photos) -> Plan:
        """Raises RenderError where nothing near to what was asked can be rendered."""
        ...

    def render(
        self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]
    ) -> Iterator[Frames] | Iterator[Frames | Revised] | Iterator[Frames | Sound | Revised]:
        """Raises RenderCancelled, RenderError, DevicePoisoned."""
        ...


@runtime_checkable
class Seeing(Protocol):
    """A renderer that can say in the middle of a render what it sees."""

    def sees(self) -> Frames | None:
        """Return one frame of the clip as it is expected now, (1, H, W, 3), of any size; None: not at this step.

        It is asked from within `on_step`, in the thread that renders, until it has given one, and must not make a
        device wait.
        """
        ...
