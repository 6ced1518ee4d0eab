"""Who somebody on the page is: their language, the password, tokens, and the end of it all."""

from __future__ import annotations

import asyncio
import hmac
from collections import Counter

import structlog
from aiohttp import web
from pydantic import SecretStr

from unstill_bots.text.page_replies import PageReplies
from unstill_bots.web.context import WebContext
from unstill_bots.web.drawing import Drawing
from unstill_bots.web.pages import YEAR, Pages, html
from unstill_bots.web.serving import VISITOR, Guard
from unstill_bots.web.uploads import Refused, read_form
from unstill_bots.web.visitor import LANGUAGE_COOKIE, Visitor, new_user
from unstill_config.languages import LANGUAGES

log = structlog.get_logger(__name__)

PASSWORD_PAUSE = 1.0
"""Seconds that a wrong password waits for its answer; passwords are tried one after the other."""
TRIES_MOST = 3
"""Passwords of one network that wait for their turn: no flood of them keeps out who knows it."""
SMALL = 64 * 1024
"""Bytes of a form without pictures."""


class Account:
    """The handlers of what belongs to a person and to no clip."""

    def __init__(self, context: WebContext, guard: Guard, drawing: Drawing, pages: Pages) -> None:
        self._context = context
        self._guard = guard
        self._drawing = drawing
        self._pages = pages
        self._trying = asyncio.Lock()
        self._waiting: Counter[str] = Counter()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.post("/language", self._language),
            web.get("/sign-in", self._sign_in),
            web.post("/sign-in", self._sign_in),
            web.post("/sign-out", self._sign_out),
            web.post("/tokens", self._make_token),
            web.post("/tokens/{id}/revoke", self._revoke),
            web.post("/forget", self._forget),
        ]

    async def _language(self, request: web.Request) -> web.Response:
        wanted = (await read_form(request, SMALL, SMALL)).fields.get("language", "")
        response = web.HTTPSeeOther(f"{self._context.own.base}/")
        if wanted in LANGUAGES:
            response.set_cookie(
                LANGUAGE_COOKIE, wanted, max_age=YEAR, path=f"{self._context.own.base}/", samesite="Lax", httponly=True
            )
        raise response

    async def _sign_in(self, request: web.Request) -> web.Response:
        visitor, password = request[VISITOR], self._context.own.password
        if password is None:
            raise web.HTTPSeeOther(f"{self._context.own.base}/")
        if request.method != "POST":
            return html(self._drawing.draw("sign_in.html", visitor.language, refused=""))
        typed = (await read_form(request, SMALL, SMALL)).fields.get("password", "")
        if not await self._is_right(typed, password, visitor.scope):
            log.warning("somebody gave a wrong password on the page", scope=visitor.scope)
            refused = PageReplies(visitor.language).problem("wrong_password")
            return html(self._drawing.draw("sign_in.html", visitor.language, refused=refused), 403)
        response = web.HTTPSeeOther(f"{self._context.own.base}/")
        known = Visitor(visitor.user, visitor.scope, visitor.language, signed_in=True)
        await self._guard.remember(request, response, known)
        raise response

    async def _is_right(self, typed: str, password: SecretStr, scope: str) -> bool:
        """Tell whether it is the password, once those are answered that came before. Raises Refused."""
        if self._waiting[scope] >= TRIES_MOST:
            raise Refused(429, "too_many_tries")
        self._waiting[scope] += 1
        try:
            async with self._trying:
                right = hmac.compare_digest(typed.encode(), password.get_secret_value().encode())
                if not right:
                    await asyncio.sleep(PASSWORD_PAUSE)
        finally:
            self._waiting[scope] -= 1
            if not self._waiting[scope]:
                del self._waiting[scope]
        return right

    async def _sign_out(self, request: web.Request) -> web.Response:
        response = web.HTTPSeeOther(f"{self._context.own.base}/")
        visitor: Visitor = request[VISITOR]
        await self._guard.remember(request, response, Visitor(visitor.user, visitor.scope, visitor.language))
        raise response

    async def _make_token(self, request: web.Request) -> web.Response:
        visitor, name = request[VISITOR], (await read_form(request, SMALL, SMALL)).fields.get("name", "").strip()
        token = await self._context.visitors.make_token(visitor, name)
        refused = "" if token else PageReplies(visitor.language).problem("tokens")
        response = await self._pages.page(request, visitor, 200 if token else 409, token=token or "", refused=refused)
        response.headers["Cache-Control"] = "no-store"
        await self._guard.remember(request, response, visitor)
        return response

    async def _revoke(self, request: web.Request) -> web.Response:
        await self._context.visitors.revoke(request[VISITOR], request.match_info["id"])
        raise web.HTTPSeeOther(f"{self._context.own.base}/")

    async def _forget(self, request: web.Request) -> web.Response:
        visitor: Visitor = request[VISITOR]
        said = await self._context.forget_all(visitor)
        response = html(self._drawing.draw("said.html", visitor.language, said=said))
        # whoever comes with this browser from now on is somebody else
        await self._guard.remember(
            request, response, Visitor(new_user(), visitor.scope, visitor.language, visitor.signed_in)
        )
        return response
