"""People of all languages talk to the bots and use the page at the same time, and none of them is shown English."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import discord as discord_py
import pytest
from tests.system.discord_house import discord_house, picture
from tests.system.processes import wait_for
from tests.system.spoken import OTHERS, Page, english_in, english_words
from tests.system.telegram_house import photo, telegram_house
from tests.system.web_house import Visitor, web_house

from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.languages import closest

TAGS = {"zh_CN": "zh-hans", "zh_TW": "zh-hant", "pt_BR": "pt-br"}
"""How Telegram's apps name these languages; the others by their own tags."""
ASKED = ("help", "settings", "queue", "presets", "status", "privacy")


@dataclass
class Talking:
    """Somebody who talks to a bot. `shown` returns the texts and labels of the bot's messages, and whether a clip is
    among them.
    """

    language: str
    say: Callable[[str], object]
    photo: Callable[[str], object]
    command: Callable[[str], object]
    shown: Callable[[], list[tuple[str, bool]]]

    @property
    def replies(self) -> ChatReplies:
        return ChatReplies(self.language)

    def look(self) -> None:
        """Read all that is shown now."""
        assert [line for text, _ in self.shown() for line in english_in(text, self.language)] == [], self.language


async def all_talk(people: list[Talking]) -> None:
    """Let everybody ask for everything, and look at what they were shown."""
    for each in people:
        for name in ASKED:
            each.command(name)
        # a photo with a wrong option, which is told before there is a clip
        each.photo("--sead 7")
    for each in people:
        await shown(each, lambda text: "--sead" in text, "the wrong option")
        await asyncio.to_thread(wait_for, lambda each=each: len(each.shown()) > len(ASKED), what="the answers")
        each.look()
        # and a photo without words, with words of their own for it: the question has presets below it
        each.photo("")
    for each in people:
        preview = each.replies.translated("Preview")
        await shown(each, lambda text, preview=preview: preview in text, "the question")  # type: ignore[misc]
        each.look()
        each.say(each.replies.gettext("Zoom in slowly"))
    for each in people:
        again = each.replies.button_again()
        await shown(each, lambda text, again=again: again in text, "the clip")  # type: ignore[misc]
        assert any(clip for _, clip in each.shown())
        each.look()


async def shown(person: Talking, holds: Callable[[str], bool], what: str) -> None:
    def there() -> bool:
        return any(holds(text) for text, _ in person.shown())

    await asyncio.to_thread(wait_for, there, what=f"{what} in {person.language}")


def test_english_is_found_among_other_words() -> None:
    for language in OTHERS:
        assert len(english_words(language)) > 300
        assert english_in("Your clip is ready.\nWhat should move, and how?", language)
        assert english_in(ChatReplies(language).before_start(), language) == []


async def test_nobody_is_shown_english_on_telegram(tmp_path: Path) -> None:
    with telegram_house(tmp_path, quick=True) as telegram:

        def talking(language: str) -> Talking:
            person = telegram.api.person(language, language=TAGS.get(language, language))
            chat = telegram.api.private(person)
            return Talking(
                language,
                lambda text: person.send_text(chat, text),
                lambda words: person.send_photo(chat, photo(), words),
                lambda name: person.send_text(chat, f"/{name}"),
                lambda: [
                    ("\n".join([one.text, *(label for row in one.buttons for label in row)]), one.media is not None)
                    for one in chat.history()
                    if one.sender == "Unstill"
                ],
            )

        await all_talk([talking(language) for language in OTHERS])


async def test_nobody_is_shown_english_on_discord(tmp_path: Path) -> None:
    with discord_house(tmp_path, quick=True) as discord:

        def talking(locale: str) -> Talking:
            # a server says which language it is in; what somebody writes in a direct message does not
            person = discord.api.person(locale, installed=True, locale=locale)
            server = discord.api.guild(locale, person, locale=locale).text_channel("general")
            direct = discord.api.dm(person)

            def history() -> list[Any]:
                return [
                    one for channel in (direct, server) for one in channel.history(person) if one.author == "Unstill"
                ]

            def say(text: str) -> None:
                preview = ChatReplies(closest(locale)).translated("Preview")
                asked = [one for one in history() if preview in str(one.buttons)] or history()
                person.say(server, f"{discord.api.bot.mention} {text}", reply_to=asked[-1])

            return Talking(
                closest(locale),
                say,
                lambda words: person.say(server, f"{discord.api.bot.mention} {words}", files=[picture()]),
                lambda name: person.slash(direct, name),
                lambda: [
                    ("\n".join([one.words, *(label for row in one.buttons for label in row)]), bool(one.clips))
                    for one in history()
                ],
            )

        locales = [locale.value for locale in discord_py.Locale if closest(locale.value) in OTHERS]
        assert {"es-ES", "es-419", "zh-CN", "zh-TW"} <= set(locales)
        await all_talk([talking(locale) for locale in locales])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with web_house(tmp_path_factory.mktemp("spoken")) as web:
        yield web.url


@pytest.mark.parametrize("language", OTHERS)
def test_nobody_is_shown_english_on_the_page(url: str, language: str) -> None:
    tag = language.replace("_", "-")
    visitor = Visitor(url, f"{tag},en;q=0.5")
    visitor.open()
    visitor.ask(ChatReplies(language).gettext("Zoom in slowly"))
    visitor.until(lambda cards: cards and cards[0].clip, "the clip")
    page = Page(visitor.open().text)
    assert page.language == tag
    assert english_in(page.text, language) == []
    # and what is refused
    refused = Page(visitor.ask("--sead 7").text)
    assert english_in(refused.text, language) == []
    # and by the API
    for name in ("options", "presets", "status"):
        said = visitor.http.get(f"/api/v1/{name}").json()
        assert english_in(sentences(said), language) == [], name
    visitor.http.close()


def sentences(said: object) -> str:
    """Return what people read of an answer of the API."""
    if isinstance(said, dict):
        return "\n".join(
            value if isinstance(value, str) else sentences(value)
            for name, value in said.items()
            if name in ("help", "title", "takes", "text", "detail") or not isinstance(value, str)
        )
    return "\n".join(map(sentences, said)) if isinstance(said, list) else ""
