"""What has to outlive a restart besides the ledger: which messages were seen, and pictures that wait for words."""

from __future__ import annotations

import time

from redis.asyncio import Redis

from unstill_bots.discord.asking import Ask
from unstill_queue.codec import decode_or, encode

DAY = 24 * 3600
MOST_WAITING = 20
MOST_CHANNELS = 200
"""Channels that are read again after a time away: those in which the bot was addressed last."""
_CHANNELS = "unstill:discord:channels"


class Memory:
    """On the queue's Redis."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    # -- messages to us

    async def is_taken(self, message: int) -> bool:
        return bool(await self._redis.exists(f"unstill:discord:message:{message}"))

    async def took(self, channel: int, message: int) -> None:
        """It was written down, or answered."""
        await self._redis.set(f"unstill:discord:message:{message}", b"", ex=2 * DAY)
        await self.spoken_to(channel)

    async def spoken_to(self, channel: int) -> None:
        """The bot was addressed there just now."""
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.zadd(_CHANNELS, {str(channel): time.time()})
            pipe.zremrangebyrank(_CHANNELS, 0, -MOST_CHANNELS - 1)
            await pipe.execute()

    async def channels(self) -> list[int]:
        """Where the bot was addressed, the latest first."""
        return [int(channel) for channel in await self._redis.zrevrange(_CHANNELS, 0, MOST_CHANNELS - 1)]

    async def leave(self, channel: int) -> None:
        await self._redis.zrem(_CHANNELS, str(channel))

    # -- pictures without words, by channel and person

    async def waiting(self, channel: str, user: str) -> list[Ask]:
        data = await self._redis.get(_waiting(channel, user))
        return decode_or(data, list[Ask], [])

    async def let_wait(self, asks: list[Ask]) -> None:
        """Beside those that wait already."""
        channel, user = asks[0].channel, asks[0].user
        others = [ask for ask in await self.waiting(channel, user) if ask.id not in {one.id for one in asks}]
        await self._redis.set(_waiting(channel, user), encode((others + asks)[-MOST_WAITING:]), ex=DAY)

    async def no_longer(self, channel: str, user: str) -> None:
        await self._redis.delete(_waiting(channel, user))

    async def forget(self, user: str) -> None:
        """In every channel."""
        async for key in self._redis.scan_iter(_waiting("*", user)):
            await self._redis.delete(key)


def _waiting(channel: str, user: str) -> str:
    return f"unstill:discord:waiting:{channel}:{user}"
