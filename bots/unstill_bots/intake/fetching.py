"""Pictures from a platform's own servers alone: an address in a message must not make us ask a stranger."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Collection
from urllib.parse import urlsplit

import aiohttp
import aiohttp.abc
import aiohttp.resolver

from unstill_bots.delivery.chat import ChatUnavailable, FetchError

WITHIN = 60.0
CONNECT_WITHIN = 5.0
GONE = (403, 404, 410)
"""The statuses of a link that has expired, and of a picture that was deleted."""


class Expired(Exception):
    """The link is of no use any more; a fresh one may be."""


class PublicResolver(aiohttp.abc.AbstractResolver):
    """Names that lead into a private network, or back to this machine, lead nowhere."""

    def __init__(self) -> None:
        self._resolver = aiohttp.resolver.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[aiohttp.abc.ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        public = [one for one in found if ipaddress.ip_address(one["host"].partition("%")[0]).is_global]
        if not public:
            raise OSError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        await self._resolver.close()


class Fetcher:
    """Downloads at most `most` bytes, by https from `own`, the names of the platform's servers.

    `hosts`: further ones, 'name' or 'name:port', that the host of the bot trusts, by http as well.
    """

    def __init__(self, hosts: Collection[str], most: int, *, own: Collection[str]) -> None:
        self._hosts = frozenset(host.lower() for host in hosts)
        self._own = own
        self._most = most
        self._public: aiohttp.ClientSession | None = None
        self._trusted: aiohttp.ClientSession | None = None

    def is_allowed(self, url: str) -> bool:
        """Return whether the address may be asked at all."""
        return self._is_trusted(url) or self._is_own(url)

    def _is_own(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            return parts.scheme == "https" and parts.hostname in self._own and parts.port in (None, 443)
        except ValueError:
            return False

    def _is_trusted(self, url: str) -> bool:
        try:
            parts = urlsplit(url)
            named = (parts.hostname or "").lower()
            port = parts.port
        except ValueError:
            return False
        return parts.scheme in ("http", "https") and (named in self._hosts or f"{named}:{port}" in self._hosts)

    async def fetch(self, url: str) -> bytes:
        """The bytes. Raises Expired, FetchError and ChatUnavailable."""
        if not self.is_allowed(url):
            raise FetchError("picture_gone", "not one of the platform's own addresses")
        try:
            async with self._session(url).get(url, allow_redirects=False) as response:
                return await self._read(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise ChatUnavailable(f"the picture's server: {type(error).__name__}", 2.0) from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        if response.status in GONE:
            raise Expired
        if response.status == 429 or response.status >= 500:
            raise ChatUnavailable(f"the picture's server: HTTP {response.status}", 5.0)
        if response.status != 200:
            raise FetchError("picture_gone", f"HTTP {response.status}")
        if (response.content_length or 0) > self._most:
            raise FetchError("picture_too_big", "larger than may be downloaded")
        data = bytearray()
        async for part in response.content.iter_chunked(65_536):
            data += part
            # what it said of its size may not be so
            if len(data) > self._most:
                raise FetchError("picture_too_big", "larger than may be downloaded")
        return bytes(data)

    def _session(self, url: str) -> aiohttp.ClientSession:
        if self._is_trusted(url):
            if self._trusted is None:
                self._trusted = _open(aiohttp.TCPConnector(limit=32))
            return self._trusted
        if self._public is None:
            self._public = _open(aiohttp.TCPConnector(limit=32, resolver=PublicResolver()))
        return self._public

    async def close(self) -> None:
        for session in (self._public, self._trusted):
            if session is not None:
                await session.close()


def _open(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=WITHIN, sock_connect=CONNECT_WITHIN)
    # a packed answer could be small on the way and huge here
    return aiohttp.ClientSession(
        connector=connector,
        timeout=timeout,
        auto_decompress=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"Accept-Encoding": "identity"},
    )
