"""Calls into channels: which of them are left alone, and for whom."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import discord

from unstill_bots.delivery.chat import ChatGone, ChatRefused, ChatUnavailable, Dropped
from unstill_bots.delivery.message import Urgency
from unstill_bots.delivery.room_limit import LeftAlone
from unstill_bots.discord.errors import PermissionMissing
from unstill_bots.discord.send_limit import AT_ONCE, CLOSED_SECONDS, REFUSALS, SendLimit

MISSING_ACCESS, MISSING_PERMISSIONS, UNFORESEEN = 50001, 50013, 349999


class Channel:
    """Answers what it is told to, and counts."""

    def __init__(self, code: int = 0) -> None:
        self.code = code
        self.asked = 0

    async def __call__(self) -> str:
        self.asked += 1
        await asyncio.sleep(0)
        if self.code:
            response: Any = SimpleNamespace(status=403, reason="Forbidden")
            raise discord.Forbidden(response, {"code": self.code, "message": "no"})
        return "shown"


async def ask(calls: SendLimit, channel: Channel, urgency: Urgency, times: int = 1) -> list[Any]:
    """What each of so many calls at the same time came to."""
    one = (calls.do("1", urgency, channel) for _ in range(times))
    return await asyncio.gather(*one, return_exceptions=True)


async def test_a_channel_that_refused_us_is_asked_a_few_times_however_many_answers_there_are() -> None:
    calls, lost = SendLimit(), Channel(MISSING_ACCESS)
    # When a hundred answers go into a channel that is out of reach
    came = await ask(calls, lost, Urgency.ANSWER, 100)
    # Then few were sent, and the others are to come back later
    assert REFUSALS <= lost.asked <= REFUSALS + AT_ONCE
    assert {type(one) for one in came} == {ChatGone, LeftAlone}
    assert all(0 < one.retry_after <= CLOSED_SECONDS for one in came if isinstance(one, ChatUnavailable))
    # And another channel is not left alone
    assert await calls.do("2", Urgency.ANSWER, Channel()) == "shown"


async def test_only_answers_are_tried_where_we_were_refused() -> None:
    calls, lost = SendLimit(), Channel(MISSING_ACCESS)
    assert isinstance((await ask(calls, lost, Urgency.NOTE))[0], ChatGone)

    for urgency in (Urgency.NOTE, Urgency.TALK):
        assert isinstance((await ask(calls, lost, urgency))[0], LeftAlone)
    for urgency in (Urgency.PROGRESS, Urgency.CALL):
        assert isinstance((await ask(calls, lost, urgency))[0], Dropped)
    assert lost.asked == 1
    assert isinstance((await ask(calls, lost, Urgency.ANSWER))[0], ChatGone)
    assert lost.asked == 2


async def test_an_answer_that_is_taken_opens_the_channel_again() -> None:
    calls, channel = SendLimit(), Channel(MISSING_ACCESS)
    await ask(calls, channel, Urgency.ANSWER)

    channel.code = 0
    assert await ask(calls, channel, Urgency.ANSWER) == ["shown"]

    assert await ask(calls, channel, Urgency.PROGRESS) == ["shown"]


async def test_a_right_that_is_missing_closes_nothing_as_something_smaller_may_be_allowed() -> None:
    calls, channel = SendLimit(), Channel(MISSING_PERMISSIONS)

    assert isinstance((await ask(calls, channel, Urgency.NOTE))[0], PermissionMissing)
    channel.code = 0

    assert await ask(calls, channel, Urgency.NOTE) == ["shown"]


async def test_where_nobody_knows_why_we_are_refused_only_answers_are_tried() -> None:
    calls, channel = SendLimit(), Channel(UNFORESEEN)

    assert isinstance((await ask(calls, channel, Urgency.NOTE))[0], ChatRefused)

    assert isinstance((await ask(calls, channel, Urgency.PROGRESS))[0], Dropped)
    assert [type(one) for one in await ask(calls, channel, Urgency.ANSWER)] == [ChatRefused]
    assert channel.asked == 2


async def test_after_a_while_it_is_asked_again() -> None:
    calls, channel = SendLimit(closed_seconds=0.05), Channel(MISSING_ACCESS)
    await ask(calls, channel, Urgency.ANSWER, 100)

    channel.code = 0
    await asyncio.sleep(0.1)

    assert await ask(calls, channel, Urgency.NOTE) == ["shown"]


async def test_when_the_front_end_ends_no_call_begins() -> None:
    calls, channel = SendLimit(), Channel()
    await calls.drain(1)

    assert isinstance((await ask(calls, channel, Urgency.ANSWER))[0], ChatUnavailable)
    assert isinstance((await ask(calls, channel, Urgency.PROGRESS))[0], Dropped)
    assert channel.asked == 0
