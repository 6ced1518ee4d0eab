"""What is done to a job by a button or a command in reply to its message, once it is known who may."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

import msgspec
import structlog

from unstill_bots.actions.presses import (
    ACTIONS,
    CANCEL,
    DELETE,
    Action,
    Actor,
    Thing,
    Verdict,
    judge,
    refusal,
)
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.errors import StorageError
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.ledger import Record
from unstill_queue.storage.base import Storage

log = structlog.get_logger(__name__)


class JobActor(Actor, Protocol):
    """An `Actor` at a message that shows a job."""

    @property
    def person(self) -> str:
        """Who acts, as in `Requester.person`."""

    @property
    def user(self) -> str:
        """Who acts, as in `Requester.user`."""

    async def thing_of(self, record: Record) -> Thing:
        """Return a job as the thing that is acted on: where its answer stands, or will."""

    async def shown(self) -> Thing | None:
        """Return whose the message is, of which no record is left; None where it cannot be read."""

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
        """Whether it removes a message. A job that waits or runs is ended by "delete"; its message says so."""
        return self.action.name == DELETE and (self.record is None or self.record.outcome is not None)

    @property
    def is_owners(self) -> bool:
        """Whether who tries it is, by their own id, who asked for the job."""
        return self.thing is not None and self.thing.user == self.actor.user


class JobActions:
    """Ends jobs and deletes clips."""

    def __init__(self, client: Client, storage: Storage) -> None:
        self._client = client
        self._storage = storage

    async def look(self, action: str, record: Record | None, actor: JobActor) -> Attempt:
        """Find out what an action would be done to; `record` is the job's that the press or the message names."""
        if record is not None:
            thing: Thing | None = await actor.thing_of(record)
        else:
            # after /forgetme, and when the record has expired, the message itself says whose it is
            thing = await actor.shown() if action == DELETE else None
        return Attempt(ACTIONS[action], actor, record, thing)

    async def refused(self, attempt: Attempt, replies: ChatReplies) -> str | None:
        """The sentence for somebody who may not do it, or None."""
        verdict = await judge(attempt.action, attempt.actor, attempt.thing)
        if verdict is Verdict.ALLOWED and (attempt.record is not None or attempt.deletes):
            return None
        return refusal(verdict, attempt.action, replies)

    async def perform(self, attempt: Attempt, replies: ChatReplies) -> tuple[bool, str]:
        """Do what `refused` did not refuse: end the job, or delete its clip from its chat and from storage. Returns
        whether it could be done, and what to say. Raises RedisError.
        """
        record, actor = attempt.record, attempt.actor
        if attempt.deletes:
            await self._delete_files(record.clips if record else ())
            removed = await actor.remove()
            return removed, replies.deleted() if removed else replies.cannot_delete()
        if record is None or attempt.action.name not in (CANCEL, DELETE):
            raise ValueError(f"{attempt.action.name} neither ends nor deletes a job")
        done = await self._client.cancel(record.id, actor.person)
        said = {"cancelled": replies.cancelled(""), "cancelling": replies.cancelling()}
        return done in said, said.get(done, replies.cannot_cancel())

    async def _delete_files(self, keys: Iterable[str]) -> None:
        """Remove them from storage. What cannot be removed now is logged, and goes with its age."""
        for key in keys:
            try:
                await self._storage.delete(key)
            except StorageError as error:
                log.info("a file could not be deleted from the storage", key=key, error=str(error))
