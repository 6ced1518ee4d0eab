"""Updates by webhook: the platform is told 200 when an update has been written down, and sends it again otherwise."""

from __future__ import annotations

import asyncio
from typing import Generic, Protocol
from urllib.parse import unquote, urlsplit

import structlog
from aiohttp import web

from unstill_bots.host.lifecycle import rest
from unstill_bots.host.polling import Take, U, written_down
from unstill_bots.host.posts import BODY_MOST, SecretPosts
from unstill_bots.host.server import HttpServer

log = structlog.get_logger(__name__)

PAUSE = 5.0


class Hook(Protocol[U]):
    """A platform that posts updates with our `secret` in the header `header`, once it knows where."""

    platform: str
    header: str
    secret: str

    async def register(self) -> bool:
        """Tell the platform where to post. False: it could not be done now, which is logged. Raises where there is no
        use in asking again.
        """

    def read(self, body: bytes) -> U:
        """Read what was posted. Raises ValueError, KeyError, TypeError, AttributeError or RecursionError where that is
        no update.
        """

    def number(self, update: U) -> int:
        """Return the update's number, as `polling.Updates.number` does."""


class Webhook(Generic[U]):
    """Takes the updates that a platform posts to the path of `url`; listens at `host` and `port`, 0 for any."""

    def __init__(self, hook: Hook[U], take: Take[U], url: str, host: str, port: int) -> None:
        self._hook = hook
        self._take = take
        self._path = unquote(urlsplit(url).path) or "/"
        self._host = host
        self._port = port
        self._stopping = asyncio.Event()
        self._one_by_one = asyncio.Lock()
        self.port = 0

    def stop(self) -> None:
        """End when what is in hand is written down; the webhook stays set, so that updates wait for us."""
        self._stopping.set()

    async def run(self) -> None:
        """Run until `stop`. Raises what `Hook.register` raises, and OSError where the port cannot be had."""
        app = web.Application(client_max_size=BODY_MOST)
        SecretPosts(self._hook.header, self._hook.secret, self._take_in).add_to(app, self._path)
        server = HttpServer(app, self._host, self._port)
        await server.start()
        self.port = server.port
        try:
            log.info("listening for a webhook", platform=self._hook.platform, host=self._host, port=self.port)
            while not self._stopping.is_set() and not await self._hook.register():
                await rest(self._stopping, PAUSE)
            await self._stopping.wait()
        finally:
            await server.stop()

    async def _take_in(self, body: bytes) -> int:
        """Have the update written down, and return the status to answer with."""
        try:
            update = self._hook.read(body)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            log.warning("the webhook was sent something that is no update")
            return 400
        async with self._one_by_one:
            return 200 if await written_down(self._take, update, self._hook.number(update)) else 503
