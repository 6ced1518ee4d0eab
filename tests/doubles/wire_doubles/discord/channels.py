"""Channels of every kind: in servers, direct, in groups. What stands in them and who sees it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from wire_doubles.discord.messages import Message, Shown
from wire_doubles.discord.permissions import DIRECT, NOTHING, Can, Overwrite, in_channel
from wire_doubles.waiting import PATIENCE

if TYPE_CHECKING:
    from wire_doubles.discord.guilds import Guild, Role
    from wire_doubles.discord.people import Person
    from wire_doubles.discord.threads import Thread
    from wire_doubles.discord.users import User
    from wire_doubles.discord.world import World

# the platform's channel types
TEXT, DM, GROUP_DM = 0, 1, 3
PUBLIC_THREAD, PRIVATE_THREAD, FORUM = 11, 12, 15


class Channel:
    """`people` are a direct channel's or a group's; `with_bot` says that it is the bot's own direct channel."""

    def __init__(self, world: World, id: int, kind: int, name: str, guild: Guild | None = None) -> None:
        self._world = world
        self.id = id
        self.kind = kind
        self.name = name
        self.guild = guild
        self.people: list[Person] = []
        self.with_bot = False
        self.overwrites: dict[int, Overwrite] = {}
        self.threads: dict[int, Thread] = {}
        self.messages: dict[int, Message] = {}
        self.typing: list[User] = []
        self.position = 0
        self.nsfw = False
        self.deleted = False

    @property
    def mention(self) -> str:
        return f"<#{self.id}>"

    @property
    def is_thread(self) -> bool:
        return False

    @property
    def bot_sees(self) -> bool:
        return Can.VIEW_CHANNEL in self.permissions(self._world.bot)

    @property
    def upload_limit(self) -> int:
        """Bytes an attachment that a bot may send here with its own token."""
        return self._world.uploads.real(self.guild)

    def permissions(self, user: User) -> Can:
        if self.guild is None:
            inside = any(user is each for each in self.people) or (self.with_bot and user is self._world.bot)
            return DIRECT if inside else NOTHING
        member = self.guild.members.get(user.id)
        if member is None or self.guild.deleted:
            return NOTHING
        return in_channel(
            self.guild.permissions(user),
            self._ruling_overwrites(),
            guild_id=self.guild.id,
            role_ids=frozenset(role.id for role in member.roles),
            member_id=user.id,
            timed_out=member.timed_out,
            thread=self.is_thread,
        )

    def overwrite(self, target: Role | User, *, allow: Can = NOTHING, deny: Can = NOTHING) -> None:
        """Instead of the one there was."""
        with self._world.lock:
            assert self.guild, f"{self.name} is in no server"
            is_member = target.id not in self.guild.roles
            seen = self.bot_sees
            self.overwrites[target.id] = Overwrite(target.id, is_member, allow, deny)
            if seen and not self.bot_sees:
                # the platform takes a channel away from who may not see it any more
                self._world.tell_guild("CHANNEL_DELETE", self.guild, self.wire())
            else:
                self._world.tell_guild("CHANNEL_UPDATE", self.guild, self.wire(), seen_in=self)

    def forbid(self, *permissions: Can) -> None:
        """To the bot, here, from now on."""
        denied = NOTHING
        for each in permissions:
            denied |= each
        self.overwrite(self._world.bot, deny=denied)

    def delete(self) -> None:
        """With its threads."""
        world = self._world
        with world.lock:
            assert self.guild, f"{self.name} is in no server"
            world.tell_guild("CHANNEL_DELETE", self.guild, self.wire(), seen_in=self)
            for thread in self.threads.values():
                thread.deleted = True
            self.deleted = True

    def thread(self, name: str, by: Person, *, private: bool = False, on: Message | None = None) -> Thread:
        """Opened by that person, on one of the messages if it says so."""
        return self._world.open_thread(self, name, by, private=private, on=on)

    def history(self, viewer: Person | None = None) -> list[Shown]:
        """The messages that stand there now, in their order: what everybody sees, and what `viewer` alone does.

        Nothing for a viewer who may not see the channel.
        """
        with self._world.lock:
            if viewer is not None and Can.VIEW_CHANNEL not in self.permissions(viewer):
                return []
            return [
                message.shown()
                for message in self.messages.values()
                if not message.deleted and (message.only_for is None or message.only_for is viewer)
            ]

    def transcript(self, viewer: Person | None = None) -> str:
        return "\n".join(shown.line() for shown in self.history(viewer))

    async def until(
        self, said: Callable[[list[Shown]], bool], seconds: float = PATIENCE, *, viewer: Person | None = None
    ) -> list[Shown]:
        """The history once `said` holds for it. Raises AssertionError with the transcript."""
        ends = time.monotonic() + seconds
        while not said(history := self.history(viewer)):
            if time.monotonic() > ends:
                raise AssertionError(f"after {seconds:g} s {self.name} shows:\n{self.transcript(viewer)}")
            await asyncio.sleep(0.02)
        return history

    def last_message_id(self) -> str | None:
        standing = [message.id for message in self.messages.values() if message.only_for is None]
        return str(standing[-1]) if standing else None

    def wire(self) -> dict[str, Any]:
        """As the bot gets it from REST and the gateway."""
        common: dict[str, Any] = {"id": str(self.id), "type": self.kind, "flags": 0}
        if self.guild is None:
            recipients = [person.wire() for person in self.people]
            return {**common, "last_message_id": self.last_message_id(), "recipients": recipients}
        wire = {
            **common, "guild_id": str(self.guild.id), "name": self.name, "position": self.position, "topic": None,
            "nsfw": self.nsfw, "parent_id": None, "rate_limit_per_user": 0,
            "last_message_id": self.last_message_id(),
            "permission_overwrites": [_told(each) for each in self.overwrites.values()],
        }  # fmt: skip
        if self.kind == FORUM:
            wire |= {
                "available_tags": [], "default_reaction_emoji": None, "default_sort_order": None,
                "default_forum_layout": 0, "template": "",
            }  # fmt: skip
        return wire

    def interaction_wire(self, user: User) -> dict[str, Any]:
        """With what that person may do in it, as interactions carry it."""
        wire = self.wire()
        wire.pop("permission_overwrites", None)
        if self.guild is not None:
            wire["permissions"] = str(int(self.permissions(user)))
        return wire

    def _ruling_overwrites(self) -> list[Overwrite]:
        return list(self.overwrites.values())


def _told(overwrite: Overwrite) -> dict[str, Any]:
    return {
        "id": str(overwrite.target_id), "type": int(overwrite.is_member),
        "allow": str(int(overwrite.allow)), "deny": str(int(overwrite.deny)),
    }  # fmt: skip
