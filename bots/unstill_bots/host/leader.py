"""One front end a platform: two that poll for the same bot would take each other's updates."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from typing import Any

import structlog
from redis.asyncio import Redis

from unstill_config.platforms import PLATFORMS
from unstill_queue.ledger.ledger import Ledger

log = structlog.get_logger(__name__)

TERM = 6.0
"""Seconds after which a leader that is not heard of counts as dead: what a kill costs before the next one polls."""
LOOK_EVERY = 1.0
LEAVE_WITHIN = 2.0
"""Seconds for the lead to be given back at the end."""

# time is the server's; a leader whose term ran out while the server was away goes on unless somebody else leads
_KEEP = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
"""
_LEAVE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


def leader_key(platform: str) -> str:
    """The server's key that stands as long as somebody leads."""
    return f"unstill:leader:{platform}"


async def led(ledger: Ledger) -> dict[str, bool]:
    """Return, by each platform of ours from which a request was ever written down, whether a front end leads it.

    Raises RedisError.
    """
    seen = await ledger.platforms()
    platforms = [name for name in PLATFORMS if name in seen]
    async with ledger.redis.pipeline(transaction=False) as pipe:
        for platform in platforms:
            pipe.exists(leader_key(platform))
        return dict(zip(platforms, map(bool, await pipe.execute()), strict=True))


class LeadershipLost(Exception):
    """Another process leads now; this one has to stop at once."""


class Leader:
    """The lead of one platform, on one Redis."""

    def __init__(self, redis: Redis, platform: str, *, term: float = TERM) -> None:
        self._key = leader_key(platform)
        self._token = secrets.token_hex(8)
        self._term = term
        self._keep = redis.register_script(_KEEP)
        self._leave = redis.register_script(_LEAVE)

    async def _renew(self) -> bool:
        answer: Any = await self._keep(keys=[self._key], args=[self._token, round(self._term * 1000)])
        return bool(answer)

    async def leads(self) -> bool:
        """Take the lead where nobody has it, or keep it, for another term. False: another leads. Raises RedisError."""
        return await self._renew()

    async def wait(self) -> None:
        """Until this process leads."""
        told = False
        while not await self._renew():
            if not told:
                log.warning("another process serves this platform; waiting until it ends", key=self._key)
                told = True
            await asyncio.sleep(min(LOOK_EVERY, self._term / 4))

    async def keep(self) -> None:
        """Until cancelled. Raises LeadershipLost."""
        while True:
            await asyncio.sleep(self._term / 3)
            if not await self._renew():
                raise LeadershipLost

    @contextlib.asynccontextmanager
    async def lead(self) -> AsyncIterator[None]:
        """Waits for the lead, and gives it back at the end."""
        await self.wait()
        try:
            yield
        finally:
            # where the server is away, the lead ends by itself with its term
            with contextlib.suppress(Exception):
                async with asyncio.timeout(LEAVE_WITHIN):
                    await self._leave(keys=[self._key], args=[self._token])
