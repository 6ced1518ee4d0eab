"""Keeps from asking a server that does not answer, for longer each time."""

from __future__ import annotations

import time
from collections.abc import Callable

FAILURES = 3
FIRST, MOST = 30.0, 600.0
KEPT_MOST = 1000
"""The most people whose failures are remembered; those of the oldest are forgotten."""


class _Line:
    """Counts the failures of one who asks, or of all, and says from when on the server is asked again."""

    def __init__(self) -> None:
        self.failed = 0
        self._opened = 0
        self._until = 0.0
        self._tries = False

    def is_ready(self, now: float) -> bool:
        return not self._opened or not (self._tries or now < self._until)

    def begin(self) -> None:
        self._tries = self._opened > 0

    def stop(self) -> None:
        self._tries = False

    def open(self, now: float, wait: Callable[[int], float]) -> None:
        # those who asked together count once
        if not self._opened or now >= self._until:
            self._until = now + wait(self._opened)
            self._opened += 1


class Circuit:
    """Opens after `failures` in a row: nobody asks for `first` seconds. Then one asks, and where that one fails, too,
    nobody does for twice as long, up to `most` seconds. One answer closes it. `clock` is in seconds.

    Who asks may be why it fails. So failures of one alone keep that one from asking; all are kept from it once it
    failed for as many different ones in a row.
    """

    def __init__(
        self,
        failures: int = FAILURES,
        first: float = FIRST,
        most: float = MOST,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._allowed = failures
        self._first = first
        self._most = most
        self._clock = clock
        self._clear()

    def _clear(self) -> None:
        self._failed = 0
        self._all = _Line()
        self._own: dict[str, _Line] = {}

    @property
    def is_open(self) -> bool:
        """Return whether it failed so often since it answered last, whoever asked."""
        return self._failed >= self._allowed

    def is_ready(self, by: str) -> bool:
        """Return whether somebody may ask now."""
        return all(line.is_ready(self._clock()) for line in self._lines(by))

    def admits(self, by: str) -> bool:
        """Return whether somebody may ask now. Who may has to say what came of it: `succeeded`, `failed`, `stopped`."""
        if not self.is_ready(by):
            return False
        for line in self._lines(by):
            line.begin()
        return True

    def succeeded(self) -> None:
        """Say that it answered."""
        self._clear()

    def failed(self, by: str, *, again_after: float | None = None) -> None:
        """Count a failure. `again_after`: the server itself said in how many seconds to ask again, so nobody does
        before; at most `most`.
        """
        self.stopped(by)
        now, own = self._clock(), self._own.setdefault(by, _Line())
        self._failed += 1
        own.failed += 1
        if own.failed >= self._allowed:
            own.open(now, self._wait)
        if again_after is not None:
            self._failed = max(self._failed, self._allowed)
            self._all.open(now, lambda _: min(self._most, max(0.0, again_after)))
        elif len(self._own) >= self._allowed:
            self._all.open(now, self._wait)
        if len(self._own) > KEPT_MOST:
            del self._own[next(iter(self._own))]

    def stopped(self, by: str) -> None:
        """Say that nothing came of it, for which the server is not to blame."""
        for line in self._lines(by):
            line.stop()

    def _lines(self, by: str) -> list[_Line]:
        return [self._all, *filter(None, [self._own.get(by)])]

    def _wait(self, times: int) -> float:
        """Return for how long nobody asks, where that happened so many times before."""
        return min(self._most, self._first * 2.0 ** min(times, 20))
