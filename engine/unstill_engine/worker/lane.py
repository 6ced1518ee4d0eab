"""One lane of the queue as an engine serves it: takes the jobs whose turn it is, a bounded number at a time."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from unstill_engine.worker.job_run import JobRun, Services
from unstill_queue.contract.abilities import abilities
from unstill_queue.ledger.ledger import Claim
from unstill_queue.redis.wakeup import Listener

log = structlog.get_logger(__name__)

LOOK_EVERY = 5.0
"""Seconds after which an idle engine looks for work without a word of it: an engine may have died with the word."""
HAND_BACK_WITHIN = 10.0

Ready = Callable[[], Coroutine[Any, Any, object]]


async def _at_once() -> None:
    """Nothing has to be waited for."""


class Lane:
    """`begins` and `ended` are told of each job: it has begun, it needs the lane no longer, it was answered."""

    def __init__(
        self, name: str, services: Services, kind: Callable[[Services, Claim], JobRun], url: str, engine: str, *,
        in_hand: int, poll_delay: float, ready: Ready = _at_once,
        begun: Callable[[str | None], None] = lambda _: None, answered: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._name = name
        self._services = services
        self._kind = kind
        self._engine = engine
        self._ready = ready
        self._begun = begun
        self._answered = answered
        self._listener = Listener(url, name, self._on_wake, poll_delay)
        # until we are idle, the words are for others
        self._listener.ready = False
        self._can = abilities(services.catalog)
        self._woken = asyncio.Event()
        self._hands = asyncio.Semaphore(in_hand)
        self._runs: dict[asyncio.Task[bool], JobRun] = {}

    async def listen(self) -> None:
        """Hear of jobs until cancelled."""
        await self._listener.run()

    async def serve(self) -> None:
        """Take jobs until the engine drains; those in hand are then still under way."""
        while not self._services.draining.is_set():
            await self._or_draining(self._hands.acquire())
            claim = await self._next()
            if claim is None:
                return
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

    async def _on_wake(self) -> None:
        self._woken.set()

    def _done(self, task: asyncio.Task[bool]) -> None:
        del self._runs[task]
        self._hands.release()
        if not task.cancelled() and task.result():
            self._answered()

    async def _next(self) -> Claim | None:
        """The job whose turn it is, as soon as there is one and we are ready for it; None when draining."""
        while not self._services.draining.is_set():
            await self._or_draining(self._ready())
            if self._services.draining.is_set():
                return None
            self._woken.clear()
            claim = await self._services.ledger.claim(self._name, secrets.token_hex(8), self._engine, self._can)
            if claim is not None:
                return claim
            self._listener.ready = True
            await self._or_draining(self._woken.wait(), within=LOOK_EVERY)
            self._listener.ready = False
        return None

    async def _or_draining(self, waiting: Coroutine[Any, Any, object], within: float | None = None) -> None:
        """Wait for that, or for the end of our service, whichever comes first, or for `within` seconds."""
        first = asyncio.create_task(waiting)
        second = asyncio.create_task(self._services.draining.wait())
        try:
            await asyncio.wait([first, second], timeout=within, return_when=asyncio.FIRST_COMPLETED)
            if first.done():
                first.result()
        finally:
            first.cancel()
            second.cancel()
