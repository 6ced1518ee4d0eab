"""Inline mode: one's own finished clips, to be shared in any chat without an upload."""

from __future__ import annotations

import hashlib

import structlog
from telegram import InlineQuery, InlineQueryResultCachedMpeg4Gif, InlineQueryResultCachedVideo
from telegram.error import TelegramError

from unstill_bots.actions.preferences import language_of
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.message_ref import ClipRef
from unstill_bots.telegram.pending import PLATFORM
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.jobs import Succeeded
from unstill_queue.ledger.ledger import Record

PAGE = 20
CACHE_SECONDS = 5

log = structlog.get_logger(__name__)


class Inline:
    """`@bot` in any chat; words filter."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def answer(self, query: InlineQuery) -> None:
        """The newest first, a page at a time."""
        start = int(query.offset) if query.offset.isdecimal() else 0
        own = await self._context.preferences.get(f"{PLATFORM}:{query.from_user.id}")
        # the chat that it is asked in is not told
        language = language_of(own, own, query.from_user.language_code, self._context.settings.bots.language)
        replies = ChatReplies(language)
        clips = await self._clips(str(query.from_user.id), query.query)
        page = clips[start : start + PAGE]
        results = [_result(record, outcome, receipt, replies) for record, outcome, receipt in page]
        following = str(start + PAGE) if len(clips) > start + PAGE else ""
        try:
            await self._context.bot.answer_inline_query(
                query.id, results, cache_time=CACHE_SECONDS, is_personal=True, next_offset=following
            )
        except TelegramError as error:
            log.info("an inline query could not be answered", error=str(error))

    async def _clips(self, user: str, words: str) -> list[tuple[Record, Succeeded, ClipRef]]:
        wanted = words.casefold().split()
        found = []
        for id in await self._context.client.ledger.ids_of(f"{PLATFORM}:{user}"):
            record = await self._context.client.ledger.find(id)
            receipt = ClipRef.of(record.receipt) if record else None
            if record is not None and receipt is not None and isinstance(record.outcome, Succeeded):
                prompt = record.outcome.parameters.prompt.casefold()
                if all(word in prompt for word in wanted):
                    found.append((record, record.outcome, receipt))
        return found


def _result(
    record: Record, outcome: Succeeded, receipt: ClipRef, replies: ChatReplies
) -> InlineQueryResultCachedMpeg4Gif | InlineQueryResultCachedVideo:
    # at most 64 bytes, which a job's id with a long chat's number may pass
    id = hashlib.sha256(record.id.encode()).hexdigest()[:32]
    title = replies.share_title(outcome.parameters.prompt, outcome.parameters.seed)
    caption = replies.done(outcome)
    if receipt.kind == "animation":
        return InlineQueryResultCachedMpeg4Gif(id, receipt.file, title=title, caption=caption)
    return InlineQueryResultCachedVideo(id, receipt.file, title=title, caption=caption)
