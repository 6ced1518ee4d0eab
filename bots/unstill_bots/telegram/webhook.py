"""Updates by webhook: Telegram is told 200 when an update has been written down, and sends it again otherwise."""

from __future__ import annotations

import asyncio
import hashlib
import json
from urllib.parse import unquote, urlsplit

import structlog
from aiohttp import web
from telegram import Bot, Update
from telegram.error import InvalidToken, TelegramError

from unstill_bots.host.lifecycle import rest
from unstill_bots.host.polling import Take, written_down
from unstill_bots.host.posts import BODY_MOST, SecretPosts
from unstill_bots.host.server import HttpServer
from unstill_bots.telegram.router import KINDS
from unstill_bots.telegram.wire import readable
from unstill_config.platforms import Telegram

log = structlog.get_logger(__name__)

AT_ONCE = 20
HEADER = "X-Telegram-Bot-Api-Secret-Token"
PAUSE = 5.0


class Webhook:
    """Takes the updates that Telegram posts to the path of `webhook_url`."""

    def __init__(self, bot: Bot, take: Take[Update], settings: Telegram) -> None:
        self._bot = bot
        self._take = take
        self._settings = settings
        self._secret = hashlib.sha256(f"{bot.token} webhook".encode()).hexdigest()
        self._stopping = asyncio.Event()
        self._one_by_one = asyncio.Lock()
        self.port = 0

    def stop(self) -> None:
        """End when what is in hand is written down; the webhook stays set, so that updates wait for us."""
        self._stopping.set()

    async def run(self) -> None:
        """Until `stop`. Raises InvalidToken, and OSError where the port cannot be had."""
        app = web.Application(client_max_size=BODY_MOST)
        path = unquote(urlsplit(str(self._settings.webhook_url)).path) or "/"
        SecretPosts(HEADER, self._secret, self._take_in).add_to(app, path)
        server = HttpServer(app, self._settings.webhook_host, self._settings.webhook_port)
        await server.start()
        self.port = server.port
        try:
            log.info("listening for Telegram's webhook", host=self._settings.webhook_host, port=self.port)
            await self._register()
            await self._stopping.wait()
        finally:
            await server.stop()

    async def _register(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._bot.set_webhook(
                    str(self._settings.webhook_url),
                    allowed_updates=list(KINDS),
                    secret_token=self._secret,
                    max_connections=AT_ONCE,
                )
            except InvalidToken:
                raise
            except TelegramError as error:
                log.warning("the webhook could not be set", error=str(error))
                await rest(self._stopping, PAUSE)
            else:
                return

    async def _take_in(self, body: bytes) -> int:
        """Have the update written down; the status to answer with."""
        try:
            update = Update.de_json(readable(json.loads(body)), self._bot)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            log.warning("the webhook was sent something that is no update")
            return 400
        async with self._one_by_one:
            return 200 if await written_down(self._take, update, update.update_id) else 503
