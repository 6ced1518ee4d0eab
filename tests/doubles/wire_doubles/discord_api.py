"""Discord on the loopback: one application, the people and servers that use it, and what they see.

    async with DiscordApi() as discord:
        ann = discord.person("Ann")
        cats = discord.guild("Cats", ann)
        general = cats.text_channel("general")
        asked = ann.slash(general, "animate", image=File(png), prompt="slow zoom in")
        await general.until(lambda history: bool(history[-1].clips))

The bot is whatever program calls `url` and connects to `gateway_url`. People act from the server's own loop or, with
`threaded`, from any thread.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Self

from wire_doubles.discord.attachments import File
from wire_doubles.discord.cdn import Cdn
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.commands import Commands
from wire_doubles.discord.gateway import Gateway
from wire_doubles.discord.guilds import Guild
from wire_doubles.discord.interactions import Interaction
from wire_doubles.discord.limits import Limits
from wire_doubles.discord.messages import Sticker
from wire_doubles.discord.people import Person
from wire_doubles.discord.server import API, Server
from wire_doubles.discord.trouble import Trouble
from wire_doubles.discord.uploads import Uploads
from wire_doubles.discord.users import User
from wire_doubles.discord.world import Answered, World
from wire_doubles.double import Double

__all__ = ["TOKEN", "DiscordApi", "File"]

TOKEN = "ZGlzY29yZC1kb3VibGU.double.of-no-real-application-0123456789"  # noqa: S105  of no real bot


class DiscordApi(Double[User, Limits, Trouble, Answered]):
    """`seed` decides the misbehaviour. REST stands at `url`, the gateway at `gateway_url`, files at `cdn_url`."""

    def __init__(self, token: str = TOKEN, *, name: str = "Unstill", seed: int = 0) -> None:
        self.world = World(token, name, seed=seed)
        self._server = Server(self.world)
        super().__init__(self.world, self._server)

    @classmethod
    @contextlib.contextmanager
    def threaded(cls, token: str = TOKEN, *, name: str = "Unstill", seed: int = 0) -> Iterator[Self]:
        """The server in a thread with a loop of its own."""
        with cls(token, name=name, seed=seed).in_thread("discord") as discord:
            yield discord

    @property
    def url(self) -> str:
        """For `Route.BASE`."""
        return f"http://127.0.0.1:{self._server.port}{API}"

    @property
    def gateway_url(self) -> str:
        """For `DiscordWebSocket.DEFAULT_GATEWAY`."""
        return self.world.gateway.url

    @property
    def cdn_url(self) -> str:
        return self.world.cdn.base

    @property
    def cdn_host(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.port}"

    @property
    def uploads(self) -> Uploads:
        return self.world.uploads

    @property
    def gateway(self) -> Gateway:
        return self.world.gateway

    @property
    def cdn(self) -> Cdn:
        return self.world.cdn

    @property
    def commands(self) -> Commands:
        return self.world.commands

    @property
    def channels(self) -> list[Channel]:
        return list(self.world.channels.values())

    @property
    def interactions(self) -> list[Interaction]:
        return list(self.world.interactions.values())

    def calls(self, *operations: str) -> list[Answered]:
        """The log of these operations, which are called as their handlers: create_message, answer_interaction, ..."""
        return [answered for answered in self.log if answered.operation in operations]

    def person(self, name: str, *, locale: str = "en-US", installed: bool = False) -> Person:
        world = self.world
        with world.lock:
            person = Person(world, world.snowflakes.next(), name, name.lower(), locale)
            person.installed = installed
            world.people[person.id] = person
            return person

    def application(self, name: str) -> Person:
        """Another bot, which posts what it likes where it is a member."""
        bot = self.person(name)
        bot.is_bot = True
        return bot

    def guild(
        self, name: str, owner: Person, members: list[Person] | None = None, *, bot: bool = True, tier: int = 0,
        locale: str = "en-US",
    ) -> Guild:  # fmt: skip
        """`bot` is added by the owner, with no more rights than everybody's."""
        world = self.world
        with world.lock:
            guild = Guild(world, world.snowflakes.next(), name, owner, tier=tier, locale=locale)
            world.guilds[guild.id] = guild
            for person in (owner, *(members or ())):
                guild.join(person)
            if bot:
                guild.add_bot()
            return guild

    def dm(self, person: Person) -> Channel:
        """Their direct messages with the bot."""
        return self.world.dm(person)

    def private(self, *people: Person) -> Channel:
        """Direct messages of two people, or a group of more, where the bot is not."""
        return self.world.private(list(people))

    def sticker(self, data: bytes, name: str = "wave", *, format: int = 1) -> Sticker:
        """`format` is the platform's: 1 png, 2 apng, 3 lottie, 4 gif."""
        world = self.world
        with world.lock:
            sticker = Sticker(world.snowflakes.next(), name, format, data)
            world.cdn.sticker(sticker)
            return sticker
