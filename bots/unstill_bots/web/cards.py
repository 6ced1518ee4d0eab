"""The cards of each person: what a platform keeps as its chats' messages, the page keeps in the queue's server."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
from redis.asyncio import Redis

from unstill_bots.actions.forgetting import cards_key
from unstill_bots.delivery.message import Button, Phase
from unstill_bots.text.parts import Text
from unstill_bots.web.uploads import Refused
from unstill_bots.web.visitor import person_of
from unstill_queue.contract.codec import decode_or, encode

MOST = 200
"""Answered cards that are kept of one person, and cards that are shown to them: the newest."""
LISTENERS_MOST = 20
"""Open pages and streams of one person; each holds a connection."""
HELD = 200
"""Changes that wait for a listener which does not read. What is beyond them it sees when it asks for all cards."""


class CardClip(msgspec.Struct, frozen=True):
    """A clip that a card shows: its storage key, `size` in bytes, sides in pixels, `duration` in seconds. `name` is
    what its file is called when it is saved, `alt` describes it. `poster` and `fill` as in `delivery.message.Clip`.
    """

    key: str
    size: int
    width: int
    height: int
    duration: float
    name: str
    alt: str
    poster: str | None = None
    fill: Literal["crop", "blur", "pad"] = "crop"


class Card(msgspec.Struct, frozen=True):
    """What is shown of a request now. `id` is the request's that made the card, `job` the one that it shows, which are
    two where another model took over. Times are seconds since the epoch; `look` is an early look at its clip, a JPEG;
    all else is as in `delivery.message.Message`.
    """

    id: str
    job: str
    at: float
    language: str
    text: Text
    phase: Phase
    share: float | None = None
    ready_at: float | None = None
    buttons: tuple[Button, ...] = ()
    clip: CardClip | None = None
    code: str = ""
    look: bytes = b""


class Cards:
    """Keeps cards by person, `keep` seconds after the last of that person changed, and tells who listens of changes.

    Listeners are those of this process, as one process serves the page. Whatever asks the server raises RedisError.
    """

    def __init__(self, redis: Redis, keep: float) -> None:
        self._redis = redis
        self._keep = round(keep)
        self._listeners: dict[str, set[asyncio.Queue[str]]] = defaultdict(set)

    async def get(self, user: str, id: str) -> Card | None:
        return decode_or(await self._do("HGET", user, id), Card, None)

    async def all(self, user: str) -> list[Card]:
        """Return a person's cards, the newest first."""
        return (await self._every(user))[:MOST]

    async def put(self, user: str, card: Card) -> None:
        """Keep a card, in place of the one of that id."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.execute_command("HSET", cards_key(person_of(user)), card.id, encode(card))
            pipe.expire(cards_key(person_of(user)), self._keep)
            pipe.execute_command("HLEN", cards_key(person_of(user)))
            *_, count = await pipe.execute()
        if count > MOST:
            # what is under way stays, and takes no place from what was just made
            answered = [one.id for one in await self._every(user) if not one.phase.under_way]
            if too_many := answered[MOST:]:
                await self._do("HDEL", user, *too_many)
        self._tell(user, card.id)

    async def _every(self, user: str) -> list[Card]:
        cards = [decode_or(value, Card, None) for value in (await self._do("HGETALL", user)).values()]
        return sorted(filter(None, cards), key=_at, reverse=True)

    async def remove(self, user: str, id: str) -> None:
        await self._do("HDEL", user, id)
        self._tell(user, id)

    async def _do(self, command: str, user: str, *about: str) -> Any:
        return await self._redis.execute_command(command, cards_key(person_of(user)), *about)  # type: ignore[no-untyped-call]  # redis-py has no type for it

    # -- forgetting

    async def forget(self, user: str) -> None:
        """Delete all cards of a person."""
        await self._redis.delete(cards_key(person_of(user)))
        self._tell(user, "")

    # -- who listens

    @contextlib.contextmanager
    def listen(self, user: str) -> Iterator[asyncio.Queue[str]]:
        """Yield the ids of a person's cards that change; an empty one: all did. Raises Refused for one too many."""
        if len(self._listeners.get(user, ())) >= LISTENERS_MOST:
            raise Refused(429, "too_many_pages")
        queue: asyncio.Queue[str] = asyncio.Queue(HELD)
        self._listeners[user].add(queue)
        try:
            yield queue
        finally:
            self._listeners[user].discard(queue)
            if not self._listeners[user]:
                del self._listeners[user]

    def wake(self) -> None:
        """Have all who listen look around: the front end is about to end."""
        for user in list(self._listeners):
            self._tell(user, "")

    def _tell(self, user: str, id: str) -> None:
        for queue in self._listeners.get(user, ()):
            if queue.full():
                # one change that stands for all
                while not queue.empty():
                    queue.get_nowait()
                queue.put_nowait("")
            else:
                queue.put_nowait(id)


def _at(card: Card) -> float:
    return card.at
