"""Words that come without a picture of their own: in reply to a clip, a refusal or a photo, or before their photo.

It is decided here which of them are a wish, and for which picture. What is none is not answered.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, Generic

from msgspec.structs import replace

from unstill_bots.actions.presses import LAST_PICTURE, WORDS_ALONE, Actor
from unstill_bots.actions.variations import AGAIN, vary
from unstill_bots.delivery import presentation
from unstill_bots.delivery.message import Message
from unstill_bots.intake import captions
from unstill_bots.intake.conversation import Conversation, are_together
from unstill_bots.intake.older_picture import OlderPicture, is_deleted
from unstill_bots.intake.pending import numbered
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.intake.said import RepliedTo, Said
from unstill_bots.intake.waiting import Offer, P, WaitingPictures
from unstill_bots.intake.words_alone import TOGETHER
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.chatter import is_again, is_chatter
from unstill_bots.text.pages import Answer
from unstill_queue.contract.errors import NotTaken
from unstill_queue.contract.jobs import ReplyAddress
from unstill_queue.contract.options import EXTEND
from unstill_queue.ledger.ledger import Record

OFFERED = 600
"""Seconds after a clip or a refusal in which words may go with its picture."""
LOOKED_AT = 20
"""A person's newest requests among which the one of a message without buttons is sought."""

Show = Callable[[P, Message], Coroutine[Any, Any, str | None]]
"""Sends a message that is about no job, as a reply to a request's message. Returns its reference."""
AskAnew = Callable[[ReplyAddress, Answer, str], Coroutine[Any, Any, str | None]]
"""Asks for an answer with other words than those given. Returns the question's reference."""


