"""The checks by which a host is told of troubles: each looks at one thing, and says whether it is well."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import msgspec

from unstill_bots.delivery.notices import Say
from unstill_bots.host.certificates import first_end, is_soon
from unstill_bots.host.disks import DISK_BYTES, free_room
from unstill_bots.host.frontend import Services
from unstill_bots.host.leader import led
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.errors import QueueError
from unstill_queue.contract.jobs import State
from unstill_queue.ledger.script import awaited

TROUBLE = "unstill:trouble"


class CheckResult(msgspec.Struct, frozen=True):
    """Tells of one cause whether it is `bad` or well. `cause` names it over restarts.

    A host is told by `say` when it was bad for `after` seconds, and by `well` when that is over. `platform`: the one
    that it is about, by which then nobody can be told.
    """

    cause: str
    bad: bool
    say: Say
    well: Say
    after: float
    platform: str = ""


Check = Callable[[Services], Awaitable[Sequence[CheckResult]]]


async def engines(services: Services) -> list[CheckResult]:
    """Look whether there is an engine, where there was one or something waits for one."""
    ledger, after = services.client.ledger, services.settings.bots.tell_after
    lanes = await ledger.engines()
    waiting = sum(count for (state, _), count in (await ledger.counts()).items() if state is State.QUEUED)
    gone = not any(lanes.values()) and bool(lanes or waiting)
    alive = CheckResult("engine", gone, lambda r: r.trouble_engine(after, waiting), lambda r: r.well_engine(), after)
    parked = len(await ledger.parked())
    unable = CheckResult("parked", parked > 0, lambda r: r.trouble_parked(parked), lambda r: r.well_parked(), after)
    return [alive, unable]


async def certificates(services: Services) -> list[CheckResult]:
    """Look when the first certificate ends by which clips are signed."""
    if (end := await first_end(services.client.ledger)) is None:
        return []
    return [
        CheckResult(
            "certificate", is_soon(end), lambda r: r.trouble_certificate(end), lambda r: r.well_certificate(end), 0.0
        )
    ]


async def disks(services: Services) -> list[CheckResult]:
    """Look at the room on the disks of this machine."""
    return [_disk(str(folder), free) for folder, free in free_room(services.settings)]


def _disk(folder: str, free: int) -> CheckResult:
    return CheckResult(
        f"disk {folder}",
        free < DISK_BYTES,
        lambda r: r.trouble_disk(folder, free // 1_000_000),
        lambda r: r.well_disk(folder),
        0.0,
    )


async def storage(services: Services) -> list[CheckResult]:
    """Look whether pictures and clips can be stored."""
    try:
        await services.storage.check()
        bad = False
    except QueueError:
        bad = True
    return [CheckResult("storage", bad, lambda r: r.trouble_storage(), lambda r: r.well_storage(), 0.0)]


async def rating(services: Services) -> list[CheckResult]:
    """Look whether pictures can be rated by the front end that looks, where they are to be."""
    safety = services.safety
    if not safety.rates:
        return []
    return [CheckResult("rating", safety.is_away, lambda r: r.trouble_rating(), lambda r: r.well_rating(), 0.0)]


async def prompts(services: Services) -> list[CheckResult]:
    """Look whether the language model answers that writes prompts, as far as the front end that looks has asked it."""
    rewriter, after = services.rewriter, services.settings.bots.tell_after
    if not rewriter.is_on:
        return []
    return [CheckResult("prompts", rewriter.is_away, lambda r: r.trouble_prompts(), lambda r: r.well_prompts(), after)]


async def records(services: Services) -> list[CheckResult]:
    """Look for records that nobody can read."""
    count = len(await services.client.ledger.unreadable())
    return [CheckResult("records", count > 0, lambda r: r.trouble_records(count), lambda r: r.well_records(), 0.0)]


async def platforms(services: Services) -> list[CheckResult]:
    """Look at each platform that ever took a request: whether a bot serves it, and whether it answers that bot."""
    redis, after = services.client.redis, services.settings.bots.tell_after
    found: list[CheckResult] = []
    for platform, serves in (await led(services.client.ledger)).items():
        refuses = serves and bool(await awaited(redis.hexists(TROUBLE, platform)))
        found += _platform(platform, after, serves=serves, refuses=refuses)
    return found


def _platform(platform: str, after: float, *, serves: bool, refuses: bool) -> list[CheckResult]:
    def well(replies: ChatReplies) -> str:
        return replies.well_bot(platform)

    return [
        CheckResult(f"bot {platform}", not serves, lambda r: r.trouble_bot(platform, after), well, after, platform),
        CheckResult(
            f"platform {platform}", refuses, lambda r: r.trouble_platform(platform, after), well, after, platform
        ),
    ]


CHECKS: tuple[Check, ...] = (engines, certificates, disks, storage, rating, prompts, records, platforms)
"""All of them. What else a host has to know of is one more: a function that returns results, and its name here."""
