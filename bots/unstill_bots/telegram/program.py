"""The parts of the Telegram front end, put together and run until told to stop."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial

import structlog
from telegram import Bot, Update, User
from telegram.error import InvalidToken, TelegramError

from unstill_bots.actions.preferences import PreferenceStore
from unstill_bots.host.assembly import ways_of
from unstill_bots.host.frontend import Services, TokenRejected
from unstill_bots.host.lifecycle import first_error, hand_back, reach
from unstill_bots.host.polling import Polling
from unstill_bots.host.registration import keep_registered
from unstill_bots.host.webhook import Webhook
from unstill_bots.intake.albums import Albums
from unstill_bots.intake.rules import ChatRules
from unstill_bots.telegram import menu, profile
from unstill_bots.telegram.api import open_bot
from unstill_bots.telegram.chat import TelegramChat
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.members import Members
from unstill_bots.telegram.memory import Memory
from unstill_bots.telegram.pending import PLATFORM
from unstill_bots.telegram.polling import Updates
from unstill_bots.telegram.router import Router
from unstill_bots.telegram.send_limit import SendLimit
from unstill_bots.telegram.webhook import Hook
from unstill_bots.text.chat_replies import ChatReplies

log = structlog.get_logger(__name__)


class TelegramFrontEnd:
    """One bot. `run` returns when `stopping` is set and what was in hand is done or handed back."""

    platform = PLATFORM

    async def run(self, services: Services, stopping: asyncio.Event) -> None:
        """Raises TokenRejected, and OSError where the webhook's port cannot be had."""
        bot = open_bot(services.settings.telegram)
        try:
            me = await reach(PLATFORM, partial(_introduce, bot), (TelegramError,), stopping)
            if me is not None:
                await self._serve(bot, me, services, stopping)
        except ExceptionGroup as group:
            first = first_error(group)
            if isinstance(first, InvalidToken):
                raise TokenRejected(PLATFORM) from first
            raise first from None
        finally:
            with contextlib.suppress(TelegramError, RuntimeError):
                await bot.shutdown()

    async def _serve(self, bot: Bot, me: User, services: Services, stopping: asyncio.Event) -> None:
        client, settings = services.client, services.settings
        memory = Memory(client.redis, client.ledger.names)
        preferences, send_limit = PreferenceStore(client.redis), SendLimit()
        chat = TelegramChat(bot, services.storage, services.catalog, memory, send_limit, preferences)
        members = Members(bot, memory)
        pipeline, courier = ways_of(chat, chat.tell, services, ChatRules(preferences, ChatReplies, members))
        context = Context(me, chat, pipeline, memory, members)
        router = Router(context)
        own = settings.telegram
        if own.webhook_url:
            hook = Hook(bot, str(own.webhook_url))
            source: Webhook[Update] | Polling[Update] = Webhook(
                hook, router.take, str(own.webhook_url), own.webhook_host, own.webhook_port
            )
        else:
            source = Polling(Updates(bot), router.take)
        async with asyncio.TaskGroup() as group:
            tell_profile = partial(profile.register, app=own.app_url, language=settings.bots.language)
            hosts = tuple(id for id in context.hosts.on(PLATFORM) if id.isdigit())
            told = (menu.register, tell_profile, partial(menu.register_hosts, hosts=hosts))
            registering = [group.create_task(keep_registered(partial(tell, bot, client.redis))) for tell in told]
            delivering = group.create_task(courier.run())
            albums = group.create_task(Albums(memory, pipeline, context.conversation).run())
            coming = group.create_task(source.run())
            stop = group.create_task(stopping.wait())
            await asyncio.wait((stop, coming), return_when=asyncio.FIRST_COMPLETED)
            source.stop()
            await asyncio.wait((coming,))
            albums.cancel()
            await hand_back(context, send_limit)
            delivering.cancel()
            stop.cancel()
            for task in registering:
                task.cancel()


async def _introduce(bot: Bot) -> User:
    """Log in, and return who the bot is. Raises TokenRejected, TelegramError."""
    try:
        await bot.initialize()
    except InvalidToken as error:
        raise TokenRejected(PLATFORM) from error
    log.info("serving Telegram", bot=bot.username)
    return bot.bot
