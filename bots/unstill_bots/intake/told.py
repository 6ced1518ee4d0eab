"""Who was told something lately, so that it is not said again at each of their messages."""

from __future__ import annotations

import time

TOLD_EVERY = 60.0
"""Seconds in which an account is told once in each chat that it asks too fast."""
TOLD_MOST = 10_000


class Told:
    """Remembers it for this process alone."""

    def __init__(self) -> None:
        self._at: dict[tuple[str, str], float] = {}

    def lately(self, account: str, chat: str) -> bool:
        """Return whether an account was told in a chat within TOLD_EVERY."""
        return time.monotonic() - self._at.get((account, chat), -TOLD_EVERY) < TOLD_EVERY

    def now(self, account: str, chat: str) -> None:
        """Note that it is told now."""
        now = time.monotonic()
        if len(self._at) >= TOLD_MOST:
            self._at = {each: at for each, at in self._at.items() if now - at < TOLD_EVERY}
        self._at[account, chat] = now
