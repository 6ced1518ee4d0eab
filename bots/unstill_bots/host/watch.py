"""Tells who hosts the bots what is wrong, once a cause, and when it is well again. One process of all looks."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import structlog
from redis.exceptions import RedisError

from unstill_bots.delivery.notices import Notices
from unstill_bots.host import reachability
from unstill_bots.host.frontend import Services
from unstill_bots.host.leader import Leader
from unstill_bots.host.troubles import CHECKS, TROUBLE, Check, CheckResult
from unstill_queue.contract.codec import decode_or, encode
from unstill_queue.contract.errors import QueueError

log = structlog.get_logger(__name__)

CAUSES = "unstill:causes"
LOOK_EVERY = 15.0
LOOKS_BEFORE = 4
"""How often it is looked, at least, before something that lasts is told."""
WELL_AFTER = 4
"""So many looks in a row, something has to be well to be told so: what comes and goes is one cause."""


class Cause(msgspec.Struct, frozen=True):
    """Keeps since when something is wrong, by the server's time in seconds, whether the hosts are told, and in how many
    looks in a row it was well since.
    """

    since: float
    told: bool = False
    well: int = 0


class Watch:
    """Looks while this process leads the hosts' front ends. `checks` are what is looked at."""

    def __init__(self, services: Services, *, every: float | None = None, checks: Sequence[Check] = CHECKS) -> None:
        self._services = services
        self._redis: Any = services.client.redis
        self._notices = Notices(services.client, services.settings, services.catalog)
        self._every = every or min(LOOK_EVERY, max(0.2, services.settings.bots.tell_after / LOOKS_BEFORE))
        self._leader = Leader(self._redis, "hosts", term=3 * self._every)
        self._checks = checks

    async def run(self) -> None:
        """Look until cancelled. Raises nothing: where nothing can be looked at, nothing is told."""
        while True:
            try:
                await self._report()
                if await self._leader.leads():
                    await self.look()
            except (RedisError, QueueError, OSError) as error:
                log.warning("the hosts cannot be told now", error=str(error))
            except Exception:
                log.exception("a look at what is wrong failed in an unforeseen way")
            await asyncio.sleep(self._every)

    async def _report(self) -> None:
        """Put what this process sees of its platforms where the one that looks finds it."""
        for platform, refuses in reachability.refusing().items():
            change = self._redis.hset(TROUBLE, platform, "1") if refuses else self._redis.hdel(TROUBLE, platform)
            await change

    async def look(self) -> None:
        """Look once, and tell what is to be told. Raises RedisError."""
        for check in self._checks:
            try:
                results = await check(self._services)
            except (QueueError, OSError) as error:
                # what cannot be looked at is neither well nor worse
                log.warning("something could not be looked at", check=getattr(check, "__name__", ""), error=str(error))
                continue
            for result in results:
                await self._take(result)

    async def _take(self, result: CheckResult) -> None:
        seconds, micros = await self._redis.time()
        now, raw = seconds + micros / 1e6, await self._redis.hget(CAUSES, result.cause)
        if raw is None and result.bad:
            # since when is on record before anybody is told by it
            await self._redis.hsetnx(CAUSES, result.cause, encode(Cause(now)))
            raw = await self._redis.hget(CAUSES, result.cause)
        known = decode_or(raw, Cause, Cause(now))
        if result.bad:
            if not known.told and now - known.since >= result.after:
                # whoever is killed before the next line tells it again under the same key, which is once
                await self._notices.tell(f"{result.cause} {known.since}", result.say, beside=result.platform)
                known = msgspec.structs.replace(known, told=True)
            await self._keep(result.cause, msgspec.structs.replace(known, well=0), raw)
        elif raw is not None:
            known = msgspec.structs.replace(known, well=known.well + 1)
            if known.told and known.well < WELL_AFTER:
                await self._keep(result.cause, known, raw)
                return
            if known.told:
                await self._notices.tell(f"{result.cause} {known.since} well", result.well, beside=result.platform)
            await self._redis.hdel(CAUSES, result.cause)

    async def _keep(self, cause: str, known: Cause, before: bytes | None) -> None:
        if (value := encode(known)) != before:
            await self._redis.hset(CAUSES, cause, value)
