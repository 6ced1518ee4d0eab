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
from unstill_bots.discord.connection import CDN_HOSTS, Bot, is_invalid, open_bot, place_of
from unstill_bots.discord.context import Context
from unstill_bots.discord.intake import Intake
from unstill_bots.discord.memory import Memory
from unstill_bots.discord.mentions import Mentions
from unstill_bots.discord.pending import PLATFORM
from unstill_bots.discord.send_limit import SendLimit
from unstill_bots.discord.tree import Tree
from unstill_bots.host import reachability
from unstill_bots.host.assembly import ways_of
from unstill_bots.host.breaker import Breaker
from unstill_bots.host.frontend import Services, TokenRejected
from unstill_bots.host.lifecycle import FILING, LONGEST_PAUSE, PAUSE, hand_back, reach, rest
from unstill_bots.intake.fetching import Fetcher
from unstill_bots.intake.rules import ChatRules
from unstill_bots.text.server_replies import ServerReplies
from unstill_config.errors import ConfigError
from unstill_config.platforms import Discord

log = structlog.get_logger(__name__)

UNREACHABLE = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)
NOT_TAKEN = 4004
"""The gateway's code for a token that it does not know."""
WRONG_SHARDS = (4010, 4011)
"""Its codes for a shard that there is not, and for one that would have more servers than the platform allows."""


class DiscordFrontEnd:
    """One bot. `run` returns when `stopping` is set and what was in hand is done or handed back."""

    platform = PLATFORM

    async def run(self, services: Services, stopping: asyncio.Event) -> None:
        """Raises TokenRejected, and ConfigError where an intent is not granted."""
        login = partial(_introduce, services.settings.discord, Breaker(is_invalid, place_of), stopping)
        pause = PAUSE
        while (bot := await reach(PLATFORM, login, UNREACHABLE, stopping)) is not None:
            try:
                await self._serve(bot, services, stopping)
                return
            except discord.PrivilegedIntentsRequired as error:
                raise ConfigError(
                    "UNSTILL_DISCORD__MESSAGE_CONTENT is set, and the application lacks that intent. Switch it on in "
                    "the developer portal, or the setting off."
                ) from error
            except discord.ConnectionClosed as error:
                if error.code == NOT_TAKEN:
                    raise TokenRejected(PLATFORM) from error
                if error.code not in WRONG_SHARDS:
                    raise
                log.warning("the shards do not fit the bot's servers any more", shards=bot.shard_count, again_in=pause)
            finally:
                await bot.close()
            await rest(stopping, pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _serve(self, bot: Bot, services: Services, stopping: asyncio.Event) -> None:
        client, settings, catalog = services.client, services.settings, services.catalog
        preferences, send_limit = PreferenceStore(client.redis), SendLimit()
        fetcher = Fetcher(settings.discord.cdn_hosts, catalog.platforms[PLATFORM].download_limit, own=CDN_HOSTS)
        chat = DiscordChat(bot, fetcher, send_limit, catalog)
        pipeline, courier = ways_of(chat, chat.tell, services, ChatRules(preferences, ServerReplies))
        context = Context(bot, chat, pipeline, Memory(client.redis, client.ledger.names))
        mentions = Mentions(context)
        tree = Tree(context, Intake(context))
        bot.on_message, bot.on_shard_ready, bot.on_guild_remove = mentions.came, mentions.catch_up, context.leave
        bot.on_raw_message_edit = mentions.edited
        bot.on_guild_join = bot.on_guild_available = context.back
        reachability.ask(PLATFORM, lambda: any(shard.is_closed() for shard in bot.shards.values()))
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
            # what is left where the connection ended by itself comes back through the ledger
            await context.drain(0)
            await fetcher.close()

    async def _stop_listening(self, bot: Bot, gateway: asyncio.Task[None]) -> None:
        """No more events; the answers to those that came can still go out."""
        gateway.cancel()
        await asyncio.gather(gateway, return_exceptions=True)
        for shard in bot.shards.values():
            with contextlib.suppress(Exception):
                await shard.disconnect()
        # handlers that have begun write down what they were given
        await asyncio.sleep(FILING)


async def _introduce(settings: Discord, breaker: Breaker, stopping: asyncio.Event) -> Bot:
    """Log in, and wait where few sessions are left to be started. Raises TokenRejected, and what UNREACHABLE names."""
    if settings.token is None:
        raise TokenRejected(PLATFORM)
    bot = open_bot(settings, breaker)
    try:
        await bot.login(settings.token.get_secret_value())
        pause = await bot.advised()
    except discord.LoginFailure as error:
        await bot.close()
        raise TokenRejected(PLATFORM) from error
    except UNREACHABLE:
        await bot.close()
        raise
    if pause:
        log.warning("few sessions may be started today; waiting so that they last", seconds=round(pause))
        await rest(stopping, pause)
    log.info("serving Discord", bot=str(bot.user), shards=bot.shard_count)
    return bot
