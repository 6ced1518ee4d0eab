"""Serves queues of the ledger's: takes the jobs whose turn it is, a bounded number at a time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import structlog

from unstill_engine.worker.job_run import JobRun, Services
from unstill_queue.contract.abilities import abilities
from unstill_queue.ledger.ledger import Claim
from unstill_queue.redis.wakeup import POLL_DELAY, Listener

log = structlog.get_logger(__name__)

HAND_BACK_WITHIN = 10.0

Ready = Callable[[], Coroutine[Any, Any, object]]


async def _at_once() -> None:
    """Nothing has to be waited for."""


class JobQueue:
    """Serves the queues `names`, with at most `in_hand` jobs at a time; they are asked in the `order` of the moment.

    `ready` is awaited before a job is taken. `begun` is called with the id of a job that has begun, and with None when
    the next one may begin; `answered` is called when an outcome was filed.
    """

    def __init__(
        self, names: Sequence[str], services: Services, kind: Callable[[Services, Claim], JobRun],
        url: str, engine: str, *, in_hand: int, ready: Ready = _at_once,
        order: Callable[[], Sequence[str]] | None = None,
        begun: Callable[[str | None], None] = lambda _: None, answered: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self.names = tuple(names)
        self._order = order or (lambda: self.names)
        self._services = services
        self._kind = kind
        self._engine = engine
        self._ready = ready
        self._begun = begun
        self._answered = answered
        # together they look as often as one does: a nudge that was lost is the exception
        pause = POLL_DELAY * len(self.names)
        self._listeners = {
            name: Listener(url, name, services.draining, self._work, poll_delay=pause) for name in self.names
        }
        self._taking = asyncio.Lock()
        self._hands = asyncio.Semaphore(in_hand)
        self._runs: dict[asyncio.Task[bool], JobRun] = {}

    async def run(self) -> None:
        """Serve until the engine drains; the jobs in hand are then still under way."""
        listening = [asyncio.create_task(listener.run()) for listener in self._listeners.values()]
        try:
            await asyncio.wait(listening, return_when=asyncio.FIRST_EXCEPTION)
            for task in listening:
                if task.done():
                    task.result()
        finally:
            for task in listening:
                task.cancel()
            await asyncio.gather(*listening, return_exceptions=True)

    def look(self, name: str | None = None) -> None:
        """Look for work at once in the queue `name`, or in all, as somebody said that there is some.

        While jobs are taken already nothing is done: another engine may look.
        """
        for each, listener in self._listeners.items():
            if name in (None, each) and not self._taking.locked():
                listener.look()

    async def _work(self, word: str) -> None:
        """Take jobs until none waits or the engine drains: the function that arq calls with each word of work."""
        async with self._taking:
            while claim := await self._next(word):
                job_run = self._kind(self._services, claim)
                self._begun(claim.job.id)
                task = asyncio.create_task(job_run.run())
                self._runs[task] = job_run
                task.add_done_callback(self._done)
                await self._or_draining(job_run.device_free.wait())
                if job_run.device_free.is_set():
                    self._begun(None)
        if len(self._listeners) > 1:
            # what was said of the other queues meanwhile was not heeded
            self.look()

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
        first, *others = self._order() or self.names
        claim = await self._services.ledger.claim(first, token, self._engine, can, word=word, others=others)
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
