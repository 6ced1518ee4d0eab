"""The commands, as Discord is told of them."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import discord
from discord import app_commands
from redis.asyncio import Redis

from unstill_bots.host.registration import register_once

REGISTERED = "unstill:discord:commands"


async def payload(tree: app_commands.CommandTree[Any]) -> list[dict[str, Any]]:
    """All commands, as Discord is told of them. Raises TranslationError."""
    commands = tree.get_commands()
    if tree.translator is None:
        return [command.to_dict(tree) for command in commands]
    return [await command.get_translated_payload(tree, tree.translator) for command in commands]


async def register(tree: app_commands.CommandTree[Any], redis: Redis) -> bool:
    """Once for each change of them. False: it could not be done, which is logged."""

    async def wanted() -> str:
        return json.dumps([tree.client.application_id, await payload(tree)], sort_keys=True)

    refusals = (discord.DiscordException, aiohttp.ClientError)
    return await register_once(redis, REGISTERED, wanted, tree.sync, refusals)
