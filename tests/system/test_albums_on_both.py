"""Pictures that are sent together are one thing, on both platforms: one message says what was not taken of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.system import discord_house, telegram_house
from tests.system.processes import House, wait_for

MOST: dict[str, Any] = {"UNSTILL_QUOTA__PERSON_JOBS": "2"}
COLOURS = ("red", "green", "blue", "teal")


@dataclass
class Talk:
    """A private chat of Ann's with the bot. `said` has what the bot's messages say now, in their order."""

    house: House
    send: Callable[[str], Any]
    write: Callable[[str], Any]
    said: Callable[[], list[str]]
    clips: Callable[[], int]

    async def until(self, holds: Callable[[list[str]], bool], what: str) -> list[str]:
        await asyncio.to_thread(wait_for, lambda: holds(self.said()), what=what)
        return self.said()


@contextlib.contextmanager
def on_telegram(folder: Path) -> Iterator[Talk]:
    with telegram_house.telegram_house(folder, **MOST) as telegram:
        ann = telegram.api.person("Ann")
        chat = telegram.api.private(ann)
        pictures = [telegram_house.photo(colour) for colour in COLOURS]
        yield Talk(
            telegram.house,
            lambda words: ann.send_album(chat, pictures, words),
            lambda words: ann.send_text(chat, words),
            lambda: [one.text for one in telegram_house.ours(chat.history())],
            lambda: sum(one.media is not None for one in telegram_house.ours(chat.history())),
        )


@contextlib.contextmanager
def on_discord(folder: Path) -> Iterator[Talk]:
    with discord_house.discord_house(folder, quick=True, **MOST) as discord:
        ann = discord.api.person("Ann", installed=True)
        chat = discord.api.dm(ann)
        pictures = [discord_house.picture(colour, f"{colour}.png") for colour in COLOURS]

        def said() -> list[str]:
            found = discord_house.ours(chat.history(ann))
            return [" ".join([one.text, *(str(each.get("description") or "") for each in one.embeds)]) for one in found]

        yield Talk(
            discord.house,
            lambda words: ann.say(chat, words, files=pictures),
            lambda words: ann.say(chat, words),
            said,
            lambda: sum(bool(one.clips) for one in discord_house.ours(chat.history(ann))),
        )


both = pytest.mark.parametrize("on", [on_telegram, on_discord], ids=["telegram", "discord"])


@both
async def test_what_there_is_room_for_is_made_and_one_message_says_the_rest(on: Any, tmp_path: Path) -> None:
    with on(tmp_path) as talk, talk.house.gate() as gate:
        # When four pictures are sent together, where one person may have two in the making
        talk.send(f"{gate} leaves")
        said = await talk.until(lambda said: any("pictures are taken" in one for one in said), "what was taken")
        # Then one message tells what was taken, and why the rest was not, and no receipt turns into a refusal
        (told,) = [one for one in said if "pictures are taken" in one]
        assert "2 of 4 pictures are taken." in told
        assert "2 are not: You have 2 clips in the making already. Wait for one to end." in told
        gate.open()
        await asyncio.to_thread(wait_for, lambda: talk.clips() == 2, what="the clips")
        assert len(talk.said()) == 3


@both
async def test_wrong_words_for_several_are_said_once_and_better_ones_are_for_all(on: Any, tmp_path: Path) -> None:
    with on(tmp_path) as talk:
        # When several pictures come with words that cannot be read
        talk.send("leaves --sead 7")
        # Then one message says so, and what becomes of the pictures
        (told,) = await talk.until(bool, "the fault")
        assert "There is no option --sead." in told
        assert "The 4 pictures wait for better words." in told
        # When better words come, Then they are for these pictures, as far as there is room
        talk.write("leaves --seed 7")
        await talk.until(lambda said: any("2 of 4 pictures are taken." in one for one in said), "what was taken")
        await asyncio.to_thread(wait_for, lambda: talk.clips() == 2, what="the clips")
