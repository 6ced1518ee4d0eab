"""The queue with 10,000 jobs in it: `python -m tests.bench.bench_queue`."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from tests.bench.figures import Figure, at_least, at_most, percentile, plain, table

from unstill_config.settings import Settings
from unstill_queue.contract.jobs import Finish, Job, Parameters, ReplyAddress, Request, Requester
from unstill_queue.ledger.client import Client
from unstill_queue.redis.embedded import EmbeddedValkey

JOBS, PEOPLE, CHATS = 10_000, 1_000, 100
AT_ONCE = 32
"""Requests under way at a time where they come as fast as they are taken."""
PROMISED = 500
OFFERED = (550, 1000)
"""Requests a second, at moments that do not wait for the answers. The first one has to be borne."""
OFFERED_SECONDS = 6
LOOKS = 1_000
CLAIMS = 500
PARAMETERS = Parameters("camera", "waves rolling in, slow motion", seed=7, num_frames=72, fps=24, resolution=512)


def a_request(n: int) -> Request:
    person = n % PEOPLE
    who = Requester("bench", f"user{person}", f"chat{person % CHATS}")
    to = ReplyAddress("bench", who.chat, str(n))
    words = "Waves rolling in, slow motion --seconds 3 --seed 7"
    return Request(f"bench:{who.chat}:{n}", who, to, f"file-{n:032}", words, 50_000_000)


def a_job(request: Request) -> Job:
    parameters = msgspec.structs.replace(PARAMETERS, seed=hash(request.id) % 2**32)
    picture = f"pictures/{request.id.rpartition(':')[2]:0>32}.jpg"
    return Job(request.id, request.requester, request.reply_to, picture, parameters, Finish(), 50_000_000)


async def timed(call: Callable[[], Awaitable[object]], since: float | None = None) -> float:
    """Milliseconds that it took, or that have passed since then."""
    started = time.perf_counter() if since is None else since
    await call()
    return (time.perf_counter() - started) * 1000


async def flat_out(calls: Iterable[Callable[[], Awaitable[object]]]) -> tuple[list[float], float]:
    """`AT_ONCE` at a time, each taking the next as soon as it is done. Milliseconds each, and calls a second."""
    waiting = iter(calls)
    took: list[float] = []

    async def work() -> None:
        for call in waiting:
            took.append(await timed(call))

    started = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return took, len(took) / (time.perf_counter() - started)


async def offered(calls: Iterable[Callable[[], Awaitable[object]]], rate: float) -> tuple[list[float], float]:
    """At their moments, however slow the ones before are; a late start counts as waiting."""
    tasks = []
    started = time.perf_counter()
    for n, call in enumerate(calls):
        moment = started + n / rate
        if (early := moment - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        tasks.append(asyncio.create_task(timed(call, moment)))
    took = await asyncio.gather(*tasks)
    return took, len(took) / (time.perf_counter() - started)


async def measure(folder: Path) -> list[Figure]:
    limits = ("PERSON_JOBS", "CHAT_JOBS", "PERSON_SECONDS", "CHAT_SECONDS")
    async with EmbeddedValkey(folder / "valkey") as valkey:
        # quotas that nobody reaches, so that they are counted all the same
        environ = {"UNSTILL_REDIS__URL": valkey.url} | {f"UNSTILL_QUOTA__{limit}": "1000000000" for limit in limits}
        client = Client.open(valkey.url, Settings.load(environ, folder))
        try:
            return [*await _filling(client, folder), *await _full(client)]
        finally:
            await client.close()


async def _filling(client: Client, folder: Path) -> list[Figure]:
    requests = [a_request(n) for n in range(JOBS)]
    await client.accept(a_request(-1))  # loads the script
    before = await _memory(client)
    accepts, accept_rate = await flat_out(partial(client.accept, request) for request in requests)
    submits, submit_rate = await flat_out(partial(client.submit, a_job(request), cost=1.0) for request in requests)
    after = await _memory(client)
    file = sum(path.stat().st_size for path in (folder / "valkey" / "appendonlydir").iterdir())
    return [
        *_both(f"accept, flat out, {AT_ONCE} at a time", accepts),
        plain("accept, flat out", accept_rate, "/s"),
        *_both(f"submit, flat out, {AT_ONCE} at a time", submits),
        plain("submit, flat out", submit_rate, "/s"),
        plain(f"memory of the server with {JOBS:,} queued jobs", after / 2**20, "MiB"),
        plain("memory a queued job", (after - before) / JOBS, "bytes"),
        plain(f"append-only file with {JOBS:,} queued jobs", file / 2**20, "MiB"),
    ]


async def _full(client: Client) -> list[Figure]:
    """With all of the jobs queued."""
    figures: list[Figure] = []
    dice = random.Random(1)
    new = JOBS
    for rate in OFFERED:
        more = [a_request(n) for n in range(new, new + rate * OFFERED_SECONDS)]
        new += len(more)
        accepts, reached = await offered((partial(client.accept, request) for request in more), rate)
        name = f"accept, {rate} a second offered"
        if rate != OFFERED[0]:
            figures += [*_both(name, accepts), plain(f"{name}, taken", reached, "/s")]
            continue
        figures += [
            plain(f"{name}, p50", percentile(accepts, 0.5), "ms"),
            at_most(f"{name}, p99", percentile(accepts, 0.99), "ms", 20),
            at_least(f"{name}, taken", reached, "/s", PROMISED),
        ]
    looked = [a_request(n).id for n in dice.sample(range(JOBS), LOOKS)]
    took = [await timed(partial(client.ledger.place, id)) for id in looked]
    figures += [
        plain("position and eta, p50", percentile(took, 0.5), "ms"),
        at_most("position and eta, p99", percentile(took, 0.99), "ms", 10),
    ]
    claims = [await timed(partial(client.ledger.claim, "camera", f"owner{n}", "bench")) for n in range(CLAIMS)]
    return [*figures, *_both("claim", claims)]


def _both(name: str, took: list[float]) -> list[Figure]:
    return [plain(f"{name}, {label}", percentile(took, share), "ms") for label, share in (("p50", 0.5), ("p99", 0.99))]


async def _memory(client: Client) -> int:
    return int((await client.redis.info("memory"))["used_memory"])


def run() -> list[Figure]:
    """Measure, print the table, and give the figures."""
    with TemporaryDirectory() as name:
        figures = asyncio.run(measure(Path(name)))
    print(table(figures))
    return figures


if __name__ == "__main__":
    run()
