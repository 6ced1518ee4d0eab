"""Telegram's updates, as they are posted to a webhook."""

from __future__ import annotations

import hashlib
import json

import structlog
from telegram import Bot, Update
from telegram.error import InvalidToken, TelegramError

from unstill_bots.telegram.pending import PLATFORM
from unstill_bots.telegram.router import KINDS
from unstill_bots.telegram.wire import readable

log = structlog.get_logger(__name__)

AT_ONCE = 20


class Hook:
    """The webhook of one bot. `url` is where Telegram posts to."""

    platform = PLATFORM
    header = "X-Telegram-Bot-Api-Secret-Token"

    def __init__(self, bot: Bot, url: str) -> None:
        self._bot = bot
        self._url = url
        self.secret = hashlib.sha256(f"{bot.token} webhook".encode()).hexdigest()

    async def register(self) -> bool:
        """Tell Telegram where to post. False: it could not be done, which is logged. Raises InvalidToken."""
        try:
            await self._bot.set_webhook(
                self._url, allowed_updates=list(KINDS), secret_token=self.secret, max_connections=AT_ONCE
            )
        except InvalidToken:
            raise
        except TelegramError as error:
            log.warning("the webhook could not be set", error=str(error))
            return False
        return True

    def read(self, body: bytes) -> Update:
        return Update.de_json(readable(json.loads(body)), self._bot)

    def number(self, update: Update) -> int:
        return update.update_id
