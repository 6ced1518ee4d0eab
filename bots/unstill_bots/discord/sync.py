"""The commands, as Discord is told of them."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import discord
import structlog
from discord import app_commands
from discord.app_commands import AppCommandContext, AppInstallationType
from redis.asyncio import Redis

from unstill_bots.host.registration import register_once

log = structlog.get_logger(__name__)

REGISTERED = "unstill:discord:commands"
REFUSED = 400
"""The status of commands that the platform does not take."""
REFUSALS = (discord.DiscordException, aiohttp.ClientError)


async def payload(tree: app_commands.CommandTree[Any]) -> list[dict[str, Any]]:
    """All commands, as Discord is told of them. Raises TranslationError."""
    commands = tree.get_commands()
    if tree.translator is None:
        return [command.to_dict(tree) for command in commands]
    return [await command.get_translated_payload(tree, tree.translator) for command in commands]


def installs_of(application: discord.AppInfo | None) -> AppInstallationType:
    """Return who may install the application, as its owner has set it in the portal: a server's people for it, and
    people for themselves. Discord refuses all commands where one is for an installation that there is not.
    """
    people = application is not None and application.user_integration_config is not None
    servers = application is None or not people or application.guild_integration_config is not None
    return AppInstallationType(guild=servers, user=people)


def offer(tree: app_commands.CommandTree[Any], installs: AppInstallationType) -> None:
    """Offer the commands in servers and the bot's direct messages; between people to those who have it installed."""
    tree.allowed_installs = installs
    tree.allowed_contexts = AppCommandContext(guild=True, dm_channel=True, private_channel=installs.user)


async def register(tree: app_commands.CommandTree[Any], redis: Redis) -> bool:
    """Once for each change of them. False: it could not be done, which is logged."""

    async def wanted() -> str:
        return json.dumps([tree.client.application_id, await payload(tree)], sort_keys=True)

    async def tell() -> None:
        try:
            await tree.sync()
        except discord.HTTPException as error:
            # an application that has been changed since, or is said to be what it is not
            if error.status != REFUSED or not tree.allowed_installs.user:
                raise
            log.warning("the commands are refused for people; offering them in servers alone", error=str(error))
            offer(tree, AppInstallationType(guild=True, user=False))
            await tree.sync()

    return await register_once(redis, REGISTERED, wanted, tell, REFUSALS)


async def read_links(tree: app_commands.CommandTree[Any], links: dict[str, str]) -> bool:
    """Keep the slash commands in `links`, by name, as mentions. False: they could not be read, which is logged."""
    try:
        known = await tree.fetch_commands()
    except REFUSALS as error:
        log.warning("the commands could not be read", error=str(error))
        return False
    links.update({each.name: each.mention for each in known if each.type is discord.AppCommandType.chat_input})
    return True
