"""What the path costs besides the render and the encode, and how long the device stands still between two jobs.

`python -m tests.bench.bench_path`. Real processes: a bot, an engine with its child, Valkey; the render is 8 frames
of noise, the platform a small one on this machine.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from tests.bench.figures import Figure, at_most, percentile, plain, table
from tests.system.backlog import picture, submit
from tests.system.platform import Message, Platform
from tests.system.processes import House

from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_engine.clip.binary import Ffmpeg, find_ffmpeg
from unstill_engine.clip.fit import make_clip
from unstill_engine.clip.marks import Marks
from unstill_engine.clip.spool import Source
from unstill_queue.contract.jobs import Finish, Parameters
from unstill_queue.contract.recipe import Recipe
from unstill_queue.ledger.client import Client
from unstill_queue.redis.connection import connect
from unstill_queue.storage.base import Storage

WARM, TIMES = 3, 40
IN_A_ROW = 40
STEP_SECONDS = "0.05"
"""A render of 8 steps then takes longer than its encode, as renders do. Were it shorter, the device would
wait for ffmpeg, not for the queue."""


@dataclass(frozen=True)
class Journey:
    """Moments of one request, in seconds of this machine's monotonic clock."""

    posted: float
    accepted: float
    queued: float
    claimed: float
    begun: float
    rendered: float
    filed: float
    shown: float


class Watched(Platform):
    """Wakes whoever waits for a clip, so that nobody looks all the time on a machine that is being measured."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, slowest=0.0)
        self.clip_seen = asyncio.Event()

    def _show(self, message: Message, content: dict[str, Any]) -> None:
        super()._show(message, content)
        if "clip" in content:
            self.clip_seen.set()


async def journeys(folder: Path) -> tuple[list[Journey], list[float]]:
    """One request after the other, from the moment somebody posts a picture to the moment the clip is to be seen.

    After each one, the seconds that such a clip takes to make, and nothing else, on the same machine at rest.
    """
    socket = folder / "platform.sock"
    photo = picture(640, 480)
    maker = await ClipMaker.open(folder)
    posted: dict[str, float] = {}
    encodes = []
    with House(folder, JOURNAL_STEP_SECONDS="0") as house:
        house.start_bot(socket)
        house.start_engine()
        platform = Watched(socket)
        async with platform:
            for n in range(WARM + TIMES):
                name = f"r{n}"
                posted[name] = time.monotonic()
                platform.post(name, f"request {n} --seed {n}", photo)
                async with asyncio.timeout(60):
                    await platform.clip_seen.wait()
                platform.clip_seen.clear()
                # until all is at rest again, and the engine's poll of its wake-ups stands at another moment
                await asyncio.sleep(0.3 + 0.007 * (n % 5))
                encodes.append(await maker.seconds())
            counted = range(WARM, WARM + TIMES)
            seen = platform.shown_at
            return [await _journey(house, n, posted[f"r{n}"], seen[f"r{n}"]) for n in counted], encodes[WARM:]


async def _journey(house: House, n: int, posted: float, shown: float) -> Journey:
    redis = connect(house.valkey.url)
    try:
        fields = ["accepted_at", "queued_at", "started_at", "finished_at"]
        moments: list[bytes] = await redis.hmget(f"unstill:job:recorder:c1:{n + 1}", fields)  # type: ignore[misc]
    finally:
        await redis.aclose()
    # the server tells the time of day in whole milliseconds
    behind = time.time() - time.monotonic()
    accepted, queued, claimed, filed = (float(moment) / 1000 + 0.0005 - behind for moment in moments)
    device = {event: at for at, _, _, event, prompt in house.events() if prompt == f"request {n}"}
    return Journey(posted, accepted, queued, claimed, device["begin"], device["end"], filed, shown)


class ClipMaker:
    """Makes clips of 8 frames of noise, as the engine does with its renderer's."""

    def __init__(self, folder: Path, ffmpeg: Ffmpeg) -> None:
        self._folder = folder
        self._ffmpeg = ffmpeg
        frames = np.random.default_rng(1).integers(0, 255, (8, 64, 64, 3), dtype=np.uint8)
        spool = folder / "alone.rgb"
        spool.write_bytes(frames.tobytes())
        self._source = Source(spool, 64, 64, 8, 8)
        self._shape = Catalog.load().finishes["original"]

    @classmethod
    async def open(cls, folder: Path) -> ClipMaker:
        return cls(folder, await find_ffmpeg(None))

    async def seconds(self) -> float:
        started = time.perf_counter()
        await make_clip(
            self._source,
            finish=Finish(),
            shape=self._shape,
            limit=1_000_000,
            marks=Marks(
                Recipe("camera", "journal", Parameters("journal", "request", 1, 8, 8, 64), Finish(), "Unstill")
            ),
            target=self._folder / "alone.mp4",
            ffmpeg=self._ffmpeg,
            deadline=60,
        )
        return time.perf_counter() - started


