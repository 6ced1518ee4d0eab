"""The connection to Discord."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import urlsplit

import discord
import yarl
from discord.asset import Asset
from discord.gateway import DiscordWebSocket
from discord.http import Route

from unstill_bots.host.breaker import Breaker
from unstill_config.platforms import Discord

WAIT_MOST = 30.0
"""Seconds that discord.py may wait for a rate limit; what would take longer goes back to the ledger."""
OWN_API = "https://discord.com/api/v10"
CDN_HOSTS = frozenset(
    {"cdn.discordapp.com", "media.discordapp.net", "images-ext-1.discordapp.net", "images-ext-2.discordapp.net"}
)

INVALID = (401, 403, 429)
"""Statuses of invalid requests, of which Discord takes 10,000 in ten minutes (its "Invalid Request Limit")."""


class Bot(discord.Client):
    """A client that calls what is set here: `on_message` with each message, `on_ready` whenever events may have been
    missed, `on_guild_remove` with a server that the bot was removed from.
    """

    on_message: Callable[[discord.Message], Awaitable[None]]
    on_ready: Callable[[], Awaitable[None]]
    on_guild_remove: Callable[[discord.Guild], Awaitable[None]]


def is_invalid(status: int, headers: Mapping[str, str]) -> bool:
    """Tell whether Discord counts a request as invalid: not a 429 of a limit that others share."""
    return status in INVALID and not (status == 429 and headers.get("X-RateLimit-Scope") == "shared")


def open_bot(settings: Discord, breaker: Breaker) -> Bot:
    """Not connected yet: nothing is sent."""
    Route.BASE = settings.api_url
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(settings.gateway_url)
    if settings.api_url != OWN_API and settings.cdn_hosts:
        # stickers and avatars are named by paths alone; another server's lie with its attachments
        Asset.BASE = f"{urlsplit(settings.api_url).scheme}://{settings.cdn_hosts[0]}"
    # nobody here misses it
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    intents = discord.Intents.none()
    intents.guilds = intents.guild_messages = intents.dm_messages = True
    intents.message_content = settings.message_content
    return Bot(
        intents=intents,
        allowed_mentions=discord.AllowedMentions.none(),
        max_messages=None,
        member_cache_flags=discord.MemberCacheFlags.none(),
        chunk_guilds_at_startup=False,
        max_ratelimit_timeout=WAIT_MOST,
        http_trace=breaker.trace(),
    )
