"""A renderer that keeps a journal of what happens on its device, and does what the words tell it to."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from unstill_config.catalog import Model
from unstill_engine.renderers.base import Frames, OnStep, Photos, Plan, RenderCancelled, RenderError
from unstill_engine.renderers.photo import load_photo
from unstill_queue.contract.jobs import Parameters

JOURNAL = "JOURNAL_FILE"
STEP_SECONDS = "JOURNAL_STEP_SECONDS"
LOOK_EVERY = 0.02
WHEN = {0: "held", 2: "late"}
"""The word of a gate by the number of the step after which renders stand at it."""


class Gate:
    """Holds renders after their first step until the test opens it, however fast or slow the machine is; or `late`,
    after their third.

    The gate's text belongs in the prompt: f"{gate} waves". `House.gate` makes one; as a context manager it is opened
    at the end. Renders of several jobs, and of several tries, may stand at the same gate; a cancel still ends them.
    """

    def __init__(self, journal: Path, number: int, *, late: bool = False) -> None:
        self._journal = journal
        self._text = f"{'late' if late else 'held'}-{number}"
        self._file = _gate_file(journal, number)

    def __str__(self) -> str:
        return self._text

    def reached(self, times: int = 1) -> bool:
        """Tell whether that many renders have come to stand at it so far. For `wait_for`."""
        if not self._journal.exists():
            return False
        lines = [line.split(" ", 4) for line in self._journal.read_text().splitlines()]
        return sum(event == "held" and self._text in prompt.split() for *_, event, prompt in lines) >= times

    def open(self) -> None:
        self._file.parent.mkdir(exist_ok=True)
        self._file.touch()

    def __enter__(self) -> Gate:
        return self

    def __exit__(self, *_: object) -> None:
        self.open()


def _gate_file(journal: Path, number: int | str) -> Path:
    """The file that is there once the gate is open."""
    return journal.with_name("gates") / str(number)


class Journalled:
    """Square frames of noise, their left quarter in the picture's mean colour, their right one in the last picture's.
    Where there is no picture it is white.

    'crash' in the prompt ends the process, 'hang' never ends, 'once' does so the first time.
    'held-N' and 'late-N' stand at gate N, 'seen' has an early look in the picture's mean colour and takes 4 times as
    long a step, 'slow' 50 times, and 'no-room' is refused with words for the operator.
    """

    def __init__(self, name: str, model: Model) -> None:
        self._journal = Path(os.environ[JOURNAL])
        self._pause = float(os.environ.get(STEP_SECONDS, "0.02"))

    def load(self, device: str) -> None:
        self._device = device

    def plan(self, parameters: Parameters, photos: Photos) -> Plan:
        if "no-room" in parameters.prompt:
            raise RenderError("out_of_memory", "the card has 3 of the 4 GiB that this needs")
        side = parameters.resolution
        return Plan(side, side, parameters.num_frames, parameters.fps, 0.2, 1000, parameters)

    def render(self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]) -> Iterator[Frames]:
        prompt = plan.parameters.prompt
        first = f"begin {prompt}" not in self._journal.read_text() if self._journal.exists() else True
        self._write("begin", prompt)
        random = np.random.default_rng(plan.parameters.seed)
        colour = self._colour = _mean(photos.first)
        self._seen = "seen" in prompt
        for step in range(plan.num_frames):
            if cancelled():
                self._write("cancelled", prompt)
                raise RenderCancelled
            if "crash" in prompt and (first or "once" not in prompt):
                os.abort()
            if "hang" in prompt and (first or "once" not in prompt):
                time.sleep(10_000)
            time.sleep(self._pause * (50 if "slow" in prompt else 4 if self._seen else 1))
            self._write("step", prompt)
            on_step(step + 1, plan.num_frames)
            frame = random.integers(0, 255, (1, plan.height, plan.width, 3), dtype=np.uint8)
            frame[:, :, : plan.width // 4] = colour
            if photos.last is not None:
                frame[:, :, -plan.width // 4 :] = _mean(photos.last)
            yield frame
            if step in WHEN and (gate := re.search(rf"\b{WHEN[step]}-(\d+)\b", prompt)):
                self._stand_at(_gate_file(self._journal, gate[1]), prompt, cancelled)
        self._write("end", prompt)

    def sees(self) -> Frames | None:
        return np.full((1, 48, 64, 3), self._colour, np.uint8) if self._seen else None

    def _stand_at(self, gate: Path, prompt: str, cancelled: Callable[[], bool]) -> None:
        self._write("held", prompt)
        while not gate.exists() and not cancelled():
            time.sleep(LOOK_EVERY)

    def _write(self, event: str, prompt: str) -> None:
        write_event(self._journal, self._device, event, prompt)


def _mean(photo: Path | None) -> Any:
    """Return a picture's mean colour."""
    if photo is None:
        return 255
    return np.asarray(load_photo(photo).resize((1, 1), Image.Resampling.BOX))[0, 0]


def write_event(journal: Path, device: str, event: str, prompt: str) -> None:
    """A line of the journal, as `House.events` reads it; by one write, so that processes may share the file."""
    line = f"{time.monotonic():.6f} {device} {os.getpid()} {event} {prompt}\n"
    file = os.open(journal, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line.encode())
    os.close(file)
