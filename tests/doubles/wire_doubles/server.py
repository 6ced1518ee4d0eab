"""A platform's HTTP side on a port of the loopback."""

from __future__ import annotations

from abc import ABC, abstractmethod

from aiohttp import web


class Server(ABC):
    """Serves a platform's application. `port` is drawn by the first `open`, and stays the same from then on."""

    def __init__(self) -> None:
        self._runner: web.AppRunner | None = None
        self.port = 0

    @abstractmethod
    def application(self) -> web.Application:
        """Make what is served, anew for each `open`."""

    async def open(self) -> None:
        """Listen; after `close`, on the same port."""
        # a client that dies while it waits for an answer takes its call along
        self._runner = web.AppRunner(
            self.application(), access_log=None, handler_cancellation=True, shutdown_timeout=0.2
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, backlog=1024, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        """Refuse connections and end those there are."""
        if self._runner:
            await self._runner.cleanup()
            self._runner = None


def cut(request: web.Request) -> web.Response:
    """End a request's connection. Returns what its handler has to return, which nobody gets."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
