"""How often a bot may send and edit."""

from __future__ import annotations

import math
from collections import defaultdict, deque

from wire_doubles.clock import Clock
from wire_doubles.telegram.errors import too_many_requests

Scope = tuple[str, int]


class Limits:
    """30 messages a second in all, one a second in a chat with short bursts, 20 a minute in a group, edits included.

    The figures are those of Telegram's bot FAQ; the platform gives no exact ones, `burst` is ours.
    `uploads` may go on at once; one more is refused for a minute.
    Whoever is refused stays refused until `retry_after` is over. Set while it runs, everything counts at once.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.on = True
        self.overall = 30
        self.chat = 1.0
        self.burst = 3
        self.group = 20
        self.uploads = 100
        self.refused = 0
        self._recent: dict[Scope, deque[float]] = defaultdict(deque)
        self._until: dict[Scope, float] = {}
        self._filled: dict[int, tuple[float, float]] = {}

    def spend(self, chat_id: int, *, group: bool, messages: int = 1) -> None:
        """Count messages, or raise 429 and count none."""
        if not self.on:
            return
        now = self._clock.now()
        wait = max(
            self._window(("overall", 0), now, self.overall, 1.0, messages),
            self._window(("group", chat_id), now, self.group, 60.0, messages) if group else 0.0,
            self._bucket(chat_id, now, messages),
        )
        if wait > 0:
            self.refused += 1
            raise too_many_requests(max(1, math.ceil(wait)))
        self._recent["overall", 0].extend([now] * messages)
        if group:
            self._recent["group", chat_id].extend([now] * messages)
        left, _ = self._filled[chat_id]
        self._filled[chat_id] = (left - messages, now)

    def begin_upload(self, going_on: int) -> None:
        """Raises 429."""
        if self.on and going_on > self.uploads:
            self.refused += 1
            raise too_many_requests(60)

    def _window(self, scope: Scope, now: float, allowed: int, seconds: float, messages: int) -> float:
        if now < self._until.get(scope, 0.0):
            return self._until[scope] - now
        recent = self._recent[scope]
        while recent and recent[0] <= now - seconds:
            recent.popleft()
        over = len(recent) + messages - allowed
        # an album larger than the limit goes out into an empty window
        if over <= 0 or not recent:
            return 0.0
        return self._halt(scope, now, recent[min(over, len(recent)) - 1] + seconds - now)

    def _bucket(self, chat_id: int, now: float, messages: int) -> float:
        scope = ("chat", chat_id)
        if now < self._until.get(scope, 0.0):
            return self._until[scope] - now
        left, at = self._filled.get(chat_id, (float(self.burst), now))
        left = min(float(self.burst), left + (now - at) * self.chat)
        self._filled[chat_id] = (left, now)
        if left >= min(messages, self.burst):
            return 0.0
        return self._halt(scope, now, (min(messages, self.burst) - left) / self.chat)

    def _halt(self, scope: Scope, now: float, wait: float) -> float:
        self._until[scope] = now + max(1, math.ceil(wait))
        return self._until[scope] - now
