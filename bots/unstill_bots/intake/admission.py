"""Requests whose platform waits only seconds for an answer: written down in that time, or answered as not taken."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec
import structlog
from redis.exceptions import RedisError

from unstill_bots.host.background import quickly
from unstill_bots.intake.inputs import as_one
from unstill_bots.intake.objection import Objection
from unstill_bots.intake.pending import PendingRequest
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.intake.together import take_together
from unstill_queue.contract.errors import NotTaken
from unstill_queue.contract.jobs import Request

log = structlog.get_logger(__name__)

MOST_ADMITTED = 10_000
"""Events that are remembered, the newest: by far more than there are within one's few seconds."""


class Written(msgspec.Struct, frozen=True):
    """The result of writing something down: the requests that are `new`, or else `refused`, the sentence that says why
    there is none. `words`: the words are what is wrong, and others would do. `known`: it was written down before, and
    that is all that `refused` says. `objection`: the same with its code, where the shared layers refuse it.
    """

    refused: str | None = None
    new: Sequence[Request] = ()
    words: bool = False
    known: bool = False
    objection: Objection | None = None


Writing = Coroutine[Any, Any, Written]


class Admission:
    """Writes down what one front end is asked. The caller has it prepared, by `Pipeline.start`."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._admitted: dict[int, None] = {}

    def is_first(self, event: int) -> bool:
        """Return whether an event is seen for the first time. The platform may tell of one twice, and the first is
        answered.
        """
        if event in self._admitted:
            return False
        self._admitted[event] = None
        if len(self._admitted) > MOST_ADMITTED:
            del self._admitted[next(iter(self._admitted))]
        return True

    async def in_time(self, writing: Writing) -> Written | None:
        """Return what `writing` comes to, or None where the queue's server has not confirmed it in time.

        Where it was written down all the same, it is answered like any other request, whatever the person was told.
        """
        write = asyncio.create_task(writing)
        try:
            return await quickly(asyncio.shield(write))
        except (TimeoutError, RedisError, OSError) as error:
            log.warning("a request could not be written down in time", error=repr(error))
            self._pipeline.background.spawn(self._late(write))
            return None

    async def write(self, pendings: Sequence[PendingRequest], words: str, unfit: Sequence[str] = ()) -> Written:
        """Write pictures down, with the person's own defaults before their words. `unfit` has a sentence for each file
        beside them that is no picture. Raises RedisError.
        """
        if not unfit:
            pendings = as_one(pendings, words, self._pipeline.catalog)
        first = pendings[0]
        in_force = await self._pipeline.preferences.of(first.who.person, first.who.place)
        own = in_force.own
        request = await self._pipeline.request(first, words, own=own)
        refusal = await self._pipeline.refusal(first, request.words, rules=in_force.chat)
        if refusal is not None:
            words_are = self._pipeline.is_wrong(request.words) and first.forbidden(in_force.chat) is None
            return Written(refusal.said, words=words_are, objection=refusal)
        told = None
        if len(pendings) + len(unfit) > 1:
            found = await take_together(self._pipeline, pendings, words, own=own, start=False)
            found.refused.update(map(Objection, unfit))
            told, new = found.told(first), found.new
        else:
            try:
                written = await self._pipeline.accept(first, words, own=own, start=False)
            except NotTaken as error:
                declined = Objection.to_asking(error, first.replies)
                return Written(declined.said, objection=declined)
            new = [written] if written is not None else []
        if told or new:
            return Written(told.said if told else None, new, objection=told)
        return Written(first.replies.already(), known=True)

    async def begin(self, new: Sequence[Request], note: str | None) -> None:
        """Have what was written down prepared. `note` is the message that shows the first, where there is one."""
        try:
            if note is not None:
                await self._pipeline.adopt(new[0].id, note, receipt_of=new[0])
        finally:
            # whatever happened to the note: it is in the ledger, and has to go on
            for request in new:
                self._pipeline.start(request)

    async def _late(self, write: asyncio.Task[Written]) -> None:
        try:
            written = await write
        except (RedisError, OSError) as error:
            # if it landed all the same, the ledger brings it back
            log.info("a late request was not confirmed", error=str(error))
            return
        for request in written.new:
            self._pipeline.start(request, fresh=False)
