"""Updates by webhook: Telegram is told 200 when an update has been written down, and sends it again otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
from urllib.parse import unquote, urlsplit

import structlog
from aiohttp import HttpVersion11, web
from redis.exceptions import RedisError
from telegram import Bot, Update
from telegram.error import InvalidToken, TelegramError

from unstill_bots.host.server import HttpServer
from unstill_bots.telegram.polling import Take
from unstill_bots.telegram.router import KINDS
from unstill_bots.telegram.wire import readable
from unstill_config.platforms import Telegram

log = structlog.get_logger(__name__)

BODY_MOST = 1 << 20
"""Bytes of an update; Telegram's are far smaller."""
BODY_WITHIN = 10.0
"""Seconds that a body may take to come."""
AT_ONCE = 20
HEADER = "X-Telegram-Bot-Api-Secret-Token"
PAUSE = 5.0


class Webhook:
    """Takes the updates that Telegram posts to the path of `webhook_url`."""

    def __init__(self, bot: Bot, take: Take, settings: Telegram) -> None:
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
        self.add_to(app)
        server = HttpServer(app, self._settings.webhook_host, self._settings.webhook_port)
        await server.start()
        self.port = server.port
        try:
            log.info("listening for Telegram's webhook", host=self._settings.webhook_host, port=self.port)
            await self._register()
            await self._stopping.wait()
        finally:
            await server.stop()

    def add_to(self, app: web.Application) -> None:
        """Have the application answer at our path."""
        path = unquote(urlsplit(str(self._settings.webhook_url)).path) or "/"
        resource = web.PlainResource(path)
        resource.add_route("POST", self.handle, expect_handler=self._expect)
        app.router.register_resource(resource)

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
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(PAUSE):
                        await self._stopping.wait()
            else:
                return

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request; nothing of its body is read unless it carries our secret and is of a sane size."""
        status = self._refusal(request)
        if status is None:
            try:
                async with asyncio.timeout(BODY_WITHIN):
                    body = await request.read()
            except TimeoutError:
                status = 408
            except web.HTTPRequestEntityTooLarge:
                status = 413
            except (web.RequestPayloadError, ConnectionError):
                status = 400
            else:
                return web.Response(status=await self._take_in(body))
        response = web.Response(status=status)
        # what is left of the body would be taken for the next request
        response.force_close()
        return response

    async def _expect(self, request: web.Request) -> web.Response | None:
        """Whoever asks before sending the body is told to go on only where it will be read."""
        status = self._refusal(request)
        if status is None and request.version < HttpVersion11:
            return None
        if status is None:
            await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            # the writer takes this for a part of the answer, which could then no longer be an error
            request.writer.output_size = 0
            return None
        response = web.Response(status=status)
        response.force_close()
        return response

    def _refusal(self, request: web.Request) -> int | None:
        """The status to refuse it with, by its headers alone."""
        given = request.headers.get(HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._secret.encode()):
            return 403
        return 413 if (request.content_length or 0) > BODY_MOST else None

    async def _take_in(self, body: bytes) -> int:
        """Have the update written down; the status to answer with."""
        try:
            update = Update.de_json(readable(json.loads(body)), self._bot)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            log.warning("the webhook was sent something that is no update")
            return 400
        try:
            async with self._one_by_one:
                await self._take(update)
        except (RedisError, OSError) as error:
            log.error("an update could not be written down and stays with Telegram", error=str(error))
            return 503
        except Exception:
            # it would come again and again, and hold up all after it
            log.exception("an update could not be understood and is left out", update=update.update_id)
        return 200
