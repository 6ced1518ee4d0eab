"""Inline mode: one's own finished clips, to be shared in any chat without an upload."""

from __future__ import annotations

import hashlib

import structlog
from telegram import (
    InlineQuery,
    InlineQueryResultCachedMpeg4Gif,
    InlineQueryResultCachedVideo,
    InlineQueryResultsButton,
)
from telegram.error import TelegramError

from unstill_bots.actions.presses import SHARE
from unstill_bots.actions.sharing import Finished, Sharing, words_of
from unstill_bots.telegram.actors import TelegramActor
from unstill_bots.telegram.buttons import ONE_CLIP, Press
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
    """Answers queries of people who type the bot's name in any chat, and words by which they seek a clip."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sharing = Sharing(context.pipeline)

    async def answer(self, query: InlineQuery) -> None:
        """Show the newest first, a page at a time; where there are none, the way to the bot's own chat."""
        start = int(query.offset) if query.offset.isdecimal() else 0
        _, replies = await self._context.own(query.from_user)
        clips = await self._clips(query)
        shown = [(record, made, ref) for record, made in clips if (ref := ClipRef.of(record.receipt)) is not None]
        page = [one for one in shown[start : start + PAGE] if await self._sharing.is_kept(one[:2])]
        results = [_result(*one, replies) for one in page]
        following = str(start + PAGE) if len(shown) > start + PAGE else ""
        to_the_bot = InlineQueryResultsButton(replies.nothing_to_share(), start_parameter="inline")
        try:
            await self._context.bot.answer_inline_query(
                query.id,
                results,
                cache_time=CACHE_SECONDS,
                is_personal=True,
                next_offset=following,
                button=None if results or following else to_the_bot,
            )
        except TelegramError as error:
            log.info("an inline query could not be answered", error=str(error))

    async def _clips(self, query: InlineQuery) -> list[Finished]:
        """Return what is asked for: the clip whose button was pressed, or all that the words fit."""
        user = str(query.from_user.id)
        if query.query.startswith(ONE_CLIP):
            job = Press(SHARE, query.query.removeprefix(ONE_CLIP)).job
            return await self._sharing.of_press(job, TelegramActor(self._context, user, "", ""))
        return await self._sharing.of_person(f"{PLATFORM}:{user}", query.query)


def _result(
    record: Record, outcome: Succeeded, receipt: ClipRef, replies: ChatReplies
) -> InlineQueryResultCachedMpeg4Gif | InlineQueryResultCachedVideo:
    # at most 64 bytes, which a job's id with a long chat's number may pass
    id = hashlib.sha256(record.id.encode()).hexdigest()[:32]
    own = words_of(record, outcome)
    title = replies.share_title(own, outcome.parameters.seed)
    words, marked = caption(replies.clip_text(outcome, record.notes, pictures=record.request.pictures, own=own))
    if receipt.kind == "animation":
        return InlineQueryResultCachedMpeg4Gif(id, receipt.file, title, words, caption_entities=marked)
    return InlineQueryResultCachedVideo(id, receipt.file, title, caption=words, caption_entities=marked)
