"""What a host is told of by message: each check looks at one thing, and says whether it is well."""

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


class Look(msgspec.Struct, frozen=True):
    """What was seen of one cause: `bad` or well. A host is told by `say` when it was bad for `after` seconds, and by
    `well` when that is over. `platform`: the one that it is about, by which then nobody can be told.

    `cause` names it over restarts.
    """

    cause: str
    bad: bool
    say: Say
    well: Say
    after: float
    platform: str = ""


Check = Callable[[Services], Awaitable[Sequence[Look]]]


async def engines(services: Services) -> list[Look]:
    """Look whether there is an engine, where there was one or something waits for one."""
    ledger, after = services.client.ledger, services.settings.bots.tell_after
    lanes = await ledger.engines()
    waiting = sum(count for (state, _), count in (await ledger.counts()).items() if state is State.QUEUED)
    gone = not any(lanes.values()) and bool(lanes or waiting)
    look = Look("engine", gone, lambda r: r.trouble_engine(after, waiting), lambda r: r.well_engine(), after)
    parked = len(await ledger.parked())
    unable = Look("parked", parked > 0, lambda r: r.trouble_parked(parked), lambda r: r.well_parked(), after)
    return [look, unable]


async def certificates(services: Services) -> list[Look]:
    """Look when the first certificate ends by which clips are signed."""
    if (end := await first_end(services.client.ledger)) is None:
        return []
    return [
        Look("certificate", is_soon(end), lambda r: r.trouble_certificate(end), lambda r: r.well_certificate(end), 0.0)
    ]


async def disks(services: Services) -> list[Look]:
    """Look at the room on the disks of this machine."""
    return [_disk(str(folder), free) for folder, free in free_room(services.settings)]


def _disk(folder: str, free: int) -> Look:
    return Look(
        f"disk {folder}",
        free < DISK_BYTES,
        lambda r: r.trouble_disk(folder, free // 1_000_000),
        lambda r: r.well_disk(folder),
        0.0,
    )


async def storage(services: Services) -> list[Look]:
    """Look whether pictures and clips can be stored."""
    try:
        await services.storage.check()
        bad = False
    except QueueError:
        bad = True
    return [Look("storage", bad, lambda r: r.trouble_storage(), lambda r: r.well_storage(), 0.0)]


async def records(services: Services) -> list[Look]:
    """Look for records that nobody can read."""
    count = len(await services.client.ledger.unreadable())
    return [Look("records", count > 0, lambda r: r.trouble_records(count), lambda r: r.well_records(), 0.0)]


async def platforms(services: Services) -> list[Look]:
    """Look at each platform that ever took a request: whether a bot serves it, and whether it answers that bot."""
    redis, after = services.client.redis, services.settings.bots.tell_after
    looks: list[Look] = []
    for platform, serves in (await led(services.client.ledger)).items():
        refuses = serves and bool(await awaited(redis.hexists(TROUBLE, platform)))
        looks += _platform(platform, after, serves=serves, refuses=refuses)
    return looks


def _platform(platform: str, after: float, *, serves: bool, refuses: bool) -> list[Look]:
    def well(replies: ChatReplies) -> str:
        return replies.well_bot(platform)

    return [
        Look(f"bot {platform}", not serves, lambda r: r.trouble_bot(platform, after), well, after, platform),
        Look(f"platform {platform}", refuses, lambda r: r.trouble_platform(platform, after), well, after, platform),
    ]


CHECKS: tuple[Check, ...] = (engines, certificates, disks, storage, records, platforms)
"""All of them. What else a host has to know of is one more: a function that returns looks, and its name here."""
