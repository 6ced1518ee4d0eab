"""Commands in reply to a message: they are about the job that it shows, or that it asked for."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from typing import Any

import msgspec

from unstill_bots.actions.commands import Caller
from unstill_bots.actions.job_actions import JobActions, JobActor
from unstill_bots.actions.presses import CANCEL, DELETE, REPORT
from unstill_bots.actions.user_jobs import UserJobs
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.jobs import ReplyAddress
from unstill_queue.ledger.ledger import Record


class Replied(msgspec.Struct, frozen=True):
    """The message that a command replies to, which stands at `at`; `actor` is who sent the command, at that message.

    `ours`: the bot sent it. `jobs` are the ids of those that its buttons are about.
    """

    actor: JobActor
    at: ReplyAddress
    ours: bool
    jobs: Sequence[str]


class RepliedCommands:
    """Performs the commands of one front end that reply to a message."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._own = UserJobs(pipeline)
        self._jobs = JobActions(pipeline)

    async def begin(
        self, name: str, caller: Caller, replied: Replied | None, words: str = ""
    ) -> Coroutine[Any, Any, str]:
        """End what CANCEL ends of the caller's own jobs; return the coroutine of all else, and of what to say, which
        may take its time. Raises RedisError.
        """
        if name == CANCEL and replied is not None and await self.cancel(caller, replied, words):
            # their own messages say so
            return _nothing()
        return self.perform(name, replied, caller.replies)

    async def cancel(self, caller: Caller, replied: Replied, words: str = "") -> bool:
        """End the newest of the caller's jobs that the message asked for or shows, or all of them if `words` say so.

        False: there was none. Raises RedisError.
        """
        waiting = [one for one in await self._own.open(caller.person) if await _is_about(one, replied)]
        return await self._own.cancel(caller.person, waiting, words) > 0

    async def perform(self, action: str, replied: Replied | None, replies: ChatReplies) -> str:
        """Do what the button of that name does, and return what to say. Raises RedisError.

        This serves who cannot press the button: a person who writes as a channel sends commands as that channel.
        """
        nothing = {
            CANCEL: replies.nothing_to_cancel(),
            DELETE: replies.nothing_to_delete(),
            REPORT: replies.nothing_to_report(),
        }[action]
        if replied is None or not replied.ours:
            return nothing
        record = await self._shown(replied)
        if record is None and action in (CANCEL, REPORT):
            return nothing
        attempt = await self._jobs.look(action, record, replied.actor)
        done = await self._jobs.attempt(attempt, replies)
        # that a job was cancelled, its own message says
        return "" if done.done and action == CANCEL else done.said

    async def _shown(self, replied: Replied) -> Record | None:
        """Return the record of the job that a message of ours shows, by its buttons or as one of the person's own."""
        named = [await self._pipeline.record(job) for job in replied.jobs]
        # a person's own jobs may be many: they are read only where no button names the job
        return await _first_shown(named, replied.actor) or await _first_shown(
            await self._own.records(replied.actor.person), replied.actor
        )


async def _nothing() -> str:
    return ""


async def _is_about(record: Record, replied: Replied) -> bool:
    """Return whether that message is the request of the record, or shows how it stands."""
    to = record.request.reply_to
    is_request = (to.chat, to.message) == (replied.at.chat, replied.at.message)
    return is_request or await _is_shown(record, replied.actor)


async def _first_shown(records: Sequence[Record | None], actor: JobActor) -> Record | None:
    for record in records:
        if record is not None and await _is_shown(record, actor):
            return record
    return None


async def _is_shown(record: Record, actor: JobActor) -> bool:
    return record.note is not None and (await actor.thing_of(record)).message == actor.message
