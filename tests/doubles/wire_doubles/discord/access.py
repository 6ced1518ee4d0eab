"""May the bot do this here? What a call is about, found, or refused as the platform refuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wire_doubles.discord.channels import FORUM, GROUP_DM, Channel
from wire_doubles.discord.errors import (
    archived_thread,
    cannot_message_user,
    invalid_body,
    locked_thread,
    missing_access,
    missing_permissions,
    no_history_to_reply,
    no_mutual_guild,
    unknown_channel,
    unknown_guild,
    unknown_message,
    wrong_channel_type,
)
from wire_doubles.discord.guilds import Guild
from wire_doubles.discord.messages import Message
from wire_doubles.discord.permissions import Can
from wire_doubles.discord.requests import Call
from wire_doubles.discord.threads import Thread

if TYPE_CHECKING:
    from wire_doubles.discord.content import Content
    from wire_doubles.discord.world import World

Wire = dict[str, Any]


def guild_of(world: World, call: Call) -> Guild:
    """Raises 10004 for none, 50001 where the bot is not."""
    guild = world.guilds.get(call.id("guild_id"))
    if guild is None or guild.deleted:
        raise unknown_guild()
    if not guild.bot_is_in:
        raise missing_access()
    return guild


def channel_of(world: World, call: Call) -> Channel:
    """Raises 10003 for none, 50001 for one that the bot cannot see."""
    channel = world.channels.get(call.id("channel_id"))
    if channel is None or channel.deleted or (channel.guild and channel.guild.deleted):
        raise unknown_channel()
    if not channel.bot_sees:
        raise unknown_channel() if channel.guild is None else missing_access()
    return channel


def message_of(channel: Channel, call: Call) -> Message:
    """One that the bot's token reaches: what is shown to one person alone does not exist. Raises 10008."""
    message = channel.messages.get(call.id("message_id"))
    if message is None or message.deleted or message.ephemeral:
        raise unknown_message()
    return message


def need(world: World, channel: Channel, *permissions: Can) -> None:
    """Raises 50013."""
    granted = channel.permissions(world.bot)
    if any(each not in granted for each in permissions):
        raise missing_permissions()


def check_may_send(world: World, channel: Channel) -> None:
    """Raises 50024, 50013, 50083 and 160005 for a thread that is locked, 50007 for who does not want it,
    50278 for who shares nothing with the bot.

    A thread that is only archived opens by it.
    """
    if channel.kind in (FORUM, GROUP_DM):
        raise wrong_channel_type()
    if channel.guild is None:
        if not world.may_dm(channel.people[0]):
            raise cannot_message_user() if channel.people[0].door_closed else no_mutual_guild()
        return
    if isinstance(channel, Thread):
        need(world, channel, Can.SEND_MESSAGES_IN_THREADS)
        if Can.MANAGE_THREADS not in channel.permissions(world.bot):
            check_not_locked(channel)
    else:
        need(world, channel, Can.SEND_MESSAGES)


def check_may_show(world: World, channel: Channel, content: Content, before: Message | None = None) -> None:
    """Raises 50013 for files and embeds that it may not send."""
    if channel.guild is None:
        return
    standing = before.attachments if before else []
    if any(each not in standing for each in content.attachments or ()):
        need(world, channel, Can.ATTACH_FILES)
    if content.embeds:
        need(world, channel, Can.EMBED_LINKS)


def check_not_locked(channel: Channel) -> None:
    """Raises 50083 and 160005."""
    if isinstance(channel, Thread) and channel.locked:
        raise archived_thread() if channel.archived else locked_thread()


def check_not_archived(channel: Channel) -> None:
    """Raises 50083."""
    if isinstance(channel, Thread) and channel.archived:
        raise archived_thread()


def replied_of(world: World, channel: Channel, fields: Wire) -> tuple[int | None, Message | None]:
    """The id and the message. Raises 160002, and 50035 unless the call allows to send without it."""
    reference = fields.get("message_reference")
    if not reference or not reference.get("message_id"):
        return None, None
    id = int(reference["message_id"])
    if channel.guild and Can.READ_MESSAGE_HISTORY not in channel.permissions(world.bot):
        raise no_history_to_reply()
    message = channel.messages.get(id)
    if message is None or message.deleted or message.ephemeral:
        if reference.get("fail_if_not_exists", True):
            raise invalid_body("message_reference", "MESSAGE_REFERENCE_UNKNOWN_MESSAGE", "Unknown message")
        return id, None
    return id, message
