"""The API of a page elsewhere, as `unstill animate --server` asks it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import msgspec
from pydantic import SecretStr

from unstill_bots.terminal.ending import Code, Stop
from unstill_bots.terminal.wording import Wording
from unstill_queue.contract.jobs import Parameters
from unstill_queue.contract.options import LAST_IMAGE

T = TypeVar("T")

API = "/api/v1/"
CONNECT_WITHIN = 10.0
SILENT_MOST = 60.0
"""Seconds without a byte after which a connection is dead: events have a sign of life every 20."""
AGAIN_AFTER = 1.0
AWAY_MOST = 300.0
"""Seconds that a page may be away once it has answered: it may be started anew meanwhile."""
PIECE = 1 << 20


class Refusal(Exception):
    """The server's answer that something is not done: a problem document. `retry_after` is in seconds."""

    def __init__(self, status: int, code: str, detail: str, retry_after: float | None = None) -> None:
        self.status = status
        self.code = code
        self.retry_after = retry_after
        super().__init__(detail)


class Made(msgspec.Struct, frozen=True):
    """A clip as the server describes it. Sizes in bytes and pixels, times in seconds."""

    size: int
    width: int
    height: int
    duration: float
    fps: float = 0.0
    render_seconds: float = 0.0
    synthetic: bool = True
    filled: bool = False


class Told(msgspec.Struct, frozen=True):
    """What is so of a request. `state` is a phase of its card, `text` what a person reads, `code` why it failed."""

    id: str
    state: str
    text: str = ""
    share: float | None = None
    code: str | None = None
    notes: tuple[str, ...] = ()
    clip: Made | None = None

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "failed", "cancelled")


