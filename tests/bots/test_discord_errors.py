"""Discord's refusals, as what they mean to a chat."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import aiohttp
import aiohttp.web
import discord
import pytest
import yarl
from aiohttp.client_reqrep import ConnectionKey
from discord.http import Route

from unstill_bots.delivery.chat import (
    ChatError,
    ChatFlooded,
    ChatGone,
    ChatRefused,
    ChatUnavailable,
    ChatUncertain,
    ClipTooLarge,
    MessageGone,
)
from unstill_bots.discord.connection import is_invalid, place_of
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
        (403, 50278, ChatGone),
        (403, 50013, PermissionMissing),
        (401, 50027, MessageGone),
        (400, 50035, ChatRefused),
        (403, 349999, ChatRefused),
        (400, 50083, ThreadArchived),
        (400, 160002, ReplyImpossible),
        (429, 20028, ChatFlooded),
        (503, 130000, ChatUnavailable),
        (500, 0, ChatUncertain),
        (403, 0, ChatRefused),
        (401, 0, ChatUnavailable),
    ],
)
def test_each_code_has_its_meaning(status: int, code: int, means: type[ChatError]) -> None:
    assert type(chat_error(refused(status, code))) is means


def test_a_page_is_no_answer_of_the_platforms_and_says_nothing_of_the_chat() -> None:
    meant = chat_error(refused(403, message="<!DOCTYPE html><title>Access denied</title>"))
    assert type(meant) is ChatUnavailable


def test_what_surely_did_not_arrive_is_told_from_what_may_have() -> None:
    key = ConnectionKey("discord.com", 443, True, True, None, None, None)
    assert isinstance(chat_error(aiohttp.ClientConnectorError(key, OSError(111, "refused"))), ChatUnavailable)
    assert isinstance(chat_error(aiohttp.ServerDisconnectedError()), ChatUncertain)
    assert isinstance(chat_error(TimeoutError()), ChatUncertain)


def test_a_rate_limit_says_when_to_come_back() -> None:
    meant = chat_error(discord.RateLimited(42.0))
    assert isinstance(meant, ChatFlooded) and meant.retry_after == 42.0


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


def test_places_that_refuse_everything_leave_room_for_the_others() -> None:
    # Given a channel that refuses what it is asked, as often as it is asked
    breaker = Breaker(is_invalid, budget=10, window=60.0)
    while not breaker.seconds_at("channels/1"):
        breaker.count(403, place="channels/1")

    # Then nothing is asked there any more, and others are, each of them until it refuses
    assert breaker.seconds == breaker.seconds_at("channels/2") == breaker.seconds_at("") == 0
    breaker.count(403, place="channels/2")
    assert 0 < breaker.seconds_at("channels/2") <= 60
    assert breaker.seconds_at("channels/3") == 0

    # And where all of them do, the budget is the end
    for number in range(3, 7):
        breaker.count(403, place=f"channels/{number}")
    assert 0 < breaker.seconds <= 60


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/channels/5/messages/7", "channels/5"),
        ("/channels/5", "channels/5"),
        ("/users/@me/channels", ""),
        ("/webhooks/1/token/messages/7", ""),
    ],
)
def test_a_place_is_a_channel(path: str, place: str) -> None:
    assert place_of(yarl.URL(f"{Route.BASE}{path}")) == place
