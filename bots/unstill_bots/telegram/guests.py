"""The messages in chats that the bot is not in, which show how requests from there ended.

Such a message takes only files that were sent before, so the clip is shown in the person's own chat with the bot first,
and here by the same file.
"""

from __future__ import annotations

import structlog
from telegram import Bot, InlineQueryResultArticle, InputTextMessageContent
from telegram.error import TelegramError

from unstill_bots.delivery.message import Message
from unstill_bots.telegram.clip import media
from unstill_bots.telegram.errors import is_media_already, is_unchanged
from unstill_bots.telegram.memory import Memory
from unstill_bots.telegram.message_ref import ClipRef
from unstill_bots.telegram.pending import GUEST
from unstill_queue.contract.jobs import ReplyAddress

log = structlog.get_logger(__name__)


class Guests:
    """Writes and edits those messages. What cannot be shown there is logged: it stands in the person's own chat."""

    def __init__(self, bot: Bot, memory: Memory) -> None:
        self._bot = bot
        self._memory = memory

    async def answer(self, query: str, text: str, job: str = "") -> None:
        """Answer a message there, once and for `job`, whose end is shown there too."""
        article = InlineQueryResultArticle(query[-64:], text[:100], InputTextMessageContent(text))
        try:
            sent = await self._bot.answer_guest_query(query, article)
        except TelegramError as error:
            log.info("a guest query could not be answered", error=str(error))
            return
        if job:
            await self._memory.put_guest(job, sent.inline_message_id)

    async def show(self, to: ReplyAddress, message: Message, ref: str) -> None:
        """Show what the message at `ref` shows in the end, where its request came from such a chat."""
        if GUEST not in to.extra or message.phase.under_way:
            return
        there, clip = await self._memory.guest(message.job), ClipRef.of(ref)
        if there is None:
            return
        try:
            if message.clip is not None and clip is not None:
                shown = media(clip.file, clip.kind, message.clip, message.text, None)
                await self._bot.edit_message_media(shown, inline_message_id=there)
            else:
                await self._bot.edit_message_text(message.text.plain(), inline_message_id=there)
        except TelegramError as error:
            if not (is_unchanged(error) or is_media_already(error)):
                log.info("a guest message could not be edited", job=message.job, error=str(error))
