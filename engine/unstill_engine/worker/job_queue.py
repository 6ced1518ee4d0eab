"""Serves one queue of the ledger's: takes the jobs whose turn it is, a bounded number at a time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import structlog

from unstill_engine.worker.job_run import JobRun, Services
from unstill_queue.contract.abilities import abilities
from unstill_queue.ledger.ledger import Claim
from unstill_queue.redis.wakeup import Listener

log = structlog.get_logger(__name__)

HAND_BACK_WITHIN = 10.0

Ready = Callable[[], Coroutine[Any, Any, object]]


async def _at_once() -> None:
    """Nothing has to be waited for."""


class JobQueue:
    """Serves the queue `name`, with at most `in_hand` jobs at a time.

    `ready` is awaited before a job is taken. `begun` is called with the id of a job that has begun, and with None when
    the next one may begin; `answered` is called when an outcome was filed.
    """

    def __init__(
        self, name: str, services: Services, kind: Callable[[Services, Claim], JobRun], url: str, engine: str, *,
        in_hand: int, ready: Ready = _at_once,
        begun: Callable[[str | None], None] = lambda _: None, answered: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.name = name
        self._services = services
        self._kind = kind
        self._engine = engine
        self._ready = ready
        self._begun = begun
        self._answered = answered
        self._listener = Listener(url, name, services.draining, self._work)
        self._hands = asyncio.Semaphore(in_hand)
        self._runs: dict[asyncio.Task[bool], JobRun] = {}

    async def run(self) -> None:
        """Serve until the engine drains; the jobs in hand are then still under way."""
        await self._listener.run()

    def look(self) -> None:
        """Look for work at once: somebody said that there is some."""
        self._listener.look()

    async def _work(self, word: str) -> None:
        """Take jobs until none waits or the engine drains: the function that arq calls with each word of work."""
        while claim := await self._next(word):
            job_run = self._kind(self._services, claim)
            self._begun(claim.job.id)
            task = asyncio.create_task(job_run.run())
            self._runs[task] = job_run
            task.add_done_callback(self._done)
            await self._or_draining(job_run.device_free.wait())
            if job_run.device_free.is_set():
                self._begun(None)

    def cancel(self, job: str) -> None:
        """Somebody no longer wants that job, which may be in our hands."""
        for job_run in self._runs.values():
            if job_run.job.id == job:
                job_run.lease.cancel()

    async def end(self, within: float) -> None:
        """Wait for the jobs in hand; hand back what has not ended in `within` seconds."""
        await self._end(within)
        for job_run in self._runs.values():
            log.info("handing a job back", job=job_run.job.id)
            job_run.lease.stop()
        await self._end(HAND_BACK_WITHIN)
        for task in self._runs:
            task.cancel()
        await self._end(HAND_BACK_WITHIN)

    async def _end(self, within: float) -> None:
        if self._runs:
            await asyncio.wait(self._runs, timeout=within)

    def _done(self, task: asyncio.Task[bool]) -> None:
        del self._runs[task]
        self._hands.release()
        if not task.cancelled() and task.result():
            self._answered()

    async def _next(self, word: str) -> Claim | None:
        """Return the job whose turn it is, once we are ready for it. None: no job waits, or the engine drains."""
        await self._or_draining(self._hands.acquire())
        await self._or_draining(self._ready())
        if self._services.draining.is_set():
            return None
        token = secrets.token_hex(8)
        # as the catalogue is now, which a host may have changed
        can = abilities(self._services.catalog)
        claim = await self._services.ledger.claim(self.name, token, self._engine, can, word=word)
        if claim is None:
            self._hands.release()
        return claim

    async def _or_draining(self, waiting: Awaitable[object]) -> None:
        """Wait for that, or for the end of our service, whichever comes first."""
        first = asyncio.ensure_future(waiting)
        second = asyncio.create_task(self._services.draining.wait())
        try:
            await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
            if first.done():
                first.result()
        finally:
            first.cancel()
            second.cancel()
