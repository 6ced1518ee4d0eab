"""Inline mode: one's own finished clips, to be shared in any chat without an upload."""

from __future__ import annotations

import hashlib

import structlog
from telegram import InlineQuery, InlineQueryResultCachedMpeg4Gif, InlineQueryResultCachedVideo
from telegram.error import TelegramError

from unstill_bots.actions.preferences import language_of
from unstill_bots.actions.user_jobs import UserJobs
from unstill_bots.telegram.clip import caption
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
        self._own = UserJobs(context.pipeline)

    async def answer(self, query: InlineQuery) -> None:
        """The newest first, a page at a time."""
        start = int(query.offset) if query.offset.isdecimal() else 0
        own = await self._context.preferences.get(f"{PLATFORM}:{query.from_user.id}")
        # the chat that it is asked in is not told
        language = language_of(own, own, query.from_user.language_code, self._context.settings.bots.language)
        replies = ChatReplies(language)
        clips = await self._own.clips(f"{PLATFORM}:{query.from_user.id}", query.query)
        shown = [(record, made, receipt) for record, made in clips if (receipt := ClipRef.of(record.receipt))]
        results = [_result(*one, replies) for one in shown[start : start + PAGE]]
        following = str(start + PAGE) if len(shown) > start + PAGE else ""
        try:
            await self._context.bot.answer_inline_query(
                query.id, results, cache_time=CACHE_SECONDS, is_personal=True, next_offset=following
            )
        except TelegramError as error:
            log.info("an inline query could not be answered", error=str(error))


def _result(
    record: Record, outcome: Succeeded, receipt: ClipRef, replies: ChatReplies
) -> InlineQueryResultCachedMpeg4Gif | InlineQueryResultCachedVideo:
    # at most 64 bytes, which a job's id with a long chat's number may pass
    id = hashlib.sha256(record.id.encode()).hexdigest()[:32]
    title = replies.share_title(outcome.parameters.prompt, outcome.parameters.seed)
    words, marked = caption(replies.clip_text(outcome))
    if receipt.kind == "animation":
        return InlineQueryResultCachedMpeg4Gif(id, receipt.file, title, words, caption_entities=marked)
    return InlineQueryResultCachedVideo(id, receipt.file, title, caption=words, caption_entities=marked)
