"""Whoever is shown may say no, for themselves everywhere and for a chat: told once for both platforms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.system.processes import wait_for
from tests.system.rooms import BLUE, GREEN, RED, Line, OnDiscord, OnTelegram, clips
from tests.system.telegram_house import ours, photo, says

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_queue.redis.connection import connect

UNWILLING = "does not want others to animate it"
OWN_ALONE = "Here only one's own pictures are animated"
FORBID, ALLOW = "Nobody else animates my pictures: no", "Nobody else animates my pictures: yes"
RECEIPTS = ("Got it.", "On its way.")
STAYS = "That others may not animate your pictures stays kept"
ROOMS: dict[str, Any] = {"telegram": OnTelegram, "discord": OnDiscord}


async def press_own_setting(running: Any, chat: Any, person: Any, label: str) -> None:
    """Press a button of a person's own settings, which they open where nobody else sees it."""
    if isinstance(chat, OnDiscord):
        opened = person.slash(chat._chat, "settings")
        await asyncio.to_thread(wait_for, lambda: opened.seen().message, what="the settings")
        pressed = person.press(opened.seen().message, label)
        await asyncio.to_thread(wait_for, lambda: pressed.seen().kind == "updated", what="the change")
        return
    private = running.api.private(person)
    person.send_text(private, "/settings")

    def menus() -> list[Any]:
        return [one for one in private.history() if any(label in row for row in one.buttons)]

    await asyncio.to_thread(wait_for, menus, what=f"the settings with “{label}”")
    menu = menus()[-1]
    person.press(label, menu)
    await asyncio.to_thread(wait_for, lambda: all(one.id != menu.id for one in menus()), what="the change")


async def forget(running: Any, chat: Any, person: Any) -> str:
    """Have a person forgotten, and return what they are told."""
    if isinstance(chat, OnDiscord):
        asked = person.slash(chat._chat, "forgetme")
        await asyncio.to_thread(wait_for, lambda: "deleted" in asked.seen().text, what="the answer")
        return str(asked.seen().text)
    private = running.api.private(person)
    person.send_text(private, "/forgetme")

    def told() -> list[str]:
        return [one.text for one in private.history() if "are deleted" in one.text]

    await asyncio.to_thread(wait_for, told, what="the answer")
    return told()[-1]


async def ask_for(chat: Any, who: Any, photo: Any, words: str) -> None:
    """Ask for a clip of another's picture as people do there: by a reply, or by the menu of its message."""
    if isinstance(chat, OnTelegram):
        chat.ask(who, words, reply_to=photo)
        return
    opened = who.use_on_message("Animate", photo)
    await asyncio.to_thread(wait_for, lambda: opened.seen().kind == "modal", what="the form")
    who.submit(opened, words=words)


class Refusals:
    """What Ann is refused, in the group or to her alone. Whatever else the bot does instead is seen at once."""

    def __init__(self, chat: Any, ann: Any) -> None:
        self._chat = chat
        self._ann = ann

    async def of_photo(self, photo: Any, text: str) -> None:
        """Ask for a clip of it, and see that refused."""
        if isinstance(self._chat, OnDiscord):
            await self._refused(lambda: self._ann.use_on_message("Animate", photo), text)
        else:
            await self._refused(lambda: self._chat.ask(self._ann, "leaves", reply_to=photo), text)

    async def of_reply(self, message: Any, text: str) -> None:
        """Name the bot in a reply to a message, and see that refused."""
        await self._refused(lambda: self._chat.ask(self._ann, "leaves", reply_to=message), text)

    async def of_avatar(self, person: Any, text: str) -> None:
        """Ask for a clip of it where there are such, and see that refused."""
        if isinstance(self._chat, OnDiscord):
            await self._refused(lambda: self._ann.use_on_user("Animate avatar", person, self._chat._chat), text)

    async def of_press(self, line: Line, label: str, text: str) -> None:
        """Press a button under a clip, and see that refused."""
        pressed_by = self._ann.press if isinstance(self._chat, OnDiscord) else None
        await self._refused(
            lambda: pressed_by(line.message, label) if pressed_by else self._chat.press(self._ann, line, label), text
        )

    async def as_guest(self, api: Any, person: Any, text: str) -> None:
        """Ask for a clip of it in a chat of Telegram's that the bot is not in, and see that refused there."""
        group = api.group("Elsewhere", [self._ann, person], bot=False)
        self._ann.send_text(api.private(self._ann), "/start")
        await api.private(self._ann).until(says("get it back moving"))
        picture = person.send_photo(group, photo())
        self._ann.summon(group, f"@{api.bot.username} zoom in", reply_to=picture)

        def answers() -> list[str]:
            return [one.text for one in ours(group.history()) if not one.text.startswith(RECEIPTS)]

        await asyncio.to_thread(wait_for, answers, what=f"“{text}”")
        assert text in answers()[0], answers()

    async def _refused(self, ask: Callable[[], Any], text: str) -> None:
        known = {one.id for one in self._chat.lines()}
        asked = ask()

        def answers() -> list[str]:
            """Return what is there since, but for receipts: in the chat, and to her alone, where a form counts too."""
            new = [one.text for one in self._chat.lines() if one.id not in known and not one.text.startswith(RECEIPTS)]
            seen = getattr(asked, "seen", None)
            return [*new, *filter(None, [seen().text if seen else ""])]

        await asyncio.to_thread(wait_for, answers, what=f"“{text}”")
        said = answers()
        assert all(text in one for one in said), said


