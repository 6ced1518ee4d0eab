"""The beginning and the end of every front end: it waits for its platform, and hands back what it has in hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

import structlog

from unstill_bots.host import reachability

log = structlog.get_logger(__name__)

PAUSE, LONGEST_PAUSE = 1.0, 30.0
TASKS_WITHIN = 10.0
CALLS_WITHIN = 20.0
FILING = 0.5
"""Seconds for the ledger to hear of the last answers."""

T = TypeVar("T")


class Drains(Protocol):
    """Something that can be told to end: `within` is in seconds."""

    async def drain(self, within: float) -> None: ...


async def reach(
    platform: str, login: Callable[[], Awaitable[T]], unreachable: tuple[type[Exception], ...], stopping: asyncio.Event
) -> T | None:
    """Call `login` until it returns; a growing pause follows each of the errors `unreachable`.

    Returns what it returned, or None when told to stop before. Raises what else it raises, as TokenRejected.
    """
    pause = PAUSE
    while not stopping.is_set():
        try:
            found = await login()
            reachability.found(platform)
            return found
        except unreachable as error:
            reachability.lost(platform)
            log.warning("the platform cannot be reached", platform=platform, error=str(error), again_in=pause)
        await rest(stopping, pause)
        pause = min(2 * pause, LONGEST_PAUSE)
    return None


async def rest(until: asyncio.Event, seconds: float) -> None:
    """Wait for so many seconds, or until the event is set, as when told to stop."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await until.wait()


def first_error(error: Exception) -> Exception:
    """Return what went wrong first, where `error` is a group; else the error itself."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error


async def hand_back(background: Drains, calls: Drains) -> None:
    """End in the order in which one thing leads to the next: background tasks, calls on their way, their records."""
    await background.drain(TASKS_WITHIN)
    await calls.drain(CALLS_WITHIN)
    await asyncio.sleep(FILING)
