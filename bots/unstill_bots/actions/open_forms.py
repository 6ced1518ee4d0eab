"""Forms and offers that are open to one person and may still come back from them, kept on the queue's Redis."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from redis.asyncio import Redis

from unstill_bots.actions.presses import ACTIONS, FORM, Actor, Thing, Verdict, judge
from unstill_queue.contract.codec import decode_or, encode

KEPT = 3600
"""Seconds that a form or an offer may stay open."""

Picture = TypeVar("Picture")
T = TypeVar("T")


class Opened(Generic[T]):
    """Keeps what was opened, each by a name of its own under `prefix`, for who may do `action`. `thing_of`: whose a
    value is, and where.
    """

    def __init__(self, redis: Redis, prefix: str, kind: Any, action: str, thing_of: Callable[[T], Thing]) -> None:
        self._redis = redis
        self._prefix = prefix
        self._kind = kind
        self._action = action
        self._thing_of = thing_of

    async def keep(self, name: int | str, value: T) -> None:
        """Keep what was opened. Raises RedisError."""
        await self._redis.set(f"{self._prefix}{name}", encode(value), ex=KEPT)

    async def of(self, name: str, actor: Actor) -> T | None:
        """Return what came back; None where it was open for too long, or is not the actor's.

        A client can send any name, so only the person for whom it was opened may, in the chat where it was opened.
        """
        value = await self.read(name)
        thing = None if value is None else self._thing_of(value)
        return value if await judge(ACTIONS[self._action], actor, thing) is Verdict.ALLOWED else None

    async def read(self, name: str) -> T | None:
        """Return what was opened under a name, for whomever."""
        found: T | None = decode_or(await self._redis.get(f"{self._prefix}{name}"), self._kind, None)
        return found

    async def forget(self, user: str) -> None:
        """Delete what was opened for a person."""
        async for key in self._redis.scan_iter(f"{self._prefix}*", count=1000):
            value = await self.read(key.decode().removeprefix(self._prefix))
            if value is not None and self._thing_of(value).user == user:
                await self._redis.delete(key)


class Pointed(msgspec.Struct, Generic[Picture], frozen=True):
    """The pictures that a form was opened for: those that `user` pointed at in `channel`.

    `words` are those that were refused for them, and `job` is the older request that they are of, where there is one;
    `author` as in `Request`.
    """

    user: str
    channel: str
    pictures: list[Picture]
    words: str = ""
    job: str = ""
    author: str = ""


class OpenForms(Opened[Pointed[Picture]]):
    """Keeps one platform's open forms, each by the number of the event that opened it. `kind`: class of pictures."""

    def __init__(self, redis: Redis, platform: str, kind: type[Picture]) -> None:
        pointed = Pointed[kind]  # type: ignore[valid-type]  # msgspec takes it
        super().__init__(redis, f"unstill:{platform}:pointed:", pointed, FORM, lambda one: Thing(one.user, one.channel))