@pytest.mark.parametrize("platform", ROOMS)
async def test_who_is_shown_may_say_no(platform: str, request: pytest.FixtureRequest) -> None:
    running = request.getfixturevalue(platform)
    chat = ROOMS[platform](running, "Ann", "Ben")
    ann, ben = chat.people
    refusals = Refusals(chat, ann)
    # Given a picture of Ben's, of which Ann has a clip made
    shown = chat.photo(ben, RED)
    await ask_for(chat, ann, shown, "waves --seed 7")
    [clip] = await clips(chat, 1)
    # When Ben says that nobody else may animate his pictures
    await press_own_setting(running, chat, ben, FORBID)
    # Then neither that picture is animated, nor his avatar, nor that of her clip once more
    await refusals.of_photo(shown, UNWILLING)
    await refusals.of_reply(clip.message, UNWILLING)
    await refusals.of_avatar(ben, UNWILLING)
    await refusals.of_press(clip, "Again", UNWILLING)
    if platform == "telegram":
        await refusals.as_guest(running.api, ben, UNWILLING)
    # and he animates it himself
    await ask_for(chat, ben, shown, "snow")
    await clips(chat, 2)
    # When he has everything of his forgotten, Then he is told that this stays, and it does
    assert STAYS in await forget(running, chat, ben)
    await refusals.of_photo(shown, UNWILLING)
    # When he allows it again, then her words are taken
    await press_own_setting(running, chat, ben, ALLOW)
    again, before = chat.photo(ben, GREEN), len(await clips(chat, 0))
    await ask_for(chat, ann, again, "mist")
    await clips(chat, before + 1)


@pytest.mark.parametrize("platform", ROOMS)
async def test_a_chat_may_have_nobodys_pictures_animated_but_ones_own(
    platform: str, request: pytest.FixtureRequest
) -> None:
    running = request.getfixturevalue(platform)
    chat = ROOMS[platform](running, "Ann", "Ben")
    ann, ben = chat.people
    # Given a group whose admins want it so
    redis = connect(running.house.valkey.url)
    group = chat._chat.guild if platform == "discord" else chat._chat
    await PreferenceStore(redis).set(f"{platform}:{group.id}", Preferences(own=True))
    await redis.aclose()
    # When Ann asks for Ben's picture, Then it is refused, and her own is animated
    shown = chat.photo(ben, BLUE)
    await Refusals(chat, ann).of_photo(shown, OWN_ALONE)
    chat.photo(ann, RED, "waves")
    [clip] = await clips(chat, 1)
    # and Ben is refused a clip of hers, and has one of his own
    await Refusals(chat, ben).of_reply(clip.message, OWN_ALONE)
    await ask_for(chat, ben, shown, "snow")
    await clips(chat, 2)
