"""The limit of requests a minute, by the real front end of each platform."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.system import discord_house, telegram_house
from tests.system.discord_house import DiscordHouse
from tests.system.telegram_house import TelegramHouse
from tests.waiting import PATIENCE

from unstill_queue.contract.jobs import State
from unstill_queue.ledger.ledger import Ledger

TOO_MANY = "You may ask for at most 1 a minute"
NO_PICTURE = "There is no picture"


@dataclass
class Side:
    """One platform: its front end, a person's chat with the bot, and what that person does there."""

    house: TelegramHouse | DiscordHouse
    chat: Any
    send_picture: Callable[[], Any]
    send_words: Callable[[str], Any]
    said: Callable[[], list[str]]
    until_says: Callable[[str], Any]


@contextlib.contextmanager
def on_telegram(folder: Path) -> Iterator[Side]:
    with telegram_house.telegram_house(folder, engine=False, UNSTILL_QUOTA__PERSON_REQUESTS="1") as house:
        ann = house.api.person("Ann")
        chat = house.api.private(ann)
        yield Side(
            house,
            chat,
            lambda: ann.send_photo(chat, telegram_house.photo(), "waves"),
            lambda words: ann.send_text(chat, words),
            lambda: [one.text for one in telegram_house.ours(chat.history())],
            lambda text: chat.until(telegram_house.says(text)),
        )


@contextlib.contextmanager
def on_discord(folder: Path) -> Iterator[Side]:
    with discord_house.discord_house(folder, engine=False, quick=True, UNSTILL_QUOTA__PERSON_REQUESTS="1") as house:
        ann = house.api.person("Ann", installed=True)
        chat = house.api.dm(ann)
        yield Side(
            house,
            chat,
            lambda: ann.say(chat, "waves", files=[discord_house.picture()]),
            lambda words: ann.say(chat, words),
            lambda: [one.words for one in discord_house.ours(chat.history(ann))],
            lambda text: chat.until(discord_house.says(text)),
        )


@pytest.fixture(params=[on_telegram, on_discord], ids=["telegram", "discord"])
def side(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Side]:
    with request.param(tmp_path) as side:
        yield side


@pytest.fixture
async def ledger(side: Side) -> AsyncIterator[Ledger]:
    ledger = side.house.ledger()
    yield ledger
    await ledger.redis.aclose()


async def until_queued(ledger: Ledger, jobs: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while sum(count for (state, _), count in (await ledger.counts()).items() if state is State.QUEUED) < jobs:
            await asyncio.sleep(0.05)


async def test_who_asks_too_fast_is_told_once_and_the_rest_is_not_taken(side: Side, ledger: Ledger) -> None:
    # Given a person whose picture was taken, the one that a minute holds
    side.send_picture()
    await until_queued(ledger, 1)
    redis: Any = ledger.redis
    [pace] = [key async for key in redis.scan_iter("unstill:pace:*")]
    # When they send three more, and ask for something else afterwards
    for _ in range(3):
        side.send_picture()
    side.send_words("waves")
    await side.until_says(NO_PICTURE)
    await side.until_says(TOO_MANY)
    # Then they were told once, and there is one request
    assert sum(TOO_MANY in text for text in side.said()) == 1
    assert len(await ledger.open_ids()) == 1
    # When the minute is over, then the next one is taken
    await redis.delete(pace)
    side.send_picture()
    await until_queued(ledger, 2)
    assert len(await ledger.open_ids()) == 2
