"""Ids as the platform makes them: the time in milliseconds since 2015, then a counter."""

from __future__ import annotations

from wire_doubles.clock import Clock

EPOCH_MS = 1_420_070_400_000


class Snowflakes:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """Larger than any before."""
        self._last = max(self._last + 1, (int(self._clock.now() * 1000) - EPOCH_MS) << 22)
        return self._last
