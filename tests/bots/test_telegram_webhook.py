"""The webhook's server, by raw sockets: what it reads, from whom, how much, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Self

import pytest
import structlog
from redis.exceptions import RedisError
from telegram import Bot, Update
from tests.bots.telegram_double.wire import client
from tests.waiting import PATIENCE
from wire_doubles.telegram_api import TOKEN, TelegramApi

from unstill_bots.host import posts
from unstill_bots.host import server as http_server
from unstill_bots.host.posts import BODY_MOST
from unstill_bots.host.webhook import Webhook
from unstill_bots.telegram.webhook import Hook
from unstill_config.platforms import Telegram

SECRET = hashlib.sha256(f"{TOKEN} webhook".encode()).hexdigest()
UPDATE = {
    "update_id": 1,
    "message": {"message_id": 5, "date": 1, "chat": {"id": 7, "type": "private"}, "text": "hello"},
}
Take = Callable[[Update], Awaitable[None]]


class Line:
    """One connection, and what is said on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, port: int) -> Self:
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        with contextlib.suppress(ConnectionError):
            await self.writer.drain()

    async def head(self) -> tuple[int, dict[str, str]]:
        """The next answer's status and headers."""
        async with asyncio.timeout(PATIENCE):
            first, *rest = (await self.reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in rest)
        await self.reader.readexactly(int(headers.get("content-length", "0")))
        return int(first.split()[1]), headers

    async def closed(self) -> bytes:
        """Wait until the other side hangs up; what it said before."""
        async with asyncio.timeout(PATIENCE):
            try:
                return await self.reader.read()
            except ConnectionError:
                return b""

    def hang_up(self) -> None:
        self.writer.close()


class Site:
    """A webhook that runs, and what it took."""

    def __init__(self, bot: Bot, path: str) -> None:
        self.took: list[Update] = []
        self.take: Take = self._keep
        settings = Telegram(webhook_url=f"http://127.0.0.1{path}", webhook_port=0)
        url = str(settings.webhook_url)
        self.webhook = Webhook(Hook(bot, url), lambda update: self.take(update), url, settings.webhook_host, 0)
        self.running = asyncio.create_task(self.webhook.run())
        self.lines: list[Line] = []

    async def _keep(self, update: Update) -> None:
        self.took.append(update)

    async def line(self) -> Line:
        line = await Line.to(self.webhook.port)
        self.lines.append(line)
        return line

    async def post(self, body: bytes, *, path: str = "/hook", **headers: str) -> int:
        """On a line of its own."""
        line = await self.line()
        await line.say(request(body, path=path, **headers))
        status, _ = await line.head()
        line.hang_up()
        return status


def request(body: bytes, *, method: str = "POST", path: str = "/hook", secret: str = SECRET, **headers: str) -> bytes:
    given = {"Host": "bot", "X-Telegram-Bot-Api-Secret-Token": secret, "Content-Length": str(len(body))}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items() if value)]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def update(number: int = 1) -> bytes:
    return json.dumps(UPDATE | {"update_id": number}).encode()


@pytest.fixture
async def telegram() -> AsyncIterator[TelegramApi]:
    async with TelegramApi() as telegram:
        yield telegram


@contextlib.asynccontextmanager
async def site_of(bot: Bot, telegram: TelegramApi, path: str = "/hook") -> AsyncIterator[Site]:
    site = Site(bot, path)
    async with asyncio.timeout(PATIENCE):
        while not telegram.calls("setWebhook"):
            await asyncio.sleep(0.01)
    yield site
    for line in site.lines:
        line.hang_up()
    site.webhook.stop()
    await site.running


@pytest.fixture
async def site(telegram: TelegramApi) -> AsyncIterator[Site]:
    async with client(telegram) as bot, site_of(bot, telegram) as site:
        yield site


async def test_an_update_with_the_secret_is_taken_one_after_another_on_one_line(site: Site) -> None:
    line = await site.line()
    for number in (1, 2, 3):
        await line.say(request(update(number)))
        assert (await line.head())[0] == 200
    assert [taken.update_id for taken in site.took] == [1, 2, 3]
    assert site.took[0].message is not None and site.took[0].message.text == "hello"


