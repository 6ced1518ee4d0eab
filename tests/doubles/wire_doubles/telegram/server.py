"""The HTTP side: addresses, answers, and what goes wrong on the way."""

from __future__ import annotations

import asyncio
import re
from typing import Any

from aiohttp import web

from wire_doubles import server
from wire_doubles.telegram import answering, editing, looking, profile, sending
from wire_doubles.telegram.errors import ApiError, Page, not_found, too_large
from wire_doubles.telegram.methods import METHODS
from wire_doubles.telegram.requests import Call, read
from wire_doubles.telegram.webhook import Webhook
from wire_doubles.telegram.world import Answered, World
from wire_doubles.trouble import Fate

# imported for the methods that they enter
ROOMS = (answering, editing, looking, profile, sending)
ENVELOPE = 64 << 10


class Server(server.Server):
    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._loop: asyncio.AbstractEventLoop | None = None
        self.webhook = Webhook(world.updates, world.clock)
        self._uploads = 0

    def application(self) -> web.Application:
        app = web.Application(client_max_size=2**31)
        app.router.add_route("*", "/bot{token}/{method}", self._call)
        app.router.add_get("/file/bot{token}/{path:.+}", self._download)
        return app

    async def open(self) -> None:
        await super().open()
        self._loop = asyncio.get_running_loop()
        self._world.updates.arrived = self._arrived
        self.webhook.deliver()

    async def close(self) -> None:
        self._world.updates.arrived = lambda: None
        await self.webhook.close()
        await super().close()

    def _arrived(self) -> None:
        if self._loop and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._world.updates.wake()
        self.webhook.deliver()

    async def _call(self, request: web.Request) -> web.StreamResponse:
        world = self._world
        name = request.match_info["method"]
        fate = world.trouble.fate(name)
        if fate.dropped:
            return self._cut(request, Call(name), "dropped")
        call = Call(name)
        try:
            self._check_token(request)
            call = await self._read(request, name)
            if call.size > world.files.max_upload + ENVELOPE:
                raise too_large()
            if fate.refused:
                raise fate.refused
            result = await self._do(call)
        except Page as error:
            self._log(call, error.code, error.description)
            return web.Response(text=error.html, status=error.code, content_type="text/html")
        except ApiError as error:
            return await self._answer(request, call, fate, error.code, error.wire())
        return await self._answer(request, call, fate, 200, {"ok": True, "result": result})

    async def _read(self, request: web.Request, name: str) -> Call:
        if request.content_type != "multipart/form-data":
            return await read(request, name)
        self._uploads += 1
        try:
            self._world.limits.begin_upload(self._uploads)
            return await read(request, name)
        finally:
            self._uploads -= 1

    async def _do(self, call: Call) -> Any:
        world = self._world
        match call.method.lower():
            case "getupdates":
                world.updates.allow(call.json("allowed_updates"))
                return await world.updates.poll(
                    call.number("offset"), call.number("limit", 100), call.number("timeout")
                )
            case "setwebhook":
                return self.webhook.set(call)
            case "deletewebhook":
                return self.webhook.delete(call)
            case "getwebhookinfo":
                return self.webhook.info()
            case name:
                if name not in METHODS:
                    raise not_found("method not found")
                with world.lock:
                    return METHODS[name](world, call)

    async def _answer(
        self, request: web.Request, call: Call, fate: Fate[Any], status: int, wire: dict[str, Any]
    ) -> web.StreamResponse:
        if fate.wait:
            await asyncio.sleep(fate.wait)
        if fate.lost:
            return self._cut(request, call, "lost")
        self._log(call, status, str(wire.get("description", "")))
        return web.json_response(wire, status=status)

    def _cut(self, request: web.Request, call: Call, why: str) -> web.StreamResponse:
        self._log(call, 0, why)
        return server.cut(request)

    def _log(self, call: Call, status: int, description: str) -> None:
        world = self._world
        at = world.clock.now()
        world.log.append(Answered(at, call.method, call.number("chat_id"), status, description, call.size))

    def _check_token(self, request: web.Request) -> None:
        token = request.match_info["token"]
        if token == self._world.token:
            return
        if re.fullmatch(r"\d+:[A-Za-z0-9_-]{30,}", token):
            raise ApiError(401, "Unauthorized")
        raise not_found()

    async def _download(self, request: web.Request) -> web.StreamResponse:
        world = self._world
        fate = world.trouble.fate("download")
        call = Call("download", {"path": request.match_info["path"]})
        if fate.dropped or fate.lost:
            return self._cut(request, call, "dropped")
        try:
            self._check_token(request)
            if fate.refused:
                raise fate.refused
            await world.files.door.go_through()
            data = world.files.download(request.match_info["path"])
        except ApiError as error:
            return await self._answer(request, call, Fate(), error.code, error.wire())
        if fate.wait:
            await asyncio.sleep(fate.wait)
        self._log(call, 200, "")
        return web.Response(body=data, content_type="application/octet-stream")
