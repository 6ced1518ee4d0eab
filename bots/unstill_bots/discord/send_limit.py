"""A call into a channel: when there is room in it, and with Discord's refusal as what it means."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from weakref import WeakValueDictionary

import aiohttp
import discord

from unstill_bots.delivery.chat import ChatGone, ChatUnavailable, Dropped
from unstill_bots.delivery.message import DROPPABLE, Urgency
from unstill_bots.delivery.send_limit import CallsInFlight
from unstill_bots.discord.errors import PermissionMissing, chat_error

T = TypeVar("T")

AT_ONCE = 2
"""Calls into one channel; discord.py lets them wait for the channel's rate limit, and the others must not with them."""
CLOSED_SECONDS = 60.0
"""How long a channel that refused us is left alone, but for answers."""
REFUSALS = 3
"""Answers that a channel may refuse in that time; the others wait until it is over, and are not lost."""
MOST_CLOSED = 5000
CALL_WITHIN = 180.0
"""Seconds, an upload and discord.py's own retries included."""


WAITS = {
    Urgency.ANSWER: 4.0,
    Urgency.REFUSAL: 4.0,
    Urgency.NOTE: 10.0,
    Urgency.TALK: 30.0,
    Urgency.CALL: 3.0,
    Urgency.PLACE: 0.05,
    Urgency.PROGRESS: 0.05,
}
"""Seconds that each may wait for room in its channel."""


class LeftAlone(ChatUnavailable):
    """The channel refused us so often that nothing is asked there for a while."""


@dataclass
class _Closed:
    """A channel that refused us. `until` by the monotonic clock."""

    until: float
    refusals: int = 0


class SendLimit(CallsInFlight):
    """One bot's."""

    def __init__(self) -> None:
        super().__init__()
        self._rooms: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._closed: dict[str, _Closed] = {}

    def has_room(self, channel: str, urgency: Urgency) -> bool:
        """Tell whether something droppable of that urgency would be sent now. Reserves nothing."""
        room = self._rooms.get(channel)
        return not (self.closing or self._closed_for(channel, urgency) or (room is not None and room.locked()))

    async def do(self, channel: str, urgency: Urgency, call: Callable[[], Awaitable[T]]) -> T:
        """`call`, when it is its turn. Raises ChatError, and Dropped for progress and calls."""
        async with self._room(channel, urgency):
            try:
                async with asyncio.timeout(CALL_WITHIN):
                    done = await call()
                self._closed.pop(channel, None)
                return done
            except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
                meant = chat_error(error)
                if isinstance(meant, ChatGone) and not isinstance(meant, PermissionMissing):
                    self.close(channel)
                raise meant from error

    @contextlib.asynccontextmanager
    async def _room(self, channel: str, urgency: Urgency) -> AsyncIterator[None]:
        self._check(channel, urgency)
        room = self._rooms.setdefault(channel, asyncio.Semaphore(AT_ONCE))
        try:
            async with asyncio.timeout(WAITS[urgency]):
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
        """Raises ChatUnavailable and Dropped where nothing is to be sent."""
        closed = self._closed_for(channel, urgency)
        if urgency in DROPPABLE and (closed or self.closing):
            raise Dropped
        if self.closing:
            raise ChatUnavailable("the front end ends", 1.0)
        if closed:
            raise LeftAlone("the channel is left alone for now", closed)

    def _closed_for(self, channel: str, urgency: Urgency) -> float:
        """Seconds that the channel is left alone."""
        closed = self._closed.get(channel)
        if closed is None or (urgency is Urgency.ANSWER and closed.refusals < REFUSALS):
            return 0.0
        return max(0.0, closed.until - time.monotonic())

    def close(self, channel: str) -> None:
        """The channel takes nothing from us."""
        now = time.monotonic()
        if len(self._closed) > MOST_CLOSED:
            self._closed = {name: closed for name, closed in self._closed.items() if closed.until > now}
        closed = self._closed.get(channel)
        if closed is None or closed.until <= now:
            closed = self._closed[channel] = _Closed(now)
        closed.until = now + CLOSED_SECONDS
        closed.refusals += 1
