"""What may take its time beside the handling of an update: none is lost sight of, none ends the program."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

import structlog

from unstill_config import metrics

log = structlog.get_logger(__name__)

T = TypeVar("T")

ANSWER_WITHIN = 2.0
"""Seconds that whatever an answer needs may take where the platform waits three; the rest belongs to the network."""


class BackgroundTasks:
    """Runs what one front end has begun and does not wait for."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run it; what it raises is logged."""
        task = asyncio.create_task(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, within: float) -> None:
        """Let the tasks end. What does not in `within` seconds is cancelled, and comes back through the ledger.

        0: all are cancelled at once.
        """
        if self._tasks and within:
            await asyncio.wait(self._tasks, timeout=within)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _logged(work: Coroutine[Any, Any, Any]) -> None:
    try:
        await work
    except Exception:
        metrics.count("background_tasks_failed")
        # what was promised stands in the ledger and comes back
        log.exception("a background task failed in an unforeseen way")


async def quickly(work: Awaitable[T], within: float = ANSWER_WITHIN) -> T:
    """Return what `work` returns, if that is within so many seconds. Raises TimeoutError.

    `work` is cancelled then, but not waited for, as a call on a lost connection may take its time to end.
    """
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait((task,), timeout=within)
    if not done:
        task.cancel()
        raise TimeoutError
    return task.result()
