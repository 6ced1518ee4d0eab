"""One house with a bot on each platform, and people who talk with it alone, the host among them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import redis
from tests.system import discord_house, telegram_house
from tests.system.discord_house import DiscordHouse, discord_settings
from tests.system.processes import House, wait_for
from tests.system.telegram_house import TelegramHouse, telegram_settings
from wire_doubles.discord_api import DiscordApi
from wire_doubles.telegram_api import TelegramApi

from unstill_bots.host.leader import leader_key


class Alone(Protocol):
    """A person in a private chat with the bot."""

    id: str

    def say(self, words: str) -> None: ...
    def command(self, name: str) -> None: ...
    def photo(self, words: str) -> None: ...
    def clips(self) -> list[bytes]: ...
    def said(self) -> list[str]:
        """Return what the bot's messages to them say now, in their order."""


class OnTelegram:
    def __init__(self, api: TelegramApi, name: str) -> None:
        self.person = api.person(name)
        self.chat = api.private(self.person)
        self.id = f"telegram:{self.person.id}"

    def say(self, words: str) -> None:
        self.person.send_text(self.chat, words)

    def command(self, name: str) -> None:
        self.say(f"/{name}")

    def photo(self, words: str) -> None:
        self.person.send_photo(self.chat, telegram_house.photo(), words)

    def said(self) -> list[str]:
        return [one.text for one in telegram_house.ours(self.chat.history())]

    def clips(self) -> list[bytes]:
        shown = telegram_house.ours(self.chat.history())
        return [one.media.file.data for one in shown if one.media and one.kind in telegram_house.CLIPS]


class OnDiscord:
    def __init__(self, api: DiscordApi, name: str) -> None:
        self.person = api.person(name, installed=True)
        self.chat = api.dm(self.person)
        self.id = f"discord:{self.person.id}"

    def say(self, words: str) -> None:
        self.person.say(self.chat, words)

    def command(self, name: str) -> None:
        self.person.slash(self.chat, name)

    def photo(self, words: str) -> None:
        self.person.say(self.chat, words, files=[discord_house.picture()])

    def said(self) -> list[str]:
        return [one.words for one in discord_house.ours(self.chat.history(self.person))]

    def clips(self) -> list[bytes]:
        return [one.clips[0].data for one in discord_house.ours(self.chat.history(self.person)) if one.clips]


class Both:
    """`hosts` are the hosts, by platform."""

    def __init__(self, house: House, telegram: TelegramHouse, discord: DiscordHouse) -> None:
        self.house, self.telegram, self.discord = house, telegram, discord
        self.hosts = {platform: self.person(platform, "Host") for platform in ("telegram", "discord")}

    def person(self, platform: str, name: str) -> Any:
        return OnTelegram(self.telegram.api, name) if platform == "telegram" else OnDiscord(self.discord.api, name)

    def start(self, *platforms: str) -> None:
        for platform in platforms:
            house = self.telegram if platform == "telegram" else self.discord
            house.start_bot(log=platform)
            house.wait_for_bot()

    def kill(self, platform: str) -> None:
        """Its term as the leader is over with it, for which the next one would wait otherwise."""
        house = self.telegram if platform == "telegram" else self.discord
        assert house.bot is not None
        house.bot.kill()
        house.bot.wait()
        with redis.Redis.from_url(self.house.valkey.url) as client:
            client.delete(leader_key(platform))


@contextlib.contextmanager
def both_houses(folder: Path, **settings: str) -> Iterator[Both]:
    """No process but the server runs yet."""
    with TelegramApi.threaded() as telegram, DiscordApi.threaded() as discord:
        telegram.limits.chat *= 20
        discord.limits.hurry = 20.0
        with House(folder, **{**telegram_settings(telegram), **discord_settings(discord), **settings}) as house:
            both = Both(house, TelegramHouse(house, telegram, quick=True), DiscordHouse(house, discord))
            house.settings["UNSTILL_BOTS__HOSTS"] = ",".join(host.id for host in both.hosts.values())
            try:
                yield both
            except BaseException:
                print(*(house.log(name)[-5000:] for name in ("telegram", "discord")), house.log("engine")[-2000:])
                raise


async def heard(person: Alone, holds: Callable[[list[str]], object], what: str) -> list[str]:
    """Return what the bot said to somebody once `holds` holds for it."""
    try:
        await asyncio.to_thread(wait_for, lambda: holds(person.said()), what=what)
    except AssertionError as error:
        raise AssertionError(f"{error}; said was: {person.said()}") from error
    return person.said()


class Room(Protocol):
    """A group or server with the bot: who asks for a clip there, and who sees it."""

    ann: Any
    bob: Any

    def photo(self, words: str) -> None: ...
    def clips(self) -> list[Any]:
        """Return the bot's messages with clips."""

    def messages(self) -> list[Any]: ...
    def said(self) -> list[str]: ...
    def report(self, message: Any) -> str:
        """Have another member report a message, and return the answer."""


class TelegramRoom:
    def __init__(self, api: TelegramApi) -> None:
        self.ann, self.bob = api.person("Ann"), api.person("Bob")
        self.group = api.group("Friends", [self.ann, self.bob])

    def photo(self, words: str) -> None:
        self.ann.send_photo(self.group, telegram_house.photo(), f"{telegram_house.ANIMATE} {words}")

    def messages(self) -> list[Any]:
        return telegram_house.ours(self.group.history())

    def said(self) -> list[str]:
        return [one.text for one in self.messages()]

    def clips(self) -> list[Any]:
        return [one for one in self.messages() if one.media and one.kind in telegram_house.CLIPS]

    def report(self, message: Any) -> str:
        sent = self.bob.send_text(self.group, "/report@unstill_bot", reply_to=message)

        def answers() -> list[str]:
            return [one.text for one in telegram_house.ours(self.group.history()) if one.reply_to == sent.id]

        wait_for(answers, what="the answer to the report")
        return answers()[0]


class DiscordRoom:
    def __init__(self, api: DiscordApi) -> None:
        self.ann, self.bob = api.person("Ann"), api.person("Bob")
        self.channel = api.guild("Friends", self.ann, [self.bob]).text_channel("general")
        self.mention = api.bot.mention

    def photo(self, words: str) -> None:
        self.ann.say(self.channel, f"{self.mention} {words}", files=[discord_house.picture()])

    def messages(self) -> list[Any]:
        return discord_house.ours(self.channel.history())

    def said(self) -> list[str]:
        return [one.words for one in self.messages()]

    def clips(self) -> list[Any]:
        return [one for one in self.messages() if one.clips]

    def report(self, message: Any) -> str:
        asked = self.bob.use_on_message("Report clip", message)
        return asyncio.run(asked.answered(finally_=True)).text
