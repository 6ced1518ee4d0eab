"""What has to outlive a restart besides the ledger: pictures that wait for words, albums that gather, moved chats."""

from __future__ import annotations

import asyncio
import time

import msgspec
from redis.asyncio import Redis

from unstill_bots.intake.waiting import DAY, WaitingPictures
from unstill_bots.telegram.pending import PLATFORM, TelegramRequest
from unstill_queue.contract.codec import decode_or, encode

GATHER = 1.5
"""Seconds after an album's last picture: they are updates of their own, and usually come at once."""

_MOVED, _ALBUMS = "unstill:telegram:moved", "unstill:telegram:albums"


class Part(msgspec.Struct, frozen=True):
    """One message of an album. `unfit` is the code of what is no picture, whose `ask.picture` is empty then."""

    ask: TelegramRequest
    words: str
    ours: bool
    unfit: str = ""


class Memory(WaitingPictures[TelegramRequest]):
    """On the queue's Redis. Everything here goes by itself after a day, but where chats moved to.

    `gathering` is held by whoever makes requests of an album, or forgets one.
    """

    def __init__(self, redis: Redis) -> None:
        super().__init__(redis, PLATFORM, TelegramRequest)
        self._moved: dict[str, str] = {}
        self.gathering = asyncio.Lock()

    # -- updates seen

    async def seen(self, update: int) -> bool:
        return bool(await self._redis.exists(f"unstill:telegram:update:{update}"))

    async def saw(self, update: int) -> None:
        await self._redis.set(f"unstill:telegram:update:{update}", b"", ex=2 * DAY)

    async def forget(self, user: str) -> None:
        """A person's pictures that wait for words, in whatever chat, with the questions for them; their albums; and
        which words are their latest.
        """
        await super().forget(user)
        async with self.gathering:
            async for key in self._redis.scan_iter(_album("*"), count=1000):
                await self._forget_album(key.decode().removeprefix(_album("")), user)

    async def _forget_album(self, name: str, user: str) -> None:
        parts = await self.parts(name)
        theirs = [part for part in parts if part.ask.user == user]
        for part in theirs:
            await self.drop(part)
        if len(theirs) == len(parts):
            await self.done(name)

    # -- albums

    async def gather(self, part: Part) -> None:
        name = f"{part.ask.chat}:{part.ask.album}"
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(_album(name), part.ask.message, encode(part))  # type: ignore[arg-type]  # bytes do
            pipe.expire(_album(name), DAY)
            pipe.zadd(_ALBUMS, {name: time.time() + GATHER})
            await pipe.execute()

    async def gathered(self) -> list[str]:
        """Albums that are complete by now."""
        return [name.decode() for name in await self._redis.zrangebyscore(_ALBUMS, 0, time.time())]

    async def parts(self, name: str) -> list[Part]:
        raw = await self._redis.hgetall(_album(name))  # type: ignore[misc]  # redis-py's types leave async open
        parts: list[Part | None] = [decode_or(data, Part, None) for data in raw.values()]
        return sorted(filter(None, parts), key=lambda part: int(part.ask.message))

    async def drop(self, part: Part) -> None:
        await self._redis.hdel(_album(f"{part.ask.chat}:{part.ask.album}"), part.ask.message)  # type: ignore[misc]

    async def done(self, name: str) -> None:
        """It was taken care of; a latecomer brings it back."""
        await self._redis.zrem(_ALBUMS, name)

    # -- groups that became supergroups

    async def current(self, chat: str) -> str:
        """The id that a chat has today."""
        if chat not in self._moved and chat.startswith("-") and not chat.startswith("-100"):
            new = await self._redis.hget(_MOVED, chat)  # type: ignore[misc]
            if new is not None:
                self._moved[chat] = new.decode()
        return self.known(chat)

    def known(self, chat: str) -> str:
        """The id that a chat has today, as far as this process knows."""
        return self._moved.get(chat, chat)

    async def moved(self, old: str, new: str) -> None:
        self._moved[old] = new
        await self._redis.hset(_MOVED, old, new)  # type: ignore[misc]


def _album(name: str) -> str:
    return f"unstill:telegram:album:{name}"
