"""Updates by webhook: Telegram is told 200 when an update has been written down, and sends it again otherwise."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json

import h11
import structlog
from redis.exceptions import RedisError
from telegram import Bot, Update
from telegram.error import InvalidToken, TelegramError

from unstill_bots.telegram.polling import Take
from unstill_bots.telegram.router import KINDS
from unstill_bots.telegram.wire import readable
from unstill_config.settings import Telegram

log = structlog.get_logger(__name__)

BODY_MOST = 1 << 20
"""Bytes of an update; Telegram's are far smaller."""
QUIET_MOST = 75.0
"""Seconds without a request after which a connection is closed."""
AT_ONCE = 20
HEADER = b"x-telegram-bot-api-secret-token"
PAUSE = 5.0


class Webhook:
    """A small HTTP server for one address. TLS ends at a proxy before it."""

    def __init__(self, bot: Bot, take: Take, settings: Telegram) -> None:
        self._bot = bot
        self._take = take
        self._settings = settings
        self._secret = hashlib.sha256(f"{bot.token} webhook".encode()).hexdigest()
        self._stopping = asyncio.Event()
        self._one_by_one = asyncio.Lock()
        self._busy = 0
        self.port = 0

    def stop(self) -> None:
        """End when what is in hand is written down; the webhook stays set, so that updates wait for us."""
        self._stopping.set()

    async def run(self) -> None:
        """Until `stop`. Raises InvalidToken, and OSError where the port cannot be had."""
        server = await asyncio.start_server(self._serve, self._settings.webhook_host, self._settings.webhook_port)
        async with server:
            self.port = server.sockets[0].getsockname()[1]
            log.info("listening for Telegram's webhook", host=self._settings.webhook_host, port=self.port)
            await self._register()
            await self._stopping.wait()
            server.close()
            while self._busy:
                await asyncio.sleep(0.02)

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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER, max_incomplete_event_size=16_384)
        try:
            while not self._stopping.is_set():
                status = await self._exchange(connection, reader)
                if status == 0:
                    break
                headers = [("content-length", "0")]
                writer.write(connection.send(h11.Response(status_code=status, headers=headers)) or b"")
                writer.write(connection.send(h11.EndOfMessage()) or b"")
                await writer.drain()
                if connection.our_state is not h11.DONE or connection.their_state is not h11.DONE:
                    break
                connection.start_next_cycle()
        except (OSError, TimeoutError, h11.ProtocolError) as error:
            log.info("a connection to the webhook broke", error=str(error))
        finally:
            writer.close()

    async def _exchange(self, connection: h11.Connection, reader: asyncio.StreamReader) -> int:
        """Read one request and take it; the status to answer with, 0 at the connection's end."""
        request: h11.Request | None = None
        body = bytearray()
        while True:
            event = connection.next_event()
            if event is h11.NEED_DATA:
                async with asyncio.timeout(QUIET_MOST):
                    connection.receive_data(await reader.read(65_536))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > BODY_MOST:
                    return 413
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                return await self._answer(request, bytes(body))
            else:
                return 0

    async def _answer(self, request: h11.Request, body: bytes) -> int:
        given = dict(request.headers).get(HEADER, b"")
        if not hmac.compare_digest(given, self._secret.encode()):
            return 403
        if request.method != b"POST":
            return 405
        try:
            update = Update.de_json(readable(json.loads(body)), self._bot)
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("the webhook was sent something that is no update")
            return 400
        self._busy += 1
        try:
            async with self._one_by_one:
                await self._take(update)
        except (RedisError, OSError) as error:
            log.error("an update could not be written down and stays with Telegram", error=str(error))
            return 503
        except Exception:
            # it would come again and again, and hold up all after it
            log.exception("an update could not be understood and is left out", update=update.update_id)
        finally:
            self._busy -= 1
        return 200
