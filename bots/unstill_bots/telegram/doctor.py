"""What Telegram says of the bot, for `unstill doctor`."""

from __future__ import annotations

import asyncio
import contextlib

from telegram.error import InvalidToken, TelegramError

from unstill_bots.host.findings import Finding
from unstill_bots.telegram.api import open_bot
from unstill_bots.telegram.pending import PLATFORM
from unstill_bots.text.replies import Replies
from unstill_config.settings import Settings

ANSWER_WITHIN = 10.0


async def examine(settings: Settings, replies: Replies) -> Finding:
    """Ask Telegram who the bot is, and what of a group it is shown. Raises nothing."""
    text, bot = replies.gettext, open_bot(settings.telegram)
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            await bot.initialize()
        name = bot.username
        if bot.bot.can_read_all_group_messages:
            return Finding(PLATFORM, True, text("@{name}, which is shown all that is said in its groups", name=name))
        shown = text(
            "@{name}, which is shown only commands and replies in groups. To show it more, send /setprivacy to "
            "@BotFather, and add the bot to its groups again",
            name=name,
        )
        return Finding(PLATFORM, True, shown)
    except InvalidToken:
        return Finding(PLATFORM, False, text("the token is not taken"), text("Get a valid one from @BotFather."))
    except (TelegramError, TimeoutError):
        mend = text("Check the network, and UNSTILL_TELEGRAM__API_URL if you have set it.")
        return Finding(PLATFORM, False, text("Telegram cannot be reached"), mend)
    finally:
        with contextlib.suppress(TelegramError, RuntimeError):
            await bot.shutdown()
