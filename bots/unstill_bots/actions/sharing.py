"""Clips that their person may show in other chats."""

from __future__ import annotations

from unstill_bots.actions.presses import ACTIONS, SHARE, Actor, Thing, Verdict, judge
from unstill_bots.actions.user_jobs import UserJobs
from unstill_bots.intake.older_picture import is_deleted
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.safety.checks import COVERED_PICTURE
from unstill_bots.safety.withheld import WithheldClips
from unstill_queue.contract.jobs import Succeeded
from unstill_queue.ledger.ledger import Record

Finished = tuple[Record, Succeeded]
"""The record of a clip that is done, and its outcome."""


class Sharing:
    """Finds clips to show elsewhere. A clip that is covered is none of them, as it would be open there."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._own = UserJobs(pipeline)
        self._withheld = WithheldClips(pipeline.client, pipeline.settings.storage.keep_hours)

    async def of_person(self, person: str, words: str = "") -> list[Finished]:
        """Return the clips of a person, named as in `Requester.person`, the newest first; `words`: only what was asked
        for with all of these. Raises RedisError.
        """
        wanted = words.casefold().split()
        clips = [clip for record in await self._own.records(person) if (clip := _shown(record)) is not None]
        return [(one, made) for one, made in clips if all(word in words_of(one, made).casefold() for word in wanted)]

    async def of_press(self, job: str, actor: Actor) -> list[Finished]:
        """Return the clip of a job whose button was pressed, if it is the actor's. Raises RedisError."""
        record = await self._pipeline.record(job)
        clip = _shown(record) if record is not None and not record.forgotten else None
        if record is None or clip is None:
            return []
        # where it was pressed, no platform tells
        pressed = Thing(record.request.requester.user, actor.chat)
        return [clip] if await judge(ACTIONS[SHARE], actor, pressed) is Verdict.ALLOWED else []

    async def is_kept(self, clip: Finished) -> bool:
        """Return whether a clip may be shown elsewhere: it is still stored, and not for its own chat alone.

        Raises RedisError.
        """
        if await is_deleted(self._pipeline.storage, clip[0]):
            return False
        return not (self._pipeline.safety.rates and await self._withheld.holds(clip[0].id))


def words_of(record: Record, made: Succeeded) -> str:
    """Return the words that a clip was asked for with, without options."""
    return record.job.words if record.job else made.parameters.prompt


def _shown(record: Record) -> Finished | None:
    made = record.outcome
    covered = record.request.spoiler or COVERED_PICTURE in record.notes
    return (record, made) if isinstance(made, Succeeded) and not covered else None
