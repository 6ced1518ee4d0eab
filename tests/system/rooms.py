"""A private chat and a group with the bot on either platform, as tests of talk use them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

from tests.system.clip_origin import Colour, Origin, origin
from tests.system.discord_house import DiscordHouse, picture
from tests.system.processes import wait_for
from tests.system.telegram_house import CLIPS, TelegramHouse, photo

RED, BLUE, GREEN = (208, 16, 16), (16, 16, 208), (16, 208, 16)
"""Pictures that their clips can be told by."""


@dataclass(frozen=True)
class Line:
    """A message of the bot's as it stands now: `clip` is the file that it shows, `look` a still. `message` is the
    double's own.
    """

    id: int
    text: str
    buttons: tuple[str, ...]
    reply_to: int | None
    clip: bytes | None
    message: Any
    covered: bool = False
    look: bytes | None = None

    @property
    def origin(self) -> Origin:
        assert self.clip is not None, self.text
        return origin(self.clip)


class Room(Protocol):
    """A chat, and those who talk in it: the first owns it. Whatever is sent returns the message."""

    people: list[Any]

    def photo(
        self, who: Any, colour: Colour, words: str | None = None, reply_to: Any = None, *, covered: bool = False
    ) -> Any:
        """Where there are words, or at least none of them, they name the bot in a group."""

    def together(self, who: Any, colours: list[Colour], words: str) -> Any:
        """Pictures at once, with words; the message that has those is returned."""

    def say(self, who: Any, words: str, reply_to: Any = None) -> Any:
        """Plain words."""

    def ask(self, who: Any, words: str, reply_to: Any = None) -> Any:
        """Words that name the bot."""

    def elsewhere(self, colour: Colour, words: str) -> Any:
        """Somebody's photo in another chat, which those in here see too."""

    def forward(self, who: Any, message: Any) -> Any: ...
    def edit(self, who: Any, message: Any, words: str) -> None: ...
    def press(self, who: Any, line: Line, label: str) -> Any: ...
    async def answered(self, press: Any) -> str:
        """Return what whoever pressed is told, once they are answered."""

    def command(self, who: Any, name: str) -> None: ...
    def lines(self) -> list[Line]:
        """Return what the bot said, in its order."""

    def lose(self, sent: Any) -> None:
        """The platform has the picture of a message no longer."""


async def seen(room: Room, holds: Callable[[list[Line]], object], what: str) -> list[Line]:
    """Return what the bot said once `holds` holds for it."""
    try:
        await asyncio.to_thread(wait_for, lambda: holds(room.lines()), what=what)
    except AssertionError as error:
        raise AssertionError(f"{error}; said was: {[(one.text, one.buttons) for one in room.lines()]}") from error
    return room.lines()


async def clips(room: Room, count: int) -> list[Line]:
    """Return the clips once there are so many, and nothing waits."""

    def done(lines: list[Line]) -> bool:
        shown = [one for one in lines if one.clip is not None]
        return len(shown) >= count and not any("Cancel" in one.buttons for one in lines)

    return [one for one in await seen(room, done, f"{count} clips") if one.clip is not None]


async def says(room: Room, text: str) -> Line:
    """Return the bot's last message with that text."""
    lines = await seen(room, lambda lines: any(text in one.text for one in lines), f"“{text}”")
    return [one for one in lines if text in one.text][-1]


