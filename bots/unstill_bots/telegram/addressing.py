"""Whether a message is meant for us, and what it says when our name is taken off."""

from __future__ import annotations

import re

import msgspec
from telegram import Message, User
from telegram.constants import ChatType

from unstill_bots.actions.commands import is_help

_COMMAND = re.compile(r"/([A-Za-z0-9_]{1,32})(?:@([A-Za-z0-9_]{3,40}))?(?=\s|$)\s*")


class Addressed(msgspec.Struct, frozen=True):
    """`command` without its slash; `words` without command and mention. `ours`: said to us, in any way; `named`: by
    the command itself, with our name behind it; `by_reply`: by nothing but a reply in a group; `explicit`: by a command
    or a mention.
    """

    words: str
    ours: bool
    command: str = ""
    reply_to_us: bool = False
    explicit: bool = False
    elsewhere: bool = False
    named: bool = False
    by_reply: bool = False


def addressed(message: Message, me: User) -> Addressed:
    """Private chats are always ours, but for commands of other bots. What was forwarded says nothing to us."""
    if message.forward_origin is not None:
        return Addressed("", ours=message.chat.type == ChatType.PRIVATE)
    text = message.text or message.caption or ""
    private = message.chat.type == ChatType.PRIVATE
    replied = message.reply_to_message
    reply_to_us = replied is not None and replied.from_user is not None and replied.from_user.id == me.id
    found = _COMMAND.match(text)
    if found:
        name = found[2]
        if name and name.lower() != (me.username or "").lower():
            return Addressed("", ours=False, elsewhere=True)
        # a command without a name is everybody's in a group; Telegram hands it only to bots that it may concern
        words, command = text[found.end() :], found[1].lower()
        return Addressed(words, ours=True, command=command, reply_to_us=reply_to_us, explicit=True, named=bool(name))
    words, mentioned = _without_mention(text, me)
    ours = private or mentioned or reply_to_us
    by_reply = ours and not (private or mentioned)
    if message.text and (private or mentioned) and is_help(words):
        return Addressed("", ours=True, command="help", reply_to_us=reply_to_us, explicit=True, named=True)
    return Addressed(words, ours=ours, reply_to_us=reply_to_us, explicit=mentioned, by_reply=by_reply)


def _without_mention(text: str, me: User) -> tuple[str, bool]:
    if not me.username:
        return text, False
    pattern = re.compile(rf"(?<![\w@])@{re.escape(me.username)}(?!\w)[,:]?", re.IGNORECASE)
    stripped, count = pattern.subn(" ", text)
    return " ".join(stripped.split()) if count else text, bool(count)
