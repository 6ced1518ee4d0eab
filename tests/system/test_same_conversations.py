"""The conversations that hold on every platform, on each that there is."""

from __future__ import annotations

import contextlib
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.system.conversations import LAWS, Seen, Talk, commands_are_answered
from tests.system.discord_house import DiscordHouse, discord_house, picture
from tests.system.telegram_house import TelegramHouse, photo, telegram_house
from tests.system.web_house import Shown, Visitor, WebHouse, web_house
from wire_doubles.discord_api import File

from unstill_bots.actions.presses import CHATS
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
        mime = f"image/{name.rpartition('.')[2]}" if "." in name else "application/octet-stream"
        self._ann.send_document(self._chat, data, words, name=name, mime=mime)

    def words(self, text: str) -> None:
        self._ann.send_text(self._chat, text)

    def together(self, pictures: list[bytes], words: str) -> None:
        self._ann.send_album(self._chat, pictures, words)

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

    def words(self, text: str) -> None:
        self._ann.say(self._chat, text)

    def together(self, pictures: list[bytes], words: str) -> None:
        self._ann.say(self._chat, words, files=[File(data, f"{n}.png") for n, data in enumerate(pictures)])

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


class OnTheWeb:
    own_buttons: tuple[str, ...] = ("Report",)

    def __init__(self, web: WebHouse) -> None:
        self.house = web.house
        self._web = web
        self._ann: Visitor | None = None
        self._said: list[Seen] = []

    def start_bot(self) -> None:
        self._web.start_bot()
        self._web.wait_for_bot()
        self._ann = self._ann or self._web.visitor()

    def kill_bot(self) -> None:
        self._web.kill_bot()

    def stop_bot(self) -> int:
        return self._web.stop_bot()

    def photo(self, words: str) -> None:
        self.file(photo(), "photo.png", words)

    def file(self, data: bytes, name: str, words: str) -> None:
        self.together([data], words)

    def words(self, text: str) -> None:
        self.together([], text)

    def together(self, pictures: list[bytes], words: str) -> None:
        assert self._ann is not None
        answer = self._ann.ask(words, pictures=pictures)
        if answer.status_code == 422:
            # the form, which stays filled, is how one edits
            self._said.append(Seen(f"said {len(self._said)}", answer.text, ("Edit",), None))

    def command(self, name: str) -> None:
        """What a command says, the page or its API does."""
        assert self._ann is not None
        answer = self._ann.http.get(f"/api/v1/{name}")
        self._said.append(Seen(f"said {len(self._said)}", answer.json()["text"], (), None))

    def press(self, message: str, label: str) -> None:
        assert self._ann is not None
        (card,) = [one for one in self._ann.cards() if one.id == message]
        self._ann.press(card, label)

    def seen(self) -> list[Seen]:
        assert self._ann is not None
        return [*self._said, *map(self._seen, self._ann.cards())]

    def _seen(self, card: Shown) -> Seen:
        assert self._ann is not None
        clip = self._ann.clip(card) if card.clip else None
        # what can be done to a card that is over belongs to the page
        buttons = tuple(label for label in card.buttons if label != "Remove")
        return Seen(card.id, card.text, buttons, clip)


@contextlib.contextmanager
def on_the_web(folder: Path) -> Iterator[Talk]:
    with web_house(folder, engine=False, bot=False) as house:
        yield OnTheWeb(house)


@contextlib.contextmanager
def on_telegram(folder: Path) -> Iterator[Talk]:
    with telegram_house(folder, engine=False, bot=False) as house:
        yield OnTelegram(house)


@contextlib.contextmanager
def on_discord(folder: Path) -> Iterator[Talk]:
    with discord_house(folder, engine=False, bot=False, quick=True) as house:
        yield OnDiscord(house)


TALKS: dict[str, Callable[[Path], Any]] = {"telegram": on_telegram, "discord": on_discord, "web": on_the_web}
TYPED = (commands_are_answered,)
"""Laws of what is typed: the page has no commands."""


def test_every_platform_is_talked_to() -> None:
    assert TALKS.keys() == PLATFORMS.keys()


@pytest.mark.parametrize(
    ("law", "platform"),
    [(law, platform) for law in LAWS for platform in TALKS if platform in CHATS or law not in TYPED],
    ids=lambda one: getattr(one, "__name__", one),
)
async def test_a_conversation_is_the_same(
    law: Callable[[Talk], Awaitable[None]], platform: str, tmp_path: Path
) -> None:
    with TALKS[platform](tmp_path) as talk:
        await law(talk)
