"""The house with its Discord front end as a real process, and the platform beside it."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import redis
from tests.system.processes import House, wait_for
from tests.system.telegram_house import photo
from tests.waiting import PATIENCE
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.messages import Shown
from wire_doubles.discord.people import Person
from wire_doubles.discord_api import DiscordApi, File

from unstill_bots.host.leader import leader_key
from unstill_config.settings import Settings
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect


class DiscordHouse:
    """`api` is the platform; `house` the host's machine."""

    def __init__(self, house: House, api: DiscordApi) -> None:
        self.house = house
        self.api = api
        self.bot: subprocess.Popen[bytes] | None = None

    def start_bot(self, *, log: str = "bot") -> None:
        self.bot = self.house.start("unstill_bots.service", "discord", log=log)

    def ledger(self) -> Ledger:
        """Close its `redis`."""
        return Ledger(connect(self.house.valkey.url), Settings().queue)

    def wait_for_bot(self) -> None:
        """Until it listens, and its commands can be used."""
        wait_for(lambda: self.api.gateway.connected, what="the gateway's connection")
        wait_for(lambda: bool(self.api.commands.listed()), what="the commands")

    def stop_bot(self, within: float = PATIENCE) -> int:
        assert self.bot is not None
        self.bot.send_signal(signal.SIGTERM)
        return self.bot.wait(within)

    def cut(self) -> bool:
        """Its connection to the gateway, without a word."""
        self.api.gateway.drop()
        return True

    def now(self) -> float:
        """By the platform's clock."""
        return self.api.clock.now()

    def kill_bot(self) -> None:
        """Its term as the leader is over with it, for which the next one would wait otherwise."""
        assert self.bot is not None
        self.bot.kill()
        self.bot.wait()
        with redis.Redis.from_url(self.house.valkey.url) as client:
            client.delete(leader_key("discord"))

    def server(self, name: str = "Cats", members: int = 1, *, tier: int = 0) -> tuple[Channel, list[Person]]:
        """A server with the bot in it: one of its channels, and its members, the owner first."""
        people = [self.api.person(f"{name}{number}") for number in range(members)]
        return self.api.guild(name, people[0], people[1:], tier=tier).text_channel("general"), people


def discord_settings(api: DiscordApi) -> dict[str, str]:
    """What points a bot at the double."""
    return {
        "UNSTILL_DISCORD__TOKEN": api.token,
        "UNSTILL_DISCORD__API_URL": api.url,
        "UNSTILL_DISCORD__GATEWAY_URL": api.gateway_url,
        "UNSTILL_DISCORD__CDN_HOSTS": api.cdn_host,
    }


@contextlib.contextmanager
def discord_house(
    folder: Path, *, engine: bool = True, bot: bool = True, quick: bool = False, **settings: str
) -> Iterator[DiscordHouse]:
    """All of it running. The engine renders 8 small frames in a moment.

    `quick`: rate limits are soon over, and progress is shown more often, where neither is what a test is about.
    """
    with DiscordApi.threaded() as api, House(folder, **{**discord_settings(api), **settings}) as house:
        discord = DiscordHouse(house, api)
        if quick:
            api.limits.hurry = 20.0
            with (folder / "catalog.toml").open("a") as catalog:
                catalog.write("\n[platforms.discord]\nedit_seconds = 0.3\n")
        if engine:
            house.start_engine()
        if bot:
            discord.start_bot()
            discord.wait_for_bot()
        try:
            yield discord
        except BaseException:
            print(house.log("bot")[-8000:], house.log("engine")[-2000:])
            raise


def picture(colour: str = "teal", name: str = "picture.png") -> File:
    return File(photo(colour), name)


def ours(history: list[Shown]) -> list[Shown]:
    """What the bot said."""
    return [shown for shown in history if shown.author == "Unstill"]


def read(text: str) -> str:
    """Return a text as the apps show it: a command that can be pressed is its name."""
    return re.sub(r"</(\w+):\d+>", r"/\1", text)


Said = Callable[[list[Shown]], bool]


def has_clips(count: int = 1) -> Said:
    """For `until`: so many clips of the bot's, and nothing of its that still waits."""

    def said(history: list[Shown]) -> bool:
        shown = ours(history)
        return sum(bool(one.clips) for one in shown) == count and not any("Cancel" in str(one.buttons) for one in shown)

    return said


def says(text: str) -> Said:
    return lambda history: any(text in shown.words for shown in ours(history))