class FollowUps(Generic[P]):
    """Takes words that came without a picture; `show` says that they did."""

    def __init__(
        self,
        pipeline: Pipeline,
        waiting: WaitingPictures[P],
        conversation: Conversation[P],
        show: Show[P],
    ) -> None:
        self._pipeline = pipeline
        self._waiting = waiting
        self._conversation = conversation
        self._show = show

    async def concerns(self, said: Said[P]) -> bool:
        """Return whether a message that is to the bot by its reply alone is for it: not where others asked for what it
        replies to, as that is talk about it, whatever picture it brings. Raises RedisError.
        """
        record = await self._record(said)
        return record is None or _is_own(said, record)

    async def take(self, said: Said[P]) -> None:
        """Take words for the picture that they are for, or say that there is none, or leave them. Raises RedisError."""
        pending, words, replied = said.pending, said.words, said.replied
        if not said.command and is_chatter(words):
            return
        if await self._conversation.is_shut_out(pending):
            return
        record = await self._asked_anew(said) or await self._record(said)
        own = record is not None and _is_own(said, record)
        if said.by_reply and not own:
            # only the question about a picture of theirs that waits is left
            if replied is not None and replied.note:
                await self._conversation.words_alone(pending.chat, pending.user, words)
            return
        if replied is not None and await self._in_reply(said, replied, record):
            return
        if await self._conversation.words_alone(pending.chat, pending.user, words):
            return
        if replied is not None and replied.hidden:
            self.refuse(said, pending.replies.unseen_picture())
            return
        last = await self._last(said) if said.private and words else None
        if last is not None and is_again(words):
            await self._ask(said, [replace(pending, older=OlderPicture.of(last))], last)
            return
        if last is not None and (not last.request.source or captions.asks(words, EXTEND, self._pipeline.catalog)):
            # what it is about was made of words alone, or is to go on from a clip and not from its picture
            last = None
        if words:
            await self._waiting.keep_words(pending, words)
        alone = await self._conversation.words.are_enough(words)
        if not alone or last is not None:
            self._pipeline.background.spawn(self._without_picture(said, last, alone=alone))
        elif not await self._conversation.is_refused(pending, said.in_force.chat):
            await self._conversation.words.take(pending, words, said.in_force.own)

    # -- in reply

    async def ask_anew(self, record: Record, words: str, replies: ChatReplies, ask: AskAnew) -> None:
        """Ask the person of a request for other words than `words`. Raises RedisError."""
        request = record.request
        # what was covered is not shown open
        words = "" if request.spoiler else words
        question = await ask(request.reply_to, replies.ask_anew(words), words)
        if question is not None:
            await self._waiting.reword(request.requester.user, question, record.id)
            await self._pipeline.side.refused(request.reply_to, question, request.requester.user)

    async def _asked_anew(self, said: Said[P]) -> Record | None:
        """Return the record of a request for which other words were asked of the person, by what is replied to."""
        question = said.replied.note if said.replied is not None and said.words else ""
        job = await self._waiting.reworded(said.pending.user, question) if question else None
        record = await self._known(job) if job else None
        if record is not None:
            self._conversation.take_back(question)
        return record

    async def _record(self, said: Said[P]) -> Record | None:
        """Return the record of what a message replies to: the request itself, or what shows it."""
        replied = said.replied
        if replied is None or not replied.id:
            return None
        if not replied.note:
            return await self._known(replied.id)
        for job in replied.jobs:
            if (record := await self._known(job)) is not None:
                return record
        async for record in self._newest(said.pending):
            if record.note == replied.note:
                return record
        return None

    async def _known(self, id: str) -> Record | None:
        record = await self._pipeline.record(id)
        return None if record is None or record.forgotten else record

    async def _in_reply(self, said: Said[P], replied: RepliedTo[P], record: Record | None) -> bool:
        """Take words in reply to a message, or say why not. False: that message is about no picture."""
        waiting = await self._waiting.waiting(said.pending.chat, said.pending.user)
        itself = next((one for one in waiting if one.id == replied.id), None)
        if itself is not None and said.words:
            others = [one for one in waiting if one.id != itself.id and are_together(one, itself)]
            await self._conversation.words_came([itself, *others], said.words)
            return True
        own = replied.user == said.pending.user if record is None else _is_own(said, record)
        author = "" if own else self._author(said, replied, record)
        withheld = None if own else await self._withheld(said, replied, record)
        if withheld is not None:
            self.refuse(said, withheld)
        elif replied.asks:
            asks = [await self._with_stored(ask, replied.id, n) for n, ask in enumerate(replied.asks)]
            await self._ask(said, [replace(ask, author=author) for ask in asks], record)
        elif record is not None:
            older = OlderPicture.of(record)
            if older is None:
                self.refuse(said, said.pending.replies.picture_not_kept())
            else:
                await self._ask(said, [replace(said.pending, older=older, author=author)], record)
        elif replied.unfit is not None:
            replies = said.pending.replies
            self.refuse(said, replies.picture_not_kept() if replied.note else replies.picture_error(replied.unfit))
        else:
            return False
        return True

    def _author(self, said: Said[P], replied: RepliedTo[P], record: Record | None) -> str:
        """Return whose picture it is that others asked for, or posted, as `Request.author`."""
        consent = self._pipeline.consent
        if record is None:
            return consent.author(said.pending.who, "" if replied.note else replied.user)
        return record.request.author or consent.asker(record.request.requester)

    async def _with_stored(self, ask: P, message: str, number: int) -> P:
        """Return a picture of a message with what is stored of it, where it was asked for before."""
        record = await self._known(numbered(message, number))
        return replace(ask, older=OlderPicture.of(record)) if record is not None else ask

    async def _withheld(self, said: Said[P], replied: RepliedTo[P], record: Record | None) -> str | None:
        """Return why others may not use a picture, or None: it was sent covered, or its clip was deleted."""
        if replied.covered or (record is not None and record.request.spoiler):
            return said.pending.replies.picture_is_covered()
        if record is not None and await is_deleted(self._pipeline.storage, record):
            return said.pending.replies.clip_is_gone()
        return None

    async def _ask(self, said: Said[P], asks: list[P], record: Record | None) -> None:
        """Take pictures with the words that were said, or ask for some. `record`: of an older request of them."""
        if await self._conversation.is_refused(asks[0], said.in_force.chat):
            return
        again = record if is_again(said.words) else None
        if again is not None and again.job is not None and len(asks) == 1:
            await self._again(said, asks[0], again)
        else:
            words = self._completed(said.words, record) if again is None else again.request.words
            await self._conversation.said(asks, words, said.in_force.own)

    def _completed(self, words: str, record: Record | None) -> str:
        """Return words that only set options, such as "make it 5s long", with those of the older request's clip."""
        if record is None or record.job is None:
            return words
        return captions.completed(words, record.request.words, self._pipeline.catalog, record.job.parameters.model)

    async def _again(self, said: Said[P], ask: P, record: Record) -> None:
        """Do what a press of Again does."""
        varied = await vary(record, AGAIN, ask.replies, self._pipeline, ask, press=ask.id)
        if varied.request is not None:
            self._pipeline.start(varied.request)
        elif varied.said != ask.replies.already():
            # else the same message was told of twice
            self.refuse(said, varied.said)

    # -- for no picture yet

    async def _newest(self, pending: P) -> AsyncIterator[Record]:
        """Yield the records of a person's newest requests, the newest first."""
        for id in (await self._pipeline.client.ledger.ids_of(pending.who.person))[:LOOKED_AT]:
            record = await self._known(id)
            if record is not None:
                yield record

    async def _last(self, said: Said[P]) -> Record | None:
        """Return a person's last request in a chat that ended lately, or not yet, and whose picture can be used."""
        async for record in self._newest(said.pending):
            ended = record.finished_at
            if record.request.reply_to.chat != said.pending.chat or OlderPicture.of(record) is None:
                continue
            if ended is not None and ended < time.time() - OFFERED:
                return None
            if not await is_deleted(self._pipeline.storage, record):
                return record
        return None

    async def _without_picture(self, said: Said[P], last: Record | None, *, alone: bool) -> None:
        """Say that there is no picture, unless one comes at once; offer the `last` one. `alone`: a clip can be made of
        the words alone.
        """
        pending, words = said.pending, said.words
        if words:
            await asyncio.sleep(TOGETHER)
            waiting = await self._waiting.words(pending.chat, pending.user)
            if waiting is None or waiting.id != pending.id:
                return
        replies = pending.replies
        text = replies.words_wait() if words else replies.no_picture()
        older = None if last is None else OlderPicture.of(last)
        if older is not None:
            text = replies.offer_last_picture(alone=alone)
            await self._waiting.offers.keep(
                pending.id, Offer(replace(pending, older=older), self._completed(words, last))
            )
        offered = () if older is None else (LAST_PICTURE, WORDS_ALONE) if alone else (LAST_PICTURE,)
        message = presentation.without_picture(pending.id, text, replies, offered)
        note = await self._show(pending, message)
        if note is not None:
            await self._waiting.words_answered(pending, note)
            await self._pipeline.side.refused(pending.address(), note, pending.user)

    async def offer_taken(self, id: str, action: str, actor: Actor, replies: ChatReplies) -> str:
        """Take an offer, by a press under it: with the last picture, or, where `action` is WORDS_ALONE, with none. That
        message becomes the status message. Returns what to say, and nothing where that message says it. Raises
        RedisError.
        """
        offer = await self._waiting.offers.of(id, actor)
        if offer is None:
            return replies.no_longer_there()
        try:
            pending = replace(offer.pending, older=None) if action == WORDS_ALONE else offer.pending
            new = await self._pipeline.accept(pending, offer.words, note=actor.message)
        except NotTaken as error:
            return replies.declined(error)
        await self._waiting.words_used(offer.pending.chat, offer.pending.user)
        return "" if new else replies.already()

    def refuse(self, said: Said[P], text: str) -> None:
        """Say what is not done, as `Pipeline.refuse` does."""
        self._pipeline.refuse(said.pending.address(), text, said.pending.user)


def _is_own(said: Said[Any], record: Record) -> bool:
    user: str = said.pending.user
    return user == record.request.requester.user
