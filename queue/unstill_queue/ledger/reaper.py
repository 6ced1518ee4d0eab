"""Looks at what is due, and once in a while at everything. Any process may run one; all of them may."""

from __future__ import annotations

import asyncio
import time

import structlog
from redis.exceptions import RedisError

from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.rewriting import rewrite, trim_streams
from unstill_queue.redis.trouble import is_away, told

log = structlog.get_logger(__name__)

BATCH = 200
SCRIPT_AGAIN = 5.0
REWRITE_LOOK_EVERY = 1.0


class Reaper:
    """`ledger` should be on a connection that does not retry by itself.

    A reaper that waits out an outage would wake up to leases that nobody could renew; it must see
    the error, and leave the engines a lease's time to come back. `audits`: it audits too, each period.
    """

    def __init__(self, ledger: Ledger, *, audits: bool = True) -> None:
        self._ledger = ledger
        self._audits = audits
        self._settings = ledger.settings
        self._rewrote = 0.0

    async def run(self) -> None:
        """Reap until cancelled."""
        away = ""
        audited = time.monotonic()
        await self._after_restart()
        while True:
            try:
                if away:
                    # a server without memory, or a replica, answers a ping
                    await self._ledger.redis.set("unstill:probe", b"", px=1000)
                    log.info("the queue's server is back; leases may be renewed before any is taken")
                    await asyncio.sleep(self._ledger.times.lease)
                    away = ""
                if await self.sweep():
                    await self._rewrite()
                if self._audits and time.monotonic() - audited > self._ledger.times.audit:
                    audited = time.monotonic()
                    await self.audit()
            except (RedisError, OSError) as error:
                if not is_away(error):
                    log.error("the ledger's script failed; it is tried again", error=str(error))
                    await asyncio.sleep(SCRIPT_AGAIN)
                elif (happened := told(error)) != away:
                    log.warning(happened)
                    away = happened
            await asyncio.sleep(self._settings.reap)

    async def sweep(self) -> bool:
        """Look at everything that is due now. True: somebody wants the server's file written anew."""
        while True:
            reaped = await self._ledger.reap(BATCH)
            if reaped.looked < BATCH:
                return reaped.rewrite

    async def audit(self) -> None:
        await trim_streams(self._ledger)
        lost = await self._ledger.audit()
        if lost:
            log.error("jobs were missing from the due index and are back in it", jobs=lost)

    async def _rewrite(self) -> None:
        if time.monotonic() - self._rewrote > REWRITE_LOOK_EVERY:
            self._rewrote = time.monotonic()
            await rewrite(self._ledger)

    async def _after_restart(self) -> None:
        """A server that has just come up has leases that nobody could renew while it was away."""
        try:
            up = (await self._ledger.redis.info("server"))["uptime_in_seconds"]
        except (RedisError, OSError):
            return
        if up < self._ledger.times.lease:
            await asyncio.sleep(self._ledger.times.lease - up)
