"""Shows on stderr how far each photo is: bars in a terminal, lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, TextIO

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from unstill_queue.contract.jobs import State
from unstill_queue.ledger.client import Update

LINE_EVERY = 2.0
"""Seconds between two lines of one photo that differ only in how far it is."""
BARS_KEPT = 12
"""With more photos than these, a bar goes when its photo has ended."""
_ENCODING = 0.9


class Moment(msgspec.Struct, frozen=True):
    """How far a photo is: the phase it is in, and the `share` of it that is done, from 0 to 1.

    `steady`: within this phase only the share changes, so that not each change is worth a line.
    """

    phase: str
    share: float = 0.0
    steady: bool = False

    @classmethod
    def of(cls, update: Update) -> Moment:
        """Return the moment that an update of the queue tells."""
        progress = update.progress
        return cls(progress.phase if progress else str(update.state), share(update), progress is not None)


class Display(Protocol):
    """A context manager; every method is for one photo, by its label, or for all."""

    def show(self, label: str, moment: Moment, text: str) -> None: ...

    def end(self, label: str, text: str) -> None: ...

    def say(self, text: str) -> None: ...

    def bell(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


def share(update: Update) -> float:
    """How much of a job is done, from 0 to 1."""
    if update.outcome is not None:
        return 1.0
    progress = update.progress
    if progress is None or update.state is not State.RUNNING or progress.phase == "loading":
        return 0.0
    if progress.phase == "encoding":
        return _ENCODING
    return _ENCODING * min(1.0, progress.step / progress.steps) if progress.steps else 0.0


class Bars:
    """One bar a photo."""

    def __init__(self, photos: int) -> None:
        self._keep = photos <= BARS_KEPT
        self._console = Console(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[said]}", markup=False),
            TimeElapsedColumn(),
            console=self._console,
        )
        self._bars: dict[str, TaskID] = {}

    def show(self, label: str, moment: Moment, text: str) -> None:
        bar = self._bar(label)
        self._progress.update(bar, completed=moment.share, said=text.partition("\n")[0])

    def end(self, label: str, text: str) -> None:
        bar = self._bar(label)
        self._progress.update(bar, completed=1.0, said=text.partition("\n")[0])
        self._progress.stop_task(bar)
        if not self._keep:
            self._progress.remove_task(self._bars.pop(label))
            self._console.print(Text(f"{label}: {text.partition(chr(10))[0]}"))

    def say(self, text: str) -> None:
        self._console.print(Text(text))

    def bell(self) -> None:
        self._console.bell()

    def _bar(self, label: str) -> TaskID:
        if label not in self._bars:
            self._bars[label] = self._progress.add_task(label, total=1.0, said="")
        return self._bars[label]

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()


class Lines:
    """A line for each change, to stderr unless `out` is another; `prefix` goes before each."""

    def __init__(self, prefix: Callable[[], str] = str, out: TextIO | None = None) -> None:
        self._prefix = prefix
        self._out = out or sys.stderr
        self._last: dict[str, tuple[str, str, float]] = {}

    def show(self, label: str, moment: Moment, text: str) -> None:
        last_phase, last_text, at = self._last.get(label, ("", "", 0.0))
        soon = moment.steady and moment.phase == last_phase and time.monotonic() - at < LINE_EVERY
        if text != last_text and not soon:
            self._last[label] = (moment.phase, text, time.monotonic())
            self.say(f"{label}: {text}")

    def end(self, label: str, text: str) -> None:
        """The result says it."""

    def say(self, text: str) -> None:
        print(f"{self._prefix()}{text}", file=self._out, flush=True)

    def bell(self) -> None:
        """Nobody hears it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