@pytest.mark.parametrize("secret", ["", "wrong", SECRET[:-1], SECRET.upper(), "ä", "\udcff"])
async def test_without_the_secret_nothing_of_the_body_is_read(site: Site, secret: str) -> None:
    # Given a request that announces a whole MiB, and sends only its head
    line = await site.line()
    await line.say(request(b"", secret=secret, Content_Length=str(BODY_MOST)))
    # Then it is answered at once, and the line is closed
    status, headers = await line.head()
    assert (status, headers["connection"]) == (403, "close")
    assert await line.closed() == b""


@pytest.mark.parametrize(("secret", "first"), [(SECRET, 100), ("wrong", 403)])
async def test_who_asks_whether_to_send_is_told_to_only_with_the_secret(site: Site, secret: str, first: int) -> None:
    line = await site.line()
    body = update()
    await line.say(request(b"", secret=secret, Content_Length=str(len(body)), Expect="100-continue"))
    assert (await line.head())[0] == first
    if first == 100:
        await line.say(body)
        assert (await line.head())[0] == 200


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/hook", 405),
        ("PUT", "/hook", 405),
        ("POST", "/", 404),
        ("POST", "/hook/more", 404),
        ("GET", "/x", 404),
        ("GET", "/metrics", 404),
    ],
)
async def test_another_method_or_place_is_refused(site: Site, method: str, path: str, status: int) -> None:
    line = await site.line()
    await line.say(request(b"", method=method, path=path, Content_Length=str(BODY_MOST)))
    assert (await line.head())[0] == status
    assert await line.closed() == b""
    assert not site.took


async def test_a_body_that_is_too_long_is_refused_before_it_comes(site: Site) -> None:
    line = await site.line()
    await line.say(request(b"", Content_Length=str(BODY_MOST + 1)))
    assert (await line.head())[0] == 413
    assert await line.closed() == b""


