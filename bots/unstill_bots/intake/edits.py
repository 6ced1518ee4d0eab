"""Messages whose words were changed: what waits of them takes the new ones, and what was made of them is made anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic

from msgspec.structs import replace

from unstill_bots.actions.variations import derived
from unstill_bots.delivery.message import REVISED, is_replaced
from unstill_bots.intake.conversation import Conversation
from unstill_bots.intake.inputs import ONE_TOO_MANY, Inputs, as_one
from unstill_bots.intake.older_picture import OlderPicture
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.intake.waiting import P, WaitingPictures
from unstill_queue.contract.jobs import Cancelled, Succeeded
from unstill_queue.ledger.ledger import Record


class Edits(Generic[P]):
    """Takes the new words of messages."""

    def __init__(self, pipeline: Pipeline, waiting: WaitingPictures[P], conversation: Conversation[P]) -> None:
        self._pipeline = pipeline
        self._waiting = waiting
        self._conversation = conversation

    async def take(self, pendings: Sequence[P], words: str, at: float) -> None:
        """Take the new words of a message: for what waits of it and of its album, else for what was made of them.

        `at` is when they were written, in seconds since the epoch. Raises RedisError.
        """
        edited = [replace(pending, sent_at=at) for pending in pendings]
        together = edited if len(edited) > 1 else await self._waiting.together(edited[0])
        if not await self._joined([replace(one, sent_at=at) for one in together], words):
            for pending in edited:
                await self._edited(pending, words)

    async def _edited(self, pending: P, words: str) -> None:
        waiting = await self._waiting.waiting(pending.chat, pending.user)
        mine = [one for one in waiting if one.id == pending.id or (pending.album and one.album == pending.album)]
        if mine:
            await self._conversation.words_came(mine, words)
            return
        if await self._waiting.edit_words(pending, words) and await self._pipeline.record(pending.id) is None:
            return
        for one in await self._waiting.together(pending):
            if not await self._revise(one, words):
                await self._waiting.edit_offer(one, words)

    async def _joined(self, together: Sequence[P], words: str) -> bool:
        """Make one clip of two that were made of pictures sent together, where the new words ask for it. False: they
        do not, or there are not two.

        What the model cannot do is said, and both are left as they are.
        """
        joined = as_one(together, words, self._pipeline.catalog)
        if len(together) != 2 or len(joined) != 1:
            return False
        [one], last = joined, together[1]
        if None in [await self._pipeline.record(each.id) for each in together]:
            return False
        asked = await self._pipeline.request(one, words)
        objection = await self._pipeline.objection(one.who, asked.words, inputs=Inputs.to_come(one))
        if objection is not None and objection.code == ONE_TOO_MANY:
            self._conversation.object(one, objection)
            return True
        await self._revise(one, words)
        self._conversation.take_back(*filter(None, [await self._conversation.words.give_way(last, last.id)]))
        return True

    async def _revise(self, pending: P, words: str) -> bool:
        """Cancel what waits or runs, or leave what ended, and ask anew with new words of the same message.

        Returns False where no request of the message is on record. Words without a picture of their own are for that of
        their request. Where there is a clip already, it stays, and the new one has a message of its own.

        Each step may be repeated, as the update comes again when we die between two of them.
        """
        pipeline, ledger = self._pipeline, self._pipeline.client.ledger
        latest = await self._waiting.latest(pending)
        record = await pipeline.record(latest)
        if record is None:
            return False
        if not pending.picture.source:
            older = OlderPicture.of(record)
            if older is None:
                return True
            # a clip that goes on from another one does so with its new words, too
            pending = replace(pending, older=replace(older, job=record.request.older))
        elif record.request.last_source and not pending.last_source:
            pending = replace(pending, last_source=record.request.last_source)
        request = await pipeline.request(pending, words, id=derived(latest, f"edit {words}"), former=record)
        if request.words == record.request.words or _is_ended(record):
            return True
        # before the cancel, as what is cancelled so is shown by what comes after it
        if not await pipeline.may_ask(request):
            return True
        await ledger.cancel(latest, REVISED)
        # None: what was cancelled is forgotten meanwhile
        cancelled = await ledger.find(latest)
        if cancelled is not None and _is_ended(cancelled):
            return True
        note = None if cancelled is None or isinstance(cancelled.outcome, Succeeded) else cancelled.note
        await pipeline.enter(request, pending.age, note=note, paced=True)
        await self._waiting.revised(pending, request.id)
        return True


def _is_ended(record: Record) -> bool:
    """Return whether a job was cancelled by somebody; new words then make nothing of it."""
    return isinstance(record.outcome, Cancelled) and not is_replaced(record.outcome.by)
