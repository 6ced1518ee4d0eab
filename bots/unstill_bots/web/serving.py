"""What every answer of the page and the API has: who asks, what is refused first, and headers that bind a browser."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

import structlog
from aiohttp import web
from aiohttp.typedefs import Handler
from redis.exceptions import RedisError

from unstill_bots.text.page_replies import PageReplies
from unstill_bots.web import problems
from unstill_bots.web.uploads import Refused
from unstill_bots.web.visitor import COOKIE, COOKIE_DAYS, LANGUAGE_COOKIE, Visitor, Visitors, language_of
from unstill_config.platforms import Web
from unstill_queue.contract.errors import StorageError

log = structlog.get_logger(__name__)

VISITOR = web.RequestKey("visitor", Visitor)
BEGUN = web.RequestKey("begun", web.StreamResponse)
"""The answer whose head is sent."""
DAY = 24 * 3600
SAFE = ("GET", "HEAD", "OPTIONS")
API = "/api/v1"
FILES = "/static/"
"""The beginning of the paths of files, which are the same for all."""
OPEN_TO_ALL = ("/healthz", f"{API}/healthz", "/sign-in", "/telegram")
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
        self._names = {*LOOPBACK, settings.host}
        self._local = not self._proxies and (settings.host in LOOPBACK or settings.host.startswith("127."))

    @web.middleware
    async def answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            response = await self._answer(request, handler)
        except Exception as error:
            response = self._refusal(request, error)
            begun: web.StreamResponse | None = request.get(BEGUN)
            if begun is not None:
                # its head is sent already: broken off, nobody takes what came of it for the whole
                if request.transport is not None:
                    request.transport.abort()
                return begun
        if isinstance(response, web.Response) and response.content_type in TEXTS and not response.prepared:
            # as far as the browser takes that
            response.enable_compression()
            response.headers["Vary"] = "Accept-Encoding"
        return response

    def _refusal(self, request: web.Request, error: Exception) -> web.StreamResponse:
        """Return the answer to a request that ended in an error, or raise one that is an answer itself."""
        match error:
            case Refused():
                response = self.refuse(request, error.status, error.code, error.field)
                # what is left of the body would be taken for the next request
                response.force_close()
            case web.HTTPException():
                if error.status < 400:
                    raise error
                code = {404: "not_found", 405: "method", 413: "too_large"}.get(error.status, "wrong_body")
                response = self.refuse(request, error.status, code)
                if "Allow" in error.headers:
                    response.headers["Allow"] = error.headers["Allow"]
            case RedisError() | StorageError() | OSError():
                if not (isinstance(error, ConnectionError) and BEGUN in request):
                    log.warning("a request could not be answered now", path=request.path, error=repr(error))
                response = self.refuse(request, 503, "away")
            case _:
                log.error("a request ended in an unforeseen way", path=request.path, exc_info=error)
                response = self.refuse(request, 500, "unforeseen")
        return response

    async def begin(self, request: web.Request, response: web.StreamResponse) -> None:
        """Give an answer what every one has. To be called when its head is about to be sent."""
        request[BEGUN] = response
        for name, value in self._headers.items():
            response.headers.setdefault(name, value)

    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if self._local and _split(f"//{request.host}").hostname not in self._names:
            # a name that leads here in somebody's browser, by their own name server
            raise Refused(421, "wrong_host")
        path = self.path_of(request)
        if path.startswith(FILES):
            return await handler(request)
        await self._visitors.check()
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
        languages = languages_of(request)
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
        # a proxy may add a line of its own to those that came
        said = ",".join(request.headers.getall("X-Forwarded-For", []))
        forwarded = [one.strip() for one in said.split(",") if one.strip()]
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
        language = language_at(request)
        said = problems.sentence(PageReplies(language), code, self._settings.upload_most, field)
        if self.path_of(request).startswith(API):
            fields = [field] if field else []
            return problems.response(problems.problem(status, code, said, f"{self._settings.base}{API}/docs", fields))
        return self._shown(request, status, said)


def languages_of(request: web.Request) -> str:
    """Return the languages of whoever asks, as in Accept-Language."""
    return request.cookies.get(LANGUAGE_COOKIE, "") or request.headers.get("Accept-Language", "")


def language_at(request: web.Request) -> str:
    """Return the language to answer in, also where it is not known yet who asks."""
    return language_of(languages_of(request))


def _split(url: str) -> SplitResult:
    """Return the parts of a URL; none of what is no URL."""
    try:
        return urlsplit(url)
    except ValueError:
        return SplitResult("", "", "", "", "")


def _is_same_site(request: web.Request) -> bool:
    """Tell whether a request that changes something comes from this page, or from no page at all."""
    fetched = request.headers.get("Sec-Fetch-Site")
    if fetched is not None:
        return fetched in ("same-origin", "none")
    origin = request.headers.get("Origin")
    return origin is None or _split(origin).netloc == request.host
