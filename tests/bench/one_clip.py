"""One short clip after the other from an idle engine: the time from a photo to its clip, as a person sees it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tests.system.processes import House, wait_for

from unstill_config.settings import Settings
from unstill_queue.contract.jobs import Succeeded
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect

WARM, TIMES = 2, 15
REST = 1.5
"""Seconds between a clip and the next photo, after which no platform's limit on messages has anything to count."""
WORDS = "zoom in --num_frames 12"


@dataclass(frozen=True)
class Seen:
    """One clip: seconds from the photo until it stands in the chat, those that the render took, and all others."""

    whole: float
    render: float
    beyond: float


def medians(seen: Sequence[Seen]) -> Seen:
    """The median of each."""
    return Seen(
        statistics.median(each.whole for each in seen),
        statistics.median(each.render for each in seen),
        statistics.median(each.beyond for each in seen),
    )


async def one_by_one(house: House, send: Callable[[], object], clips: Callable[[], int]) -> list[Seen]:
    """Send a photo by `send`, wait until the chat shows one clip more, by `clips`, and rest; so often."""
    whole = []
    for number in range(WARM + TIMES):
        started = time.perf_counter()
        send()
        wait_for(lambda number=number: clips() > number, what="a clip")
        whole.append(time.perf_counter() - started)
        time.sleep(REST)
    renders = await _renders(house)
    if len(renders) != len(whole):
        raise RuntimeError(f"{len(whole)} clips were seen, and {len(renders)} were made")
    return [Seen(seconds, render, seconds - render) for seconds, render in zip(whole, renders, strict=True)][WARM:]


async def _renders(house: House) -> list[float]:
    """The seconds of all renders, in the order in which they were asked for."""
    redis = connect(house.valkey.url)
    try:
        ledger = Ledger(redis, Settings().queue)
        ids = [key.decode().removeprefix("unstill:job:") async for key in redis.scan_iter("unstill:job:*")]
        records = sorted([await ledger.read(id) for id in ids], key=lambda record: record.accepted_at)
    finally:
        await redis.aclose()
    return [record.outcome.render_seconds for record in records if isinstance(record.outcome, Succeeded)]
