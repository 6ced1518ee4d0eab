"""What waits for the bot: kept until it is confirmed, or too old."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from wire_doubles.clock import Clock
from wire_doubles.telegram.errors import TERMINATED, WEBHOOK_ACTIVE, conflict

Wire = dict[str, Any]

# seconds, from the server's source: messages a day, a pressed button 150 s, inline queries 30 s, a chosen result 600 s
KEPT = {"callback_query": 150.0, "inline_query": 30.0, "chosen_inline_result": 600.0}
KEPT_OTHERWISE = 86_400.0
# only to those who ask for them
ASKED_FOR = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
MAX_TIMEOUT = 50


@dataclass(frozen=True)
class Update:
    """`lane` keeps the order of a webhook's deliveries: a chat, or a person for queries."""

    id: int
    kind: str
    lane: str
    content: Wire
    expires: float

    def wire(self) -> Wire:
        return {"update_id": self.id, self.kind: self.content}


class Updates:
    """One bot's queue. `arrived` is called, from any thread, when there is something new; `polls` have begun so far."""

    def __init__(self, clock: Clock, lock: threading.RLock) -> None:
        self._clock = clock
        self._lock = lock
        self._waiting: list[Update] = []
        self._next = 731_000_001
        self._poller: asyncio.Event | None = None
        self.polls = 0
        self.allowed: frozenset[str] | None = None
        self.webhook_set = False
        self.arrived: Callable[[], None] = lambda: None
        self.confirmed = 0

    def add(self, kind: str, content: Wire, lane: str) -> None:
        """Drop it if the bot did not ask for that kind; what it asked counts for new updates alone."""
        if (kind in ASKED_FOR) if self.allowed is None else (kind not in self.allowed):
            return
        expires = self._clock.now() + KEPT.get(kind, KEPT_OTHERWISE)
        with self._lock:
            self._waiting.append(Update(self._next, kind, lane, content, expires))
            self._next += 1
        self.arrived()

    def allow(self, kinds: list[str] | None) -> None:
        """None leaves it as it was; an empty list means all but those one asks for."""
        if kinds is not None:
            self.allowed = frozenset(kinds) if kinds else None

    def pending(self) -> list[Update]:
        now = self._clock.now()
        with self._lock:
            self._waiting = [update for update in self._waiting if update.expires > now]
            return list(self._waiting)

    def drop(self) -> None:
        with self._lock:
            self._waiting.clear()

    def confirm(self, update: Update) -> None:
        with self._lock:
            self._waiting = [waiting for waiting in self._waiting if waiting.id != update.id]
            self.confirmed += 1

    def _confirm_below(self, offset: int) -> None:
        with self._lock:
            pending = self.pending()
            self._waiting = pending[offset:] if offset < 0 else [update for update in pending if update.id >= offset]
            self.confirmed += len(pending) - len(self._waiting)

    def wake(self) -> None:
        """In the server's loop."""
        if self._poller:
            self._poller.set()

    async def poll(self, offset: int, limit: int, timeout: float) -> list[Wire]:
        """Everything below `offset` is confirmed. Raises 409 in whoever polled before, and with a webhook."""
        if self.webhook_set:
            raise conflict(WEBHOOK_ACTIVE)
        self.polls += 1
        mine = self.polls
        self.wake()
        if offset:
            self._confirm_below(offset)
        limit = limit if 1 <= limit <= 100 else 100
        ends = asyncio.get_running_loop().time() + min(timeout, MAX_TIMEOUT)
        while not self.pending():
            left = ends - asyncio.get_running_loop().time()
            if left <= 0:
                break
            self._poller = arrived = asyncio.Event()
            try:
                async with asyncio.timeout(left):
                    await arrived.wait()
            except TimeoutError:
                break
            finally:
                if self._poller is arrived:
                    self._poller = None
            if self.webhook_set:
                raise conflict("terminated by setWebhook request")
            if self.polls != mine:
                raise conflict(TERMINATED)
        return [update.wire() for update in self.pending()[:limit]]
