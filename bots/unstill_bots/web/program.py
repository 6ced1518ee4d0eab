"""The parts of the page and the API, put together and run until told to stop."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

import structlog
from aiohttp import web

from unstill_bots.host.assembly import ways_of
from unstill_bots.host.frontend import Services
from unstill_bots.host.lifecycle import first_error, hand_back
from unstill_bots.host.server import HttpServer
from unstill_bots.intake.rules import no_rules
from unstill_bots.web.account import Account
from unstill_bots.web.api import Api
from unstill_bots.web.cards import Cards
from unstill_bots.web.chat import WebChat
from unstill_bots.web.context import WebContext
from unstill_bots.web.drawing import Drawing
from unstill_bots.web.mini_app import MiniApp
from unstill_bots.web.pages import Pages
from unstill_bots.web.serving import Guard
from unstill_bots.web.visitor import PLATFORM, Visitors
from unstill_config.errors import ConfigError
from unstill_config.platforms import Web

log = structlog.get_logger(__name__)

CONNECTIONS_MOST = 1000
"""Open connections: a page holds one for as long as it is open."""
PORTS_TRIED = 50


class WebFrontEnd:
    """The page. `run` returns when `stopping` is set and what was in hand is done or handed back."""

    platform = PLATFORM

    async def run(self, services: Services, stopping: asyncio.Event) -> None:
        """Raises ConfigError where its address cannot be had."""
        own = services.settings.web
        cards = Cards(services.client.redis, services.settings.storage.keep_hours * 3600)
        chat = WebChat(cards, services.storage)
        pipeline, courier = ways_of(chat, chat.tell, services, no_rules)
        visitors = Visitors(services.client.redis, own.password.get_secret_value() if own.password else "")
        context = WebContext(own, services, pipeline, chat, cards, visitors)
        drawing = Drawing(own.base, password=own.password is not None)
        server = HttpServer(_app(context, drawing), own.host, own.port, connections=CONNECTIONS_MOST)
        try:
            async with asyncio.TaskGroup() as group:
                await _listen(server, own)
                delivering = group.create_task(courier.run())
                log.info("serving the page", url=f"http://{_shown(own.host)}:{server.port}{own.base}/")
                await stopping.wait()
                context.stopping.set()
                cards.wake()
                await server.stop()
                await hand_back(pipeline.background, pipeline.background)
                delivering.cancel()
        except ExceptionGroup as group:
            raise first_error(group) from None


def check(own: Web) -> None:
    """Raise ConfigError where the address is taken, and where others could use the page and the host has not said that
    they may.
    """
    if own.password is None and not own.open and not _is_loopback(own.host):
        raise ConfigError(
            f"UNSTILL_WEB__HOST is {own.host}, where others reach the page. Set UNSTILL_WEB__PASSWORD, or "
            "UNSTILL_WEB__OPEN=true to let everybody in."
        )
    try:
        socket.create_server((own.host, own.port), family=_family(own.host)).close()
    except OSError as error:
        raise _taken(own, error) from error


def _app(context: WebContext, drawing: Drawing) -> web.Application:
    own = context.own
    pages: Pages

    def shown(request: web.Request, status: int, sentence: str) -> web.StreamResponse:
        return pages.said(request, status, sentence)

    telegram = context.settings.telegram
    token = telegram.token if telegram.app_url else None
    guard = Guard(own, context.visitors, shown, framed=token is not None)
    pages = Pages(context, guard, drawing)
    app = web.Application(middlewares=[guard.answer], client_max_size=own.upload_most)
    app.on_response_prepare.append(guard.begin)
    account, api = Account(context, guard, drawing, pages), Api(context, guard, drawing)
    routes = [*pages.routes(), *account.routes(), *api.routes()]
    if token is not None:
        routes += MiniApp(context, guard, drawing, token).routes()
    app.add_routes(routes)
    if own.base:
        # a proxy may keep the path under which it shows the page, or strip it
        app.add_routes([web.RouteDef(one.method, own.base + one.path, one.handler, one.kwargs) for one in routes])
    return app


async def _listen(server: HttpServer, own: Web) -> None:
    try:
        await server.start()
    except OSError as error:
        raise _taken(own, error) from error


def _taken(own: Web, error: OSError) -> ConfigError:
    free = _free_port(own.host, own.port)
    hint = f" Port {free} is free: set UNSTILL_WEB__PORT={free}." if free else " Set UNSTILL_WEB__HOST to another."
    reason = (error.strerror or str(error)).partition(" (while")[0]
    return ConfigError(f"The page cannot listen at {_shown(own.host)}:{own.port}: {reason}.{hint}")


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _free_port(host: str, port: int) -> int | None:
    """Return the next port that could be had now."""
    for number in range(port + 1, min(port + PORTS_TRIED, 65536)):
        try:
            with socket.create_server((host, number), family=_family(host)):
                return number
        except OSError:
            continue
    return None


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
