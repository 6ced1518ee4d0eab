"""Messages of platforms that tell of each once: tried until it is written down, and known so when it is read again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from unstill_bots.intake.waiting import DAY, P, WaitingPictures
from unstill_queue.ledger.pseudonyms import Pseudonyms

log = structlog.get_logger(__name__)

PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds between two tries, the first and the longest."""
MOST_CHANNELS = 200
"""Channels that are read again after a time away: those in which the bot was addressed last."""


class AddressedMessages(WaitingPictures[P]):
    """Keeps which messages were taken, and where the bot was addressed, beside the pictures that wait.

    `names`: under which a message is known to have been taken.
    """

    def __init__(self, redis: Redis, platform: str, kind: type[P], names: Pseudonyms | None = None) -> None:
        super().__init__(redis, platform, kind)
        self._platform = platform
        self._names = names or Pseudonyms()
        self._channels, self._message = f"{self._prefix}channels", f"{self._prefix}message:"

    async def is_taken(self, message: int) -> bool:
        """Return whether a message was written down, or answered."""
        return bool(await self._redis.exists(self._taken(message), f"{self._message}{message}"))

    async def took(self, channel: int, message: int, direct_to: int | None = None) -> None:
        """Remember that a message was written down, or answered. `direct_to`: in direct messages, with whom."""
        await self._redis.set(self._taken(message), b"", ex=2 * DAY)
        await self.spoken_to(channel, direct_to)

    def _taken(self, message: int) -> str:
        # it outlasts its person's being forgotten, as the platform may tell of the message again
        return f"{self._message}{self._names.name('message', f'{self._platform}:{message}')}"

    async def spoken_to(self, channel: int, direct_to: int | None = None) -> None:
        """Remember that the bot was addressed there just now. `direct_to`: in direct messages, by whom."""
        name = str(channel) if direct_to is None else f"{channel}:{direct_to}"
        if await self._redis.zadd(self._channels, {name: time.time()}):
            await self._redis.zremrangebyrank(self._channels, 0, -MOST_CHANNELS - 1)

    async def channels(self) -> list[int]:
        """Return where the bot was addressed, the latest first."""
        names = await self._redis.zrevrange(self._channels, 0, MOST_CHANNELS - 1)
        # an older version named direct messages as any channel
        return list(dict.fromkeys(int(name.partition(b":")[0]) for name in names))

    async def leave(self, channel: int) -> None:
        """Read a channel no more."""
        await self._leave(lambda name: name.partition(":")[0] == str(channel))

    async def _leave(self, is_it: Callable[[str], bool]) -> None:
        for name in await self._redis.zrange(self._channels, 0, -1):
            if is_it(name.decode()):
                await self._redis.zrem(self._channels, name)

    async def forget(self, user: str) -> None:
        """Forget a person's pictures that wait for words, in every channel, and their direct messages."""
        await super().forget(user)
        await self._leave(lambda name: name.partition(":")[2] == user)


class UntilWritten:
    """Tries until it is done, for events of one channel one after the other."""

    def __init__(self) -> None:
        self._channels: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def take(self, channel: int, take: Callable[[], Awaitable[None]]) -> None:
        """Call `take` until it raises neither RedisError nor OSError. Raises what else it raises."""
        lock = self._channels.setdefault(channel, asyncio.Lock())
        pause = PAUSE
        while True:
            try:
                async with lock:
                    await take()
            except (RedisError, OSError) as error:
                log.error("a message could not be written down yet", error=str(error), again_in=pause)
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            else:
                return
