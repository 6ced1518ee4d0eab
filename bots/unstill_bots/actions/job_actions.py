"""Actions on a job, by a button or by a command in reply to its message: who may is asked first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec
import structlog

from unstill_bots.actions.new_seed import new_seed
from unstill_bots.actions.presses import (
    ACTIONS,
    CANCEL,
    DELETE,
    NEW_SEED,
    REPORT,
    SWITCH,
    Action,
    Actor,
    Thing,
    Verdict,
    judge,
    refusal,
)
from unstill_bots.actions.reporting import Reporting
from unstill_bots.actions.switching import switch
from unstill_bots.actions.variations import VARIATIONS, vary
from unstill_bots.intake.older_picture import OlderPicture
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.errors import StorageError
from unstill_queue.ledger.ledger import Record

log = structlog.get_logger(__name__)


class JobActor(Actor, Protocol):
    """An `Actor` at a message that shows a job."""

    @property
    def person(self) -> str:
        """The person who acts, as `Requester.person`."""

    @property
    def user(self) -> str:
        """The user who acts, as `Requester.user`."""

    @property
    def press(self) -> str:
        """The platform's id of the press; empty where they act by a command."""

    async def thing_of(self, record: Record) -> Thing:
        """Return a job as the thing that is acted on: where its answer stands, or will."""

    async def shown(self) -> Thing | None:
        """Return the message itself as the thing, where no record is left; None where it cannot be read."""

    async def remove(self) -> bool:
        """Delete the message. False where the platform refuses, which is logged."""


class Attempt(msgspec.Struct, frozen=True):
    """An action that somebody tries on a job. `record` is None where none is left, `thing` where nothing of the kind
    stands there.
    """

    action: Action
    actor: JobActor
    record: Record | None
    thing: Thing | None

    @property
    def deletes(self) -> bool:
        """Return whether it removes a message. A job that waits or runs is ended instead, and its message says so."""
        return self.action.name == DELETE and (self.record is None or self.record.outcome is not None)

    def is_left_behind(self, done: Done) -> bool:
        """Return whether the message that somebody acted at may be removed: one that a kill has left, as the job's
        answer stands in another, where there was nothing to end and nothing to refuse.
        """
        ends = self.action.name in (CANCEL, DELETE) and not self.deletes
        elsewhere = self.thing is not None and self.thing.message not in ("", self.actor.message)
        return ends and elsewhere and not (done.done or done.refused)


class Done(msgspec.Struct, frozen=True):
    """The result of an attempt: the sentence to say, and whether it was done, or refused."""

    said: str
    done: bool = False
    refused: bool = False


class JobActions:
    """Ends jobs, deletes clips and asks for variations, for whoever may."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._reporting = Reporting(pipeline)

    async def look(self, action: str, record: Record | None, actor: JobActor) -> Attempt:
        """Find out what an action would be done to. `record`: of the job that the press or the message names."""
        if record is not None:
            thing: Thing | None = await actor.thing_of(record)
        else:
            # after /forgetme, and when the record has expired, the message itself says whose it is
            thing = await actor.shown() if action == DELETE else None
        return Attempt(ACTIONS[action], actor, record, thing)

    async def attempt(self, attempt: Attempt, replies: ChatReplies) -> Done:
        """Perform the action, or refuse it. Raises RedisError."""
        refused = await self.refused(attempt, replies)
        return await self.perform(attempt, replies) if refused is None else Done(refused, refused=True)

    async def refused(self, attempt: Attempt, replies: ChatReplies) -> str | None:
        """The sentence for somebody who may not do it, or None."""
        verdict = await judge(attempt.action, attempt.actor, attempt.thing)
        if verdict is Verdict.ALLOWED and (attempt.record is not None or attempt.deletes):
            return None
        return refusal(verdict, attempt.action, replies)

    async def to_edit(self, attempt: Attempt, replies: ChatReplies) -> tuple[str | None, str]:
        """Return the sentence for somebody who may not ask for other words for the picture of a job, or None, and the
        words that they typed. Raises RedisError.
        """
        refused, record = await self.refused(attempt, replies), attempt.record
        if refused is not None or record is None:
            return refused, ""
        if OlderPicture.of(record) is None:
            return replies.no_longer_there(), ""
        own = await self._pipeline.preferences.get(record.request.requester.person)
        words = record.request.words
        for option in own.options.values():
            # what is set for all pictures was put before them
            words = words.removeprefix(option).strip()
        return None, words

    async def perform(self, attempt: Attempt, replies: ChatReplies) -> Done:
        """Do what `refused` did not refuse: ask for one more, end the job, or delete its clip from its chat and from
        storage. Raises RedisError.
        """
        record, actor = attempt.record, attempt.actor
        if attempt.deletes:
            await self._delete_files(record.clips if record else ())
            removed = await actor.remove()
            if removed and record is not None:
                await self._pipeline.side.deleted(record.request.requester, record.id)
            return Done(replies.deleted() if removed else replies.cannot_delete(), removed)
        if record is None:
            raise ValueError(f"there is no job for {attempt.action.name}")
        if attempt.action.name in VARIATIONS:
            varied = await vary(record, attempt.action.name, replies, self._pipeline, press=actor.press)
            return Done(varied.said, varied.request is not None)
        if attempt.action.name == REPORT:
            return Done(await self._reporting.report(record, attempt.thing, actor, actor.person, replies))
        if attempt.action.name == SWITCH:
            return Done(*await switch(record, replies, self._pipeline))
        if attempt.action.name == NEW_SEED:
            return Done(*await new_seed(record, replies, self._pipeline))
        owner = record.request.requester
        # a person may press for the channel in whose name they asked
        by = owner.person if await actor.owns(owner.user) else actor.person
        done = await self._pipeline.client.cancel(record.id, by)
        said = {"cancelled": replies.cancelled(""), "cancelling": replies.cancelling()}
        return Done(said.get(done, replies.cannot_cancel()), done in said)

    async def _delete_files(self, keys: Iterable[str]) -> None:
        """Remove them from storage. What cannot be removed now is logged, and goes with its age."""
        for key in keys:
            try:
                await self._pipeline.storage.delete(key)
            except StorageError as error:
                log.info("a file could not be deleted from the storage", key=key, error=str(error))
