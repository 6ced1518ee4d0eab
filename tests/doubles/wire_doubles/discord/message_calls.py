"""Operations on messages with the bot's token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from wire_doubles.discord import mentions
from wire_doubles.discord.access import (
    channel_of,
    check_may_send,
    check_may_show,
    check_not_archived,
    message_of,
    need,
    replied_of,
)
from wire_doubles.discord.content import content_of
from wire_doubles.discord.errors import invalid_body, not_yours, unknown_emoji
from wire_doubles.discord.messages import PLAIN, REPLY, Message
from wire_doubles.discord.permissions import Can
from wire_doubles.discord.requests import Call
from wire_doubles.discord.routes import route
from wire_doubles.discord.threads import Thread

if TYPE_CHECKING:
    from wire_doubles.discord.world import World

Wire = dict[str, Any]
MESSAGES = "/channels/{channel_id}/messages"
ONE = MESSAGES + "/{message_id}"


@route("POST", MESSAGES, allowed=(5, 5.0))
def create_message(world: World, call: Call) -> Wire:
    channel = channel_of(world, call)
    fields = call.fields
    check_may_send(world, channel)
    content = content_of(world, fields, call.uploads, channel=channel, limit=channel.upload_limit)
    check_may_show(world, channel, content)
    replied_id, replied = replied_of(world, channel, fields)
    if content.nonce and fields.get("enforce_nonce"):
        for message in channel.messages.values():
            if message.author is world.bot and message.nonce == content.nonce and _recent(world, message):
                return message.wire()
    if isinstance(channel, Thread) and channel.archived:
        channel.open()
    message = Message(
        world, world.snowflakes.next(), channel, world.bot, world.timestamp(), flags=content.flags, tts=content.tts,
        nonce=content.nonce, replied=replied, replied_id=replied_id, type=REPLY if replied_id else PLAIN,
    )  # fmt: skip
    content.write(message)
    mentions.mark(world, message, content.allowed)
    world.post(message)
    return message.wire()


@route("PATCH", ONE, allowed=(5, 5.0))
def edit_message(world: World, call: Call) -> Wire:
    channel = channel_of(world, call)
    message = message_of(channel, call)
    if message.author is not world.bot:
        raise not_yours()
    check_not_archived(channel)
    content = content_of(world, call.fields, call.uploads, channel=channel, limit=channel.upload_limit, editing=message)
    check_may_show(world, channel, content, message)
    return rewrite(world, message, content.allowed, content)


def rewrite(world: World, message: Message, allowed: Wire | None, content: Any) -> Wire:
    """An edit: nobody is called by it."""
    content.write(message)
    message.edited_at = world.timestamp()
    mentions.mark(world, message, allowed, silently=True)
    world.tell_message("MESSAGE_UPDATE", message)
    return message.wire()


@route("DELETE", ONE, allowed=(5, 1.0))
def delete_message(world: World, call: Call) -> None:
    channel = channel_of(world, call)
    message = message_of(channel, call)
    if message.author is not world.bot:
        need(world, channel, Can.MANAGE_MESSAGES)
    check_not_archived(channel)
    world.remove(message)


@route("GET", ONE)
def get_message(world: World, call: Call) -> Wire:
    channel = channel_of(world, call)
    need(world, channel, Can.READ_MESSAGE_HISTORY)
    return message_of(channel, call).wire()


@route("GET", MESSAGES)
def get_messages(world: World, call: Call) -> list[Wire]:
    """Newest first; one of before, after and around."""
    channel = channel_of(world, call)
    limit = call.number("limit", 50)
    if not 1 <= limit <= 100:
        raise invalid_body("limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100.")
    if channel.guild and Can.READ_MESSAGE_HISTORY not in channel.permissions(world.bot):
        return []
    standing = [each for each in channel.messages.values() if not each.deleted and not each.ephemeral]
    standing.sort(key=lambda message: message.id)
    if "after" in call.query:
        found = [each for each in standing if each.id > call.number("after", 0)][:limit]
    elif "around" in call.query:
        middle = call.number("around", 0)
        near = sorted(standing, key=lambda message: abs(message.id - middle))[:limit]
        found = sorted(near, key=lambda message: message.id)
    else:
        before = call.number("before", 1 << 62)
        found = [each for each in standing if each.id < before][-limit:]
    return [message.wire() for message in reversed(found)]


def _recent(world: World, message: Message) -> bool:
    age = (world.snowflakes.next() >> 22) / 1000 - (message.id >> 22) / 1000
    return not message.deleted and age <= world.nonce_seconds


@route("PUT", ONE + "/reactions/{emoji}/@me", allowed=(1, 0.25))
def add_reaction(world: World, call: Call) -> None:
    """One that is not there yet needs a permission of its own; a name that no emoji has is refused."""
    channel = channel_of(world, call)
    message = message_of(channel, call)
    need(world, channel, Can.READ_MESSAGE_HISTORY)
    emoji = call.path["emoji"]
    if emoji.isascii() and not re.fullmatch(r"\w+:\d+", emoji):
        raise unknown_emoji()
    if emoji not in message.reactions:
        need(world, channel, Can.ADD_REACTIONS)
        message.reactions.append(emoji)
