"""Keeps a claimed job ours while it is worked on, and hears when it no longer is or is no longer wanted."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Literal, Self

import structlog

from unstill_queue.contract.jobs import Progress
from unstill_queue.ledger.ledger import Claim, Ledger

log = structlog.get_logger(__name__)

TELL_EVERY = 0.2
"""Seconds between two steps that are told; front ends show fewer."""


class Lease:
    """`on_end` is called once: when the job is cancelled by somebody, lost to another engine, or stopped here."""

    def __init__(self, ledger: Ledger, claim: Claim, on_end: Callable[[], None]) -> None:
        self.cancelled = False
        self.lost = False
        self.stopped = False
        self._ledger = ledger
        self._claim = claim
        self._on_end = on_end
        self._progress: Progress | None = None
        self._look = b""
        self._news = asyncio.Event()
        self._beating: asyncio.Task[None] | None = None
        self._step_seconds: float | None = None
        self._stepped_at: float | None = None

    @property
    def ended(self) -> bool:
        return self.cancelled or self.lost or self.stopped

    async def __aenter__(self) -> Self:
        self._beating = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._beating is not None:
            self._beating.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._beating

    def tell(self, progress: Progress) -> None:
        """Pass progress on, soon; what comes faster than it can be told is dropped."""
        self._progress = progress
        self._news.set()

    def step(self, step: int, steps: int) -> None:
        """A step of the render is done."""
        now = time.monotonic()
        # the first step also holds what comes before it, and foretells nothing
        if self._stepped_at is not None:
            measured = now - self._stepped_at
            known = self._step_seconds
            self._step_seconds = measured if known is None else 0.8 * known + 0.2 * measured
        self._stepped_at = now
        left = None if self._step_seconds is None else self._step_seconds * (steps - step)
        self.tell(Progress("rendering", step, steps, left))

    def look(self, picture: bytes) -> None:
        """Pass an early look on, with the next progress. It is told once, and lost where the queue is away then."""
        self._look = picture
        self._news.set()

    def cancel(self) -> None:
        self._end(cancelled=True)

    def stop(self) -> None:
        """End the work on it here; the job stays ours until it is handed back."""
        self._end(stopped=True)

    async def record(self, *clips: str) -> None:
        """Put the keys of files on record, which are about to be stored; ends the lease where none may be."""
        self._heard(await self._ledger.clip(self._claim, *clips))

    async def _beat(self) -> None:
        settings = self._ledger.settings
        while not self.lost:
            progress, self._progress = self._progress, None
            look, self._look = self._look, b""
            self._news.clear()
            self._heard(await self._ledger.beat(self._claim, progress, look))
            await asyncio.sleep(min(TELL_EVERY, settings.beat))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, settings.beat - TELL_EVERY)):
                    await self._news.wait()

    def _heard(self, answer: Literal["ok", "cancel", "lost"]) -> None:
        match answer:
            case "cancel":
                self._end(cancelled=True)
            case "lost":
                log.warning("a job was lost to another engine", job=self._claim.job.id)
                self._end(lost=True)
            case "ok":
                pass

    def _end(self, *, cancelled: bool = False, lost: bool = False, stopped: bool = False) -> None:
        before = self.ended
        self.stopped |= stopped
        self.cancelled |= cancelled
        self.lost |= lost
        if not before:
            self._on_end()
