"""Tells a platform of the bot's commands and profile: once for each change, and again and again until it is done."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Collection

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from unstill_queue.ledger.script import awaited

log = structlog.get_logger(__name__)

PAUSE, LONGEST_PAUSE = 10.0, 900.0


async def keep_registered(register: Callable[[], Awaitable[bool]], *, pause: float = PAUSE) -> None:
    """Call `register` until it returns True; `pause` is the seconds before the second try, and grows."""
    while not await register():
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


async def register_once(
    redis: Redis,
    key: str,
    wanted: Callable[[], Awaitable[str]],
    tell: Callable[[], Awaitable[object]],
    refusals: tuple[type[Exception], ...],
    *,
    what: str = "the commands",
) -> bool:
    """Call `tell` where `wanted`, a text that holds all that is told, is not what was told last, by the server's `key`.

    False: it could not be done, which is logged. `refusals` are the platform's errors; `what` names it in the log.
    """
    expected: tuple[type[Exception], ...] = (*refusals, RedisError, OSError)
    try:
        digest = hashlib.sha256((await wanted()).encode()).digest()
        if await redis.get(key) != digest:
            await tell()
            await redis.set(key, digest)
            log.info(f"{what} are registered")
    except expected as error:
        log.warning(f"{what} could not be registered", error=str(error))
        return False
    return True


async def register_hosts(
    redis: Redis,
    key: str,
    hosts: Collection[str],
    offer: Callable[[str], Awaitable[object]],
    take_away: Callable[[str], Awaitable[object]],
    refusals: tuple[type[Exception], ...],
) -> bool:
    """Call `offer` for each of a platform's hosts, and `take_away` for who hosts no more: the server's `key` has them.

    False: it could not be done, which is logged. `refusals` are the platform's errors, as where a host has never
    written to the bot.
    """
    expected: tuple[type[Exception], ...] = (*refusals, RedisError, OSError)
    try:
        for host in sorted({known.decode() for known in await awaited(redis.smembers(key))} - set(hosts)):
            await take_away(host)
            await awaited(redis.srem(key, host))
        for host in hosts:
            await offer(host)
            await awaited(redis.sadd(key, host))
    except expected as error:
        log.warning("the hosts' commands could not be registered; each has to write to the bot once", error=str(error))
        return False
    return True
