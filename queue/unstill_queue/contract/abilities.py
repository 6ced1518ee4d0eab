"""What a job needs of an engine, and what an engine can do, as words of the form kind:name.

An engine is given a job only where it has all the words that the job needs. The rest waits, parked, for one that has.
"""

from __future__ import annotations

from urllib.parse import quote

from unstill_config.catalog import Catalog
from unstill_queue.contract.codec import VERSION
from unstill_queue.contract.jobs import Job

BLUR = "fill:blur"
"""The word of a backing that was asked for, which an older engine would leave out."""
NO_PICTURE, LAST_PICTURE = "picture:none", "picture:last"
"""The words of a clip of words alone, and of one that ends with a second picture, neither of which an older engine
knows."""
SEAMLESS, EXTENDS = "loop:seamless", "picture:extends"
"""The words of a clip that ends where it began, and of one that goes on from an older clip."""

UNIPC = "scheduler:unipc"
"""The word of another solver, in whose place an older engine would take its own, and too few steps for that."""


KINDS = frozenset([BLUR, NO_PICTURE, LAST_PICTURE, UNIPC, SEAMLESS, EXTENDS])
"""The words of kinds of clips that came after the first version, all of which an engine of this version can make."""


def codec(version: int) -> str:
    """The word for records of that version of the codec."""
    return f"codec:{version}"


def abilities(catalog: Catalog) -> frozenset[str]:
    """What an engine of this version can do with that catalogue."""
    return frozenset(
        [
            *(codec(version) for version in range(1, VERSION[0] + 1)),
            *(f"model:{quote(name)}" for name in catalog.models),
            *(f"shape:{quote(name)}" for name in catalog.finishes),
            *KINDS,
        ]
    )


def needs(job: Job, *, rendered: bool) -> frozenset[str]:
    """What an engine has to know for a job that was read. `rendered`: only its file is made anew, in a smaller size."""
    if rendered:
        return frozenset()
    words = [f"model:{quote(job.parameters.model)}", f"shape:{quote(job.finish.shape)}"]
    if job.finish.fill == "blur":
        words.append(BLUR)
    if not job.picture:
        words.append(NO_PICTURE)
    if job.last_picture:
        words.append(LAST_PICTURE)
    if job.parameters.scheduler:
        words.append(f"scheduler:{job.parameters.scheduler}")
    if job.finish.seamless:
        words.append(SEAMLESS)
    if job.extends:
        words.append(EXTENDS)
    return frozenset(words)


def kinds(job: Job) -> frozenset[str]:
    """Return the words that are put on record as a job is queued: an older engine reads such a job as another one, and
    so cannot say itself that it lacks them. The others it can, and may have been given a new model since.
    """
    return needs(job, rendered=False) & KINDS
