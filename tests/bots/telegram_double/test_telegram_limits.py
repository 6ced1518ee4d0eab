"""The double of Telegram's Bot API, seen through the client library: how often a bot may speak."""

from __future__ import annotations

import contextlib
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from telegram import (
    Bot,
)
from telegram.error import (
    RetryAfter,
)
from tests.bots.telegram_double.wire import png
from wire_doubles.clock import Clock
from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram.errors import ApiError
from wire_doubles.telegram.limits import Limits
from wire_doubles.telegram.people import Person
from wire_doubles.telegram_api import TelegramApi


class StoppedClock(Clock):
    """Only `move` moves it."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 1_800_000_000.0

    def now(self) -> float:
        return self._now

    def move(self, seconds: float) -> None:
        self._now += seconds


async def test_a_chat_takes_a_short_burst_and_then_one_message_a_second(
    telegram: TelegramApi, bot: Bot, chat: Chat
) -> None:
    telegram.limits.on = True
    for n in range(3):
        await bot.send_message(chat.id, f"{n}")
    with pytest.raises(RetryAfter) as raised:
        await bot.send_message(chat.id, "3")
    assert raised.value.retry_after == timedelta(seconds=1)
    telegram.clock.move(1.1)
    status = await bot.send_message(chat.id, "3")
    # an edit counts, one that changes nothing too
    with pytest.raises(RetryAfter):
        await bot.edit_message_text("3", chat.id, status.message_id)
    assert telegram.limits.refused == 2
    assert [shown.text for shown in chat.history()][1:] == ["0", "1", "2", "3"]


async def test_a_group_takes_20_a_minute(telegram: TelegramApi, bot: Bot, ann: Person) -> None:
    telegram.limits.on = True
    group = telegram.group("Family", [ann])
    message = await bot.send_message(group.id, "0")
    for n in range(1, 20):
        telegram.clock.move(1.0)
        await bot.edit_message_text(f"{n}", group.id, message.message_id)
    telegram.clock.move(1.0)
    with pytest.raises(RetryAfter) as raised:
        await bot.send_message(group.id, "20")
    assert raised.value.retry_after in [timedelta(seconds=seconds) for seconds in range(36, 42)]
    telegram.clock.move(30)
    with pytest.raises(RetryAfter):
        await bot.send_message(group.id, "20")
    telegram.clock.move(12)
    await bot.send_message(group.id, "20")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.05, 0.4, 1.0, 3.0])), max_size=150))
def test_no_window_ever_holds_more_than_its_limit(calls: list[tuple[int, float]]) -> None:
    clock = StoppedClock()
    limits = Limits(clock)
    limits.chat = 5.0
    passed: list[tuple[float, int]] = []
    for group, wait in calls:
        clock.move(wait)
        with contextlib.suppress(ApiError):
            limits.spend(group, group=True)
            passed.append((clock.now(), group))
    for at, group in passed:
        assert sum(at - 1 < other <= at for other, _ in passed) <= 30
        assert sum(at - 60 < other <= at for other, where in passed if where == group) <= 20
    assert limits.refused == len(calls) - len(passed)


async def test_too_many_uploads_at_once_are_refused_for_a_minute(telegram: TelegramApi, bot: Bot, chat: Chat) -> None:
    telegram.limits.on = True
    telegram.limits.uploads = 0
    with pytest.raises(RetryAfter) as raised:
        await bot.send_photo(chat.id, png())
    assert raised.value.retry_after == timedelta(minutes=1)
    await bot.send_message(chat.id, "words pass")


async def test_all_chats_together_take_30_a_second(telegram: TelegramApi, bot: Bot) -> None:
    telegram.limits.on = True
    chats = [telegram.private(person) for person in (telegram.person(f"P{n}") for n in range(31))]
    for chat in chats:
        chat.standing = "member"
    spent = 0
    with pytest.raises(RetryAfter):
        for chat in chats:
            # no time passes for the platform, however slow this machine is
            telegram.clock.move(-telegram.clock.now() + 1_800_000_000)
            await bot.send_message(chat.id, "hello")
            spent += 1
    assert spent == 30
    assert telegram.calls("sendMessage")[-1].status == 429
