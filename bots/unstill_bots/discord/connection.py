"""The connection to Discord."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import discord
import yarl
from discord.asset import Asset
from discord.gateway import DiscordWebSocket, KeepAliveHandler
from discord.http import Route

from unstill_bots.host.breaker import Breaker
from unstill_config.platforms import Discord

if TYPE_CHECKING:
    from discord.types.gateway import SessionStartLimit

WAIT_MOST = 30.0
"""Seconds that discord.py may wait for a rate limit; what would take longer goes back to the ledger."""
OWN_API = "https://discord.com/api/v10"
CDN_HOSTS = frozenset(
    {"cdn.discordapp.com", "media.discordapp.net", "images-ext-1.discordapp.net", "images-ext-2.discordapp.net"}
)

INVALID = (401, 403, 429)
"""Statuses of invalid requests, of which Discord takes 10,000 in ten minutes (its "Invalid Request Limit")."""
IDENTIFY_EVERY = 5.0
"""Seconds between two shards that identify, of those whose numbers have the same remainder by `max_concurrency`."""

HEARTBEAT_ENDS = 2.0
"""Seconds to wait for a heartbeat that is being sent."""


class Bot(discord.AutoShardedClient):
    """A client that calls what is set here: `on_message` with each message, `on_raw_message_edit` with each change of
    one, `on_shard_ready` with a shard's number whenever its events may have been missed, `on_guild_remove` with a
    server that the bot was removed from, `on_guild_join` and `on_guild_available` with one that it is in again.

    It takes as many shards as the gateway advises. No session is started that would use up those of a day, as the
    platform then takes the token away.
    """

    on_message: Callable[[discord.Message], Awaitable[None]]
    on_raw_message_edit: Callable[[discord.RawMessageUpdateEvent], Awaitable[None]]
    on_shard_ready: Callable[[int], Awaitable[None]]
    on_guild_remove: Callable[[discord.Guild], Awaitable[None]]
    on_guild_join: Callable[[discord.Guild], Awaitable[None]]
    on_guild_available: Callable[[discord.Guild], Awaitable[None]]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._identified: dict[int, float] = {}

    async def close(self) -> None:
        """Close all connections, and wait for the threads of their heartbeats, which else meet a closed loop."""
        await super().close()
        for thread in threading.enumerate():
            if isinstance(thread, KeepAliveHandler) and thread.ws.loop is self.loop and not thread.ws.open:
                await asyncio.to_thread(thread.join, HEARTBEAT_ENDS)

    async def advised(self) -> float:
        """Take the gateway's advice on shards. Returns the seconds to wait before they are started.

        Raises GatewayNotFound.
        """
        self.shard_count, _, limit = await self.http.get_bot_gateway()
        return pause_between(limit, self.shard_count)

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait for a shard's turn. Raises OSError where it is to come again later, as discord.py then does."""
        shard, known, now = shard_id or 0, self._identified, time.monotonic()
        _, _, limit = await self.http.get_bot_gateway()
        same = [at for other, at in known.items() if (other - shard) % limit["max_concurrency"] == 0]
        turn = max(same, default=now - IDENTIFY_EVERY) + IDENTIFY_EVERY
        if shard in known:
            turn = max(turn, known[shard] + pause_between(limit, self.shard_count or 1))
        if turn - now > WAIT_MOST:
            raise OSError(f"few sessions may be started today, this shard's next one in {turn - now:.0f} s")
        await asyncio.sleep(turn - now)
        known[shard] = time.monotonic()


def pause_between(limit: SessionStartLimit, shards: int) -> float:
    """Return the seconds between two starts of the same session, so that what is left lasts until there are more.

    0 while more than half of the day's are left.
    """
    remaining = limit["remaining"]
    if remaining > limit["total"] / 2:
        return 0.0
    return limit["reset_after"] / 1000 / max(1, remaining // shards)


def is_invalid(status: int, headers: Mapping[str, str]) -> bool:
    """Tell whether Discord counts a request as invalid: not a 429 of a limit that others share."""
    return status in INVALID and not (status == 429 and headers.get("X-RateLimit-Scope") == "shared")


def place_of(url: yarl.URL) -> str:
    """Name the channel that a request is for. What goes by an interaction's token is for none."""
    kind, _, rest = url.path.removeprefix(yarl.URL(Route.BASE).path).strip("/").partition("/")
    return f"{kind}/{rest.partition('/')[0]}" if kind == "channels" else ""


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
