"""What arq 0.28 does, and that nothing is lost by it."""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis
from tests.queue.values import a_job, a_request
from tests.waiting import PATIENCE

from unstill_config.settings import Queue, Quota
from unstill_queue.contract.jobs import State
from unstill_queue.ledger.ledger import Ledger, Wake
from unstill_queue.ledger.reaper import Reaper
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.redis.wakeup import Listener, Wakeups, queue_name

SETTINGS = Queue(lease=0.5, beat=0.1, reap=0.05, audit=0.5)


class Engine:
    """An idle engine's ear."""

    def __init__(self, url: str, lane: str = "camera") -> None:
        self.heard = 0
        self.listener = Listener(url, lane, self._on_wake)
        self._task: asyncio.Task[None] | None = None

    async def _on_wake(self) -> None:
        self.heard += 1

    async def __aenter__(self) -> Engine:
        self._task = asyncio.create_task(self.listener.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._task
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def hears(self, count: int, within: float = PATIENCE) -> None:
        async with asyncio.timeout(within):
            while self.heard < count:
                await asyncio.sleep(0.01)


@pytest.fixture
async def redis(valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    client = connect(valkey.url)
    yield client
    await client.aclose()


@pytest.fixture
async def wakeups(valkey: EmbeddedValkey) -> AsyncIterator[Wakeups]:
    sender = Wakeups(valkey.url)
    yield sender
    await sender.close()


async def test_an_idle_engine_hears_of_a_job(valkey: EmbeddedValkey, wakeups: Wakeups, redis: Redis) -> None:
    async with Engine(valkey.url) as engine:
        await wakeups.wake(Wake("j1", "camera", 1))
        await engine.hears(1)
    # and nothing of it stays behind
    assert await redis.zcard(queue_name("camera")) == 0
    assert not [key async for key in redis.scan_iter("arq:*")]


async def test_a_busy_engine_leaves_the_word_to_another(valkey: EmbeddedValkey, wakeups: Wakeups) -> None:
    async with Engine(valkey.url) as busy, Engine(valkey.url) as idle:
        await wakeups.wake(Wake("first", "camera", 1))
        async with asyncio.timeout(PATIENCE):
            while not busy.heard + idle.heard:
                await asyncio.sleep(0.01)
        busy.listener.ready = False
        await asyncio.sleep(0.1)
        before = busy.heard, idle.heard
        for n in range(5):
            await wakeups.wake(Wake(f"j{n}", "camera", 1))
        await idle.hears(before[1] + 5)
        assert busy.heard == before[0]


async def test_lanes_are_apart(valkey: EmbeddedValkey, wakeups: Wakeups) -> None:
    async with Engine(valkey.url, "camera") as camera, Engine(valkey.url, "other") as other:
        await wakeups.wake(Wake("j", "other", 1))
        await other.hears(1)
        assert camera.heard == 0


async def test_the_same_word_twice_is_one(valkey: EmbeddedValkey, wakeups: Wakeups, redis: Redis) -> None:
    await asyncio.gather(*(wakeups.wake(Wake("j", "camera", 1)) for _ in range(50)))
    assert await redis.zcard(queue_name("camera")) == 1


async def test_a_word_is_due_whatever_the_clocks_say(wakeups: Wakeups, redis: Redis) -> None:
    """arq scores by the sender's clock, and a score of 0 never runs: ours lie far back, and above 0."""
    await wakeups.wake(Wake("j", "camera", 1))
    [(_, score)] = await redis.zrange(queue_name("camera"), 0, -1, withscores=True)
    assert 0 < score < 1e12
    assert await redis.pttl("arq:job:camera:j:1") > 23 * 3600_000


async def test_a_listener_outlives_its_server(valkey: EmbeddedValkey, wakeups: Wakeups) -> None:
    """arq's own worker exits half a second into an outage."""
    async with Engine(valkey.url) as engine:
        await wakeups.wake(Wake("before", "camera", 1))
        await engine.hears(1)
        await asyncio.to_thread(valkey.kill)
        await asyncio.sleep(1.5)
        await asyncio.to_thread(valkey.start)
        await wakeups.wake(Wake("after", "camera", 1))
        await engine.hears(2)


async def test_a_pickle_in_the_queue_runs_nothing(valkey: EmbeddedValkey, redis: Redis, tmp_path: Path) -> None:
    # Given somebody who can write to the server, and a pickle that would run a command
    marker = tmp_path / "ran"

    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {marker}",)

    await redis.set("arq:job:evil:1", pickle.dumps({"t": 1, "f": "wake", "a": (Payload(),), "k": {}, "et": 1}))
    await redis.zadd(queue_name("camera"), {"evil:1": 1})
    # When an engine takes it
    async with Engine(valkey.url) as engine:
        async with asyncio.timeout(PATIENCE):
            while await redis.zcard(queue_name("camera")):
                await asyncio.sleep(0.02)
        # Then nothing ran, and the engine still listens
        sender = Wakeups(valkey.url)
        await sender.wake(Wake("good", "camera", 1))
        await engine.hears(1)
        await sender.close()
    assert not marker.exists()


async def test_a_lost_word_costs_one_reaper_period(valkey: EmbeddedValkey, wakeups: Wakeups, redis: Redis) -> None:
    # Given a queued job whose wake-up vanished, as an enqueue that answered None may have
    ledger = Ledger(redis, SETTINGS)
    await ledger.accept(a_request())
    await ledger.queue(a_job(a_request()), cost=1, quota=Quota())
    reaper = asyncio.create_task(Reaper(ledger, wakeups).run())
    # When an engine listens
    async with Engine(valkey.url) as engine:
        # Then the reaper tells it
        await engine.hears(1)
    reaper.cancel()
    await asyncio.gather(reaper, return_exceptions=True)


async def test_leases_survive_an_outage_that_is_longer_than_they_are(valkey: EmbeddedValkey, wakeups: Wakeups) -> None:
    """A reaper that took leases the moment the server is back would have every running job rendered twice."""
    # Given a running job whose engine beats
    redis, reaping = connect(valkey.url), connect(valkey.url, patience=0)
    ledger = Ledger(redis, Queue(lease=4.0, beat=0.5, reap=0.05))
    await ledger.accept(a_request())
    await ledger.queue(a_job(a_request()), cost=1, quota=Quota())
    claim = await ledger.claim("camera", "owner", "engine")
    assert claim
    reaper = asyncio.create_task(Reaper(Ledger(reaping, ledger.settings), wakeups).run())
    await asyncio.sleep(0.3)
    # When the server is away for longer than the lease
    await asyncio.to_thread(valkey.kill)
    await asyncio.sleep(5.0)
    await asyncio.to_thread(valkey.start)
    # Then the first beat after it still finds the job ours, at its first try
    await asyncio.sleep(0.2)
    assert await ledger.beat(claim) == "ok"
    assert (await ledger.read(claim.job.id)).attempt == 1
    reaper.cancel()
    await asyncio.gather(reaper, return_exceptions=True)
    await redis.aclose()
    await reaping.aclose()


async def test_leases_survive_an_outage_that_begins_while_a_word_is_said(valkey: EmbeddedValkey) -> None:
    """The reaper's words wait for the server on a connection that is patient: it must not sleep through an outage."""
    redis, reaping = connect(valkey.url), connect(valkey.url, patience=0)
    ledger = Ledger(redis, Queue(lease=4.0, beat=0.5, reap=0.05))
    wakeups = Wakeups(valkey.url)
    # Given a running job, and a queued one of which the engines are about to be told
    for n in (1, 2):
        await ledger.accept(a_request(n))
        await ledger.queue(a_job(a_request(n)), cost=1, quota=Quota())
    claim = await ledger.claim("camera", "owner", "engine")
    assert claim
    away = asyncio.Event()

    class Unlucky(Ledger):
        """The server dies once, between what is due and what is said of it."""

        async def reap(self, limit: int = 200) -> list[Wake]:
            wakes = await super().reap(limit)
            if wakes and not away.is_set():
                away.set()
                await asyncio.sleep(0.1)
                await asyncio.to_thread(valkey.kill)
            return wakes

    reaper = asyncio.create_task(Reaper(Unlucky(reaping, ledger.settings), wakeups).run())
    while not away.is_set():
        await ledger.beat(claim)
        await asyncio.sleep(0.05)
    # When it was away for longer than the lease
    await asyncio.sleep(5.0)
    await asyncio.to_thread(valkey.start)
    await asyncio.sleep(0.5)
    # Then the first beat after it still finds the job ours, at its first try
    assert (await ledger.read(claim.job.id)).state is State.RUNNING
    assert await ledger.beat(claim) == "ok"
    reaper.cancel()
    await asyncio.gather(reaper, return_exceptions=True)
    await wakeups.close()
    await redis.aclose()
    await reaping.aclose()


async def test_a_dead_engines_job_is_queued_again_when_its_lease_ends(valkey: EmbeddedValkey, wakeups: Wakeups) -> None:
    redis = connect(valkey.url)
    ledger = Ledger(redis, SETTINGS)
    await ledger.accept(a_request())
    await ledger.queue(a_job(a_request()), cost=1, quota=Quota())
    assert await ledger.claim("camera", "dead", "engine")
    reaper = asyncio.create_task(Reaper(ledger, wakeups).run())
    async with Engine(valkey.url) as engine:
        await engine.hears(1)
    again = await ledger.claim("camera", "alive", "engine")
    assert again and again.attempt == 2
    reaper.cancel()
    await asyncio.gather(reaper, return_exceptions=True)
    await redis.aclose()


async def test_words_of_forgotten_jobs_are_taken_back_and_no_others(
    valkey: EmbeddedValkey, wakeups: Wakeups, redis: Redis
) -> None:
    # Given words that no engine has heard, of three jobs on two lanes
    for wake in (Wake("t:5:1", "camera", 1), Wake("t:5:1", "~refit", 2), Wake("t:5:2", "camera", 1)):
        await wakeups.wake(wake)
    await wakeups.wake(Wake("t:5:11", "camera", 1))
    # When two are forgotten
    await wakeups.forget(["t:5:1", "t:5:2"])
    # Then an engine hears of the third alone, and nothing holds the others
    keys = [key async for key in redis.scan_iter("arq:*")]
    assert keys == [b"arq:job:camera:t:5:11:1"]
    assert await redis.zrange(queue_name("camera"), 0, -1) == [b"camera:t:5:11:1"]
    assert not await redis.exists(queue_name("~refit"))
    async with Engine(valkey.url) as engine:
        await engine.hears(1)
