"""Somebody who asks for a clip, by an interaction or by a message, as the queue's Request."""

from __future__ import annotations

from typing import Any

import discord

from unstill_bots.actions.preferences import Preferences
from unstill_bots.discord.media import Picture
from unstill_bots.intake.pending import AGE_RESTRICTED, PendingRequest, numbered
from unstill_bots.text.server_replies import ServerReplies
from unstill_queue.contract.jobs import ReplyAddress, Requester

PLATFORM = "discord"
TOKEN_SECONDS = 14 * 60.0
"""An interaction's token lives for 15 minutes; an edit that takes its time has to end before that."""


class DiscordRequest(PendingRequest, frozen=True, kw_only=True):
    """A request for a clip on Discord. `message` is the person's, where there is one. `token`: the interaction's, for
    `application`. `seen`: the bot can post into the channel in its own name, so that no token is needed to answer.
    `channels` are the ids of the channel and of a thread's parent, `roles` those of the member. `adult`: Discord keeps
    the channel for adults.
    """

    id: str
    channel: str
    picture: Picture
    guild: str = ""
    message: str = ""
    token: str = ""
    application: str = ""
    seen: bool = True
    channels: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    adult: bool = False

    @property
    def who(self) -> Requester:
        """A server is one chat, whatever the channel: it gets one share."""
        return Requester(PLATFORM, self.user, self.guild or self.channel, self.language)

    @property
    def chat(self) -> str:
        return self.channel

    @property
    def replies(self) -> ServerReplies:
        return ServerReplies(self.language)

    def forbidden(self, rules: Preferences) -> str | None:
        if not self.guild:
            return None
        if rules.channels and not set(rules.channels) & set(self.channels):
            # the apps show the channels' names
            return self.replies.only_in(" ".join(f"<#{id}>" for id in rules.channels))
        if rules.roles and not set(rules.roles) & set(self.roles):
            return self.replies.not_with_these_roles()
        return None

    def address(self, job: str = "") -> ReplyAddress:
        extra = {"user": self.user, "guild": self.guild, "job": job}
        if self.token:
            extra |= {
                "token": self.token,
                "application": self.application,
                "until": f"{self.sent_at + TOKEN_SECONDS:.0f}",
            }
        if not self.seen:
            extra["unseen"] = "1"
        if self.adult:
            extra[AGE_RESTRICTED] = "1"
        return ReplyAddress(PLATFORM, self.channel, self.message, None, {k: v for k, v in extra.items() if v})


def id_of(channel: int | str, event: int | str) -> str:
    """Return the id of the request that a message or an interaction in a channel is."""
    return f"{PLATFORM}:{channel}:{event}"


def is_covered(words: str) -> bool:
    """Tell whether words, or some of them, are written as a spoiler."""
    return words.count("||") > 1


def uncovered(words: str) -> str:
    """Return words without the bars of a spoiler, which are none of them."""
    return " ".join(words.replace("||", " ").split()) if is_covered(words) else words


def of_interaction(
    interaction: discord.Interaction, picture: Picture, language: str, upload_limit: int, *, number: int = 0
) -> DiscordRequest:
    """`number`: of several pictures that one interaction points at."""
    channel = channel_of(interaction)
    return DiscordRequest(
        id=numbered(id_of(channel, interaction.id), number),
        user=str(interaction.user.id),
        channel=channel,
        language=language,
        sent_at=interaction.created_at.timestamp(),
        picture=picture,
        upload_limit=upload_limit,
        guild=str(interaction.guild_id or ""),
        # one token, one first answer: the others' messages are their own
        token="" if number else interaction.token,
        application="" if number else str(interaction.application_id),
        seen=is_seen(interaction),
        channels=_channels(interaction.channel),
        roles=_roles(interaction.user),
        adult=_is_adult(interaction.channel),
    )


def of_message(
    message: discord.Message, picture: Picture, language: str, upload_limit: int, *, number: int = 0
) -> DiscordRequest:
    """`number`: of several pictures that one message holds."""
    return DiscordRequest(
        id=numbered(id_of(message.channel.id, message.id), number),
        user=str(message.author.id),
        channel=str(message.channel.id),
        language=language,
        sent_at=message.created_at.timestamp(),
        picture=picture,
        upload_limit=upload_limit,
        guild=str(message.guild.id) if message.guild else "",
        message=str(message.id),
        covered=is_covered(message.content),
        channels=_channels(message.channel),
        roles=_roles(message.author),
        adult=_is_adult(message.channel),
    )


def _channels(channel: Any) -> tuple[str, ...]:
    return tuple(str(id) for id in (getattr(channel, "id", None), getattr(channel, "parent_id", None)) if id)


def _is_adult(channel: Any) -> bool:
    return hasattr(channel, "is_nsfw") and channel.is_nsfw()


def _roles(user: discord.User | discord.Member) -> tuple[str, ...]:
    return tuple(str(role.id) for role in getattr(user, "roles", ()))


def channel_of(interaction: discord.Interaction) -> str:
    """The id of the channel or thread where it happened; the person's where Discord names none."""
    return str(interaction.channel_id or interaction.user.id)


def is_seen(interaction: discord.Interaction) -> bool:
    """Whether the bot can edit and send there with its own token: what it is installed for, not just its user."""
    if interaction.guild_id is None:
        return interaction.context.dm_channel
    if not interaction.is_guild_integration():
        return False
    may = interaction.app_permissions
    thread = isinstance(interaction.channel, discord.Thread)
    return may.view_channel and (may.send_messages_in_threads if thread else may.send_messages)


def person_scope(user: discord.abc.Snowflake) -> str:
    """A person's name for their preferences, in every server."""
    return f"{PLATFORM}:{user.id}"


def guild_scope(guild: int) -> str:
    """A server's name for its preferences; it cannot be a person's, as all ids come out of one series."""
    return f"{PLATFORM}:{guild}"
