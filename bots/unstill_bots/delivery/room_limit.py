"""Room for calls, where a platform's library waits for rate limits itself: so many a channel, none where it refuses."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from weakref import WeakValueDictionary

from unstill_bots.delivery.chat import ChatUnavailable, Dropped
from unstill_bots.delivery.message import DROPPABLE, Urgency
from unstill_bots.delivery.send_limit import CallsInFlight

MOST_CLOSED = 5000


class LeftAlone(ChatUnavailable):
    """The channel refused us so often that nothing is asked there for a while."""


@dataclass
class _Closed:
    """A channel that refused us. `until` by the monotonic clock."""

    until: float
    refusals: int = 0


class RoomLimit(CallsInFlight):
    """Gives one bot room for `at_once` calls into a channel; a call waits for it as long as `waits` says, in seconds.

    A channel that refused us is left alone for `closed_seconds`; so many `refusals` it may give to answers meanwhile.
    The others wait until it is over, and are not lost.
    """

    def __init__(self, at_once: int, waits: Mapping[Urgency, float], closed_seconds: float, refusals: int) -> None:
        super().__init__()
        self._at_once = at_once
        self._waits = waits
        self._closed_seconds = closed_seconds
        self._refusals = refusals
        self._rooms: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._closed: dict[str, _Closed] = {}

    def has_room(self, channel: str, urgency: Urgency) -> bool:
        """Tell whether something droppable of that urgency would be sent now. Reserves nothing."""
        room = self._rooms.get(channel)
        return not (self.closing or self._closed_for(channel, urgency) or (room is not None and room.locked()))

    def opened(self, channel: str) -> None:
        """Note that a channel took something from us, so that it is no longer left alone."""
        self._closed.pop(channel, None)

    @contextlib.asynccontextmanager
    async def room(self, channel: str, urgency: Urgency) -> AsyncIterator[None]:
        """Wrap a call into a channel, when there is room for it. Raises ChatUnavailable, Dropped, LeftAlone."""
        self._check(channel, urgency)
        room = self._rooms.setdefault(channel, asyncio.Semaphore(self._at_once))
        try:
            async with asyncio.timeout(self._waits[urgency]):
                await room.acquire()
        except TimeoutError:
            if urgency in DROPPABLE:
                raise Dropped from None
            raise ChatUnavailable("the channel is busy", 1.0) from None
        try:
            with self.flying():
                # it may have refused another while this one waited
                self._check(channel, urgency)
                yield
        finally:
            room.release()

    def _check(self, channel: str, urgency: Urgency) -> None:
        """Let nothing be sent where it is not to be. Raises ChatUnavailable, Dropped, LeftAlone."""
        closed = self._closed_for(channel, urgency)
        if urgency in DROPPABLE and (closed or self.closing):
            raise Dropped
        if self.closing:
            raise ChatUnavailable("the front end ends", 1.0)
        if closed:
            raise LeftAlone("the channel is left alone for now", closed)

    def _closed_for(self, channel: str, urgency: Urgency) -> float:
        """Return the seconds that the channel is still left alone."""
        closed = self._closed.get(channel)
        if closed is None or (urgency is Urgency.ANSWER and closed.refusals < self._refusals):
            return 0.0
        return max(0.0, closed.until - time.monotonic())

    def close(self, channel: str) -> None:
        """Note that a channel refused us, so that it is left alone for a while."""
        now = time.monotonic()
        if len(self._closed) > MOST_CLOSED:
            self._closed = {name: closed for name, closed in self._closed.items() if closed.until > now}
        closed = self._closed.get(channel)
        if closed is None or closed.until <= now:
            closed = self._closed[channel] = _Closed(now)
        closed.until = now + self._closed_seconds
        closed.refusals += 1
