"""The page within Telegram: who opens it by the bot's button is the person that they are there."""

from __future__ import annotations

import hmac
import json
import time
from urllib.parse import parse_qsl

from aiohttp import web
from pydantic import SecretStr

from unstill_bots.web.context import WebContext
from unstill_bots.web.drawing import Drawing
from unstill_bots.web.pages import html
from unstill_bots.web.serving import VISITOR, Guard
from unstill_bots.web.uploads import Refused, read_form
from unstill_bots.web.visitor import Visitor

PATH = "/telegram"
"""Where Telegram's apps open the page; the bot's menu button leads there."""
FRESH = 3600.0
"""Seconds for which what Telegram says of a person is taken: it is said when they open the page."""
MOST = 16 * 1024
PREFIX = "telegram."


class MiniApp:
    """The handlers that sign in who comes from Telegram. `token`: the bot's, by which Telegram signs."""

    def __init__(self, context: WebContext, guard: Guard, drawing: Drawing, token: SecretStr) -> None:
        self._context = context
        self._guard = guard
        self._drawing = drawing
        self._token = token

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self._open), web.post(f"{PATH}/sign-in", self._sign_in)]

    async def _open(self, request: web.Request) -> web.Response:
        return html(self._drawing.draw("mini_app.html", request[VISITOR].language))

    async def _sign_in(self, request: web.Request) -> web.Response:
        said = (await read_form(request, MOST, MOST)).fields.get("said", "")
        user = signed_user(said, self._token.get_secret_value(), time.time())
        if user is None:
            raise Refused(403, "wrong_app")
        known, response = request[VISITOR], web.HTTPSeeOther(f"{self._context.own.base}/")
        visitor = Visitor(f"{PREFIX}{user}", known.scope, known.language, signed_in=True)
        await self._guard.remember(request, response, visitor)
        raise response


def signed_user(said: str, token: str, now: float) -> int | None:
    """Return the id of the person whom an app's init data names; None where the bot's token did not sign it, or more
    than FRESH seconds ago. https://core.telegram.org/bots/webapps#validating-data-received-via-the-mini-app
    """
    try:
        fields = dict(parse_qsl(said, keep_blank_values=True, strict_parsing=True))
        signature = fields.pop("hash")
    except (ValueError, KeyError):
        return None
    checked = "\n".join(f"{name}={fields[name]}" for name in sorted(fields))
    secret = hmac.digest(b"WebAppData", token.encode(), "sha256")
    right = hmac.digest(secret, checked.encode(), "sha256").hex()
    if not hmac.compare_digest(right.encode(), signature.encode("utf-8", "replace")):
        return None
    # read only now that it is known to be Telegram's
    try:
        age = now - int(fields["auth_date"])
        user = json.loads(fields["user"])["id"]
    except (ValueError, KeyError, TypeError):
        return None
    # a clock that is a little ahead of ours is no forger's
    return user if -60 <= age <= FRESH and isinstance(user, int) and user > 0 else None
