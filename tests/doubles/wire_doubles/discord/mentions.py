"""Whom a message names, and who is called by it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wire_doubles.discord.errors import ApiError, invalid_body
from wire_doubles.discord.messages import SILENT, Message
from wire_doubles.discord.permissions import Can
from wire_doubles.discord.users import User

if TYPE_CHECKING:
    from wire_doubles.discord.guilds import Role
    from wire_doubles.discord.world import World

Wire = dict[str, Any]
KINDS = ("users", "roles", "everyone")
MAX_LISTED = 100


def check(allowed: Wire | None) -> None:
    """Raises 50035."""
    if not allowed:
        return
    parse = allowed.get("parse") or []
    if not set(parse) <= set(KINDS):
        raise _wrong("parse", "BASE_TYPE_CHOICES", "Value must be one of ('users', 'roles', 'everyone').")
    for kind in ("users", "roles"):
        listed = allowed.get(kind) or []
        if listed and kind in parse:
            raise _wrong("parse", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", f"{kind} are parsed and listed.")
        if len(listed) > MAX_LISTED:
            raise _wrong(kind, "BASE_TYPE_MAX_LENGTH", f"Must be {MAX_LISTED} or fewer in length.")


@dataclass(frozen=True)
class Allowed:
    """Whom a message may call."""

    parse: frozenset[str]
    users: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()
    reply: bool = True

    @classmethod
    def of(cls, said: Wire | None, *, answer: bool) -> Allowed:
        """Without a word everybody, in an answer to an interaction users alone."""
        if said is None:
            return cls(frozenset({"users"} if answer else KINDS))
        users, roles = (frozenset(int(id) for id in said.get(kind) or ()) for kind in ("users", "roles"))
        return cls(frozenset(said.get("parse") or ()), users, roles, bool(said.get("replied_user", False)))


def mark(world: World, message: Message, said: Wire | None, *, answer: bool = False, silently: bool = False) -> None:
    """Fill in the mentions of a message, and call whom it may call; `said` are the call's allowed_mentions.

    `answer`: to an interaction. `silently`: nobody is called, as by an edit.
    """
    allowed = Allowed.of(said, answer=answer)
    channel, guild, text = message.channel, message.channel.guild, message.content
    users = [user for id in _ids(r"<@!?(\d+)>", text) if (user := _user(world, id)) and _may(allowed, "users", id)]
    if message.replied and allowed.reply and message.replied.author not in users:
        users.append(message.replied.author)
    roles: list[Role] = []
    everyone = False
    if guild is not None:
        known = (guild.roles.get(id) for id in _ids(r"<@&(\d+)>", text) if _may(allowed, "roles", id))
        roles = [role for role in known if role]
        shouted = bool(re.search(r"@(everyone|here)\b", text)) and "everyone" in allowed.parse
        everyone = shouted and Can.MENTION_EVERYONE in channel.permissions(message.author)
    message.mentions = users
    message.mentioned_roles = [role.id for role in roles]
    message.mentions_everyone = everyone
    if silently or message.ephemeral:
        return
    seeing = [user for user in users if Can.VIEW_CHANNEL in channel.permissions(user)]
    message.pinged = [user.name for user in seeing] + [f"@{role.name}" for role in roles] + ["@everyone"] * everyone
    members = guild.members.values() if guild else ()
    called = seeing + [each.user for each in members if everyone or any(role in each.roles for role in roles)]
    for id in {user.id for user in called if user is not message.author} & world.people.keys():
        if not message.flags & SILENT:
            world.people[id].pings.append(message)


def _ids(pattern: str, text: str) -> list[int]:
    """Each once."""
    return list(dict.fromkeys(int(found) for found in re.findall(pattern, text)))


def _may(allowed: Allowed, kind: str, id: int) -> bool:
    return kind in allowed.parse or id in (allowed.users if kind == "users" else allowed.roles)


def _user(world: World, id: int) -> User | None:
    return world.bot if id == world.bot.id else world.people.get(id)


def _wrong(field: str, code: str, message: str) -> ApiError:
    return invalid_body(f"allowed_mentions.{field}", code, message)
