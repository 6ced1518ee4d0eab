"""What engines and jobs cost the queue's one server, with 1, 10 and 100 engines: `python -m tests.bench.bench_scale`.

The server, the ledger, arq and all that an engine asks of them are real; the engines are simulated in so far as a
render is a sleep, and all of them live in this process. What a job costs is the server's own time, so a slow client
changes the rate and not the cost. Commands are those that clients send, and not what scripts call.
"""

from __future__ import annotations

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from redis.asyncio.connection import AbstractConnection
from tests.bench.bench_queue import a_job, a_request, timed
from tests.bench.figures import Figure, at_most, percentile, plain, table

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_config.settings import Settings
from unstill_queue.contract.codec import encode
from unstill_queue.contract.jobs import EngineInfo, Progress, Request, Succeeded
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.ledger import REFIT_LANE, Ledger
from unstill_queue.ledger.outbox import Outbox
from unstill_queue.ledger.reaper import Reaper
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.redis.wakeup import NUDGES, Listener
from unstill_queue.storage.base import Storage
from unstill_queue.storage.trash import Trash

ENGINES = (1, 10, 100)
JOBS_AN_ENGINE = 3
RENDER_SECONDS = 3.0
PROGRESS = 6
"""Times that an engine tells how far a render is."""
IDLE_SECONDS = 6.0
SETTLE_SECONDS = 3.0
ANNOUNCE_EVERY = 2.0
UPKEEP_POLL_DELAY = 2.0
MODEL = "camera"
QUOTAS = ("PERSON_JOBS", "CHAT_JOBS", "PERSON_SECONDS", "CHAT_SECONDS")
KEPT = 1_000
CPU_A_JOB_MOST = 10.0
"""Milliseconds of the server's one thread."""


class Engine:
    """All that `unstill-engine` asks of the server, and a sleep for the render."""

    def __init__(self, name: str, url: str, settings: Settings, storage: Storage) -> None:
        self._name = name
        self._redis = connect(url)
        self._reaping = connect(url, patience=0)
        self._ledger = Ledger(self._redis, settings.queue)
        self._reaper = Reaper(Ledger(self._reaping, settings.queue), audits=False)
        self._trash = Trash(Ledger(self._reaping, settings.queue), storage)
        self._draining = asyncio.Event()
        self._storage = storage
        self._listeners = (
            Listener(url, MODEL, self._draining, self._work),
            Listener(url, REFIT_LANE, self._draining, self._nothing),
            Listener(url, "~upkeep", self._draining, poll_delay=UPKEEP_POLL_DELAY),
        )

    async def run(self) -> None:
        """Serve until cancelled."""
        parts: list[Callable[[], Coroutine[Any, Any, None]]] = [
            self._reaper.run, self._trash.run, self._announce, self._hear, *(one.run for one in self._listeners)
        ]  # fmt: skip
        try:
            await asyncio.gather(*(part() for part in parts))
        finally:
            await self._redis.aclose()
            await self._reaping.aclose()

    async def _announce(self) -> None:
        info = encode(EngineInfo(self._name, MODEL, self._name, "bench", 1))
        while True:
            await self._ledger.engine(self._name, MODEL, info)
            await asyncio.sleep(ANNOUNCE_EVERY)

    async def _hear(self) -> None:
        async with self._redis.pubsub() as pubsub:
            await pubsub.subscribe("unstill:cancel", NUDGES)
            while True:
                if await pubsub.get_message(ignore_subscribe_messages=True, timeout=2.0):
                    self._listeners[0].look()

    async def _work(self, word: str) -> None:
        while claim := await self._ledger.claim(MODEL, secrets.token_hex(8), self._name, word=word):
            for step in range(PROGRESS):
                await asyncio.sleep(RENDER_SECONDS / PROGRESS)
                await self._ledger.beat(claim, Progress("rendering", step, PROGRESS))
            clip = self._storage.new_key("clips")
            await self._ledger.clip(claim, clip)
            made = Succeeded(clip, 1_000_000, 512, 512, 3.0, 24.0, claim.job.parameters, False, RENDER_SECONDS)
            await self._ledger.finish(claim, made, seconds=RENDER_SECONDS)

    async def _nothing(self, word: str) -> None:
        await self._ledger.claim(REFIT_LANE, secrets.token_hex(8), self._name, word=word)


class Load(msgspec.Struct):
    """What the server did between two looks: commands, and seconds of its processor."""

    commands: int
    processor: float
    at: float

    def since(self, before: Load) -> Load:
        return Load(self.commands - before.commands, self.processor - before.processor, self.at - before.at)


SENT = itertools.count()
"""Commands that this process has sent."""


def counting() -> None:
    """Have every connection of this process count the commands that it packs."""
    pack: Callable[..., list[bytes]] = AbstractConnection.pack_command

    def pack_command(connection: AbstractConnection, *words: Any) -> list[bytes]:
        next(SENT)
        return pack(connection, *words)

    setattr(AbstractConnection, "pack_command", pack_command)  # noqa: B010  # its type says otherwise


async def look(client: Client) -> Load:
    info: dict[str, Any] = await client.redis.info("cpu")
    processor = float(info["used_cpu_sys"]) + float(info["used_cpu_user"])
    return Load(next(SENT), processor, time.perf_counter())


