"""The first answer to an interaction: within three seconds, or the person reads that the application is dead."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

import aiohttp
import discord
import structlog

T = TypeVar("T")

ANSWER_WITHIN = 2.0
"""Seconds that whatever the answer needs may take; what is left of the three belongs to the network."""

log = structlog.get_logger(__name__)


async def quickly(work: Awaitable[T], within: float = ANSWER_WITHIN) -> T:
    """What it returns, if it does within so many seconds. Raises TimeoutError.

    It is cancelled then, but not waited for: what is lost in a connection may take its time to hear of that.
    """
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait((task,), timeout=within)
    if not done:
        task.cancel()
        raise TimeoutError
    return task.result()


async def answer(
    interaction: discord.Interaction,
    text: str,
    *,
    view: discord.ui.View | None = None,
    embed: discord.Embed | None = None,
) -> bool:
    """Tell the person alone, by the first answer or after it. False: it did not arrive; that is logged."""
    more: dict[str, Any] = {}
    if view is not None:
        more["view"] = view
    if embed is not None:
        more["embed"] = embed
    nobody = discord.AllowedMentions.none()
    try:
        if interaction.response.is_done():
            await interaction.followup.send(text, ephemeral=True, allowed_mentions=nobody, **more)
        else:
            await interaction.response.send_message(text, ephemeral=True, allowed_mentions=nobody, **more)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        log.info("an interaction could not be answered", error=str(error))
        return False
    return True
