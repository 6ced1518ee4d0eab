"""What every interaction gets, whatever happens: an answer within three seconds, and one place for what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import discord
import structlog
from discord import InteractionResponseType, app_commands
from redis.exceptions import RedisError

from unstill_bots.discord.context import Context
from unstill_bots.discord.pending import PLATFORM
from unstill_bots.host.background import quickly
from unstill_bots.text.pages import Answer, drawn
from unstill_bots.text.server_replies import ServerReplies
from unstill_bots.text.splitting import split
from unstill_queue.contract.errors import QueueError
from unstill_queue.contract.jobs import Failed

log = structlog.get_logger(__name__)

Interaction = discord.Interaction[Any]

LANGUAGE_WITHIN = 0.3
THINK_AFTER = 1.5
PATIENCE = 6.0
"""Seconds: to look up the person's language, until "is thinking" is shown, and how long most work then may take."""


async def replies_for(context: Context, interaction: Interaction) -> ServerReplies:
    """In the person's language; in that of their app where it cannot be looked up at once."""
    try:
        guild = discord.Object(interaction.guild_id) if interaction.guild_id else None
        looking = context.in_force(interaction.user, guild, interaction.channel_id)
        return ServerReplies(context.language(await quickly(looking, LANGUAGE_WITHIN), interaction.locale))
    except (RedisError, QueueError, OSError):
        return ServerReplies(str(interaction.locale))


async def tell(
    context: Context, interaction: Interaction, work: Coroutine[Any, Any, Answer], patience: float = PATIENCE
) -> None:
    """Tell the person alone what `work` returns. After `patience` seconds it is given up.

    Raises what `work` raises, and TimeoutError.
    """
    task = asyncio.create_task(work)
    try:
        done, _ = await asyncio.wait((task,), timeout=THINK_AFTER)
        if not done:
            await interaction.response.defer(ephemeral=True, thinking=True)
            async with asyncio.timeout(patience):
                await asyncio.wait((task,))
        await say(context, interaction, task.result())
    finally:
        task.cancel()


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


async def say(context: Context, interaction: Interaction, text: Answer) -> None:
    """To the person alone, in as many messages as it takes; what they wrote themselves pings and formats nothing."""
    first, *others = split(drawn(text, context.chat.marks), context.catalog.platforms[PLATFORM].text_length)
    if interaction.response.type is InteractionResponseType.deferred_channel_message:
        await interaction.edit_original_response(content=first, allowed_mentions=discord.AllowedMentions.none())
    else:
        await answer(interaction, first)
    for part in others:
        await answer(interaction, part)


async def failed(context: Context, interaction: Interaction, error: BaseException) -> None:
    """One sentence for the person, and the log. Raises nothing."""
    error = error.original if isinstance(error, app_commands.CommandInvokeError) else error
    replies = ServerReplies(str(interaction.locale))
    match error:
        case app_commands.CommandNotFound() | app_commands.CommandSignatureMismatch():
            log.warning("a command is not known as it was used", error=str(error))
            text = replies.changed()
        case RedisError() | QueueError() | OSError():
            log.warning("an interaction could not be handled", error=repr(error))
            text = replies.unreachable()
        case discord.DiscordException() | aiohttp.ClientError():
            # Discord itself refused an answer: most likely the next one, too
            log.warning("an interaction could not be answered", error=str(error))
            text = replies.failed(Failed("unknown", ""))
        case _:
            log.error("an interaction failed in an unforeseen way", exc_info=error)
            text = replies.failed(Failed("unknown", ""))
    try:
        await say(context, interaction, text)
    except (discord.DiscordException, aiohttp.ClientError, OSError) as refused:
        log.info("nor could that be said", error=str(refused))


async def guarded(context: Context, interaction: Interaction, work: Coroutine[Any, Any, None]) -> None:
    """For what discord.py would only log: presses and forms."""
    try:
        await work
    except Exception as error:  # whatever it was, the person is told
        await failed(context, interaction, error)


def items_by_custom_id(
    context: Context, template: str, used: Callable[[Interaction, str], Coroutine[Any, Any, None]]
) -> type[discord.ui.DynamicItem[Any]]:
    """Make the class to which discord.py hands each use of a button or menu whose custom id fits `template`: it calls
    `used` with the interaction and that id. The item may be of any message, and from before any restart.
    """

    class Item(discord.ui.DynamicItem[discord.ui.Item[Any]], template=template):
        @classmethod
        async def from_custom_id(cls, interaction: Interaction, item: Any, match: Any, /) -> Any:
            return cls(item)

        async def callback(self, interaction: Interaction) -> None:
            await guarded(context, interaction, used(interaction, self.custom_id))

    return Item
