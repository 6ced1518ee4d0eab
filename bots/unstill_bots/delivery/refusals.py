"""Chats that refused something a moment ago, so that it is not asked for again at once."""

from __future__ import annotations

import time

MOST_REMEMBERED = 5000


class Refusals:
    """Remembers chats for `seconds` each."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: dict[str, float] = {}

    def __contains__(self, chat: str) -> bool:
        return time.monotonic() < self._until.get(chat, 0.0)

    def add(self, chat: str) -> None:
        """Remember a chat from now on."""
        if len(self._until) > MOST_REMEMBERED:
            self._until.clear()
        self._until[chat] = time.monotonic() + self._seconds
