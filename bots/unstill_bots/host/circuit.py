"""Keeps from asking a server that does not answer, for longer each time."""

from __future__ import annotations

import time
from collections.abc import Callable

FAILURES = 3
FIRST, MOST = 30.0, 600.0


class Circuit:
    """Opens after `failures` in a row: then nobody asks for `first` seconds. Then one asks, and where that one fails,
    too, nobody does for twice as long, up to `most` seconds. One answer closes it. `clock` is in seconds.
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
        self._failed = 0
        self._until = 0.0
        self._tries = False

    @property
    def is_open(self) -> bool:
        """Return whether the last answers failed, so that it is asked now and then only."""
        return self._failed >= self._allowed

    @property
    def is_ready(self) -> bool:
        """Return whether one may ask now."""
        return not self.is_open or not (self._tries or self._clock() < self._until)

    def admits(self) -> bool:
        """Return whether one may ask now. Who may has to say what came of it: `succeeded`, `failed` or `stopped`."""
        if not self.is_ready:
            return False
        self._tries = self.is_open
        return True

    def succeeded(self) -> None:
        self._failed, self._tries = 0, False

    def failed(self, *, again_after: float | None = None) -> None:
        """Count a failure. `again_after`: the server itself said in how many seconds to ask again, so nobody does
        before; at most `most`.
        """
        self._tries = False
        # those who asked together count once
        if self.is_open and self._clock() < self._until:
            return
        self._failed = self._failed + 1 if again_after is None else max(self._failed + 1, self._allowed)
        if self.is_open:
            wait = self._first * 2.0 ** min(self._failed - self._allowed, 20)
            self._until = self._clock() + min(self._most, wait if again_after is None else max(again_after, 0.0))

    def stopped(self) -> None:
        """Say that nothing came of it, for which the server is not to blame."""
        self._tries = False
