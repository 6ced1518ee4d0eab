"""Posts to us with a secret of ours: nothing of a request is read before its headers prove who sent it."""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable

from aiohttp import HttpVersion11, web

BODY_MOST = 1 << 20
"""Bytes of a body; what chat platforms post is far smaller."""
BODY_WITHIN = 10.0
"""Seconds that a body may take to come."""

TakeIn = Callable[[bytes], Awaitable[int]]
"""Is given a body, and returns the HTTP status to answer with."""


class SecretPosts:
    """Answers posts that carry `secret` in the header `header`, by `take_in`."""

    def __init__(self, header: str, secret: str, take_in: TakeIn) -> None:
        self._header = header
        self._secret = secret
        self._take_in = take_in

    def add_to(self, app: web.Application, path: str) -> None:
        """Have the application answer at a path."""
        resource = web.PlainResource(path)
        resource.add_route("POST", self._handle, expect_handler=self._expect)
        app.router.register_resource(resource)

    async def _handle(self, request: web.Request) -> web.Response:
        """Answer a request, and read its body only where it carries our secret and is of a sane size."""
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
        """Tell a client that asks before sending the body to go on, only where it will be read."""
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
        """Return the status to refuse a request with, by its headers alone, or None."""
        given = request.headers.get(self._header, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._secret.encode()):
            return 403
        return 413 if (request.content_length or 0) > BODY_MOST else None
