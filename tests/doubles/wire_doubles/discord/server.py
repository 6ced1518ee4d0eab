"""The HTTP side: addresses, answers, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from wire_doubles import server
from wire_doubles.discord import channel_calls, command_calls, interaction_calls, message_calls
from wire_doubles.discord.cdn import Download
from wire_doubles.discord.connection import Socket
from wire_doubles.discord.errors import ApiError, RateLimited, not_found, too_large, unauthorized
from wire_doubles.discord.limits import Bucket, bucket_name, retry_headers
from wire_doubles.discord.requests import Call, read
from wire_doubles.discord.routes import MAJORS, ROUTES, Route
from wire_doubles.discord.world import Answered, World
from wire_doubles.trouble import Fate

# imported for the operations that they enter
ROOMS = (channel_calls, command_calls, interaction_calls, message_calls)
API = "/api/v10"
# the largest body that is read at all
ENVELOPE = 500 << 20
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Server(server.Server):
    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def application(self) -> web.Application:
        app = web.Application(client_max_size=2**31)
        for route in ROUTES:
            app.router.add_route(route.method, API + route.path, self._handler(route))
        app.router.add_route("*", API + "/{rest:.*}", self._unknown)
        app.router.add_get("/gateway/", self._gateway)
        app.router.add_get("/{rest:.+}", self._download)
        return app

    async def open(self) -> None:
        await super().open()
        self._world.cdn.base = f"http://127.0.0.1:{self.port}"
        self._world.gateway.url = f"ws://127.0.0.1:{self.port}/gateway/"
        self._world.gateway.loop = asyncio.get_running_loop()

    async def close(self) -> None:
        gateway = self._world.gateway
        gateway.loop = None
        for socket in list(gateway.sockets):
            socket.cut()
        await super().close()

    def _handler(self, route: Route) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._call(request, route)

        return handle

    async def _call(self, request: web.Request, route: Route) -> web.StreamResponse:
        world = self._world
        call = Call(route.name, dict(request.match_info))
        fate = world.trouble.fate(route.name)
        if fate.dropped:
            return self._cut(request, call)
        if world.limits.banned:
            return self._ban(request, call)
        bucket: Bucket | None = None
        try:
            self._check_token(request, route)
            major = next((call.path[name] for name in MAJORS if name in call.path), "")
            bucket = world.limits.spend(route.name, major, route.allowed, exempt=route.open)
            if (request.content_length or 0) > ENVELOPE:
                raise too_large()
            await read(request, call)
            if fate.refused:
                raise fate.refused()
            with world.lock:
                result = route.operation(world, call)
        except ApiError as error:
            return await self._refuse(request, call, fate, error, bucket)
        status = 204 if result is None else 200
        if fate.wait:
            await asyncio.sleep(fate.wait)
        if fate.lost:
            return self._cut(request, call)
        self._log(request, call, status, 0)
        headers = bucket.headers(world.clock.now()) if bucket else {}
        if result is None:
            return web.Response(status=204, headers=headers)
        return _json(200, result, headers)

    def _check_token(self, request: web.Request, route: Route) -> None:
        said = request.headers.get("Authorization")
        known = said == f"Bot {self._world.token}" and not self._world.gateway.token_reset
        if not known and not (route.open and said is None):
            raise unauthorized()

    async def _refuse(
        self, request: web.Request, call: Call, fate: Fate[Any], error: ApiError, bucket: Bucket | None
    ) -> web.StreamResponse:
        world = self._world
        shared = isinstance(error, RateLimited) and error.scope == "shared"
        if error.status in (401, 403, 429) and not shared:
            world.limits.wrong()
        if fate.wait:
            await asyncio.sleep(fate.wait)
        if fate.lost:
            return self._cut(request, call)
        self._log(request, call, error.status, error.code)
        headers = bucket.headers(world.clock.now()) if bucket else {}
        body = error.wire()
        if isinstance(error, RateLimited):
            headers = retry_headers(error, bucket_name(call.operation))
        elif error.status == 429:
            body |= {"retry_after": 1.0, "global": False}
            headers |= {"Retry-After": "1", "Via": "1.1 google", "X-RateLimit-Scope": "shared"}
        return _json(error.status, body, headers)

    def _ban(self, request: web.Request, call: Call) -> web.StreamResponse:
        """What stands before the platform answers, and not the platform."""
        self._log(request, call, 429, 1015)
        page = "<!DOCTYPE html><title>Access denied</title><p>You are being rate limited. error code: 1015"
        return web.Response(status=429, text=page, content_type="text/html", headers={"Retry-After": "600"})

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        """An operation that the double does not have is told from one that the platform does not have by the log."""
        call = Call(f"unknown {request.method} {request.path}")
        return await self._refuse(request, call, Fate(), not_found(), None)

    async def _gateway(self, request: web.Request) -> web.StreamResponse:
        gateway = self._world.gateway
        if gateway.refusing or self._world.trouble.outage:
            return web.Response(status=503)
        return await Socket(self._world, request).serve()

    async def _download(self, request: web.Request) -> web.StreamResponse:
        world = self._world
        fate = world.trouble.fate("download")
        call = Call("download")
        if fate.dropped or fate.lost:
            return self._cut(request, call)
        if fate.wait:
            await asyncio.sleep(fate.wait)
        status, answer = 200, web.Response()
        try:
            if fate.refused:
                raise fate.refused()
            await world.cdn.door.go_through()
            served = world.cdn.serve(request.path, request.query_string)
            if served.location:
                status = 302
                answer = web.Response(status=302, headers={"Location": served.location})
            else:
                answer = web.Response(body=served.data, headers={"Content-Type": served.mime})
        except ApiError as error:
            status = error.status
            answer = web.Response(status=status, text=error.message)
        world.cdn.downloads.append(Download(request.host, request.path, status))
        self._log(request, call, status, 0)
        return answer

    def _cut(self, request: web.Request, call: Call) -> web.StreamResponse:
        self._log(request, call, 0, 0)
        return server.cut(request)

    def _log(self, request: web.Request, call: Call, status: int, code: int) -> None:
        path = request.path.removeprefix(API)
        size = request.content_length or call.size
        self._world.log.append(Answered(self._world.clock.now(), call.operation, path, status, code, size))


def _json(status: int, body: Any, headers: dict[str, str]) -> web.Response:
    text = json.dumps(body)
    # without a charset: the client library compares the whole header
    sent = {**headers, "Content-Type": "application/json"}
    return web.Response(status=status, body=text.encode(), headers=sent)
