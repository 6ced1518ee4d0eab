"""Forms that were opened for pictures and may still come back, on the queue's Redis."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec
from redis.asyncio import Redis

from unstill_bots.actions.presses import ACTIONS, FORM, Actor, Thing, Verdict, judge
from unstill_queue.contract.codec import decode_or, encode

KEPT = 3600
"""Seconds that a form may stay open."""

Picture = TypeVar("Picture")


class Pointed(msgspec.Struct, Generic[Picture], frozen=True):
    """The pictures that a form was opened for: those that `user` pointed at in `channel`.

    `words` are those that were refused for them, and `job` is the older request that they are of, where there is one.
    """

    user: str
    channel: str
    pictures: list[Picture]
    words: str = ""
    job: str = ""


class OpenForms(Generic[Picture]):
    """Keeps one platform's open forms, each by the number of the event that opened it. `kind`: class of pictures."""

    def __init__(self, redis: Redis, platform: str, kind: type[Picture]) -> None:
        self._redis = redis
        self._prefix = f"unstill:{platform}:pointed:"
        self._kind = Pointed[kind]  # type: ignore[valid-type]  # msgspec takes it

    async def keep(self, form: int, pointed: Pointed[Picture]) -> None:
        """Keep what the form was opened for. Raises RedisError."""
        await self._redis.set(f"{self._prefix}{form}", encode(pointed), ex=KEPT)

    async def of(self, form: str, actor: Actor) -> Pointed[Picture] | None:
        """Return what a form that came back was opened for; None where it was open for too long, or is not the actor's.

        A client can send the number of any form, so only who opened it may, in the chat where it was opened.
        """
        pointed = await self._read(f"{self._prefix}{form}")
        thing = Thing(pointed.user, pointed.channel) if pointed else None
        return pointed if await judge(ACTIONS[FORM], actor, thing) is Verdict.ALLOWED else None

    async def forget(self, user: str) -> None:
        """Delete the forms of a person."""
        async for key in self._redis.scan_iter(f"{self._prefix}*", count=1000):
            pointed = await self._read(key)
            if pointed is not None and pointed.user == user:
                await self._redis.delete(key)

    async def _read(self, key: str | bytes) -> Pointed[Picture] | None:
        return decode_or(await self._redis.get(key), self._kind, None)
