"""Keeps a bot from telling somebody the same at each of their messages."""

from __future__ import annotations

import time

SECONDS = 60.0
"""How long an account is not told again in a chat that it asks too fast."""
KNOWN_MOST = 10_000


class Cooldown:
    """Remembers, for this process alone, which accounts were told something in which chats."""

    def __init__(self) -> None:
        self._told_at: dict[tuple[str, str], float] = {}

    def holds(self, account: str, chat: str) -> bool:
        """Return whether an account was told in a chat within SECONDS."""
        return time.monotonic() - self._told_at.get((account, chat), -SECONDS) < SECONDS

    def begin(self, account: str, chat: str) -> None:
        """Note that an account is told in a chat now."""
        now = time.monotonic()
        if len(self._told_at) >= KNOWN_MOST:
            self._told_at = {each: at for each, at in self._told_at.items() if now - at < SECONDS}
        self._told_at[account, chat] = now
