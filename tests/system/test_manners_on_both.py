"""Manners in a group, told once for both platforms: what is covered stays so, who is called, what stays in public."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.system import discord_house, telegram_house
from tests.system.discord_house import DiscordHouse
from tests.system.processes import House, wait_for
from tests.system.telegram_house import ANIMATE, TelegramHouse, photo
from wire_doubles.discord.permissions import Can
from wire_doubles.discord_api import File

FOLDED = ("1 s", "64 × 64", "seed 7", "A camera moves over the still picture")


@dataclass(frozen=True)
class Shown:
    """A message of the bot's: `at_once` is what is read without unfolding or small print, `folded` all the rest.

    `file` is the clip's name, empty where there is none; `alt` how it is described to who cannot see it, where the
    platform has that. `rings`: on arrival, at somebody's; `calls`: it mentions who asked.
    """

    id: str
    at_once: str
    folded: str
    file: str
    alt: str | None
    covered: bool
    reply_to: int | None
    rings: bool
    calls: bool
    buttons: str
    words_covered: bool


@dataclass
class Group:
    """A group with the bot, Ann, who asks, and Mo, a moderator."""

    house: House
    ask: Callable[[str, bool], Any]
    ask_covered: Callable[[str], Any]
    press: Callable[[str, str, str], Any]
    shown: Callable[[], list[Shown]]

    async def seen(self, holds: Callable[[list[Shown]], bool], what: str) -> list[Shown]:
        await asyncio.to_thread(wait_for, lambda: holds(self.shown()), what=what)
        return self.shown()

    async def clip_of(self, words: str) -> Shown:
        def those() -> list[Shown]:
            return [one for one in self.shown() if one.file and words in one.at_once]

        await asyncio.to_thread(wait_for, lambda: bool(those()), what=f"the clip of {words}")
        (clip,) = those()
        return clip


def on_telegram(telegram: TelegramHouse) -> Group:
    ann, mo = telegram.api.person("Ann"), telegram.api.person("Mo")
    group = telegram.api.group("Friends", [mo, ann])
    group.promote(mo)

    def shown() -> list[Shown]:
        return [
            Shown(
                str(one.id),
                one.at_once,
                one.text.removeprefix(one.at_once).strip(),
                one.media.file.name if one.media else "",
                None,
                one.spoiler,
                one.reply_to,
                not one.silent,
                any(each["type"] == "text_mention" and each["user"]["id"] == ann.id for each in one.entities),
                str(one.buttons),
                any(each["type"] == "spoiler" for each in one.entities),
            )
            for one in telegram_house.ours(group.history())
        ]

    def press(who: str, id: str, label: str) -> Any:
        (found,) = [one for one in group.history() if str(one.id) == id]
        return {"Ann": ann, "Mo": mo}[who].press(label, found)

    return Group(
        telegram.house,
        lambda words, spoiler: ann.send_photo(group, photo(), f"{ANIMATE} {words}", spoiler=spoiler),
        lambda words: ann.send_photo(group, photo(), f"{ANIMATE} {words}", covered=True),
        press,
        shown,
    )


def on_discord(discord: DiscordHouse) -> Group:
    channel, [mo, ann] = discord.server(members=2)
    assert channel.guild
    assert Can.MANAGE_MESSAGES in channel.permissions(mo)
    name = channel.guild.members[ann.id].user.name

    def shown() -> list[Shown]:
        return [
            Shown(
                str(one.id),
                "\n".join(filter(None, [one.text, *(str(each.get("description") or "") for each in one.embeds)])),
                "\n".join(str(each["footer"]["text"]) for each in one.embeds if "footer" in each),
                one.clips[0].name if one.clips else "",
                one.clips[0].description if one.clips else None,
                any(clip.spoiler for clip in one.clips),
                one.reply_to,
                not one.silent,
                name in one.pinged,
                str(one.buttons),
                any(str(each.get("description")).startswith("||") for each in one.embeds),
            )
            for one in discord_house.ours(channel.history())
        ]

    def press(who: str, id: str, label: str) -> Any:
        (found,) = [one for one in channel.history() if str(one.id) == id]
        return {"Ann": ann, "Mo": mo}[who].press(found, label)

    return Group(
        discord.house,
        lambda words, spoiler: ann.say(
            channel, f"{discord.api.bot.mention} {words}", files=[File(photo(), "photo.png", spoiler=spoiler)]
        ),
        lambda words: ann.say(channel, f"{discord.api.bot.mention} ||{words}||", files=[File(photo(), "photo.png")]),
        press,
        shown,
    )


both = pytest.mark.parametrize(
    ("inside", "on"),
    [(telegram_house.telegram_house, on_telegram), (discord_house.discord_house, on_discord)],
    ids=["telegram", "discord"],
)


@both
async def test_a_group_is_treated_with_manners(inside: Any, on: Any, tmp_path: Path) -> None:
    quick = {"quick": True} if inside is discord_house.discord_house else {}
    with inside(tmp_path, UNSTILL_BOTS__NOTIFY_AFTER="0", **quick) as running:
        group: Group = on(running)
        # Given something that may not be asked for, which everybody reads
        group.ask("waves --speed 3", False)
        await group.seen(lambda seen: any("There is no option" in one.at_once for one in seen), "the refusal")
        # When Ann sends a photo that is covered
        group.ask("the end of the film --seed 7", True)
        # Then its clip is covered, and says at once no more than her words
        covered = await group.clip_of("the end of the film")
        assert covered.covered and covered.words_covered
        assert covered.at_once.strip("|") == "“the end of the film”"
        assert all(fact in covered.folded for fact in FOLDED), covered.folded
        # and nobody's phone rang for the receipt that it was, but one message, a reply to the clip, calls Ann
        assert not covered.rings
        seen = await group.seen(lambda seen: any("Your clip is ready" in one.at_once for one in seen), "the call")
        (call,) = [one for one in seen if "Your clip is ready" in one.at_once]
        assert (str(call.reply_to), call.rings, call.calls) == (covered.id, True, True)
        # and what was refused to her before stands there no more
        await group.seen(lambda seen: not any("There is no option" in one.at_once for one in seen), "the refusal's end")
        # When she deletes the clip, then its call goes with it
        group.press("Ann", covered.id, "Delete")
        gone = {covered.id, call.id}
        await group.seen(lambda seen: gone.isdisjoint(one.id for one in seen), "the end of both")
        # When the words are covered, and not the photo, then both are, and the file tells nothing of them
        group.ask_covered("who did it")
        covered = await group.clip_of("who did it")
        assert covered.covered and covered.words_covered
        assert covered.at_once.strip("|") == "“who did it”"
        assert (covered.file.removeprefix("SPOILER_"), covered.alt) in [
            ("unstill.mp4", None),
            ("unstill.mp4", "A photo that moves."),
        ]
        # When she sends one that is not covered, and a moderator ends another one
        group.ask("waves", False)
        open_one = await group.clip_of("waves")
        assert not (open_one.covered or open_one.words_covered)
        assert open_one.file == "unstill-waves.mp4"
        assert open_one.alt in (None, "A photo that moves: waves")
        with group.house.gate() as gate:
            group.ask(f"{gate} leaves", False)
            await asyncio.to_thread(wait_for, gate.reached, what="the render")
            seen = await group.seen(lambda seen: any("Cancel" in one.buttons for one in seen), "the status")
            (waiting,) = [one for one in seen if "Cancel" in one.buttons]
            group.press("Mo", waiting.id, "Cancel")
            # Then the message says who it was
            await group.seen(
                lambda seen: any(one.id == waiting.id and "An admin ended this here" in one.at_once for one in seen),
                "the end",
            )