class OnTelegram:
    def __init__(self, house: TelegramHouse, *names: str) -> None:
        """`names`: of those in a group; one alone is in a private chat."""
        self._api = house.api
        self.people = [house.api.person(name) for name in names]
        if len(names) == 1:
            self._chat: Any = house.api.private(self.people[0])
        else:
            self._chat = house.api.group("Friends", self.people)
            # it sees all that is written there
            self._chat.promote_bot()

    def photo(
        self, who: Any, colour: Colour, words: str | None = None, reply_to: Any = None, *, covered: bool = False
    ) -> Any:
        said = f"/animate {words}" if len(self.people) > 1 and words is not None else words or ""
        return who.send_photo(self._chat, photo(f"rgb{colour}"), said, reply_to=reply_to, spoiler=covered)

    def together(self, who: Any, colours: list[Colour], words: str) -> Any:
        said = f"/animate {words}" if len(self.people) > 1 else words
        return who.send_album(self._chat, [photo(f"rgb{colour}") for colour in colours], said)[0]

    def say(self, who: Any, words: str, reply_to: Any = None) -> Any:
        return who.send_text(self._chat, words, reply_to=reply_to)

    def ask(self, who: Any, words: str, reply_to: Any = None) -> Any:
        return who.send_text(self._chat, f"/animate@{self._api.bot.username} {words}", reply_to=reply_to)

    def elsewhere(self, colour: Colour, words: str) -> Any:
        cyd = self._api.person("Cyd")
        return cyd.send_photo(self._api.group("Family", [cyd, *self.people]), photo(f"rgb{colour}"), words)

    def forward(self, who: Any, message: Any) -> Any:
        return who.forward(message, self._chat)

    def edit(self, who: Any, message: Any, words: str) -> None:
        who.edit(message, words)

    def press(self, who: Any, line: Line, label: str) -> Any:
        return who.press(label, line.message)

    async def answered(self, press: Any) -> str:
        return str(await press.answer())

    def command(self, who: Any, name: str) -> None:
        who.send_text(self._chat, f"/{name}")

    def lines(self) -> list[Line]:
        return [
            Line(
                one.id,
                one.text,
                tuple(label for row in one.buttons for label in row),
                one.reply_to,
                one.media.file.data if one.media and one.kind in CLIPS else None,
                one,
                one.spoiler,
                one.media.file.data if one.media and one.kind == "photo" else None,
            )
            for one in self._chat.history()
            if one.sender == "Unstill" and "Reply to a picture" not in one.text
        ]

    def lose(self, sent: Any) -> None:
        self._api.world.files.lose(sent.media)


class OnDiscord:
    def __init__(self, house: DiscordHouse, *names: str) -> None:
        self._api = house.api
        self.people = [house.api.person(name, installed=len(names) == 1) for name in names]
        if len(names) == 1:
            self._chat: Any = house.api.dm(self.people[0])
        else:
            self._chat = house.api.guild("Friends", self.people[0], self.people[1:]).text_channel("general")

    def _named(self, words: str) -> str:
        return f"{self._api.bot.mention} {words}" if len(self.people) > 1 else words

    def photo(
        self, who: Any, colour: Colour, words: str | None = None, reply_to: Any = None, *, covered: bool = False
    ) -> Any:
        said = "" if words is None else self._named(words)
        file = replace(picture(f"rgb{colour}"), spoiler=covered)
        return who.say(self._chat, said, files=[file], reply_to=reply_to)

    def together(self, who: Any, colours: list[Colour], words: str) -> Any:
        return who.say(self._chat, self._named(words), files=[picture(f"rgb{colour}") for colour in colours])

    def say(self, who: Any, words: str, reply_to: Any = None) -> Any:
        return who.say(self._chat, words, reply_to=reply_to)

    def ask(self, who: Any, words: str, reply_to: Any = None) -> Any:
        return who.say(self._chat, self._named(words), reply_to=reply_to)

    def elsewhere(self, colour: Colour, words: str) -> Any:
        cyd = self._api.person("Cyd")
        channel = self._api.guild("Family", cyd, self.people).text_channel("general")
        return cyd.say(channel, words, files=[picture(f"rgb{colour}")])

    def forward(self, who: Any, message: Any) -> Any:
        return who.forward(message, self._chat)

    def edit(self, who: Any, message: Any, words: str) -> None:
        who.edit(message, self._named(words))

    def press(self, who: Any, line: Line, label: str) -> Any:
        return who.press(line.message, label)

    async def answered(self, press: Any) -> str:
        return str((await press.answered(finally_=True)).text)

    def command(self, who: Any, name: str) -> None:
        who.slash(self._chat, name)

    def lines(self) -> list[Line]:
        return [
            Line(
                one.id,
                one.words,
                tuple(label for row in one.buttons for label in row),
                one.reply_to,
                one.clips[0].data if one.clips else None,
                one,
                any(file.spoiler for file in one.attachments),
                one.attachments[0].data if one.attachments and not one.clips else None,
            )
            for one in self._chat.history(self.people[0])
            if one.author == "Unstill"
        ]

    def lose(self, sent: Any) -> None:
        self._api.world.cdn.lost.update(one.id for one in sent.attachments)
