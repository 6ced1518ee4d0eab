"""Whether a message is meant for us, and what it says when our name is taken off."""

from __future__ import annotations

import re

import msgspec
from telegram import Message, User
from telegram.constants import ChatType

from unstill_bots.actions.commands import is_help

_COMMAND = re.compile(r"/(\w{1,32})(?:@([A-Za-z0-9_]{3,40}))?(?=\s|$)\s*")


class Addressed(msgspec.Struct, frozen=True):
    """What a message says: `command` without its slash; `words` without command and mention. `ours`: said to us, in any
    way; `named`: by the command itself, with our name behind it; `explicit`: by a command or a mention; `elsewhere`: to
    another bot.
    """

    words: str
    ours: bool
    command: str = ""
    explicit: bool = False
    elsewhere: bool = False
    named: bool = False


def addressed(message: Message, me: User) -> Addressed:
    """Read what a message says. Private chats are ours, but for commands of other bots; forwards say nothing to us."""
    if message.forward_origin is not None:
        return Addressed("", ours=message.chat.type == ChatType.PRIVATE)
    text = message.text or message.caption or ""
    private = message.chat.type == ChatType.PRIVATE
    found = _COMMAND.match(text)
    if found:
        name = found[2]
        if name and name.lower() != (me.username or "").lower():
            return Addressed("", ours=False, elsewhere=True)
        # a command without a name is everybody's in a group; Telegram hands it only to bots that it may concern
        words, command = text[found.end() :], "help" if is_help(found[1]) else found[1].lower()
        return Addressed(words, ours=True, command=command, explicit=True, named=bool(name))
    words, mentioned = _without_mention(text, me)
    if message.text and (private or mentioned) and is_help(words):
        return Addressed("", ours=True, command="help", explicit=True, named=True)
    return Addressed(words, ours=private or mentioned or _replies_to(message, me), explicit=mentioned)


def is_by(message: Message, me: User) -> bool:
    """Return whether the bot itself sent a message."""
    return message.from_user is not None and message.from_user.id == me.id


def _replies_to(message: Message, me: User) -> bool:
    return message.reply_to_message is not None and is_by(message.reply_to_message, me)


def _without_mention(text: str, me: User) -> tuple[str, bool]:
    if not me.username:
        return text, False
    pattern = re.compile(rf"(?<![\w@])@{re.escape(me.username)}(?!\w)[,:]?", re.IGNORECASE)
    stripped, count = pattern.subn(" ", text)
    return " ".join(stripped.split()) if count else text, bool(count)
