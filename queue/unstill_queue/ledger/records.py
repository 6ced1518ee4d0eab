"""Values in which the ledger tells of jobs."""

from __future__ import annotations

from typing import Literal

import msgspec

from unstill_queue.contract.codec import decode
from unstill_queue.contract.codes import note
from unstill_queue.contract.jobs import Job, Outcome, Progress, Request, State, Succeeded

REFIT_LANE = "~refit"
"""Where clips wait that their platform refused for their size. Every engine serves it; no model has that name."""
REFITS_MOST = 3
"""How often one job's clip is made smaller before its answer is that it is too big."""


class Claim(msgspec.Struct, frozen=True):
    """A job that is this owner's until the lease ends. `attempt` counts from 1; `made` is the clip to refit."""

    job: Job
    owner: str
    attempt: int
    made: Succeeded | None = None


class Reaped(msgspec.Struct, frozen=True):
    """The result of one look: how many jobs were due, and whether somebody wants the server's file written anew."""

    looked: int
    rewrite: bool


class Place(msgspec.Struct, frozen=True):
    """Where a job stands. `position` is 1 for the next one and 0 for one that does not wait.

    `engines` are those alive on the job's `lane`, which is "" before it is queued. `eta` is the seconds until its clip
    is there, by which 88 of 100 are; None where nobody can tell: while no engine is alive, or none that can make it.
    `parked`: none of those that asked can make it, and it waits for one that can. `held`: the host has engines take no
    job for now.
    """

    state: State
    position: int
    lane: str
    engines: int
    eta: float | None = None
    parked: bool = False
    held: bool = False


class Shut(msgspec.Struct, frozen=True):
    """Says since when new requests are refused, and engines take no job, in seconds since the epoch; None: not."""

    intake: float | None = None
    engines: float | None = None


class Spent(msgspec.Struct, frozen=True):
    """Counts what an account or a place has used today (UTC): clips that were queued, and estimated seconds.

    `name` is the pseudonym under which the server knows it, `what` says which of both it is.
    """

    name: str
    what: Literal["account", "place"]
    clips: int
    seconds: float


class Used(msgspec.Struct, frozen=True):
    """What quotas count: jobs queued or running, and estimated GPU-seconds of today (UTC)."""

    person_jobs: int
    chat_jobs: int
    person_seconds: float
    chat_seconds: float


class Forgotten(msgspec.Struct, frozen=True):
    """What was forgotten: the ids of its requests, and the storage keys of all files that there may be."""

    ids: tuple[str, ...]
    files: tuple[str, ...]


class Record(msgspec.Struct, frozen=True):
    """What the ledger holds of a job, for people to look at. Times are seconds since the epoch.

    `unwanted`: it was cancelled while it ran, and its engine has not ended it yet. `finished_at` is when its outcome
    was filed. `look` is an early look at the clip, a JPEG, while it runs.
    """

    id: str
    state: State
    request: Request
    accepted_at: float
    job: Job | None = None
    attempt: int = 0
    progress: Progress | None = None
    outcome: Outcome | None = None
    note: str | None = None
    receipt: str | None = None
    cost: float = 0.0
    sends: int = 0
    refits: int = 0
    made: Succeeded | None = None
    refused: bool = False
    forgotten: bool = False
    unwanted: bool = False
    finished_at: float | None = None
    look: bytes = b""

    @property
    def notes(self) -> tuple[str, ...]:
        """Codes of all that was done otherwise than asked: before the engine, in the render, with the clip."""
        made = self.outcome.notes if isinstance(self.outcome, Succeeded) else ()
        job = self.job
        prompt = (note("prompt_rewritten", value=job.parameters.prompt),) if job and job.own_words else ()
        return tuple(dict.fromkeys((*prompt, *(job.notes if job else ()), *made)))

    @property
    def clips(self) -> list[str]:
        """Return the storage keys of what was made of it: the clip, and what smaller and longer ones are made from."""
        return list(dict.fromkeys((*files_of(self.outcome), *files_of(self.made))))


def record_of(id: str, f: dict[str, bytes]) -> Record:
    """Read a record from its hash's fields. Raises CodecError, ValueError or KeyError where it is not whole."""
    return Record(
        id=id,
        state=State(f["state"].decode()),
        request=decode(f["request"], Request),
        accepted_at=float(f["accepted_at"]) / 1000,
        job=decode(f["job"], Job) if "job" in f else None,
        attempt=int(f.get("attempt", b"0")),
        progress=decode(f["progress"], Progress) if "progress" in f else None,
        outcome=decode(f["outcome"], Outcome) if "outcome" in f else None,
        note=f["note"].decode() if "note" in f else None,
        receipt=f["receipt"].decode() if "receipt" in f else None,
        cost=float(f.get("cost", b"0")),
        sends=int(f.get("sends", b"0")),
        refits=int(f.get("refits", b"0")),
        made=decode(f["made"], Succeeded) if "made" in f else None,
        refused="refused" in f,
        forgotten="forgotten" in f,
        unwanted="cancel" in f,
        finished_at=float(f["finished_at"]) / 1000 if "finished_at" in f else None,
        look=f.get("look", b""),
    )


def files_of(outcome: Outcome | None) -> list[str]:
    if not isinstance(outcome, Succeeded):
        return []
    keys = (outcome.clip, outcome.original, outcome.frame, outcome.reel)
    return list(dict.fromkeys(key for key in keys if key))
