"""The times for which the ledger waits, holds and keeps."""

from __future__ import annotations

import msgspec

from unstill_config.settings import Queue

MINUTE, HOUR, DAY = 60.0, 3600.0, 24 * 3600.0


class Times(msgspec.Struct, frozen=True, kw_only=True):
    """All leases, due times and expiries of the ledger, in seconds; the script has them as `TIMES`, in milliseconds.

    A host sets the first four; the others follow from what platforms and engines do.
    """

    lease: float
    """A claim holds for so long after the last beat."""
    wait: float
    """A queued job that no engine took by then has expired."""
    kept: float
    """The record of a job that was answered is kept for so long."""
    audit: float
    """In each such period one process walks through all records."""

    intake: float = 10.0
    """A front end has so long to read a request before it is told of it again, and each time so much longer."""
    intake_most: float = MINUTE
    wake: float = 1.0
    """Engines hear of a queued job again after so long, and each time after twice as long."""
    wake_most: float = 5 * MINUTE
    word: float = DAY
    """A word by which engines hear of work is kept for so long."""
    answer: float = 5.0
    """Front ends hear of an answer that nobody delivers again after so long, and each time after twice as long."""
    answer_most: float = MINUTE
    send_lease: float = 30.0
    """The right to deliver an answer holds for so long unless it is renewed."""
    give_up: float = DAY
    """A request that could not be read, or an answer delivered, for so long fails: platforms keep no update longer."""

    trash_lease: float = MINUTE
    """Whoever took files to delete has so long before they are given to another."""
    trash_again: float = 2.0
    """A deleted file is deleted again after so long, or after as long as it has been in the trash if that is longer."""
    trash_kept: float = 10 * MINUTE
    """Somebody may still be storing a file for so long after it was thrown away."""

    claim_known: float = HOUR
    """A claim whose answer was lost may be repeated for so long."""
    refused_kept: float = HOUR
    """The record of a refused request is kept for so long, or as long as all others if that is shorter."""
    gone_kept: float = 2 * DAY
    """That a forgotten request was here is known for so long; platforms tell of an update again for a day at most."""
    unreadable_kept: float = 3 * DAY
    """A record that cannot be read is kept for so long."""
    listed: float = 30 * DAY
    """The list of a person's requests is kept for so long after the last one."""

    engine_alive: float = 7.0
    """An engine that has not been heard of for so long is not counted."""
    engine_slow: float = 5.0
    """An engine that has nothing to do takes what waits for it within so long, or nobody can say when."""
    engine_told: float = 15.0
    """What an engine says of itself is kept for so long."""
    engine_listed: float = DAY
    """An engine's name is kept for so long."""

    look: float = 1.0
    """Time that passes is counted once in such a period."""
    tick: float = 5.0
    """Of the time between two looks at most so much was seen to pass."""
    went_back: float = 1.0
    """The server's clock was set back if it is so much earlier than at the last look."""
    went_on: float = MINUTE
    """The server's clock jumped on if it is so much later than at the last look."""
    lease_left: float = 5.0
    """What is left of a lease when the clock has jumped: more than a beat."""

    @classmethod
    def of(cls, settings: Queue) -> Times:
        return cls(
            lease=settings.lease,
            wait=settings.wait_hours * HOUR,
            kept=settings.keep_hours * HOUR,
            audit=settings.audit,
        )
