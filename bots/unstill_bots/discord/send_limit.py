"""A call into a channel: when there is room in it, and with Discord's refusal as what it means."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import aiohttp
import discord

from unstill_bots.delivery.chat import ChatGone, ChatRefused
from unstill_bots.delivery.message import Urgency
from unstill_bots.delivery.room_limit import RoomLimit
from unstill_bots.discord.errors import PermissionMissing, chat_error

T = TypeVar("T")

AT_ONCE = 2
"""Calls into one channel; discord.py lets them wait for the channel's rate limit, and the others must not with them."""
CLOSED_SECONDS, REFUSALS = 60.0, 3
CALL_WITHIN = 180.0
"""Seconds, an upload and discord.py's own retries included."""
WAITS = {
    Urgency.ANSWER: 4.0,
    Urgency.REFUSAL: 4.0,
    Urgency.NOTE: 10.0,
    Urgency.TALK: 30.0,
    Urgency.CALL: 3.0,
    Urgency.PLACE: 0.05,
    Urgency.PROGRESS: 0.05,
}


class SendLimit(RoomLimit):
    """The limit of one bot's calls."""

    def __init__(self, closed_seconds: float = CLOSED_SECONDS) -> None:
        super().__init__(AT_ONCE, WAITS, closed_seconds, REFUSALS)

    async def do(self, channel: str, urgency: Urgency, call: Callable[[], Awaitable[T]]) -> T:
        """`call`, when it is its turn. Raises ChatError, and Dropped for progress and calls."""
        async with self.room(channel, urgency):
            try:
                async with asyncio.timeout(CALL_WITHIN):
                    done = await call()
                self.opened(channel)
                return done
            except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
                meant = chat_error(error)
                unforeseen = isinstance(meant, ChatRefused) and isinstance(error, discord.Forbidden)
                if unforeseen or (isinstance(meant, ChatGone) and not isinstance(meant, PermissionMissing)):
                    self.close(channel)
                raise meant from error