async def test_nor_may_one_of_unknown_length_be_longer(site: Site) -> None:
    line = await site.line()
    await line.say(request(b"", Content_Length="", Transfer_Encoding="chunked"))
    piece = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
    for _ in range(BODY_MOST // 0x10000 + 1):
        await line.say(piece)
    assert (await line.head())[0] == 413


def nested(depth: int) -> dict[str, Any]:
    message: dict[str, Any] = UPDATE["message"]  # type: ignore[assignment]
    for _ in range(depth):
        message = {**UPDATE["message"], "reply_to_message": message}  # type: ignore[dict-item]
    return {"update_id": 1, "message": message}


@pytest.mark.parametrize(
    "body",
    [
        b"[" * 200_000,
        b"[" * 200_000 + b"]" * 200_000,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"",
        b"{",
        b"[]",
        b"null",
        b'"update"',
        b"{}",
        b"\xff\xfe",
        b"1" * 5000,
        gzip.compress(json.dumps(UPDATE).encode()),
    ],
    ids=["open", "lists", "objects", "empty", "half", "list", "null", "text", "no number", "no text", "digits", "gzip"],
)
async def test_what_is_no_update_is_a_bad_request_and_the_next_one_is_taken(site: Site, body: bytes) -> None:
    line = await site.line()
    with structlog.testing.capture_logs() as logs:
        await line.say(request(body))
        assert (await line.head())[0] == 400
    assert [entry["log_level"] for entry in logs] == ["warning"]
    await line.say(request(update()))
    assert (await line.head())[0] == 200
    assert len(site.took) == 1


async def test_a_compressed_body_is_not_inflated(site: Site) -> None:
    assert await site.post(gzip.compress(b"[" * 10_000_000), Content_Encoding="gzip") == 400


async def test_an_update_that_nests_deeply_is_left_out_like_any_unreadable_one(site: Site) -> None:
    assert await site.post(json.dumps(nested(200)).encode()) == 200


@pytest.mark.parametrize("error", [RedisError("away"), OSError("no disk"), TimeoutError()])
async def test_what_could_not_be_written_down_is_to_come_again(site: Site, error: Exception) -> None:
    async def fail(_: Update) -> None:
        raise error

    kept, site.take = site.take, fail
    assert await site.post(update()) == 503
    site.take = kept
    assert await site.post(update()) == 200


async def test_what_cannot_be_understood_is_not_to_come_again(site: Site) -> None:
    async def fail(_: Update) -> None:
        raise KeyError("new")

    site.take = fail
    assert await site.post(update()) == 200


# -- who takes their time


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that a test can wait for."""
    monkeypatch.setattr(http_server, "IDLE_MOST", 0.3)
    monkeypatch.setattr(posts, "BODY_WITHIN", 0.3)


@pytest.mark.usefixtures("hasty")
class TestSlow:
    async def test_a_line_on_which_nothing_comes_is_closed(self, site: Site) -> None:
        assert await (await site.line()).closed() == b""

    async def test_so_is_one_on_which_a_head_never_ends(self, site: Site) -> None:
        line = await site.line()
        closed = asyncio.create_task(line.closed())
        await line.say(b"POST /hook HTTP/1.1\r\n")
        while not closed.done():
            await line.say(b"X-More: 1\r\n")
            await asyncio.sleep(0.02)
        assert b"200" not in closed.result()

    async def test_and_one_that_idles_after_an_answer(self, site: Site) -> None:
        line = await site.line()
        await line.say(request(update()))
        assert (await line.head())[0] == 200
        assert await line.closed() == b""

    async def test_a_body_that_never_ends_is_answered_and_the_line_closed(self, site: Site) -> None:
        line = await site.line()
        await line.say(request(b"", Content_Length="1000"))
        answer = asyncio.create_task(line.head())
        while not answer.done():
            await line.say(b" ")
            await asyncio.sleep(0.02)
        assert answer.result()[0] == 408
        await line.closed()


@pytest.fixture
def crowded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Room for few lines, none of which is closed for its age."""
    monkeypatch.setattr(http_server, "CONNECTIONS_MOST", 20)
    monkeypatch.setattr(http_server, "IDLE_MOST", 3600.0)


@pytest.mark.usefixtures("crowded")
async def test_who_only_holds_lines_keeps_nobody_out(site: Site) -> None:
    # Given a request under way, then far more lines than there may be, some with half a head
    began, gate = asyncio.Event(), asyncio.Event()

    async def wait(update: Update) -> None:
        if update.update_id == 9:
            began.set()
            await gate.wait()

    site.take = wait
    first = await site.line()
    await first.say(request(update(9)))
    await began.wait()
    held = [await site.line() for _ in range(200)]
    for line in held[::2]:
        await line.say(b"POST /hook HTTP/1.1\r\nX-Half: ")
    # Then all but the last of them are closed
    for line in held[:180]:
        assert await line.closed() == b""
    # And who has something to say is heard, while they stand
    gate.set()
    assert (await first.head())[0] == 200
    assert await site.post(update()) == 200


async def test_what_is_no_http_is_a_line_in_the_log_and_no_traceback(site: Site) -> None:
    line = await site.line()
    with structlog.testing.capture_logs() as logs:
        await line.say(b"\x16\x03\x01\x02\x00\x01\x00 hello\r\n\r\n")
        assert b" 400 " in (await line.closed()).split(b"\r\n")[0]
    assert all(entry["log_level"] == "info" for entry in logs)


@pytest.mark.parametrize("many", [{"X-Long": "x" * 9000}, {f"X-{n}": "1" for n in range(80)}], ids=["long", "many"])
async def test_a_head_that_is_too_long_is_a_bad_request(site: Site, many: dict[str, str]) -> None:
    assert await site.post(update(), **many) == 400


async def test_at_the_end_what_is_in_hand_is_written_down_and_nothing_more_is_taken(site: Site) -> None:
    # Given an update that is being written down
    began, gate = asyncio.Event(), asyncio.Event()

    async def slowly(update: Update) -> None:
        began.set()
        await gate.wait()
        site.took.append(update)

    site.take = slowly
    line, idle = await site.line(), await site.line()
    await line.say(request(update()))
    await began.wait()
    # When it is to end
    site.webhook.stop()
    assert await idle.closed() == b""
    with pytest.raises(ConnectionError):
        await site.line()
    assert not site.running.done()
    gate.set()
    # Then it is answered first
    assert (await line.head())[0] == 200
    await site.running
    assert len(site.took) == 1


@pytest.mark.parametrize(("url", "path"), [("", "/"), ("/a%20b/~c", "/a%20b/~c"), ("/%7Ba%7D", "/%7Ba%7D")])
async def test_the_path_is_that_of_the_setting(telegram: TelegramApi, url: str, path: str) -> None:
    async with client(telegram) as bot, site_of(bot, telegram, url) as site:
        assert await site.post(update(), path=path) == 200
        assert await site.post(update(), path="/other") == 404
