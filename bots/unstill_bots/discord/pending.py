"""Somebody who asks for a clip, by an interaction or by a message, as the queue's Request."""

from __future__ import annotations

from datetime import UTC, datetime

import discord
import msgspec

from unstill_bots.discord.media import Picture
from unstill_queue.contract.jobs import ReplyAddress, Request, Requester

PLATFORM = "discord"
TOKEN_SECONDS = 14 * 60.0
"""An interaction's token lives for 15 minutes; an edit that takes its time has to end before that."""


class PendingRequest(msgspec.Struct, frozen=True):
    """A picture that somebody sent or pointed at. `sent_at` in seconds since the epoch, `upload_limit` in bytes.

    `message` is the person's, where there is one. `token`: the interaction's, for `application`. `seen`: the bot can
    post into the channel in its own name, so that no token is needed to answer.
    """

    id: str
    user: str
    channel: str
    language: str
    sent_at: float
    picture: Picture
    upload_limit: int
    guild: str = ""
    message: str = ""
    token: str = ""
    application: str = ""
    seen: bool = True

    @property
    def who(self) -> Requester:
        """A server is one chat, whatever the channel: it gets one share."""
        return Requester(PLATFORM, self.user, self.guild or self.channel, self.language)

    @property
    def age(self) -> float:
        return datetime.now(UTC).timestamp() - self.sent_at

    def address(self, job: str = "") -> ReplyAddress:
        """`job` in `extra` puts a job's buttons under what is said."""
        extra = {"user": self.user, "guild": self.guild, "job": job}
        if self.token:
            extra |= {
                "token": self.token,
                "application": self.application,
                "until": f"{self.sent_at + TOKEN_SECONDS:.0f}",
            }
        if not self.seen:
            extra["unseen"] = "1"
        return ReplyAddress(PLATFORM, self.channel, self.message, None, {k: v for k, v in extra.items() if v})

    def request(self, words: str, *, id: str | None = None) -> Request:
        id = id or self.id
        picture = self.picture
        return Request(id, self.who, self.address(id), picture.source, words, self.upload_limit, picture.aspect)


def of_interaction(
    interaction: discord.Interaction, picture: Picture, language: str, upload_limit: int, *, number: int = 0
) -> PendingRequest:
    """`number`: of several pictures that one interaction points at."""
    channel = channel_of(interaction)
    return PendingRequest(
        id=f"{PLATFORM}:{channel}:{interaction.id}" + (f".{number}" if number else ""),
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
    )


def of_message(
    message: discord.Message, picture: Picture, language: str, upload_limit: int, *, number: int = 0
) -> PendingRequest:
    """`number`: of several pictures that one message holds."""
    return PendingRequest(
        id=f"{PLATFORM}:{message.channel.id}:{message.id}" + (f".{number}" if number else ""),
        user=str(message.author.id),
        channel=str(message.channel.id),
        language=language,
        sent_at=message.created_at.timestamp(),
        picture=picture,
        upload_limit=upload_limit,
        guild=str(message.guild.id) if message.guild else "",
        message=str(message.id),
    )


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
