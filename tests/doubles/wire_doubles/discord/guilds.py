"""Servers: who is in them, which roles they have, which channels stand there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wire_doubles.discord.channels import FORUM, TEXT, Channel
from wire_doubles.discord.permissions import MEMBERS, NOTHING, Can, in_guild
from wire_doubles.discord.users import User

if TYPE_CHECKING:
    from wire_doubles.discord.people import Person
    from wire_doubles.discord.world import World

MEBIBYTE = 1 << 20
# attachment_size_limit by boost tier
UPLOADS = (20 * MEBIBYTE, 20 * MEBIBYTE, 50 * MEBIBYTE, 100 * MEBIBYTE)


@dataclass(eq=False)
class Role:
    id: int
    name: str
    permissions: Can
    position: int = 1
    bot_id: int | None = None

    def wire(self) -> dict[str, Any]:
        """A role that came along with a bot says whose it is."""
        tags = {"tags": {"bot_id": str(self.bot_id)}, "managed": True} if self.bot_id else {}
        return {
            "id": str(self.id), "name": self.name, "color": 0, "hoist": False, "position": self.position,
            "permissions": str(int(self.permissions)), "managed": False, "mentionable": True, "flags": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None}, **tags,
        }  # fmt: skip

    @property
    def mention(self) -> str:
        return f"<@&{self.id}>"


@dataclass(eq=False)
class Member:
    user: User
    joined_at: str
    roles: list[Role] = field(default_factory=list)
    nick: str | None = None
    timed_out: bool = False
    timed_out_until: str | None = None

    def wire(self, *, with_user: bool = True) -> dict[str, Any]:
        wire: dict[str, Any] = {
            "roles": [str(role.id) for role in self.roles], "joined_at": self.joined_at, "premium_since": None,
            "deaf": False, "mute": False, "flags": 0, "nick": self.nick, "avatar": None, "banner": None,
            "pending": False, "communication_disabled_until": self.timed_out_until,
        }  # fmt: skip
        return {"user": self.user.wire(), **wire} if with_user else wire


class Guild:
    """`tier` is the boost level; `bot_is_in` what the people who manage the server decided."""

    def __init__(
        self, world: World, id: int, name: str, owner: Person, *, tier: int = 0, locale: str = "en-US"
    ) -> None:
        self._world = world
        self.id = id
        self.name = name
        self.owner = owner
        self.tier = tier
        self.locale = locale
        self.everyone = Role(id, "@everyone", MEMBERS, 0)
        self.bot_role = Role(world.snowflakes.next(), world.bot.name, NOTHING, bot_id=world.bot.id)
        self.roles: dict[int, Role] = {role.id: role for role in (self.everyone, self.bot_role)}
        self.members: dict[int, Member] = {}
        self.channels: dict[int, Channel] = {}
        self.stickers: list[dict[str, Any]] = []
        self.deleted = False

    @property
    def bot_is_in(self) -> bool:
        return self._world.bot.id in self.members and not self.deleted

    @property
    def upload_limit(self) -> int:
        """Bytes an attachment."""
        return UPLOADS[self.tier]

    def permissions(self, user: User) -> Can:
        """In the server as a whole; nothing for who is not in it."""
        member = self.members.get(user.id)
        if member is None:
            return NOTHING
        granted = (role.permissions for role in member.roles)
        return in_guild(self.everyone.permissions, granted, owner=user is self.owner)

    def join(self, user: User) -> None:
        with self._world.lock:
            self.members.setdefault(user.id, Member(user, self._world.timestamp()))

    def leave(self, user: User) -> None:
        with self._world.lock:
            self.members.pop(user.id, None)

    def text_channel(self, name: str, *, nsfw: bool = False) -> Channel:
        return self._open(TEXT, name, nsfw=nsfw)

    def forum(self, name: str) -> Channel:
        return self._open(FORUM, name)

    def _open(self, kind: int, name: str, *, nsfw: bool = False) -> Channel:
        world = self._world
        with world.lock:
            channel = Channel(world, world.snowflakes.next(), kind, name, self)
            channel.nsfw = nsfw
            channel.position = len(self.channels)
            self.channels[channel.id] = world.channels[channel.id] = channel
            world.tell_guild("CHANNEL_CREATE", self, channel.wire(), seen_in=channel)
            return channel

    def role(self, name: str, permissions: Can = NOTHING) -> Role:
        world = self._world
        with world.lock:
            role = Role(world.snowflakes.next(), name, permissions, len(self.roles))
            self.roles[role.id] = role
            world.tell_guild("GUILD_ROLE_CREATE", self, {"guild_id": str(self.id), "role": role.wire()})
            return role

    def allow(self, role: Role, permissions: Can) -> None:
        """What this role may from now on, all of it."""
        with self._world.lock:
            role.permissions = permissions
            self._world.tell_guild("GUILD_ROLE_UPDATE", self, {"guild_id": str(self.id), "role": role.wire()})

    def allow_bot(self, permissions: Can) -> None:
        """The bot's own role gets these on top of everybody's."""
        self.allow(self.bot_role, permissions)

    def give(self, user: User, role: Role) -> None:
        self._change(user, [*self.members[user.id].roles, role])

    def take(self, user: User, role: Role) -> None:
        self._change(user, [each for each in self.members[user.id].roles if each is not role])

    def time_out(self, user: User, *, seconds: float = 600.0) -> None:
        """They may read, and nothing else."""
        with self._world.lock:
            member = self.members[user.id]
            member.timed_out = seconds > 0
            member.timed_out_until = self._world.timestamp(seconds) if seconds > 0 else None
            self._change(user, member.roles)

    def add_bot(self) -> None:
        world = self._world
        with world.lock:
            self.join(world.bot)
            self.members[world.bot.id].roles.append(self.bot_role)
            world.tell_guild("GUILD_CREATE", self, self.wire())

    def remove_bot(self) -> None:
        """The server's people throw it out."""
        world = self._world
        with world.lock:
            world.tell_guild("GUILD_DELETE", self, {"id": str(self.id)})
            self.leave(world.bot)

    def delete(self) -> None:
        world = self._world
        with world.lock:
            world.tell_guild("GUILD_DELETE", self, {"id": str(self.id)})
            self.deleted = True

    def outage(self) -> None:
        """The platform cannot reach this server for a while."""
        self._world.tell_guild("GUILD_DELETE", self, {"id": str(self.id), "unavailable": True})

    def outage_over(self) -> None:
        self._world.tell_guild("GUILD_CREATE", self, self.wire())

    def boost(self, tier: int) -> None:
        with self._world.lock:
            self.tier = tier
            self._world.tell_guild("GUILD_UPDATE", self, self.outline())

    def outline(self) -> dict[str, Any]:
        """A Guild, as REST answers and updates carry it."""
        return {
            "id": str(self.id), "name": self.name, "icon": None, "splash": None, "discovery_splash": None,
            "banner": None, "description": None, "owner_id": str(self.owner.id), "features": [],
            "preferred_locale": self.locale, "verification_level": 0, "default_message_notifications": 0,
            "explicit_content_filter": 0, "afk_timeout": 300, "afk_channel_id": None, "mfa_level": 0,
            "nsfw_level": 0, "premium_tier": self.tier, "premium_subscription_count": 0,
            "premium_progress_bar_enabled": False, "system_channel_id": None, "system_channel_flags": 0,
            "rules_channel_id": None, "public_updates_channel_id": None, "safety_alerts_channel_id": None,
            "vanity_url_code": None, "application_id": None, "emojis": [], "stickers": self.stickers,
            "roles": [role.wire() for role in self.roles.values()], "max_members": 500_000,
        }  # fmt: skip

    def wire(self) -> dict[str, Any]:
        """GUILD_CREATE, of what the bot may see. Members are the bot alone."""
        bot = self.members[self._world.bot.id]
        seen = [channel for channel in self.channels.values() if channel.bot_sees and not channel.deleted]
        threads = [thread for channel in seen for thread in channel.threads.values()]
        return {
            **self.outline(), "joined_at": bot.joined_at, "large": False, "unavailable": False,
            "member_count": len(self.members), "members": [bot.wire()], "voice_states": [], "presences": [],
            "channels": [channel.wire() for channel in seen],
            "threads": [each.wire() for each in threads if not each.archived and not each.deleted],
            "stage_instances": [], "guild_scheduled_events": [], "soundboard_sounds": [],
        }  # fmt: skip

    def _change(self, user: User, roles: list[Role]) -> None:
        with self._world.lock:
            member = self.members[user.id]
            member.roles = list(roles)
            if user is self._world.bot:
                told = {"guild_id": str(self.id), **member.wire()}
                self._world.tell_guild("GUILD_MEMBER_UPDATE", self, told)
