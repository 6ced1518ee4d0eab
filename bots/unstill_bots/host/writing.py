"""Events that a platform tells of once: what one asks for is tried until it is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

import structlog
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

PAUSE, LONGEST_PAUSE = 0.5, 10.0


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
