"""Albums: each picture is a message of its own, and only one of them has the words."""

from __future__ import annotations

import asyncio
import time
from typing import Generic

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from unstill_bots.host.lifecycle import rest
from unstill_bots.intake.conversation import Conversation
from unstill_bots.intake.media import Unfit
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.intake.waiting import DAY, P, WaitingPictures
from unstill_queue.contract.codec import decode_or, encode

log = structlog.get_logger(__name__)

GATHER = 1.5
"""Seconds after an album's last picture: they usually come at once."""
PAUSE = 0.25
LOOK_EVERY = 10.0
"""Seconds after which albums of another process are looked for; this one tells when one begins."""


class Part(msgspec.Struct, Generic[P], frozen=True):
    """One message of an album. `unfit` is the code of what is no picture, whose `ask.picture` is empty then."""

    ask: P
    words: str
    ours: bool
    unfit: str = ""


class Album(msgspec.Struct, frozen=True):
    """An album that gathers; `complete_in` seconds from now no more of its pictures are waited for."""

    name: str
    complete_in: float


class GatheringPictures(WaitingPictures[P]):
    """Pictures that wait for words, and albums that gather.

    `gathering` is held by whoever makes requests of an album, or forgets one; `began` is set when one gathers.
    """

    def __init__(self, redis: Redis, platform: str, kind: type[P]) -> None:
        super().__init__(redis, platform, kind)
        self._albums = f"{self._prefix}albums"
        self.gathering = asyncio.Lock()
        self.began = asyncio.Event()

    async def gather(self, part: Part[P]) -> None:
        """Keep one more message of its album."""
        name = f"{part.ask.chat}:{part.ask.album}"
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(self._album(name), part.ask.address().message, encode(part))  # type: ignore[arg-type]  # bytes do
            pipe.expire(self._album(name), DAY)
            pipe.zadd(self._albums, {name: time.time() + GATHER})
            await pipe.execute()
        self.began.set()

    async def first_album(self) -> Album | None:
        """Return the album that is complete first, or None where none gathers."""
        for name, at in await self._redis.zrange(self._albums, 0, 0, withscores=True):
            return Album(name.decode(), at - time.time())
        return None

    async def parts(self, name: str) -> list[Part[P]]:
        """Return the messages of an album in the order of their numbers."""
        raw = await self._redis.hgetall(self._album(name))  # type: ignore[misc]  # redis-py's types leave async open
        kind = Part[self._kind]  # type: ignore[name-defined]  # msgspec takes it
        parts: list[Part[P] | None] = [decode_or(data, kind, None) for data in raw.values()]
        return sorted(filter(None, parts), key=lambda part: int(part.ask.address().message))

    async def together(self, pending: P) -> list[P]:
        if not pending.album:
            return [pending]
        parts = await self.parts(f"{pending.chat}:{pending.album}")
        return [part.ask for part in parts if not part.unfit]

    async def drop(self, part: Part[P]) -> None:
        """Forget one message of an album."""
        name = f"{part.ask.chat}:{part.ask.album}"
        await self._redis.hdel(self._album(name), part.ask.address().message)  # type: ignore[misc]

    async def done(self, name: str) -> None:
        """Let go of an album that was taken care of; a latecomer brings it back."""
        await self._redis.zrem(self._albums, name)

    async def forget(self, user: str) -> None:
        await super().forget(user)
        async with self.gathering:
            async for key in self._redis.scan_iter(self._album("*"), count=1000):
                await self._forget_album(key.decode().removeprefix(self._album("")), user)

    async def _forget_album(self, name: str, user: str) -> None:
        parts = await self.parts(name)
        theirs = [part for part in parts if part.ask.user == user]
        for part in theirs:
            await self.drop(part)
        if len(theirs) == len(parts):
            await self.done(name)

    def _album(self, name: str) -> str:
        return f"{self._prefix}album:{name}"


class Albums(Generic[P]):
    """Makes a job of each picture when an album is complete: words and addressing of one part hold for all."""

    def __init__(self, pictures: GatheringPictures[P], pipeline: Pipeline, conversation: Conversation[P]) -> None:
        self._pictures = pictures
        self._pipeline = pipeline
        self._conversation = conversation

    async def run(self) -> None:
        """Run until cancelled. What was gathered before a restart is taken up again."""
        while True:
            self._pictures.began.clear()
            try:
                while (first := await self._pictures.first_album()) is not None:
                    if first.complete_in > 0:
                        await asyncio.sleep(min(first.complete_in, GATHER))
                        continue
                    async with self._pictures.gathering:
                        await self._take(first.name)
            except (RedisError, OSError) as error:
                log.warning("albums have to wait", error=str(error))
                await asyncio.sleep(PAUSE)
                continue
            await rest(self._pictures.began, LOOK_EVERY)

    async def _take(self, name: str) -> None:
        parts = await self._pictures.parts(name)
        if any(part.ours for part in parts):
            await self._take_parts(parts)
        await self._pictures.done(name)

    async def _take_parts(self, parts: list[Part[P]]) -> None:
        words = next((part.words for part in parts if part.words), "")
        asks = [part.ask for part in parts if not part.unfit]
        records = [await self._pipeline.record(ask.id) for ask in asks]
        # one that a clip ends with has no request of its own
        lasts = {record.request.last_source for record in records if record is not None}
        new = [
            ask for ask, record in zip(asks, records, strict=True) if record is None and ask.picture.source not in lasts
        ]
        unfit = [part.ask.replies.picture_error(Unfit(part.unfit)) for part in parts if part.unfit]
        if new:
            await self._conversation.said(new, words, unfit=unfit)
        elif unfit:
            self._conversation.not_taken(parts[0].ask, unfit)
        for part in parts:
            # what was not taken is not tried again with a latecomer
            if part.unfit or await self._is_refused(part.ask, waits=not words):
                await self._pictures.drop(part)

    async def _is_refused(self, ask: P, *, waits: bool) -> bool:
        return not waits and await self._pipeline.record(ask.id) is None
