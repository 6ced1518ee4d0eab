"""Updates by polling. An update is confirmed, by asking for the next one, only when it has been written down."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

import structlog
from redis.exceptions import RedisError
from telegram import Bot, Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError, TimedOut

from unstill_bots.telegram.api import POLL_SECONDS
from unstill_bots.telegram.errors import retry_after
from unstill_bots.telegram.router import KINDS

log = structlog.get_logger(__name__)

PAUSE, LONGEST_PAUSE = 1.0, 30.0
CONFLICT_PAUSE = 10.0

Take = Callable[[Update], Awaitable[None]]


async def written_down(take: Take, update: Update) -> bool:
    """Have an update taken. False: not now, and Telegram has to send it again."""
    try:
        await take(update)
    except (RedisError, OSError) as error:
        log.error("an update could not be written down and stays with Telegram", error=str(error))
        return False
    except Exception:
        # it would come for ever, and hold up all after it
        log.exception("an update could not be understood and is left out", update=update.update_id)
    return True


class Polling:
    """The getUpdates loop of one bot."""

    def __init__(self, bot: Bot, take: Take) -> None:
        self._bot = bot
        self._take = take
        self._offset: int | None = None
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """End when what is in hand is written down."""
        self._stopping.set()

    async def run(self) -> None:
        """Until `stop`. Raises InvalidToken when the token is taken back."""
        await self._start()
        pause = PAUSE
        while not self._stopping.is_set():
            try:
                updates = await self._poll()
                pause = PAUSE
            except InvalidToken:
                raise
            except TimedOut:
                continue
            except Conflict as error:
                log.error("another program polls with this bot's token; only one may", error=str(error))
                await self._rest(CONFLICT_PAUSE)
                continue
            except RetryAfter as error:
                await self._rest(retry_after(error))
                continue
            except TelegramError as error:
                log.warning("Telegram cannot be reached", error=str(error))
                await self._rest(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
                continue
            except Exception:
                log.exception("a poll failed in an unforeseen way")
                await self._rest(LONGEST_PAUSE)
                continue
            for update in updates:
                if not await self._written_down(update):
                    break
        await self._confirm()

    async def _start(self) -> None:
        """While a webhook is set, Telegram refuses to be polled."""
        while not self._stopping.is_set():
            try:
                await self._bot.delete_webhook(drop_pending_updates=False)
            except InvalidToken:
                raise
            except TelegramError as error:
                log.warning("Telegram cannot be reached", error=str(error))
                await self._rest(PAUSE)
            else:
                return

    async def _poll(self) -> tuple[Update, ...]:
        """Nothing where it is time to stop."""
        poll = asyncio.create_task(
            self._bot.get_updates(self._offset, limit=100, timeout=POLL_SECONDS, allowed_updates=list(KINDS))
        )
        stop = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((poll, stop), return_when=asyncio.FIRST_COMPLETED)
            return poll.result() if poll.done() else ()
        finally:
            for task in (poll, stop):
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, TelegramError):
                    await task

    async def _written_down(self, update: Update) -> bool:
        if not await written_down(self._take, update):
            await self._rest(PAUSE)
            return False
        self._offset = update.update_id + 1
        return True

    async def _confirm(self) -> None:
        """Tell the platform what was written down, so that it does not come again."""
        if self._offset is not None:
            with contextlib.suppress(TelegramError):
                await self._bot.get_updates(self._offset, limit=1, timeout=0, allowed_updates=list(KINDS))

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
