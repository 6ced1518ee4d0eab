"""An HTTP server for what others send us: few connections, none that idles, requests of bounded size."""

from __future__ import annotations

import asyncio

import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.typedefs import Handler
from aiohttp.web_protocol import RequestHandler

log = structlog.get_logger(__name__)

CONNECTIONS_MOST = 100
IDLE_MOST = 15.0
"""Seconds from a connection's start, or its last answer, within which the head of a request has to be there."""
LINE_MOST = 4096
"""Bytes of the request's first line, and of each header."""
HEADERS_MOST = 64
DRAIN_WITHIN = 60.0


class HttpServer:
    """Serves `app` on one address, in plain HTTP: TLS ends at a proxy before it.

    Where more than `connections` are open, or else CONNECTIONS_MOST, the longest of them that has no request under way
    is closed, so that those who only hold connections cannot keep out who uses one.
    """

    def __init__(self, app: web.Application, host: str, port: int, *, connections: int = 0) -> None:
        self._host = host
        self._port = port
        self._most = connections or CONNECTIONS_MOST
        self._in_hand: set[RequestHandler] = set()
        app.middlewares.append(self._hold)
        self._runner = web.AppRunner(
            app,
            access_log=None,
            logger=_Log(),
            keepalive_timeout=IDLE_MOST,
            # what is left of a refused request is not waited for
            lingering_time=0,
            max_line_size=LINE_MOST,
            max_field_size=LINE_MOST,
            max_headers=HEADERS_MOST,
            # a body is what it is: a compressed one could be any size
            auto_decompress=False,
            shutdown_timeout=DRAIN_WITHIN,
        )
        self._server: asyncio.Server | None = None
        self.port = 0

    async def start(self) -> None:
        """Listen; `port` is known afterwards. Raises OSError where the address cannot be had."""
        await self._runner.setup()
        self._server = await asyncio.get_running_loop().create_server(self._accept, self._host, self._port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take nothing more, and return when what is in hand has been answered, or DRAIN_WITHIN seconds are over."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()

    def _accept(self) -> asyncio.BaseProtocol:
        server = self._runner.server
        assert server is not None  # noqa: S101
        # one that we closed is listed until its end has been seen
        connections = [one for one in server.connections if one.transport is not None]
        if len(connections) >= self._most:
            idle = next((one for one in connections if one not in self._in_hand), None)
            if idle is None:
                return _Refusal()
            idle.force_close()
        return server()

    @web.middleware
    async def _hold(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = request.protocol
        self._in_hand.add(connection)
        try:
            return await handler(request)
        finally:
            self._in_hand.discard(connection)


class _Refusal(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport)  # noqa: S101
        transport.abort()


class _Log:
    """What aiohttp says of connections. It takes a client that speaks no HTTP for an error of ours."""

    def debug(self, *_: object, **__: object) -> None:
        pass

    def exception(self, message: str, *details: object, exc_info: BaseException | None = None) -> None:
        if isinstance(exc_info, HttpProcessingError):
            log.info("a request could not be read", reason=exc_info.message.partition("\n")[0][:200])
        else:
            log.error("a request ended in an unforeseen way", exc_info=exc_info)
