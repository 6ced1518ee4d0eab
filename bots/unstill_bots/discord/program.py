"""The parts of the Discord front end, put together and run until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

import aiohttp
import discord
import structlog

from unstill_bots.actions.preferences import PreferenceStore
from unstill_bots.discord.chat import DiscordChat
from unstill_bots.discord.connection import CDN_HOSTS, Bot, is_invalid, open_bot
from unstill_bots.discord.context import Context
from unstill_bots.discord.intake import Intake
from unstill_bots.discord.memory import Memory
from unstill_bots.discord.mentions import Mentions
from unstill_bots.discord.pending import PLATFORM
from unstill_bots.discord.send_limit import SendLimit
from unstill_bots.discord.tree import Tree
from unstill_bots.host.assembly import ways_of
from unstill_bots.host.breaker import Breaker
from unstill_bots.host.frontend import Services, TokenRejected
from unstill_bots.host.lifecycle import FILING, hand_back, reach
from unstill_bots.intake.fetching import Fetcher
from unstill_bots.intake.rules import ChatRules
from unstill_bots.text.server_replies import ServerReplies
from unstill_config.errors import ConfigError
from unstill_config.platforms import Discord

log = structlog.get_logger(__name__)

UNREACHABLE = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)
NOT_TAKEN = 4004
"""The gateway's code for a token that it does not know."""


class DiscordFrontEnd:
    """One bot. `run` returns when `stopping` is set and what was in hand is done or handed back."""

    platform = PLATFORM

    async def run(self, services: Services, stopping: asyncio.Event) -> None:
        """Raises TokenRejected, and ConfigError where an intent is not granted."""
        login = partial(_introduce, services.settings.discord, Breaker(is_invalid))
        bot = await reach(PLATFORM, login, UNREACHABLE, stopping)
        if bot is None:
            return
        try:
            await self._serve(bot, services, stopping)
        except discord.PrivilegedIntentsRequired as error:
            raise ConfigError(
                "UNSTILL_DISCORD__MESSAGE_CONTENT is set, and the application lacks that intent. Switch it on in the "
                "developer portal, or the setting off."
            ) from error
        except discord.ConnectionClosed as error:
            if error.code == NOT_TAKEN:
                raise TokenRejected(PLATFORM) from error
            raise
        finally:
            await bot.close()

    async def _serve(self, bot: Bot, services: Services, stopping: asyncio.Event) -> None:
        client, settings, catalog = services.client, services.settings, services.catalog
        preferences, send_limit = PreferenceStore(client.redis), SendLimit()
        fetcher = Fetcher(settings.discord.cdn_hosts, catalog.platforms[PLATFORM].download_limit, own=CDN_HOSTS)
        chat = DiscordChat(bot, fetcher, send_limit, catalog)
        pipeline, courier = ways_of(chat, chat.tell, services, ChatRules(preferences, ServerReplies))
        context = Context(bot, chat, pipeline, Memory(client.redis, client.ledger.names))
        mentions = Mentions(context)
        tree = Tree(context, Intake(context))
        bot.on_message, bot.on_ready, bot.on_guild_remove = mentions.came, mentions.catch_up, context.leave
        commands = asyncio.create_task(tree.register())
        delivering = asyncio.create_task(courier.run())
        gateway = asyncio.create_task(bot.connect(reconnect=True))
        stop = asyncio.create_task(stopping.wait())
        try:
            await asyncio.wait((stop, gateway, delivering), return_when=asyncio.FIRST_COMPLETED)
            for ended in (gateway, delivering):
                if ended.done():
                    ended.result()
            await self._stop_listening(bot, gateway)
            await hand_back(context, send_limit)
        finally:
            tasks = (delivering, gateway, stop, commands)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await fetcher.close()

    async def _stop_listening(self, bot: Bot, gateway: asyncio.Task[None]) -> None:
        """No more events; the answers to those that came can still go out."""
        gateway.cancel()
        await asyncio.gather(gateway, return_exceptions=True)
        if bot.ws is not None:
            with contextlib.suppress(Exception):
                await bot.ws.close(code=1000)
        # handlers that have begun write down what they were given
        await asyncio.sleep(FILING)


async def _introduce(settings: Discord, breaker: Breaker) -> Bot:
    """Log in. Raises TokenRejected, and what UNREACHABLE names."""
    if settings.token is None:
        raise TokenRejected(PLATFORM)
    bot = open_bot(settings, breaker)
    try:
        await bot.login(settings.token.get_secret_value())
    except discord.LoginFailure as error:
        await bot.close()
        raise TokenRejected(PLATFORM) from error
    except UNREACHABLE:
        await bot.close()
        raise
    log.info("serving Discord", bot=str(bot.user))
    return bot
