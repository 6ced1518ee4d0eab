"""The first answer to an interaction: within three seconds, or the person reads that the application is dead."""

from __future__ import annotations

from typing import Any

import aiohttp
import discord
import structlog

log = structlog.get_logger(__name__)


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
