"""Server-sent events: cards as they change, to an open page or a program."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import msgspec
from aiohttp import web
from redis.exceptions import RedisError

from unstill_bots.web.cards import Card, Cards

BEAT = 20.0
"""Seconds between two signs of life, so that no proxy takes a quiet stream for a dead one."""
AGAIN = 2000
"""Milliseconds after which a browser listens again."""
WRITE_WITHIN = 20.0
"""Seconds that a listener may take to read a change; one that does not is let go, and asks anew."""


class Stream:
    """One listener's events."""

    def __init__(self, response: web.StreamResponse) -> None:
        self._response = response

    async def send(self, event: str, data: object) -> None:
        """Send an event. Raises ConnectionError, TimeoutError."""
        await self._write(b"event: %s\ndata: %s\n\n" % (event.encode(), msgspec.json.encode(data)))

    async def beat(self) -> None:
        await self._write(b": beat\n\n")

    async def _write(self, data: bytes) -> None:
        async with asyncio.timeout(WRITE_WITHIN):
            await self._response.write(data)


Tell = Callable[[Stream, str], Awaitable[bool]]
"""Sends what is so of the card of that id, or of all for an empty one. False: there is no more to come."""


async def stream(
    request: web.Request, cards: Cards, user: str, stopping: asyncio.Event, tell: Tell
) -> web.StreamResponse:
    """Answer with events until the listener goes, `tell` says that there are no more, or `stopping` is set."""
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    with cards.listen(user) as changes:
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        events = Stream(response)
        await response.write(b"retry: %d\n\n" % AGAIN)
        try:
            more = await tell(events, "")
            while more and not stopping.is_set():
                try:
                    async with asyncio.timeout(BEAT):
                        id = await changes.get()
                except TimeoutError:
                    await events.beat()
                else:
                    more = await tell(events, id)
        except (ConnectionError, TimeoutError, RedisError):
            # the listener is gone, or has to come again: it asks for everything then
            return response
    return response


def is_over(card: Card | None) -> bool:
    """Return whether nothing more will come of a card."""
    return card is None or not card.phase.under_way