async def ask(client: Client, request: Request) -> float:
    """Do what a front end does until a job is queued. Return the milliseconds until it was written down."""
    took = await timed(lambda: client.accept(request))
    await client.check(request.requester, cost=1.0)
    job = a_job(request)
    await client.ledger.picture(request.id, job.picture)
    await client.submit(job, cost=1.0)
    await client.ledger.note_begin(request.id)
    await client.ledger.note_set(request.id, "1")
    return took


async def answer(client: Client, count: int) -> None:
    """Do what a front end does with so many outcomes."""
    async for event in Outbox(client.redis, "bench").deliveries("bench"):
        sender = secrets.token_hex(8)
        if event.kind == "answer" and await client.ledger.send(event.id, sender):
            await client.ledger.read(event.id)
            await client.ledger.sent(event.id, sender)
            count -= 1
        if not count:
            return


async def measure(folder: Path, engines: int) -> list[Figure]:
    async with EmbeddedValkey(folder / "valkey") as valkey:
        environ = {"UNSTILL_REDIS__URL": valkey.url, "UNSTILL_STORAGE__URL": f"file://{folder}/storage"}
        settings = Settings.load(environ | {f"UNSTILL_QUOTA__{limit}": "1000000000" for limit in QUOTAS}, folder)
        storage = Storage.open(settings.storage)
        client = Client.open(valkey.url, settings)
        serving = [
            asyncio.create_task(Engine(f"engine{n}", valkey.url, settings, storage).run()) for n in range(engines)
        ]
        try:
            await asyncio.sleep(SETTLE_SECONDS)
            before = await look(client)
            await asyncio.sleep(IDLE_SECONDS)
            idle = (await look(client)).since(before)
            requests = [a_request(n) for n in range(engines * JOBS_AN_ENGINE)]
            before = await look(client)
            accepts = await asyncio.gather(*(ask(client, request) for request in requests))
            await answer(client, len(requests))
            busy = (await look(client)).since(before)
        finally:
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)
            await client.close()
    name = f"scale: {engines} engine{'s' if engines > 1 else ''}"
    # what engines ask as time goes by is no job's
    share = busy.at / idle.at
    processor = 1000 * (busy.processor - share * idle.processor) / len(requests)
    return [
        plain(f"{name}, idle, commands", idle.commands / idle.at, "/s"),
        plain(f"{name}, idle, of the server's processor", 100 * idle.processor / idle.at, "%"),
        plain(f"{name}, busy, clips", len(requests) / busy.at, "/s"),
        plain(f"{name}, busy, commands a clip besides", (busy.commands - share * idle.commands) / len(requests), ""),
        at_most(f"{name}, busy, the server's processor a clip", processor, "ms", CPU_A_JOB_MOST),
        plain(f"{name}, accept p99 where all ask at once", percentile(accepts, 0.99), "ms"),
    ]


async def kept(folder: Path) -> list[Figure]:
    """Measure what stays in the server's memory: of a request that was answered, and of a person's own settings."""
    async with EmbeddedValkey(folder / "valkey", options={"appendfsync": "no"}) as valkey:
        client = Client.open(valkey.url, Settings.load({f"UNSTILL_QUOTA__{one}": "0" for one in QUOTAS}, folder))
        try:
            await served(client, range(KEPT, 2 * KEPT))  # what grows once, as streams and scripts do
            before = await used(client)
            await served(client, range(KEPT))
            answered = await used(client)
            preferences = PreferenceStore(client.redis)
            for n in range(KEPT):
                await preferences.set(f"bench:{n:010}", Preferences(language="en", preset="quality"))
            return [
                at_most("scale: memory of a request that was answered", (answered - before) / KEPT, "bytes", 5000),
                plain("scale: memory of a person's settings", (await used(client) - answered) / KEPT, "bytes"),
            ]
        finally:
            await client.close()


async def served(client: Client, numbers: range) -> None:
    """Take requests through to their answers, without engines."""
    ledger = client.ledger
    for n in numbers:
        request = a_request(n)
        await ask(client, request)
        claim = await ledger.claim(MODEL, f"owner{n}", "bench")
        assert claim is not None
        clip = f"clips/20260101/{n:032x}.mp4"
        await ledger.clip(claim, clip)
        made = Succeeded(clip, 1_000_000, 512, 512, 3.0, 24.0, claim.job.parameters, False, RENDER_SECONDS)
        await ledger.finish(claim, made, seconds=RENDER_SECONDS)
        await ledger.send(request.id, "sender")
        await ledger.sent(request.id, "sender")
    await client.redis.delete("unstill:outbox:bench", "unstill:progress:bench")  # they go after an hour


async def used(client: Client) -> int:
    return int((await client.redis.info("memory"))["used_memory"])


def run() -> list[Figure]:
    """Measure, print the table, and give the figures."""
    figures: list[Figure] = []
    counting()
    for engines in ENGINES:
        with TemporaryDirectory() as name:
            figures += asyncio.run(measure(Path(name), engines))
    with TemporaryDirectory() as name:
        figures += asyncio.run(kept(Path(name)))
    print(table(figures))
    return figures


if __name__ == "__main__":
    run()
