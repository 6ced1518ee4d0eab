"""The conversations that hold on every platform, on each that there is."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.system.conversations import LAWS, Seen, Talk
from tests.system.discord_house import DiscordHouse, discord_house, picture
from tests.system.telegram_house import TelegramHouse, photo, telegram_house
from wire_doubles.discord_api import File

from unstill_config.platforms import PLATFORMS


class OnTelegram:
    own_buttons: tuple[str, ...] = ("Share",)

    def __init__(self, telegram: TelegramHouse) -> None:
        self.house = telegram.house
        self._telegram = telegram
        self._ann = telegram.api.person("Ann")
        self._chat = telegram.api.private(self._ann)

    def start_bot(self) -> None:
        self._telegram.start_bot()
        self._telegram.wait_for_bot()

    def kill_bot(self) -> None:
        assert self._telegram.bot is not None
        self._telegram.bot.kill()
        self._telegram.bot.wait()

    def stop_bot(self) -> int:
        return self._telegram.stop_bot()

    def photo(self, words: str) -> None:
        self._ann.send_photo(self._chat, photo(), words)

    def file(self, data: bytes, name: str, words: str) -> None:
        self._ann.send_document(self._chat, data, words, name=name, mime=f"image/{name.rpartition('.')[2]}")

    def command(self, name: str) -> None:
        self._ann.send_text(self._chat, f"/{name}")

    def press(self, message: str, label: str) -> None:
        (shown,) = [one for one in self._chat.history() if str(one.id) == message]
        self._ann.press(label, shown)

    def seen(self) -> list[Seen]:
        return [
            Seen(
                str(one.id),
                one.text,
                tuple(label for row in one.buttons for label in row),
                one.media.data if one.media is not None else None,
            )
            for one in self._chat.history()
            if one.sender == "Unstill"
        ]


class OnDiscord:
    own_buttons: tuple[str, ...] = ()

    def __init__(self, discord: DiscordHouse) -> None:
        self.house = discord.house
        self._discord = discord
        self._ann = discord.api.person("Ann", installed=True)
        self._chat = discord.api.dm(self._ann)

    def start_bot(self) -> None:
        self._discord.start_bot()
        self._discord.wait_for_bot()

    def kill_bot(self) -> None:
        self._discord.kill_bot()

    def stop_bot(self) -> int:
        return self._discord.stop_bot()

    def photo(self, words: str) -> None:
        self._ann.say(self._chat, words, files=[picture()])

    def file(self, data: bytes, name: str, words: str) -> None:
        self._ann.say(self._chat, words, files=[File(data, name)])

    def command(self, name: str) -> None:
        self._ann.slash(self._chat, name)

    def press(self, message: str, label: str) -> None:
        (shown,) = [one for one in self._chat.history(self._ann) if str(one.id) == message]
        self._ann.press(shown, label)

    def seen(self) -> list[Seen]:
        return [
            Seen(
                str(one.id),
                one.words,
                tuple(label for row in one.buttons for label in row),
                one.clips[0].data if one.clips else None,
            )
            for one in self._chat.history(self._ann)
            if one.author == "Unstill"
        ]


@contextlib.contextmanager
def on_telegram(folder: Path) -> Iterator[Talk]:
    with telegram_house(folder, engine=False, bot=False) as house:
        yield OnTelegram(house)


@contextlib.contextmanager
def on_discord(folder: Path) -> Iterator[Talk]:
    with discord_house(folder, engine=False, bot=False, quick=True) as house:
        yield OnDiscord(house)


TALKS: dict[str, Callable[[Path], Any]] = {"telegram": on_telegram, "discord": on_discord}


def test_every_platform_is_talked_to() -> None:
    assert TALKS.keys() == PLATFORMS.keys()


@pytest.mark.parametrize("platform", TALKS)
@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
async def test_a_conversation_is_the_same(
    law: Callable[[Talk], Awaitable[None]], platform: str, tmp_path: Path
) -> None:
    with TALKS[platform](tmp_path) as talk:
        await law(talk)
