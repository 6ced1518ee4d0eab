"""Everything that the platform knows: one application, the people, the servers, what was said and asked."""

from __future__ import annotations

import datetime
import secrets
import threading
from dataclasses import dataclass
from typing import Any

from wire_doubles.clock import Clock
from wire_doubles.discord.attachments import Attachment, File, attachment
from wire_doubles.discord.cdn import Cdn
from wire_doubles.discord.channels import DM, GROUP_DM, Channel
from wire_doubles.discord.commands import Commands
from wire_doubles.discord.gateway import DIRECT_MESSAGES, GUILD_MESSAGES, GUILDS, MESSAGE_CONTENT, Gateway
from wire_doubles.discord.guilds import Guild
from wire_doubles.discord.interactions import Interaction
from wire_doubles.discord.limits import Limits
from wire_doubles.discord.messages import Message, Shown
from wire_doubles.discord.people import Person
from wire_doubles.discord.snowflakes import Snowflakes
from wire_doubles.discord.threads import Thread
from wire_doubles.discord.trouble import Trouble
from wire_doubles.discord.uploads import Uploads
from wire_doubles.discord.users import User

Wire = dict[str, Any]


@dataclass(frozen=True)
class Answered:
    """One call in the log: its HTTP status, 0 where the connection was cut, and the code of a refusal.

    `at` is the platform's time in seconds, `size` the body's in bytes.
    """

    at: float
    operation: str
    path: str
    status: int
    code: int
    size: int


class World:
    """All of it is reached under `lock`: the bot's calls and the people may come from different threads."""

    def __init__(self, token: str, name: str, *, seed: int = 0) -> None:
        self.lock = threading.RLock()
        self.token = token
        self.clock = Clock()
        self.snowflakes = Snowflakes(self.clock)
        self.bot = User(self.snowflakes.next(), name, name.lower(), is_bot=True)
        self.app_name = name
        self.cdn = Cdn(self.clock)
        self.limits = Limits(self.clock)
        self.uploads = Uploads()
        self.trouble = Trouble(seed)
        self.gateway = Gateway(self)
        self.commands = Commands(self)
        self.people: dict[int, Person] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.interactions: dict[int, Interaction] = {}
        self.tokens: dict[str, Interaction] = {}
        self.log: list[Answered] = []
        self.answer_seconds = 3.0
        self.token_seconds = 15 * 60.0
        self.nonce_seconds = 180.0
        # how the application may be installed: 0 in servers, 1 by people
        self.installs = {0, 1}
        # whether a message that was pressed comes with the one that it replies to, which is not promised
        self.presses_carry_replies = True

    def timestamp(self, ahead: float = 0.0) -> str:
        """ISO 8601, as the wire carries it."""
        return datetime.datetime.fromtimestamp(self.clock.now() + ahead, datetime.UTC).isoformat()

    def keep(self, file: File, owner_id: int, *, ephemeral: bool = False, served_as: str | None = None) -> Attachment:
        made = attachment(self.snowflakes.next(), file, owner_id, ephemeral=ephemeral)
        return self.cdn.keep(made, served_as=served_as)

    def dm(self, person: Person) -> Channel:
        """The person's direct messages with the bot."""
        with self.lock:
            for channel in self.channels.values():
                if channel.with_bot and channel.people == [person]:
                    return channel
            return self._direct(DM, f"{person.name} and {self.bot.name}", [person], with_bot=True)

    def private(self, people: list[Person]) -> Channel:
        """Direct messages of people, or a group's, where the bot is not."""
        with self.lock:
            names = " and ".join(person.name for person in people)
            return self._direct(DM if len(people) == 2 else GROUP_DM, names, people)

    def _direct(self, kind: int, name: str, people: list[Person], *, with_bot: bool = False) -> Channel:
        channel = Channel(self, self.snowflakes.next(), kind, name)
        channel.people, channel.with_bot = list(people), with_bot
        self.channels[channel.id] = channel
        return channel

    def may_dm(self, person: Person) -> bool:
        """Whoever shares a server with the bot, has it installed, or wrote to it; unless they closed the door."""
        if person.door_closed:
            return False
        shares = any(guild.bot_is_in and person.id in guild.members for guild in self.guilds.values())
        wrote = any(message.author is person for message in self.dm(person).messages.values())
        return shares or person.installed or wrote

    def open_thread(
        self, parent: Channel, name: str, by: User, *, private: bool = False, on: Message | None = None
    ) -> Thread:
        with self.lock:
            thread = Thread(self, on.id if on else self.snowflakes.next(), name, parent, by, private=private)
            parent.threads[thread.id] = self.channels[thread.id] = thread
            if on is not None:
                on.thread = thread
            assert parent.guild
            self.tell_guild("THREAD_CREATE", parent.guild, {**thread.wire(), "newly_created": True}, seen_in=thread)
            return thread

    def find(self, message: Message | Shown) -> Message:
        """The message itself. Raises AssertionError if people cannot see it any more."""
        if isinstance(message, Shown):
            message = message.channel.messages[message.id]
        assert not message.deleted, f"deleted: {message.shown().line()}"
        return message

    def post(self, message: Message) -> Message:
        """It stands in its channel now, and the bot gets to know if it may."""
        message.channel.messages[message.id] = message
        self.tell_message("MESSAGE_CREATE", message)
        return message

    def remove(self, message: Message) -> None:
        channel = message.channel
        told: Wire = {"id": str(message.id), "channel_id": str(channel.id)}
        if channel.guild:
            told["guild_id"] = str(channel.guild.id)
        if not message.ephemeral and channel.bot_sees:
            self._tell("MESSAGE_DELETE", told, channel)
        message.deleted = True

    def tell_message(self, event: str, message: Message) -> None:
        channel = message.channel
        if message.ephemeral or not channel.bot_sees:
            return
        self._tell(event, message.event(), channel)

    def _tell(self, event: str, told: Wire, channel: Channel) -> None:
        guild = channel.guild
        if guild is None:
            self.gateway.dispatch(event, told, DIRECT_MESSAGES)
        else:
            self.gateway.dispatch(event, told, GUILD_MESSAGES, guild=guild.id)

    def tell_guild(self, event: str, guild: Guild, data: Wire, *, seen_in: Channel | None = None) -> None:
        """To the bot, if it is in there and sees that channel."""
        if guild.bot_is_in and (seen_in is None or seen_in.bot_sees):
            self.gateway.dispatch(event, data, 0 if event == "GUILD_MEMBER_UPDATE" else GUILDS, guild=guild.id)

    def bot_reads(self, message: Message) -> bool:
        """Without the privileged intent: its own, direct messages, and what mentions it."""
        return (
            message.author is self.bot
            or message.channel.with_bot
            or self.bot in message.mentions
            or MESSAGE_CONTENT in self.gateway.privileged
        )

    def ask(
        self,
        person: Person,
        channel: Channel,
        type: int,
        data: Wire,
        *,
        message: Message | None = None,
        source: Interaction | None = None,
        resolved: list[Attachment] | None = None,
    ) -> Interaction:
        """Somebody uses the application; the bot is told at once."""
        with self.lock:
            interaction = Interaction(
                self, self.snowflakes.next(), secrets.token_urlsafe(120), type, person, channel, data,
                self.clock.now(), message=message, source=source,
            )  # fmt: skip
            interaction.attachments = list(resolved or ())
            self.interactions[interaction.id] = self.tokens[interaction.token] = interaction
            interaction.deliver()
            return interaction