async def gaps(folder: Path) -> list[float]:
    """Seconds from the end of each render to the begin of the next one, with jobs waiting all the time."""
    with House(folder, JOURNAL_STEP_SECONDS=STEP_SECONDS) as house:
        settings = Settings.load(house.settings, house.folder)
        client = Client.open(house.valkey.url, settings)
        storage = Storage.open(settings.storage)
        try:
            for n in range(IN_A_ROW):
                await submit(client, storage, n)
            house.start_engine()
            async with asyncio.timeout(180):
                while sum(event == "end" for _, _, _, event, _ in house.events()) < IN_A_ROW:
                    await asyncio.sleep(0.2)
        finally:
            await client.close()
        edges = [(event, at) for at, _, _, event, _ in house.events() if event in ("begin", "end")]
    return [begin[1] - end[1] for end, begin in zip(edges[1::2], edges[2::2], strict=False)]


async def measure(folder: Path) -> list[Figure]:
    for name in ("path", "gaps"):
        (folder / name).mkdir()
    travelled, encodes = await journeys(folder / "path")
    encode = statistics.median(encodes)
    still = [gap * 1000 for gap in await gaps(folder / "gaps")]

    def median(name: str, stages: list[float]) -> Figure:
        return plain(name, statistics.median(stages) * 1000, "ms")

    whole = [j.shown - j.posted for j in travelled]
    # a stage with an encode that was faster than the usual one took no less than nothing besides
    overhead = [
        (j.begun - j.posted + max(0.0, j.filed - j.rendered - encode) + j.shown - j.filed) * 1000 for j in travelled
    ]
    return [
        median("path: picture posted to clip seen, median", whole),
        median("path: posted to accepted, median", [j.accepted - j.posted for j in travelled]),
        median("path: accepted to queued (status, safe picture), median", [j.queued - j.accepted for j in travelled]),
        median("path: queued to claimed, median", [j.claimed - j.queued for j in travelled]),
        median("path: claimed to render begun, median", [j.begun - j.claimed for j in travelled]),
        median("path: render, median", [j.rendered - j.begun for j in travelled]),
        median("path: render ended to clip filed (with the encode), median", [j.filed - j.rendered for j in travelled]),
        median("path: filed to seen, median", [j.shown - j.filed for j in travelled]),
        plain("path: the encode by itself, median", encode * 1000, "ms"),
        at_most("path without render and encode, median", statistics.median(overhead), "ms", 150),
        plain("path without render and encode, p95", percentile(overhead, 0.95), "ms"),
        at_most("idle device between two jobs, median", statistics.median(still), "ms", 50),
        at_most("idle device between two jobs, p95", percentile(still, 0.95), "ms", 50),
    ]


def run() -> list[Figure]:
    """Measure, print the table, and give the figures."""
    with TemporaryDirectory() as name:
        figures = asyncio.run(measure(Path(name)))
    print(table(figures))
    return figures


if __name__ == "__main__":
    run()
