"""Updates by polling. An update is confirmed, by asking for the next one, only when it has been written down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

import structlog
from redis.exceptions import RedisError

from unstill_bots.host.lifecycle import LONGEST_PAUSE, PAUSE, rest

log = structlog.get_logger(__name__)

U = TypeVar("U")

Take = Callable[[U], Awaitable[None]]
"""Has an update written down. Raises RedisError and OSError where that is not possible now."""


class Updates(Protocol[U]):
    """A platform that keeps updates until they are confirmed."""

    async def begin(self) -> None:
        """Make the platform ready to be asked."""

    async def ask(self, after: int | None, *, wait: bool) -> Sequence[U]:
        """Return the updates from the number `after` on, which confirms those before. `wait`: wait a while for some."""

    def number(self, update: U) -> int:
        """Return the update's number, which rises from one to the next."""

    def rest_after(self, error: Exception) -> float | None:
        """Log an error of `begin` or `ask`, and return the seconds to wait after it; None for a pause that grows.

        Raises the error where there is no use in asking again.
        """


class Polling(Generic[U]):
    """Asks one bot's platform for updates, and has each written down before it asks for the next."""

    def __init__(self, updates: Updates[U], take: Take[U]) -> None:
        self._updates = updates
        self._take = take
        self._after: int | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End when what is in hand is written down."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until `stop`. Raises what `Updates.rest_after` raises."""
        begun, pause = False, PAUSE
        while not self._stopping.is_set():
            try:
                if not begun:
                    await self._updates.begin()
                    begun = True
                updates = await self._poll()
            except Exception as error:  # whatever it was, the platform is asked again
                seconds = self._updates.rest_after(error)
                await rest(self._stopping, pause if seconds is None else seconds)
                pause = min(2 * pause, LONGEST_PAUSE) if seconds is None else pause
                continue
            pause = PAUSE
            for update in updates:
                number = self._updates.number(update)
                if not await written_down(self._take, update, number):
                    await rest(self._stopping, PAUSE)
                    break
                self._after = number + 1
        if self._after is not None:
            # what was written down does not come again
            with contextlib.suppress(Exception):
                await self._updates.ask(self._after, wait=False)

    async def _poll(self) -> Sequence[U]:
        """Return what the platform has, or nothing when told to stop."""
        poll = asyncio.ensure_future(self._updates.ask(self._after, wait=True))
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((poll, stop), return_when=asyncio.FIRST_COMPLETED)
            return poll.result() if poll.done() else ()
        finally:
            for task in (poll, stop):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task


async def written_down(take: Take[U], update: U, number: int) -> bool:
    """Have an update taken. False: not now, and the platform has to send it again."""
    try:
        await take(update)
    except (RedisError, OSError) as error:
        log.error("an update could not be written down and stays with the platform", error=str(error))
        return False
    except Exception:
        # it would come for ever, and hold up all after it
        log.exception("an update could not be understood and is left out", update=number)
    return True
