"""Turns of chats for edits that show progress: one chat has one in a while, however many jobs it has."""

from __future__ import annotations

import time
from collections.abc import Callable

MOST_KNOWN = 10_000
"""Chats whose last turn is remembered."""


class ChatTurns:
    """Gives each chat a turn every so many seconds, which `every` returns."""

    def __init__(self, every: Callable[[], float]) -> None:
        self._every = every
        self._last: dict[str, float] = {}

    def take(self, place: str) -> bool:
        """Take the turn of a chat, by its name in the ledger. False: its last one was a moment ago."""
        every, now = self._every(), time.monotonic()
        if now - self._last.get(place, -every) < every:
            return False
        self._last[place] = now
        if len(self._last) > MOST_KNOWN:
            self._last = {each: at for each, at in self._last.items() if now - at < every}
        return True
