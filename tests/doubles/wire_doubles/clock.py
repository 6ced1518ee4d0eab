"""A platform's time, which a test can move on."""

from __future__ import annotations

import time


class Clock:
    def __init__(self) -> None:
        self._ahead = 0.0

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time() + self._ahead

    def date(self) -> int:
        """As messages carry it."""
        return int(self.now())

    def move(self, seconds: float) -> None:
        """Let so much time pass at once."""
        self._ahead += seconds
