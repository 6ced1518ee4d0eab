"""What every answer of the page and the API has: who asks, what is refused first, and headers that bind a browser."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from redis.exceptions import RedisError

from unstill_bots.text.page_replies import PageReplies
from unstill_bots.web import problems
from unstill_bots.web.uploads import Refused
from unstill_bots.web.visitor import COOKIE, COOKIE_DAYS, LANGUAGE_COOKIE, Visitor, Visitors
from unstill_config.platforms import Web
from unstill_queue.contract.errors import StorageError

log = structlog.get_logger(__name__)

VISITOR = web.RequestKey("visitor", Visitor)
DAY = 24 * 3600
SAFE = ("GET", "HEAD", "OPTIONS")
API = "/api/v1"
OPEN_TO_ALL = ("/healthz", f"{API}/healthz", "/static/", "/sign-in", "/telegram")
"""The beginnings of paths that need no password."""
LOOPBACK = ("localhost", "127.0.0.1", "::1")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none';"
)
NOBODY, FRAMES = "'none'", "https://web.telegram.org"
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=()",
}

TEXTS = ("text/html", "text/css", "text/javascript", "application/json", "image/svg+xml")
"""The types of what becomes smaller by compression."""

Shown = Callable[[web.Request, int, str], web.StreamResponse]
"""Draws a refusal for people: its status and its sentence."""


class Guard:
    """The middleware before every handler. `shown` draws refusals for people; `framed`: Telegram's pages show ours."""

    def __init__(self, settings: Web, visitors: Visitors, shown: Shown, *, framed: bool = False) -> None:
        self._settings = settings
        self._framed = framed
        self._headers = {
            **HEADERS,
            "Content-Security-Policy": f"{POLICY} frame-ancestors {FRAMES if framed else NOBODY}",
        }
        self._visitors = visitors
        self._shown = shown
        self._proxies = [ipaddress.ip_network(one) for one in settings.trusted_proxies]
        self._local = settings.host in LOOPBACK and not self._proxies

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await self._answer(request, handler)
        except Refused as error:
            response = self.refuse(request, error.status, error.code, error.field)
            # what is left of the body would be taken for the next request
            response.force_close()
        except web.HTTPException as error:
            if error.status < 400:
                raise
            code = {404: "not_found", 405: "method", 413: "too_large"}.get(error.status, "wrong_body")
            response = self.refuse(request, error.status, code)
        except (RedisError, StorageError, OSError) as error:
            log.warning("a request could not be answered now", path=request.path, error=repr(error))
            response = self.refuse(request, 503, "away")
        except Exception:
            log.exception("a request ended in an unforeseen way", path=request.path)
            response = self.refuse(request, 500, "unforeseen")
        if not response.prepared:
            for name, value in self._headers.items():
                response.headers.setdefault(name, value)
            if isinstance(response, web.Response) and response.content_type in TEXTS:
                # as far as the browser takes that
                response.enable_compression()
        return response

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._local and urlsplit(f"//{request.host}").hostname not in LOOPBACK:
            # a name that leads here in somebody's browser, by their own name server
            raise Refused(421, "wrong_host")
        path = self.path_of(request)
        visitor = await self._visitor(request)
        if self._settings.password is not None and not visitor.signed_in and not path.startswith(OPEN_TO_ALL):
            if path == "/":
                raise web.HTTPSeeOther(f"{self._settings.base}/sign-in")
            raise Refused(401, "sign_in")
        request[VISITOR] = visitor
        response = await handler(request)
        if visitor.new and not response.prepared and path in ("/", "/sign-in"):
            await self.remember(request, response, visitor)
        return response

    def path_of(self, request: web.Request) -> str:
        """Return a request's path below the base, which a proxy may have kept or stripped."""
        return request.path.removeprefix(self._settings.base) or "/"

    async def _visitor(self, request: web.Request) -> Visitor:
        address = self.address_of(request)
        languages = request.cookies.get(LANGUAGE_COOKIE, "") or request.headers.get("Accept-Language", "")
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            # what a program sends with its token comes from no site
            known = await self._visitors.by_token(token.strip(), address, languages)
            if known is None:
                raise Refused(401, "wrong_token")
            return known
        if request.method not in SAFE and not _is_same_site(request):
            raise Refused(403, "other_site")
        return await self._visitors.by_cookie(request.cookies.get(COOKIE, ""), address, languages)

    def address_of(self, request: web.Request) -> str:
        """Return the address that a request comes from: the last one that no proxy of ours has."""
        address = request.remote or ""
        forwarded = [one.strip() for one in request.headers.get("X-Forwarded-For", "").split(",") if one.strip()]
        while forwarded and self._is_proxy(address):
            address = forwarded.pop()
        return address

    def _is_proxy(self, address: str) -> bool:
        try:
            return any(ipaddress.ip_address(address) in network for network in self._proxies)
        except ValueError:
            return False

    def is_secure(self, request: web.Request) -> bool:
        """Tell whether the browser came by https, as far as a proxy of ours says it."""
        return self._is_proxy(request.remote or "") and request.headers.get("X-Forwarded-Proto") == "https"

    async def remember(self, request: web.Request, response: web.StreamResponse, visitor: Visitor) -> None:
        """Have the browser keep who somebody is."""
        # within a page of Telegram's a browser sends no other cookie than one that is apart for that site
        within = "SameSite=None; Partitioned" if self._framed else "SameSite=Lax"
        secure = "; Secure" if self._framed or self.is_secure(request) else ""
        said = f"{COOKIE}={await self._visitors.cookie_of(visitor)}; Max-Age={COOKIE_DAYS * DAY}"
        # of two in one answer the last counts, and some browsers take the first
        response.headers.popall("Set-Cookie", None)
        response.headers.add("Set-Cookie", f"{said}; Path={self._settings.base}/; HttpOnly; {within}{secure}")

    def refuse(self, request: web.Request, status: int, code: str, field: str = "") -> web.StreamResponse:
        """Return the answer that says why something is not done: a problem document below the API, else a page."""
        visitor = request.get(VISITOR)
        language = visitor.language if visitor else "en"
        said = problems.sentence(PageReplies(language), code, self._settings.upload_most, field)
        if self.path_of(request).startswith(API):
            return problems.response(problems.problem(status, code, said, f"{self._settings.base}{API}/docs"))
        return self._shown(request, status, said)


def _is_same_site(request: web.Request) -> bool:
    """Tell whether a request that changes something comes from this page, or from no page at all."""
    fetched = request.headers.get("Sec-Fetch-Site")
    if fetched is not None:
        return fetched in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc == request.host
