"""What a server has set about who may ask for clips, and where."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import discord

from unstill_bots.discord.asking import PLATFORM, Ask
from unstill_bots.discord.desk import Desk
from unstill_bots.discord.wording import DiscordReplies
from unstill_bots.preferences import Preferences
from unstill_config.settings import Quota
from unstill_queue.errors import QuotaExceeded
from unstill_queue.ledger import Used


def standing(channel: Any, user: discord.User | discord.Member) -> tuple[set[str], set[str]]:
    """The ids of a channel, with its parent's where it is a thread, and of a member's roles."""
    channels = {str(id) for id in (getattr(channel, "id", None), getattr(channel, "parent_id", None)) if id}
    return channels, {str(role.id) for role in getattr(user, "roles", ())}


def forbidden(
    rules: Preferences, channels: Collection[str], roles: Collection[str], replies: DiscordReplies
) -> str | None:
    """The sentence that refuses. `channels`: the channel's id, and its parent's where it is a thread."""
    if rules.channels and not set(rules.channels) & set(channels):
        return replies.only_in(rules.channels)
    if rules.roles and not set(rules.roles) & set(roles):
        return replies.not_with_these_roles()
    return None


async def refusal(desk: Desk, ask: Ask, channels: Collection[str], roles: Collection[str]) -> str | None:
    """The sentence that refuses, or None: by the server's rules, and by quotas as far as they are used up already.

    The ledger decides on quotas once more; here it is so that the person alone is told. Raises RedisError.
    """
    replies = DiscordReplies(ask.language)
    used = await desk.client.ledger.used(ask.who.account, ask.who.place)
    if ask.guild:
        rules = await desk.preferences.get(f"{PLATFORM}:{ask.guild}")
        refused = forbidden(rules, channels, roles, replies)
        if refused is not None:
            return refused
        if rules.jobs and used.chat_jobs >= rules.jobs:
            return replies.chat_full(rules.jobs)
    over = over_quota(used, desk.settings.quota)
    return None if over is None else replies.quota(over)


def over_quota(used: Used, most: Quota) -> QuotaExceeded | None:
    """The quota that leaves nothing any more; 0 is no limit."""
    for quota, scope, limit, so_far in (
        ("jobs", "person", most.person_jobs, used.person_jobs),
        ("jobs", "chat", most.chat_jobs, used.chat_jobs),
        ("seconds", "person", most.person_seconds, used.person_seconds),
        ("seconds", "chat", most.chat_seconds, used.chat_seconds),
    ):
        if limit and so_far >= limit:
            return QuotaExceeded(quota, scope, limit, so_far)
    return None
