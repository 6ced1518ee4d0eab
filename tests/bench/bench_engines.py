"""What a second engine adds, and how busy a device is while jobs wait: a simulation with real processes.

`python -m tests.bench.bench_engines`. The queue, the engines, their children, ffmpeg and storage are real; the
renderer is a timed one that sleeps through its steps, since more than one card is rarely at hand.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.figures import Figure, at_least, plain, table
from tests.system.backlog import submit
from tests.system.processes import House

from unstill_config.settings import Settings
from unstill_queue.ledger.client import Client
from unstill_queue.storage.base import Storage

Spans = dict[str, list[tuple[float, float]]]
JOBS_AN_ENGINE = 12
FRAMES, RESOLUTION = 16, 256
STEP_SECONDS = 0.15
"""A clip then takes 2.4 s: less than the models' do, so that what lies between two clips weighs more than with them."""


async def worked_off(folder: Path, engines: int) -> Spans:
    """From when to when each device rendered, with a queue that was full when the engines came."""
    with House(folder, JOURNAL_STEP_SECONDS=str(STEP_SECONDS)) as house:
        settings = Settings.load(house.settings, house.folder)
        client = Client.open(house.valkey.url, settings)
        storage = Storage.open(settings.storage)
        jobs = JOBS_AN_ENGINE * engines
        try:
            for n in range(jobs):
                await submit(client, storage, n, num_frames=FRAMES, resolution=RESOLUTION)
            for n in range(engines):
                house.start_engine("--device", f"cpu:{n}", log=f"engine{n}")
            async with asyncio.timeout(180):
                while sum(event == "end" for _, _, _, event, _ in house.events()) < jobs:
                    await asyncio.sleep(0.2)
        finally:
            await client.close()
        return spans(house.events())


def spans(events: list[tuple[float, str, int, str, str]]) -> Spans:
    """By device, the begin and the end of each render that came to its end."""
    found: Spans = {}
    begun: dict[str, float] = {}
    for at, device, _, event, _ in events:
        if event == "begin":
            begun[device] = at
        elif event == "end":
            found.setdefault(device, []).append((begun[device], at))
    return found


def rate(spans: Spans) -> float:
    """Clips a second, from the first begin on any device to the last end on any."""
    begun = min(own[0][0] for own in spans.values())
    ended = max(own[-1][1] for own in spans.values())
    return sum(map(len, spans.values())) / (ended - begun)


def busy(own: list[tuple[float, float]]) -> float:
    """The share of its time that a device rendered, while jobs waited."""
    return sum(end - begin for begin, end in own) / (own[-1][1] - own[0][0])


async def measure(folder: Path) -> list[Figure]:
    for name in ("one", "two"):
        (folder / name).mkdir()
    one = await worked_off(folder / "one", 1)
    two = await worked_off(folder / "two", 2)
    (alone,) = one.values()
    return [
        plain("engines: clips a second with one, timed renderer", rate(one), "/s"),
        plain("engines: clips a second with two, timed renderer", rate(two), "/s"),
        at_least("engines: throughput of two by that of one, simulated", rate(two) / rate(one), "times", 1.9),
        at_least("engines: a device's busy time while jobs wait, one engine", 100 * busy(alone), "%", 95),
        at_least("engines: the same, the idler of two", 100 * min(map(busy, two.values())), "%", 95),
    ]


def run() -> list[Figure]:
    """Measure, print the table, and give the figures."""
    with TemporaryDirectory() as name:
        figures = asyncio.run(measure(Path(name)))
    print(table(figures))
    return figures


if __name__ == "__main__":
    run()
