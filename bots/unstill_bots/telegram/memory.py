"""What has to outlive a restart besides the ledger: pictures that wait for words, albums that gather, moved chats."""

from __future__ import annotations

import asyncio
import time

import msgspec
from redis.asyncio import Redis

from unstill_bots.telegram.pending import PendingRequest
from unstill_queue.contract.codec import decode_or, encode

DAY = 24 * 3600
GATHER = 1.5
"""Seconds after an album's last picture: they are updates of their own, and usually come at once."""
MOST_WAITING = 20

_MOVED, _ALBUMS = "unstill:telegram:moved", "unstill:telegram:albums"


class Part(msgspec.Struct, frozen=True):
    """One message of an album. `unfit` is the code of what is no picture, whose `ask.picture` is empty then."""

    ask: PendingRequest
    words: str
    ours: bool
    unfit: str = ""


class Memory:
    """On the queue's Redis. Everything here goes by itself after a day, but where chats moved to.

    `gathering` is held by whoever makes requests of an album, or forgets one.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._moved: dict[str, str] = {}
        self.gathering = asyncio.Lock()

    # -- updates seen

    async def seen(self, update: int) -> bool:
        return bool(await self._redis.exists(f"unstill:telegram:update:{update}"))

    async def saw(self, update: int) -> None:
        await self._redis.set(f"unstill:telegram:update:{update}", b"", ex=2 * DAY)

    # -- pictures without words, by chat and person

    async def waiting(self, chat: str, user: str) -> list[PendingRequest]:
        return decode_or(await self._redis.get(_waiting(chat, user)), list[PendingRequest], [])

    async def let_wait(self, asks: list[PendingRequest]) -> None:
        """Beside those that wait already."""
        chat, user = asks[0].chat, asks[0].user
        others = [ask for ask in await self.waiting(chat, user) if ask.id not in {one.id for one in asks}]
        await self._redis.set(_waiting(chat, user), encode((others + asks)[-MOST_WAITING:]), ex=DAY)

    async def no_longer(self, asks: list[PendingRequest]) -> None:
        ids = {ask.id for ask in asks}
        left = [ask for ask in await self.waiting(asks[0].chat, asks[0].user) if ask.id not in ids]
        if left:
            await self._redis.set(_waiting(asks[0].chat, asks[0].user), encode(left), ex=DAY)
        else:
            await self._redis.delete(_waiting(asks[0].chat, asks[0].user))

    async def forget(self, user: str) -> None:
        """A person's pictures that wait for words, in whatever chat, with the questions for them; their albums; and
        which words are their latest.
        """
        async for key in self._redis.scan_iter("unstill:telegram:*", count=1000):
            if _is_of(key.decode().removeprefix("unstill:telegram:"), user):
                await self._redis.delete(key)
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

    async def asked(self, ask: PendingRequest, message: str) -> None:
        """The question for words that stands in the chat."""
        # it may have been forgotten since
        if any(one.id == ask.id for one in await self.waiting(ask.chat, ask.user)):
            await self._redis.set(_asked(ask), message, ex=DAY)

    async def question(self, ask: PendingRequest) -> str | None:
        """That question's message, told once."""
        # an older version's key, without the person
        old = await self._redis.getdel(f"unstill:telegram:asked:{ask.id}")
        message = await self._redis.getdel(_asked(ask)) or old
        return None if message is None else message.decode()

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

    # -- revisions: which request a message's words made last

    async def latest(self, ask: PendingRequest) -> str:
        """The id of that request."""
        # an older version's key, without the person
        latest, old = await self._redis.mget(_latest(ask), f"unstill:telegram:latest:{ask.id}")
        found: bytes | None = latest or old
        return ask.id if found is None else found.decode()

    async def revised(self, ask: PendingRequest, latest: str) -> None:
        await self._redis.set(_latest(ask), latest, ex=3 * DAY)

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


def _waiting(chat: str, user: str) -> str:
    return f"unstill:telegram:waiting:{chat}:{user}"


def _asked(ask: PendingRequest) -> str:
    return f"unstill:telegram:asked:{ask.user}:{ask.id}"


def _latest(ask: PendingRequest) -> str:
    return f"unstill:telegram:latest:{ask.user}:{ask.id}"


def _is_of(key: str, user: str) -> bool:
    """Whether a key is about one person, or names their private chat, as one of an older version may."""
    kind, _, rest = key.partition(":")
    if kind == "waiting":
        return rest.endswith(f":{user}")
    return kind in ("asked", "latest") and rest.startswith((f"{user}:", f"telegram:{user}:"))


def _album(name: str) -> str:
    return f"unstill:telegram:album:{name}"