class Server:
    """A context manager. `url` is the page's address, `away_most` as AWAY_MOST.

    A request that finds no server is sent again until it was away for that long, and then raises Stop; all that the
    server refuses raises Refusal.
    """

    def __init__(
        self,
        url: str,
        wording: Wording,
        token: SecretStr | None = None,
        *,
        away_most: float = AWAY_MOST,
    ) -> None:
        self.url = checked(url, wording)
        self._wording = wording
        self._away_most = away_most
        headers = {"Accept-Language": wording.language.replace("_", "-"), "User-Agent": "unstill"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token.get_secret_value()}"
        # whoever is known by no token is by the cookie that the first answer brings
        self._http = httpx.AsyncClient(
            base_url=self.url + API, headers=headers, timeout=httpx.Timeout(SILENT_MOST, connect=CONNECT_WITHIN)
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._http.aclose()

    async def check(self) -> None:
        """Raise Stop where no page answers, or it does not let us in."""
        try:
            await self._once("GET", "healthz", {})
            await self._once("GET", "options", {})
        except httpx.TransportError as error:
            raise self._away(error) from error
        except Refusal as error:
            if error.status in (401, 403):
                sentence = self._wording.needs_token(self.url) if error.code == "sign_in" else str(error)
                raise Stop(Code.SETTINGS, sentence) from error
            raise Stop(Code.UNAVAILABLE, str(error)) from error

    async def ask(self, picture: bytes, words: str, once: str, *, last: bytes = b"") -> str:
        """Ask for a clip, and return its id. `once` names this request, which may be sent more than once. Without a
        picture it is one of words alone; `last` is the picture with which it ends.
        """
        sent = {name: (name, data) for name, data in (("picture", picture), (LAST_IMAGE, last)) if data}
        form = {"files": sent, "data": {"prompt": words}}
        answer = await self._do("POST", "clips", {**form, "headers": {"Idempotency-Key": once}})
        return self._read(answer, Told).id

    async def tell(self, id: str) -> Told:
        return self._read(await self._do("GET", _at(id)), Told)

    async def follow(self, id: str) -> AsyncIterator[Told]:
        """Yield what is so of a request as it changes, the last time when it is over."""
        while True:
            with contextlib.suppress(httpx.TransportError, Refusal):
                async with self._http.stream("GET", f"{_at(id)}/events") as answer:
                    async for line in answer.aiter_lines():
                        if answer.status_code == 200 and line.startswith("data: "):
                            told = _converted(line.removeprefix("data: ").encode(), Told)
                            if told is not None:
                                yield told
                                if told.is_over:
                                    return
            # the stream was cut, or there are too many: whether the server is there, this says
            told = await self.tell(id)
            yield told
            if told.is_over:
                return
            await asyncio.sleep(AGAIN_AFTER)

    async def parameters(self, id: str) -> Parameters:
        """Return what a clip was made of."""
        return self._read(await self._do("GET", f"{_at(id)}/recipe"), Parameters)

    async def load(self, id: str, file: Path, size: int) -> None:
        """Write a clip of `size` bytes into a file. Raises OSError where that cannot be."""
        ends = time.monotonic() + self._away_most
        while True:
            try:
                async with self._http.stream("GET", f"{_at(id)}/clip.mp4") as answer:
                    if answer.status_code != 200:
                        await answer.aread()
                        raise self._refusal(answer)
                    with file.open("wb") as out:
                        async for piece in answer.aiter_bytes(PIECE):
                            out.write(piece)
                        if out.tell() == size:
                            return
                        error: Exception = httpx.RemoteProtocolError("the clip was cut off")
            except (httpx.TransportError, Refusal) as found:
                if isinstance(found, Refusal) and found.status != 503:
                    raise
                error = found
            if time.monotonic() > ends:
                raise self._away(error)
            await asyncio.sleep(AGAIN_AFTER)

    async def end(self, id: str) -> None:
        """Cancel a request that is under way. A server that is away is not asked again."""
        with contextlib.suppress(httpx.TransportError, Refusal):
            await self._once("DELETE", _at(id), {})

    # -- requests

    async def _do(self, method: str, path: str, given: Mapping[str, Any] | None = None) -> bytes:
        """Return the body of an answer, however often it has to be asked for."""
        ends = time.monotonic() + self._away_most
        while True:
            try:
                return await self._once(method, path, given or {})
            except httpx.TransportError as error:
                if time.monotonic() > ends:
                    raise self._away(error) from error
            except Refusal as error:
                # of all that is refused only this passes by itself
                if error.status != 503 or time.monotonic() > ends:
                    raise
            await asyncio.sleep(AGAIN_AFTER)

    async def _once(self, method: str, path: str, given: Mapping[str, Any]) -> bytes:
        answer = await self._http.request(method, path, **given)
        if not answer.is_success:
            raise self._refusal(answer)
        if method != "DELETE" and not answer.headers.get("Content-Type", "").startswith("application/json"):
            raise Refusal(answer.status_code, "no_page", self._wording.no_page(self.url))
        return answer.content

    def _refusal(self, answer: httpx.Response) -> Refusal:
        said = None
        if answer.headers.get("Content-Type", "").startswith("application/problem+json"):
            said = _converted(answer.content, _Problem)
        if said is None:
            if answer.status_code in (502, 503, 504):
                # what stands before the page says that the page is away
                return Refusal(503, "away", self._wording.no_page(self.url))
            return Refusal(answer.status_code, "no_page", self._wording.no_page(self.url))
        after = answer.headers.get("Retry-After", "")
        return Refusal(answer.status_code, said.code, said.detail, float(after) if after.isdigit() else None)

    def _away(self, error: Exception) -> Stop:
        return Stop(Code.UNAVAILABLE, self._wording.server_away(self.url, str(error) or type(error).__name__))

    def _read(self, body: bytes, kind: type[T]) -> T:
        found = _converted(body, kind)
        if found is None:
            raise Refusal(200, "no_page", self._wording.no_page(self.url))
        return found


class _Problem(msgspec.Struct):
    code: str
    detail: str


def checked(url: str, wording: Wording) -> str:
    """Return the address of a page without what may stand behind it. Raises Stop for what is none."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
        # the port is read here
        good = good and parts.port != 0 and parts.username is None
    except ValueError:
        good = False
    if not good:
        raise Stop(Code.USAGE, wording.not_a_server(url))
    return url.rstrip("/").removesuffix(API.rstrip("/"))


def _at(id: str) -> str:
    return f"clips/{quote(id, safe='')}"


def _converted(body: bytes, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, ValueError):
        return None
