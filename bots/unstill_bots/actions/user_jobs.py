"""What a person may do with their own clips in the making: list and cancel."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.languages import LANGUAGES
from unstill_queue.contract.errors import UnknownJob
from unstill_queue.contract.jobs import State
from unstill_queue.ledger.ledger import Record

LISTED = 10
OPEN = (State.ACCEPTED, State.QUEUED, State.RUNNING)


@cache
def all_words() -> frozenset[str]:
    """Return the words of all languages that ask for all of them to be cancelled."""
    return frozenset(ChatReplies(language).translated("all").lower() for language in LANGUAGES)


class UserJobs:
    """Lists and cancels the jobs of a person, who is named as in `Requester.person`."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._client = pipeline.client
        self._pipeline = pipeline

    async def records(self, person: str) -> list[Record]:
        """Return the records that are not forgotten, the newest first."""
        records = [await self._pipeline.record(id) for id in await self._client.ledger.ids_of(person)]
        return [record for record in records if record is not None and not record.forgotten]

    async def open(self, person: str) -> list[Record]:
        """Return the records of what waits or runs, the newest first."""
        return [record for record in await self.records(person) if record.state in OPEN]

    async def listing(self, person: str, replies: ChatReplies, *, place: str | None = None) -> str:
        """Return a line for each job that waits or runs, the oldest first; `place`: only of that `Requester.place`."""
        waiting = [
            record
            for record in reversed(await self.open(person))
            if place is None or record.request.requester.place == place
        ]
        lines = [await self._line(record, replies) for record in waiting[:LISTED]]
        return "\n".join(lines) or replies.queue_empty()

    async def _line(self, record: Record, replies: ChatReplies) -> str:
        words = record.job.words if record.job else record.request.words
        if record.progress is not None:
            return replies.queue_line(words, replies.progress(record.progress))
        if record.state is State.RUNNING:
            return replies.queue_line(words, replies.running())
        try:
            place = await self._client.ledger.place(record.id)
        except UnknownJob:
            # it ended, or was damaged, since it was read
            return replies.queue_line(words, replies.queued(None))
        return replies.queue_line(words, replies.waiting(place, await self._pipeline.serving.now()))

    async def cancel(self, person: str, waiting: Sequence[Record], words: str = "") -> int:
        """Cancel the first of `waiting`, or all if `words` say so. Returns how many were cancelled."""
        chosen = waiting if words.strip().lower() in all_words() else waiting[:1]
        done = [await self._client.cancel(record.id, person) for record in chosen]
        return sum(answer in ("cancelled", "cancelling") for answer in done)
