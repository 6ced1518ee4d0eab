"""What a server has set about who may ask for clips, and where."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import discord

from unstill_bots.actions.preferences import Preferences
from unstill_bots.discord.context import Context
from unstill_bots.discord.pending import PLATFORM, PendingRequest
from unstill_bots.intake.studio import Terms
from unstill_bots.text.server_replies import ServerReplies
from unstill_queue.contract.jobs import Requester


def standing(channel: Any, user: discord.User | discord.Member) -> tuple[set[str], set[str]]:
    """The ids of a channel, with its parent's where it is a thread, and of a member's roles."""
    channels = {str(id) for id in (getattr(channel, "id", None), getattr(channel, "parent_id", None)) if id}
    return channels, {str(role.id) for role in getattr(user, "roles", ())}


def forbidden(
    rules: Preferences, channels: Collection[str], roles: Collection[str], replies: ServerReplies
) -> str | None:
    """The sentence that refuses. `channels`: the channel's id, and its parent's where it is a thread."""
    if rules.channels and not set(rules.channels) & set(channels):
        # the apps show the channels' names
        return replies.only_in(" ".join(f"<#{id}>" for id in rules.channels))
    if rules.roles and not set(rules.roles) & set(roles):
        return replies.not_with_these_roles()
    return None


async def terms(context: Context, who: Requester) -> Terms:
    """A server's own rules that hold wherever a request is prepared. Channels and roles are looked at on the way in."""
    rules = await context.preferences.get(who.place)
    return Terms(jobs=rules.jobs, full=ServerReplies(who.language).chat_full(rules.jobs))


async def refusal(
    context: Context, ask: PendingRequest, words: str | None, channels: Collection[str], roles: Collection[str]
) -> str | None:
    """The sentence that refuses, or None: by the server's rules, and by what the studio knows without the picture.

    The studio looks once more; here it is so that the person alone is told. `words` as in `Studio.objection`.
    Raises RedisError.
    """
    if ask.guild:
        rules = await context.preferences.get(f"{PLATFORM}:{ask.guild}")
        refused = forbidden(rules, channels, roles, ServerReplies(ask.language))
        if refused is not None:
            return refused
    return await context.studio.objection(ask.who, words, await terms(context, ask.who), aspect=ask.picture.aspect)
