"""Telegram's updates, as they are polled."""

from __future__ import annotations

import structlog
from telegram import Bot, Update
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError, TimedOut

from unstill_bots.actions.presses import TELEGRAM
from unstill_bots.host import reachability
from unstill_bots.host.lifecycle import LONGEST_PAUSE
from unstill_bots.telegram.api import POLL_SECONDS
from unstill_bots.telegram.errors import retry_after
from unstill_bots.telegram.router import KINDS

log = structlog.get_logger(__name__)

CONFLICT_PAUSE = 10.0


class Updates:
    """The updates of one bot."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot

    async def begin(self) -> None:
        """While a webhook is set, Telegram refuses to be polled."""
        await self._bot.delete_webhook(drop_pending_updates=False)

    async def ask(self, after: int | None, *, wait: bool) -> tuple[Update, ...]:
        most, seconds = (100, POLL_SECONDS) if wait else (1, 0)
        updates = await self._bot.get_updates(after, limit=most, timeout=seconds, allowed_updates=list(KINDS))
        reachability.found(TELEGRAM)
        return updates

    def number(self, update: Update) -> int:
        return update.update_id

    def rest_after(self, error: Exception) -> float | None:
        match error:
            case InvalidToken():
                raise error
            case TimedOut():
                return 0.0
            case Conflict():
                reachability.lost(TELEGRAM)
                log.error("another program polls with this bot's token; only one may", error=str(error))
                return CONFLICT_PAUSE
            case RetryAfter():
                return retry_after(error)
            case TelegramError():
                reachability.lost(TELEGRAM)
                log.warning("Telegram cannot be reached", error=str(error))
                return None
        log.error("a poll failed in an unforeseen way", exc_info=error)
        return LONGEST_PAUSE
