"""Turns in a chat: never more than the platform takes, progress before answers, one chat apart from the others."""

from __future__ import annotations

import asyncio
import itertools
import time

import pytest

from unstill_bots.delivery.chat import ChatUnavailable, Dropped
from unstill_bots.delivery.message import Urgency
from unstill_bots.telegram.send_limit import CHAT, GROUP_MOST, OVERALL, RATE, REFUSALS_MOST, SendLimit


async def test_one_message_a_second_in_a_chat_and_other_chats_at_once() -> None:
    limit = SendLimit()
    begun = time.monotonic()
    # Given a chat that has just been sent something
    await limit.turn("1", Urgency.ANSWER)
    # When another chat's answer comes, and this one's next
    await limit.turn("2", Urgency.ANSWER)
    elsewhere = time.monotonic() - begun
    await limit.turn("1", Urgency.ANSWER)
    # Then only this one's waited
    assert elsewhere < CHAT
    assert time.monotonic() - begun >= CHAT


async def test_progress_gives_way_and_answers_that_would_wait_long_are_told_when_to_come_back() -> None:
    limit = SendLimit()
    await limit.turn("1", Urgency.ANSWER)
    with pytest.raises(Dropped):
        await limit.turn("1", Urgency.PROGRESS)
    # When the platform asks for silence
    limit.flood("1", 30.0)
    waits = []
    for _ in range(3):
        with pytest.raises(ChatUnavailable) as refusal:
            await limit.turn("1", Urgency.ANSWER)
        waits.append(refusal.value.retry_after)
    # Then each is told a later moment, none before the silence ends
    assert waits[0] > 29.0
    assert [later - earlier > CHAT * 0.9 for earlier, later in itertools.pairwise(waits)] == [True, True]
    # and nobody else is held up
    await asyncio.wait_for(limit.turn("2", Urgency.ANSWER), 0.5)


async def test_a_group_takes_no_more_than_its_minute_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a clock that does not stand in the way of a second a message
    now = [1000.0]
    monkeypatch.setattr("unstill_bots.delivery.rate_limit.time.monotonic", lambda: now[0])
    limit = SendLimit()
    for _ in range(GROUP_MOST):
        await limit.turn("-1", Urgency.ANSWER)
        now[0] += CHAT
    # Then the next has to wait for the minute to end, and progress found no room long before
    with pytest.raises(ChatUnavailable) as refusal:
        await limit.turn("-1", Urgency.ANSWER)
    assert refusal.value.retry_after > 61 - GROUP_MOST * CHAT - 1
    now[0] += 45
    await limit.turn("-1", Urgency.ANSWER)
    with pytest.raises(Dropped):
        await limit.turn("-1", Urgency.PROGRESS)


async def test_draining_waits_for_what_is_on_its_way_and_lets_nothing_begin() -> None:
    limit = SendLimit()

    async def call() -> None:
        with limit.flying():
            await asyncio.sleep(0.2)

    task = asyncio.create_task(call())
    await asyncio.sleep(0)
    await limit.drain(5.0)
    assert task.done()
    with pytest.raises(ChatUnavailable):
        await limit.turn("1", Urgency.ANSWER)


async def test_one_accounts_refusals_leave_a_group_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a clock that only the test moves, and a group
    now = [1000.0]
    monkeypatch.setattr("unstill_bots.delivery.rate_limit.time.monotonic", lambda: now[0])
    limit = SendLimit()

    async def turn(chat: str, urgency: Urgency, account: str = "") -> float:
        """Seconds after which to come back; 0 if it may be sent."""
        now[0] += CHAT + OVERALL
        try:
            await limit.turn(chat, urgency, account)
        except ChatUnavailable as error:
            return error.retry_after
        return 0.0

    # When 25 requests of one account are refused in it
    waits = [await turn("-1", Urgency.REFUSAL, "a") for _ in range(25)]
    # Then some are said, and the others are told to come back one after the other, in later minutes
    assert waits[:REFUSALS_MOST] == [0.0] * REFUSALS_MOST
    times = [1000.0 + (n + 1) * (CHAT + OVERALL) + wait for n, wait in enumerate(waits)][REFUSALS_MOST:]
    assert all(later - earlier > 15.0 for earlier, later in itertools.pairwise(times))
    # and another's refusal, receipt and answers are sent meanwhile
    assert await turn("-1", Urgency.REFUSAL, "b") == 0.0
    assert [await turn("-1", urgency) for urgency in (Urgency.NOTE, Urgency.ANSWER, Urgency.ANSWER)] == [0.0] * 3
    # as is the first account's own answer, and all of them when it asks in private
    assert await turn("-1", Urgency.ANSWER) == 0.0
    assert [await turn("7", Urgency.REFUSAL, "a") for _ in range(10)] == [0.0] * 10


async def test_turns_that_fell_due_while_the_loop_was_held_up_do_not_go_out_at_once() -> None:
    # Given turns in as many chats, and a loop that is held up until all of them are due
    limit = SendLimit()
    turns = [asyncio.create_task(limit.turn(str(chat), Urgency.TALK)) for chat in range(20)]
    await asyncio.sleep(0)
    time.sleep(20 * OVERALL)
    held_until = time.monotonic()
    # Then they still take the time that they have to be apart
    await asyncio.gather(*turns)
    assert time.monotonic() - held_until >= 18 * OVERALL


async def test_in_a_group_places_move_when_progress_has_used_its_room_and_answers_keep_theirs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Given a clock that only the test moves, and a group
    now = [1000.0]
    monkeypatch.setattr("unstill_bots.delivery.rate_limit.time.monotonic", lambda: now[0])
    limit = SendLimit()

    async def shown(urgency: Urgency) -> int:
        """How many are shown within a minute, one tried every three seconds."""
        count = 0
        for _ in range(10):
            now[0] += 3.1
            if limit.has_room("-1", urgency):
                await limit.turn("-1", urgency)
                count += 1
        return count

    # When one clip's progress, and then the places of those who wait, take what they can get
    progress, places = await shown(Urgency.PROGRESS), await shown(Urgency.PLACE)
    # Then there was room for both, and more than half of the minute's is left for answers
    assert progress == RATE.group_progress
    assert places >= RATE.group_places - RATE.group_progress > 0
    assert progress + places < GROUP_MOST / 2 + 1
