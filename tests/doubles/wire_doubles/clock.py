"""A platform's time, which a test can move on."""

from __future__ import annotations

import time


class Clock:
    def __init__(self) -> None:
        self._ahead = 0.0
        self._stopped: float | None = None

    def now(self) -> float:
        """Seconds since 1970."""
        return (time.time() if self._stopped is None else self._stopped) + self._ahead

    def stop(self) -> None:
        """Let time pass by `move` alone, however slow the machine is."""
        self._stopped = time.time()

    def date(self) -> int:
        """As messages carry it."""
        return int(self.now())

    def move(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self._ahead += seconds
