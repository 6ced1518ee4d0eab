"""Pictures are fetched from a platform's own servers alone, and not more of them than may be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from unstill_bots.delivery.chat import ChatUnavailable, FetchError
from unstill_bots.discord.connection import CDN_HOSTS
from unstill_bots.intake.fetching import Expired, Fetcher

MOST = 1000


class Cdn:
    """A server on the loopback; `seen` counts what reached it."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.port = 0

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.seen.append(request.path)
        match request.path:
            case "/picture":
                return web.Response(body=b"x" * MOST)
            case "/large":
                return web.Response(body=b"x" * (MOST + 1))
            case "/elsewhere":
                raise web.HTTPFound(f"http://127.0.0.1:{self.port}/picture")
            case "/endless":
                response = web.StreamResponse()
                await response.prepare(request)
                for _ in range(50):
                    await response.write(b"x" * MOST)
                    await asyncio.sleep(0)
                return response
            case "/busy":
                return web.Response(status=503)
        return web.Response(status=404)


@pytest.fixture
async def cdn() -> AsyncIterator[Cdn]:
    server = Cdn()
    app = web.Application()
    app.router.add_get("/{name}", server.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.port = runner.addresses[0][1]
    yield server
    await runner.cleanup()


@pytest.fixture
async def fetcher(cdn: Cdn) -> AsyncIterator[Fetcher]:
    fetcher = Fetcher([f"127.0.0.1:{cdn.port}"], MOST, own=CDN_HOSTS)
    yield fetcher
    await fetcher.close()


async def test_a_picture_of_a_trusted_server_comes_whole(cdn: Cdn, fetcher: Fetcher) -> None:
    assert await fetcher.fetch(f"http://127.0.0.1:{cdn.port}/picture?ex=1") == b"x" * MOST


@pytest.mark.parametrize("name", ["large", "endless"])
async def test_too_much_is_refused_whether_or_not_it_says_its_size(cdn: Cdn, fetcher: Fetcher, name: str) -> None:
    with pytest.raises(FetchError) as caught:
        await fetcher.fetch(f"http://127.0.0.1:{cdn.port}/{name}")
    assert caught.value.code == "picture_too_big"


async def test_a_redirect_is_not_followed(cdn: Cdn, fetcher: Fetcher) -> None:
    with pytest.raises(FetchError):
        await fetcher.fetch(f"http://127.0.0.1:{cdn.port}/elsewhere")
    assert cdn.seen == ["/elsewhere"]


async def test_an_expired_link_is_told_from_a_server_in_trouble(cdn: Cdn, fetcher: Fetcher) -> None:
    with pytest.raises(Expired):
        await fetcher.fetch(f"http://127.0.0.1:{cdn.port}/gone")
    with pytest.raises(ChatUnavailable):
        await fetcher.fetch(f"http://127.0.0.1:{cdn.port}/busy")


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:{port}/picture",
        "http://localhost:{port}/picture",
        "http://[::1]:{port}/picture",
        "http://2130706433:{port}/picture",
        "http://127.0.0.1.nip.io:{port}/picture",
        "https://cdn.discordapp.com@127.0.0.1:{port}/picture",
        "https://cdn.discordapp.com.evil.example:{port}/picture",
        "http://cdn.discordapp.com/picture",
        "https://cdn.discordapp.com:{port}/picture",
        "file:///etc/passwd",
        "https:///picture",
        "https://[cdn.discordapp.com/picture",
    ],
)
async def test_every_other_address_is_refused_before_anything_is_sent(cdn: Cdn, address: str) -> None:
    # Given a fetcher to which the server on the loopback is a stranger
    strict = Fetcher([], MOST, own=CDN_HOSTS)
    # When a message names it in whatever way
    with pytest.raises(FetchError):
        await strict.fetch(address.format(port=cdn.port))
    # Then it never hears of us
    assert cdn.seen == []
    await strict.close()


async def test_a_name_that_leads_back_to_this_machine_leads_nowhere(cdn: Cdn) -> None:
    # Given Discord's own servers, one of whose names leads to the loopback
    fooled = Fetcher([], MOST, own={"localhost"})
    with pytest.raises(ChatUnavailable):
        await fooled.fetch("https://localhost/picture")
    assert cdn.seen == []
    await fooled.close()


@given(st.text(max_size=60), st.sampled_from(["https://", "http://", "https://user@", "//", ""]))
def test_whatever_is_written_only_known_hosts_are_allowed(text: str, before: str) -> None:
    fetcher = Fetcher([], MOST, own=CDN_HOSTS)
    url = f"{before}{text}"
    if fetcher.is_allowed(url):
        assert url.startswith("https://") and any(host in url.lower() for host in CDN_HOSTS)
