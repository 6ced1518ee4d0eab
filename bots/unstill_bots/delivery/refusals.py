"""Refusals by platforms: chats that refused are left alone for a while, and an answer is tried a few times only."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from unstill_bots.delivery.chat import ChatGone, ChatRefused

log = structlog.get_logger(__name__)

T = TypeVar("T")

MOST_REMEMBERED = 5000
TRIES_MOST = 3
"""Times that an answer is shown to a platform that refuses it for no reason that is known."""


class Refusals:
    """Remembers chats for `seconds` each."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until: dict[str, float] = {}

    def __contains__(self, chat: str) -> bool:
        return time.monotonic() < self._until.get(chat, 0.0)

    def add(self, chat: str) -> None:
        """Remember a chat from now on."""
        if len(self._until) > MOST_REMEMBERED:
            self._until.clear()
        self._until[chat] = time.monotonic() + self._seconds


class RefusedAnswers:
    """Counts by job how often this process saw its answer refused for no reason that is known, of the newest jobs."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}

    async def show(self, job: str, show: Callable[[], Awaitable[T]], say: Callable[[], Awaitable[T]]) -> T:
        """Return what `show` does; once that was refused often enough, what `say` does, which says so instead.

        Raises ChatRefused to be tried again, ChatGone where not even `say` is taken, and what both raise.
        """
        if self._times.get(job, 0) < TRIES_MOST:
            try:
                return await show()
            except ChatRefused as error:
                times = self._add(job)
                log.warning("an answer was refused", job=job, error=str(error), times=times)
                if times < TRIES_MOST:
                    raise
        try:
            return await say()
        except ChatRefused as error:
            raise ChatGone(str(error)) from error

    def forget(self, job: str) -> None:
        """Forget a job that has its end."""
        self._times.pop(job, None)

    def _add(self, job: str) -> int:
        times = self._times.pop(job, 0) + 1
        if len(self._times) >= MOST_REMEMBERED:
            del self._times[next(iter(self._times))]
        self._times[job] = times
        return times
