"""Telling Discord of the commands, when there is something new to tell."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import Any

import aiohttp
import discord
import structlog
from discord import app_commands
from redis.asyncio import Redis
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

REGISTERED = "unstill:discord:commands"
PAUSE, LONGEST_PAUSE = 10.0, 900.0


async def payload(tree: app_commands.CommandTree[Any]) -> list[dict[str, Any]]:
    """All commands, as Discord is told of them. Raises TranslationError."""
    commands = tree.get_commands()
    if tree.translator is None:
        return [command.to_dict(tree) for command in commands]
    return [await command.get_translated_payload(tree, tree.translator) for command in commands]


async def keep_registered(tree: app_commands.CommandTree[Any], redis: Redis, *, pause: float = PAUSE) -> None:
    """Until it is done; `pause` is the seconds before the second try, and grows. Raises nothing."""
    while not await register(tree, redis):
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


async def register(tree: app_commands.CommandTree[Any], redis: Redis) -> bool:
    """Once for each change of them. False: it could not be done, which is logged."""
    try:
        application = tree.client.application_id
        text = json.dumps([application, await payload(tree)], sort_keys=True)
        digest = hashlib.sha256(text.encode()).digest()
        if await redis.get(REGISTERED) != digest:
            await tree.sync()
            await redis.set(REGISTERED, digest)
            log.info("the commands are registered")
    except (discord.DiscordException, aiohttp.ClientError, RedisError, OSError) as error:
        log.warning("the commands could not be registered", error=str(error))
        return False
    return True
