"""Discord's refusals, as what they mean to a chat."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import aiohttp
import aiohttp.web
import discord
import pytest
from aiohttp.client_reqrep import ConnectionKey

from unstill_bots.delivery.chat import ChatError, ChatGone, ChatUnavailable, ChatUncertain, ClipTooLarge, MessageGone
from unstill_bots.discord.connection import is_invalid
from unstill_bots.discord.errors import PermissionMissing, ReplyImpossible, ThreadArchived, chat_error
from unstill_bots.host.breaker import Breaker, Tripped


def refused(status: int, code: int = 0, message: str = "no") -> discord.HTTPException:
    response: Any = SimpleNamespace(status=status, reason="")
    kind = {403: discord.Forbidden, 404: discord.NotFound}.get(status, discord.HTTPException)
    return kind(response, {"code": code, "message": message} if code else message)


@pytest.mark.parametrize(
    ("status", "code", "means"),
    [
        (404, 10003, ChatGone),
        (404, 10008, MessageGone),
        (404, 10015, MessageGone),
        (404, 10062, MessageGone),
        (400, 40005, ClipTooLarge),
        (413, 40005, ClipTooLarge),
        (413, 0, ClipTooLarge),
        (400, 50045, ClipTooLarge),
        (400, 40060, MessageGone),
        (403, 50001, ChatGone),
        (403, 50007, ChatGone),
        (403, 50013, PermissionMissing),
        (401, 50027, MessageGone),
        (400, 50035, ChatUnavailable),
        (400, 50083, ThreadArchived),
        (400, 160002, ReplyImpossible),
        (429, 20028, ChatUnavailable),
        (503, 130000, ChatUnavailable),
        (500, 0, ChatUncertain),
        (403, 0, ChatUnavailable),
    ],
)
def test_each_code_has_its_meaning(status: int, code: int, means: type[ChatError]) -> None:
    assert type(chat_error(refused(status, code))) is means


def test_what_surely_did_not_arrive_is_told_from_what_may_have() -> None:
    key = ConnectionKey("discord.com", 443, True, True, None, None, None)
    assert isinstance(chat_error(aiohttp.ClientConnectorError(key, OSError(111, "refused"))), ChatUnavailable)
    assert isinstance(chat_error(aiohttp.ServerDisconnectedError()), ChatUncertain)
    assert isinstance(chat_error(TimeoutError()), ChatUncertain)


def test_a_rate_limit_says_when_to_come_back() -> None:
    meant = chat_error(discord.RateLimited(42.0))
    assert isinstance(meant, ChatUnavailable) and meant.retry_after == 42.0


async def test_after_too_many_refusals_nothing_is_asked_any_more() -> None:
    # Given a breaker that has room for three, and a session that it watches
    breaker = Breaker(is_invalid, budget=3, window=60.0)
    asked = 0

    async def refuse(_: aiohttp.web.Request) -> aiohttp.web.Response:
        nonlocal asked
        asked += 1
        return aiohttp.web.Response(status=404 if asked == 1 else 403)

    app = aiohttp.web.Application()
    app.router.add_get("/", refuse)
    runner = aiohttp.web.AppRunner(app)
    await runner.setup()
    site = aiohttp.web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        async with aiohttp.ClientSession(trace_configs=[breaker.trace()]) as session:
            # When one 404 and three 403s came
            for _ in range(4):
                async with session.get(f"http://127.0.0.1:{runner.addresses[0][1]}/"):
                    assert breaker.seconds == 0 or asked == 4
            # Then the next is not sent, and it is a matter of time
            with pytest.raises(Tripped) as caught:
                await session.get(f"http://127.0.0.1:{runner.addresses[0][1]}/")
            assert asked == 4
            meant = chat_error(caught.value)
            assert isinstance(meant, ChatUnavailable) and 0 < meant.retry_after <= 60
    finally:
        await runner.cleanup()


def test_refusals_of_a_shared_limit_do_not_count() -> None:
    breaker = Breaker(is_invalid, budget=1, window=60.0)
    breaker.count(429, {"X-RateLimit-Scope": "shared"})
    breaker.count(404)
    assert breaker.seconds == 0
    breaker.count(429, {"X-RateLimit-Scope": "user"})
    assert breaker.seconds > 0


def test_refusals_are_forgotten_after_their_window() -> None:
    breaker = Breaker(is_invalid, budget=1, window=0.0)
    breaker.count(403)
    assert breaker.seconds == 0
