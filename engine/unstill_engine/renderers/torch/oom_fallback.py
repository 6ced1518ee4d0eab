"""What a render does when memory runs out in the middle of it: the same clip by other ways, then a smaller one."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TypeAlias, TypeVar

import msgspec
import torch

from unstill_config.catalog import Model
from unstill_engine.renderers.base import Frames, MemoryExhausted, Plan, RenderError, Revised
from unstill_engine.renderers.torch.device import device_errors, is_out_of_memory
from unstill_engine.renderers.torch.placement import MemoryMode, smaller
from unstill_queue.contract.codes import note, read_note
from unstill_queue.contract.jobs import Parameters

T = TypeVar("T")  # frames, or frames and a sound
Attempt: TypeAlias = Callable[[Plan, MemoryMode], Iterator[T]]


class OomFallback:
    """One render's way down, a rung each time that memory runs out.

    First what leaves the clip as it is: fewer frames decoded at once, the halves of classifier-free
    guidance one after the other, encoders off the device. Then a lower resolution, then fewer
    frames. After the last rung a process that had rendered before gives itself up for a fresh one.
    Each rung leaves a note in the plan.

    `replan` lays out other parameters for the same photo; `release` drops what the caller holds of
    the device besides the weights, and returns how much of that, in bytes, was kept from clips before:
    where there was some, the same is tried once more, whole. `fresh` says that this process has
    rendered nothing before.
    `splits` and `offloads`: whether the renderer knows `MemoryMode.split_guidance` and
    `offload_encoders`; a rung that it does not know is left out. `ladder`, where it is given, are the
    modes to go through instead, from the fastest to the most sparing.
    """

    def __init__(
        self,
        model: Model,
        plan: Plan,
        mode: MemoryMode,
        *,
        replan: Callable[[Parameters], Plan],
        release: Callable[[], int | None],
        fresh: bool,
        splits: bool = True,
        offloads: bool = True,
        ladder: Sequence[MemoryMode] = (),
    ) -> None:
        self._model = model
        self._asked = plan.parameters
        self._plan = plan
        self._mode = mode
        self._replan = replan
        self._release = release
        self._fresh = fresh
        self._splits = splits
        self._offloads = offloads
        self._ladder = tuple(ladder)
        self._told = plan
        self._decoding = False

    def run(self, attempt: Attempt[T]) -> Iterator[T | Revised]:
        """Yield the frames of the first attempt that comes to its end; each call of `attempt` begins from nothing.

        Raises:
            RenderError: "out_of_memory", in a fresh process.
            MemoryExhausted: the same, in one that has rendered before.
            DevicePoisoned: the device answers no more.
        """
        while not (yield from self._attempted(attempt)):
            if not self._clear():
                self._step_down()
            self._told = self._plan
            yield Revised(self._plan, anew=True)

    def in_chunks(self, decode: Callable[[int, int], Frames], num_frames: int, at_once: int) -> Iterator[Frames]:
        """Yield the frames by `decode(start, stop)`, `at_once` of them; half as many from where memory runs out.

        What was denoised stays where it is: only the chunk that failed is decoded again.
        """
        self._decoding = True
        start = 0
        while start < num_frames:
            stop = min(start + at_once, num_frames)
            frames = self._decoded(decode, start, stop)
            if frames is not None:
                yield frames
                start = stop
                continue
            if self._clear():
                continue
            if stop - start == 1:
                raise torch.OutOfMemoryError("out of memory with a single frame to be decoded")
            at_once = (stop - start) // 2
            self._mode = msgspec.structs.replace(self._mode, decode_frames=at_once)
            self.tell(note("memory_chunked"))

    def _attempted(self, attempt: Attempt[T]) -> Generator[T | Revised, None, bool]:
        """Whether it came to its end, rather than to that of the memory."""
        self._decoding = False
        try:
            with device_errors():
                for frames in attempt(self._plan, self._mode):
                    if self._plan is not self._told:
                        self._told = self._plan
                        yield Revised(self._plan, anew=False)
                    yield frames
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self._log(error)
            return False
        return True

    def _decoded(self, decode: Callable[[int, int], Frames], start: int, stop: int) -> Frames | None:
        try:
            return decode(start, stop)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            self._log(error)
            return None

    def _clear(self) -> bool:
        """Give back all graphs and unused memory, and return whether any of it was another clip's.

        Only outside of an `except`: its traceback holds the tensors of what failed.
        """
        given_back = self._release()
        gc.collect()
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return bool(given_back)

    def _step_down(self) -> None:
        mode = self._mode
        if self._ladder:
            self._down_the_ladder()
            return
        unsplit = self._splits and not mode.split_guidance and self._plan.parameters.guidance_scale > 1
        if unsplit and not self._decoding:
            self._mode = msgspec.structs.replace(mode, split_guidance=True)
            self.tell(note("memory_split"))
        elif self._offloads and not mode.offload_encoders:
            self._mode = msgspec.structs.replace(mode, offload_encoders=True)
            self.tell(note("memory_offloaded"))
        else:
            self._shrink()

    def _down_the_ladder(self) -> None:
        below = self._ladder[self._ladder.index(self._mode) + 1 :] if self._mode in self._ladder else ()
        if not below:
            self._shrink()
            return
        before, self._mode = self._mode.placing, below[0]
        now = self._mode.placing
        if before and now and now.denoiser == "eight_bit":
            self.tell(note("memory_eight_bit"))
        elif before and now and now.tiled and not before.tiled:
            self.tell(note("memory_chunked"))
        else:
            self.tell(note("memory_offloaded"))

    def _shrink(self) -> None:
        parameters = smaller(self._plan.parameters, self._model)
        if parameters is None:
            if self._fresh:
                raise RenderError("out_of_memory", "the card has too little memory even for the smallest clip")
            raise MemoryExhausted("memory ran out on the last rung")
        # what was cropped for the larger frame is not what is now
        notes = (text for text in self._plan.notes if read_note(text)[0] != "cropped")
        replanned = self._replan(parameters)
        self._plan = msgspec.structs.replace(replanned, notes=tuple(dict.fromkeys((*notes, *replanned.notes))))
        asked = self._asked
        if asked.resolution != parameters.resolution:
            self.tell(note("memory_smaller", asked=asked.resolution, chosen=parameters.resolution))
        if asked.num_frames != parameters.num_frames:
            self.tell(note("memory_fewer", asked=asked.num_frames, chosen=parameters.num_frames))

    def tell(self, text: str) -> None:
        """Note in the plan, from here on.

        Once, and one of a kind: a lower rung of the same kind takes the place of the one before.
        """
        code, _ = read_note(text)
        others = tuple(other for other in self._plan.notes if read_note(other)[0] != code)
        self._plan = msgspec.structs.replace(self._plan, notes=(*others, text))

    def _log(self, error: Exception) -> None:
        plan = self._plan
        what = f"{plan.num_frames} frames of {plan.width}x{plan.height}, {self._mode}"
        print(f"out of memory with {what}: {str(error).splitlines()[0]}", file=sys.stderr)
