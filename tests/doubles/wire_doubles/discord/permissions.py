"""What somebody may do somewhere, computed as the platform documents it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Can(enum.IntFlag):
    """The permissions that the double looks at, with the platform's bits."""

    KICK_MEMBERS = 1 << 1
    BAN_MEMBERS = 1 << 2
    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    SEND_TTS_MESSAGES = 1 << 12
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CHANGE_NICKNAME = 1 << 26
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    USE_EXTERNAL_STICKERS = 1 << 37
    SEND_MESSAGES_IN_THREADS = 1 << 38
    SEND_POLLS = 1 << 49
    USE_EXTERNAL_APPS = 1 << 50


NOTHING = Can(0)
EVERYTHING = Can(sum(Can))
# a new server's @everyone
MEMBERS = (
    Can.ADD_REACTIONS | Can.VIEW_CHANNEL | Can.SEND_MESSAGES | Can.SEND_TTS_MESSAGES | Can.EMBED_LINKS
    | Can.ATTACH_FILES | Can.READ_MESSAGE_HISTORY | Can.MENTION_EVERYONE | Can.USE_EXTERNAL_EMOJIS
    | Can.CHANGE_NICKNAME | Can.USE_APPLICATION_COMMANDS | Can.CREATE_PUBLIC_THREADS | Can.CREATE_PRIVATE_THREADS
    | Can.USE_EXTERNAL_STICKERS | Can.SEND_MESSAGES_IN_THREADS | Can.SEND_POLLS | Can.USE_EXTERNAL_APPS
)  # fmt: skip
DIRECT = MEMBERS & ~Can.CHANGE_NICKNAME
_SPEAKING = Can.SEND_TTS_MESSAGES | Can.EMBED_LINKS | Can.ATTACH_FILES | Can.MENTION_EVERYONE
_SILENCED = Can.VIEW_CHANNEL | Can.READ_MESSAGE_HISTORY


@dataclass(frozen=True)
class Overwrite:
    """For a role or a member in one channel."""

    target_id: int
    is_member: bool
    allow: Can = NOTHING
    deny: Can = NOTHING


def in_guild(everyone: Can, roles: Iterable[Can], *, owner: bool) -> Can:
    granted = everyone
    for role in roles:
        granted |= role
    return EVERYTHING if owner or Can.ADMINISTRATOR in granted else granted


def in_channel(
    base: Can,
    overwrites: Iterable[Overwrite],
    *,
    guild_id: int,
    role_ids: frozenset[int],
    member_id: int,
    timed_out: bool = False,
    thread: bool = False,
) -> Can:
    """`base` is the member's in the guild; @everyone's id is the guild's.

    In a thread SEND_MESSAGES_IN_THREADS stands for SEND_MESSAGES.
    """
    if Can.ADMINISTRATOR in base:
        return EVERYTHING
    known = list(overwrites)
    granted = base
    for each in known:
        if each.target_id == guild_id:
            granted = granted & ~each.deny | each.allow
    allow = deny = NOTHING
    for each in known:
        if not each.is_member and each.target_id in role_ids:
            allow, deny = allow | each.allow, deny | each.deny
    granted = granted & ~deny | allow
    for each in known:
        if each.is_member and each.target_id == member_id:
            granted = granted & ~each.deny | each.allow
    if timed_out:
        granted &= _SILENCED
    if Can.VIEW_CHANNEL not in granted:
        return NOTHING
    if (Can.SEND_MESSAGES_IN_THREADS if thread else Can.SEND_MESSAGES) not in granted:
        granted &= ~_SPEAKING
    return granted
