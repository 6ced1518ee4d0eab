"""What `unstill animate --server` does where a server, or what stands before it, falls short: real ones on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr

from unstill_bots.terminal.ending import Code, Stop
from unstill_bots.terminal.server import Refusal, Server
from unstill_bots.terminal.wording import Wording

WORDING = Wording("en")
DONE = {"id": "a", "state": "done", "text": "Done.", "clip": {"size": 6, "width": 2, "height": 2, "duration": 1.0}}


@contextlib.asynccontextmanager
async def serving(*routes: web.RouteDef) -> AsyncIterator[str]:
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_a_proxy_that_answers_for_a_page_that_is_away_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a proxy that says twice that the page is away, once cuts the events, and then passes all on
    monkeypatch.setattr("unstill_bots.terminal.server.AGAIN_AFTER", 0.01)
    asked: list[str] = []

    async def tell(request: web.Request) -> web.Response:
        asked.append("tell")
        return web.Response(status=502, text="Bad Gateway") if len(asked) < 4 else web.json_response(DONE)

    async def events(request: web.Request) -> web.Response:
        asked.append("events")
        return web.Response(text="event: clip\ndata: {broken\n\n", content_type="text/event-stream")

    async with (
        serving(web.get("/api/v1/clips/a", tell), web.get("/api/v1/clips/a/events", events)) as url,
        Server(url, WORDING) as server,
    ):
        # When a clip is followed, Then its end is heard of
        assert [told.state async for told in server.follow("a")] == ["done"]
    assert asked == ["events", "tell", "tell", "tell"]


async def test_a_clip_that_is_cut_off_is_loaded_again_and_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unstill_bots.terminal.server.AGAIN_AFTER", 0.01)
    parts = [b"abc", b"abcdef"]

    async def clip(request: web.Request) -> web.Response:
        return web.Response(body=parts.pop(0), content_type="video/mp4")

    async with serving(web.get("/api/v1/clips/a/clip.mp4", clip)) as url, Server(url, WORDING) as server:
        await server.load("a", tmp_path / "clip.mp4", 6)
    assert (tmp_path / "clip.mp4").read_bytes() == b"abcdef" and parts == []


async def test_a_server_that_stays_away_is_said_and_a_token_goes_nowhere_else() -> None:
    # Given a server that sends everybody on to another one
    heard: list[str | None] = []

    async def other(request: web.Request) -> web.Response:
        heard.append(request.headers.get("Authorization"))
        return web.json_response(DONE)

    async with serving(web.get("/{path:.*}", other)) as elsewhere:

        async def on(request: web.Request) -> web.Response:
            raise web.HTTPTemporaryRedirect(f"{elsewhere}{request.path}")

        async with serving(web.get("/{path:.*}", on)) as url, Server(url, WORDING, SecretStr("mine")) as server:
            with pytest.raises(Refusal, match="No page of Unstill answers"):
                await server.tell("a")
    assert heard == []
    # and when it is gone, that is one sentence
    async with Server(url, WORDING, away_most=0) as server:
        with pytest.raises(Stop, match="does not answer") as stopped:
            await server.tell("a")
    assert stopped.value.code == Code.UNAVAILABLE


@pytest.mark.parametrize(
    "url",
    ["example.org", "ftp://example.org", "https://", "http://ann:secret@example.org", "http://a/?b", "http://a:x"],
)
async def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Stop) as stopped:
        Server(url, WORDING)
    assert stopped.value.code == Code.USAGE


async def test_an_address_of_the_api_itself_will_do() -> None:
    async with Server("https://example.org/unstill/api/v1/", WORDING) as server:
        assert server.url == "https://example.org/unstill"
