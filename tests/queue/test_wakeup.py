"""Tests that engines hear of work by arq 0.28, and that nothing is lost by what that does."""

from __future__ import annotations

import asyncio
import os
import pickle
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from arq.connections import ArqRedis
from arq.jobs import serialize_job
from redis.asyncio import Redis
from redis.exceptions import RedisError
from tests.queue.values import a_job, a_request
from tests.waiting import PATIENCE, until

from unstill_config.catalog import Catalog
from unstill_config.settings import Queue, Quota
from unstill_queue.contract.abilities import abilities
from unstill_queue.contract.codec import dump_arq, load_arq
from unstill_queue.contract.jobs import Job, State
from unstill_queue.ledger.ledger import REFIT_LANE, Ledger, Reaped
from unstill_queue.ledger.reaper import Reaper
from unstill_queue.redis.connection import connect, connection_pool
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.redis.wakeup import NUDGES, Listener, Periodic, forget_words, queue_name

SETTINGS = Queue(lease=0.5, beat=0.1, reap=0.05, audit=0.5)
NO_QUOTA = Quota(person_jobs=0, chat_jobs=0, person_seconds=0, chat_seconds=0)
CAN = abilities(Catalog.load())
POLL = 0.05
NEVER = 3600.0
"""A poll that does not come while a test runs: what is heard was heard by a nudge."""


class Engine:
    """An engine that hears of work and does none, or does `work`."""

    def __init__(
        self, url: str, lane: str = "camera", work: Callable[[str], Awaitable[None]] | None = None, poll: float = POLL
    ) -> None:
        self.words: list[str] = []
        self.draining = asyncio.Event()
        self._work = work
        self.listener = Listener(url, lane, self.draining, self._hear, poll_delay=poll)
        self.running: asyncio.Task[None] | None = None

    @property
    def heard(self) -> int:
        return len(self.words)

    async def _hear(self, word: str) -> None:
        self.words.append(word)
        if self._work:
            await self._work(word)

    async def __aenter__(self) -> Engine:
        self.running = asyncio.create_task(self.listener.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self.running
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)

    async def hears(self, count: int) -> None:
        await until(lambda: self.heard >= count)


@pytest.fixture
async def redis(valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    client = connect(valkey.url)
    yield client
    await client.aclose()


@pytest.fixture
async def ledger(redis: Redis) -> Ledger:
    return Ledger(redis, SETTINGS)


async def queued(ledger: Ledger, n: int = 1, model: str = "camera") -> Job:
    request = a_request(n)
    await ledger.accept(request)
    job = a_job(request)
    job = msgspec.structs.replace(job, parameters=msgspec.structs.replace(job.parameters, model=model))
    assert await ledger.queue(job, cost=1, quota=NO_QUOTA)
    return job


async def words(redis: Redis, lane: str = "camera") -> list[str]:
    return [word.decode() for word in await redis.zrange(queue_name(lane), 0, -1)]


async def free_words(redis: Redis, lane: str = "camera") -> list[str]:
    return [word for word in await words(redis, lane) if not await redis.exists(f"arq:in-progress:{word}")]


async def empty(redis: Redis, lane: str = "camera") -> None:
    async def none() -> bool:
        return not await words(redis, lane)

    await until(none)


async def test_an_idle_engine_hears_of_a_job(valkey: EmbeddedValkey, ledger: Ledger, redis: Redis) -> None:
    async with Engine(valkey.url) as engine:
        await queued(ledger)
        await engine.hears(1)
        await empty(redis)
    # and nothing of it stays behind
    left = [key async for key in redis.scan_iter("*arq:*")]
    assert left == [queue_name("camera").encode() + b":health-check"]


async def test_a_word_is_what_arq_itself_would_write(valkey: EmbeddedValkey, ledger: Ledger, redis: Redis) -> None:
    # Given a word of the ledger's, and one that arq writes for the same call
    await queued(ledger)
    [word] = await words(redis)
    ours = await redis.get(f"arq:job:{word}")
    arq = ArqRedis(connection_pool(valkey.url), job_serializer=dump_arq)
    await arq.enqueue_job("work", _job_id="theirs", _queue_name="another")
    theirs = await redis.get("arq:job:theirs")
    # Then they are the same bytes, but for the moment, which is now
    at = load_arq(ours)["et"]
    assert abs(at - time.time() * 1000) < PATIENCE * 1000
    assert ours == serialize_job("work", (), {}, None, at, serializer=dump_arq)
    assert theirs == serialize_job("work", (), {}, None, load_arq(theirs)["et"], serializer=dump_arq)
    assert await redis.type(queue_name("camera")) == await redis.type("another") == b"zset"
    await arq.aclose(close_connection_pool=True)


async def test_a_word_is_due_whatever_the_clocks_say(ledger: Ledger, redis: Redis) -> None:
    """arq scores by the sender's clock, and a score of 0 never runs: ours lie far back, and above 0."""
    await queued(ledger)
    [(word, score)] = await redis.zrange(queue_name("camera"), 0, -1, withscores=True)
    assert 0 < score < 1e12
    assert await redis.pttl(b"arq:job:" + word) > 23 * 3600_000


async def test_a_nudge_is_heard_at_once(valkey: EmbeddedValkey, ledger: Ledger, redis: Redis) -> None:
    # Given an engine that does not poll, on a queue that is empty
    async with Engine(valkey.url, poll=NEVER) as engine, redis.pubsub() as pubsub:
        await pubsub.subscribe(NUDGES)
        await until_polled(redis, "camera")
        # When work comes
        await queued(ledger)
        async with asyncio.timeout(PATIENCE):
            while not (message := await pubsub.get_message(ignore_subscribe_messages=True, timeout=1)):
                pass
        assert message["data"] == b"camera"
        engine.listener.look()
        # Then it hears of it all the same
        await engine.hears(1)


async def until_polled(redis: Redis, lane: str) -> None:
    """A worker writes down its health after its first poll."""
    await until(lambda: redis.exists(f"{queue_name(lane)}:health-check"))


async def test_what_came_while_an_engine_worked_is_heard_at_its_end(valkey: EmbeddedValkey, ledger: Ledger) -> None:
    """Whoever works heeds no nudge."""
    gate = asyncio.Event()
    redis = ledger.redis

    async def work(word: str) -> None:
        await ledger.claim("camera", f"owner of {word}", "engine", word=word)
        await gate.wait()

    async with Engine(valkey.url, work=work, poll=NEVER) as engine:
        await until_polled(redis, "camera")
        await queued(ledger, 1)
        engine.listener.look()
        await engine.hears(1)
        # Given another job, whose nudge comes while it works on the first
        await queued(ledger, 2)
        engine.listener.look()
        assert len(await free_words(redis)) == 1 and engine.heard == 1
        # When it has done that
        gate.set()
        # Then it hears of the other
        await engine.hears(2)


async def test_a_busy_engine_leaves_the_word_to_another(valkey: EmbeddedValkey, ledger: Ledger) -> None:
    gate = asyncio.Event()

    async def work(word: str) -> None:
        await ledger.claim("camera", f"busy {word}", "engine", word=word)
        await gate.wait()

    # Given an engine at work
    async with Engine(valkey.url, work=work) as busy:
        await queued(ledger, 0)
        await busy.hears(1)
        # When another is idle and work comes
        async with Engine(valkey.url) as idle:
            for n in range(1, 6):
                await queued(ledger, n)
                await idle.hears(n)
                await ledger.claim("camera", f"owner{n}", "engine", word=idle.words[-1])
        # Then that one has heard of it
        assert busy.heard == 1
        gate.set()


async def test_lanes_are_apart(valkey: EmbeddedValkey, ledger: Ledger) -> None:
    async with Engine(valkey.url, "camera") as camera, Engine(valkey.url, "other") as other:
        await queued(ledger, model="other")
        await other.hears(1)
        assert camera.heard == 0


async def test_one_word_is_enough_for_much_work(ledger: Ledger, redis: Redis) -> None:
    await asyncio.gather(*(queued(ledger, n) for n in range(50)))
    [word] = await words(redis)
    # and whoever claims leaves another for the rest, and none for the last
    await ledger.claim("camera", "o", "e", word=word)
    [another] = await words(redis)
    assert another != word
    for n in range(49):
        [word] = await words(redis)
        assert await ledger.claim("camera", f"o{n}", "e", word=word)
    assert await words(redis) == []


@pytest.mark.parametrize("how", ["announced", "gone", "looked at", "queued"])
async def test_a_word_that_died_with_its_engine_is_said_again(ledger: Ledger, redis: Redis, how: str) -> None:
    # Given a word that an engine took which then died
    job = await queued(ledger)
    [word] = await words(redis)
    await redis.set(f"arq:in-progress:{word}", 1)
    assert await free_words(redis) == []
    # When another says that it is there, or ends, or the job is looked at, or work comes
    match how:
        case "announced":
            await ledger.engine("e", "camera", b"")
        case "gone":
            await ledger.engine_gone("e", "camera")
        case "looked at":
            await redis.zadd("unstill:due", {job.id: 0})
            await ledger.reap()
        case "queued":
            await queued(ledger, 2)
    # Then there is another word, and only one however often that happens
    [another] = await free_words(redis)
    assert another != word
    await ledger.engine("e", "camera", b"")
    assert await free_words(redis) == [another]


async def test_no_word_is_said_where_nothing_waits(ledger: Ledger, redis: Redis) -> None:
    await ledger.engine("e", "camera", b"")
    await ledger.engine_gone("e", "camera")
    assert await words(redis) == [] == await words(redis, REFIT_LANE)


async def test_a_word_whose_call_is_gone_silences_no_other(ledger: Ledger, redis: Redis) -> None:
    await queued(ledger)
    [word] = await words(redis)
    await redis.delete(f"arq:job:{word}")
    await ledger.engine("e", "camera", b"")
    [another] = await words(redis)
    assert another != word


async def test_an_engine_that_can_make_what_is_parked_is_told_and_no_other(ledger: Ledger, redis: Redis) -> None:
    # Given a job that needs what its engine lacks
    await queued(ledger)
    [word] = await words(redis)
    claim = await ledger.claim("camera", "old", "e", word=word)
    assert claim
    await ledger._park(claim.job.id.encode(), "old", {"shape:new"})
    # handing it back said so, before it was parked: whoever hears that finds nothing
    assert await ledger.claim("camera", "older", "e", CAN, word=(await words(redis))[0]) is None
    # When engines say what they can do
    await ledger.engine("old", "camera", b"", CAN)
    assert await words(redis) == []
    await ledger.engine("new", "camera", b"", CAN | {"shape:new"})
    # Then the one that can is told, and is given it
    [word] = await words(redis)
    assert await ledger.claim("camera", "new", "e", CAN | {"shape:new"}, word=word)


async def test_a_listener_outlives_its_server(valkey: EmbeddedValkey, ledger: Ledger, redis: Redis) -> None:
    """arq's own worker exits half a second into an outage."""
    async with Engine(valkey.url) as engine:
        await queued(ledger, 1)
        await engine.hears(1)
        await ledger.claim("camera", "o", "e", word=engine.words[0])
        await asyncio.to_thread(valkey.kill)
        await asyncio.sleep(1.5)
        await asyncio.to_thread(valkey.start)
        await queued(ledger, 2)
        await engine.hears(2)


async def test_an_error_of_its_server_while_it_looks_does_not_deafen_it(
    valkey: EmbeddedValkey, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What ends arq's `start_jobs` leaves the worker's count of jobs wrong: it would take no word ever again."""
    async with Engine(valkey.url, poll=NEVER) as engine:
        await until_polled(ledger.redis, "camera")
        worker = engine.listener._worker
        assert worker

        async def fails(words: list[bytes]) -> None:
            worker.job_counter += 1
            raise RedisError("it is away for a moment")

        # Given a look that meets an error in the middle
        monkeypatch.setattr(worker, "start_jobs", fails)
        engine.listener.look()
        # When there is work
        await queued(ledger)
        # Then it is heard of, by another worker
        await engine.hears(1)
        # and the one that was replaced begins nothing any more, which nobody would wait for
        late: Any = worker.functions["work"]
        await late.coroutine({"job_id": "late"})
        assert "late" not in engine.words


async def test_what_work_raises_is_raised(valkey: EmbeddedValkey, ledger: Ledger) -> None:
    """arq logs it and goes on; an engine has to end."""

    async def work(word: str) -> None:
        raise RedisError("the server is gone for good")

    async with Engine(valkey.url, work=work) as engine:
        await queued(ledger)
        assert engine.running
        with pytest.raises(RedisError, match="gone for good"):
            async with asyncio.timeout(PATIENCE):
                await engine.running


async def test_draining_waits_for_no_poll(valkey: EmbeddedValkey, ledger: Ledger) -> None:
    async with Engine(valkey.url, poll=NEVER) as engine:
        await until_polled(ledger.redis, "camera")
        engine.draining.set()
        assert engine.running
        async with asyncio.timeout(PATIENCE):
            await engine.running
    # and takes no word any more
    await queued(ledger)
    engine.listener.look()
    assert engine.heard == 0 and len(await free_words(ledger.redis)) == 1


async def test_draining_waits_for_what_work_has_asked_for(valkey: EmbeddedValkey, ledger: Ledger) -> None:
    """A claim whose answer is on its way must not be cut off: its job would wait for the lease to be over."""
    gate, ended = asyncio.Event(), asyncio.Event()

    async def work(word: str) -> None:
        await gate.wait()
        ended.set()

    async with Engine(valkey.url, work=work) as engine:
        await queued(ledger)
        await engine.hears(1)
        worker = engine.listener._worker
        assert engine.running and worker and worker.main_task
        engine.draining.set()
        await until(worker.main_task.done)
        # whoever did not wait would cut it off now, in a few turns of the loop
        for _ in range(100):
            await asyncio.sleep(0)
        assert not engine.running.done() and not any(task.cancelling() for task in worker.tasks.values())
        gate.set()
        async with asyncio.timeout(PATIENCE):
            await engine.running
        assert ended.is_set()


async def test_a_pickle_in_the_queue_runs_nothing(valkey: EmbeddedValkey, ledger: Ledger, tmp_path: Path) -> None:
    # Given somebody who can write to the server, and a pickle that would run a command
    marker, redis = tmp_path / "ran", ledger.redis

    class Payload:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {marker}",)

    await redis.set("arq:job:evil:1", pickle.dumps({"t": 1, "f": "work", "a": (Payload(),), "k": {}, "et": 1}))
    await redis.zadd(queue_name("camera"), {"evil:1": 1})
    # When an engine takes it
    async with Engine(valkey.url) as engine:
        await empty(redis)
        # Then nothing ran, and the engine still listens
        await queued(ledger)
        await engine.hears(1)
    assert not marker.exists()


async def test_a_word_of_the_former_version_is_heard(valkey: EmbeddedValkey, ledger: Ledger, redis: Redis) -> None:
    """A front end that was not yet upgraded says "wake", and names the job; nothing nudges for it."""
    arq = ArqRedis(connection_pool(valkey.url), job_serializer=dump_arq)
    async with Engine(valkey.url) as engine:
        await arq.enqueue_job("wake", "t:5:1", 1, _job_id="camera:t:5:1:1", _queue_name=queue_name("camera"))
        await engine.hears(1)
        await empty(redis)
    await arq.aclose(close_connection_pool=True)


async def test_words_of_the_former_version_go_when_their_jobs_are_forgotten(
    valkey: EmbeddedValkey, redis: Redis
) -> None:
    # Given words that no engine has heard, of three jobs on two lanes
    arq = ArqRedis(connection_pool(valkey.url), job_serializer=dump_arq)
    former = [("camera", "t:5:1", 1), ("~refit", "t:5:1", 2), ("camera", "t:5:2", 1), ("camera", "t:5:11", 1)]
    for lane, id, attempt in former:
        name = f"{lane}:{id}:{attempt}"
        await arq.enqueue_job("wake", id, attempt, _job_id=name, _queue_name=queue_name(lane))
    # When two are forgotten
    await forget_words(redis, ["t:5:1", "t:5:2"])
    # Then an engine hears of the third alone, and nothing holds the others
    keys = [key async for key in redis.scan_iter("arq:*")]
    assert keys == [b"arq:job:camera:t:5:11:1"]
    assert await words(redis) == ["camera:t:5:11:1"]
    assert not await redis.exists(queue_name("~refit"))
    async with Engine(valkey.url) as engine:
        await engine.hears(1)
    await arq.aclose(close_connection_pool=True)


async def test_words_name_nobody(ledger: Ledger, redis: Redis) -> None:
    job = await queued(ledger)
    for key in [key async for key in redis.scan_iter("*arq*")]:
        held = await redis.get(key) if await redis.type(key) == b"string" else b" ".join(await redis.zrange(key, 0, -1))
        assert job.id.encode() not in key + held


async def test_a_periodic_task_is_done_by_one_engine_at_a_time(valkey: EmbeddedValkey, redis: Redis) -> None:
    # Given two engines that share a task of each second, and one that is done when an engine starts
    done: list[str] = []
    begun: list[str] = []

    def of(engine: str) -> list[Periodic]:
        async def do() -> None:
            done.append(engine)

        async def begin() -> None:
            begun.append(engine)

        return [Periodic("each", do, every=1.0), Periodic("first", begin, every=3600, at_start=True)]

    draining = asyncio.Event()
    listeners = [Listener(valkey.url, "~upkeep", draining, periodic=of(name), poll_delay=0.1) for name in "ab"]
    running = [asyncio.create_task(listener.run()) for listener in listeners]
    await until(lambda: len(done) >= 3 and begun)
    draining.set()
    await asyncio.gather(*running)
    # Then each time is one word in the server: arq keeps that it was done
    taken = {key async for key in redis.scan_iter("arq:in-progress:each:*")}
    assert len(done) <= len(taken)


@pytest.mark.parametrize(("every", "seconds", "minutes"), [(5, {*range(0, 60, 5)}, None), (0.5, {*range(60)}, None)])
def test_a_period_is_a_part_of_a_minute(every: float, seconds: set[int], minutes: None) -> None:
    async def do() -> None: ...

    job = Periodic("x", do, every).cron()
    assert (job.second, job.minute, job.unique) == (seconds, minutes, True)


@pytest.mark.parametrize(("every", "minutes"), [(60, {*range(60)}), (600, {*range(0, 60, 10)}), (3600, 0)])
def test_or_of_an_hour(every: float, minutes: Any) -> None:
    async def do() -> None: ...

    job = Periodic("x", do, every).cron()
    assert (job.second, job.minute) == (0, minutes)


async def test_leases_survive_an_outage_that_is_longer_than_they_are(valkey: EmbeddedValkey) -> None:
    """A reaper that took leases the moment the server is back would have every running job rendered twice."""
    # Given a running job whose engine beats
    redis, reaping = connect(valkey.url), connect(valkey.url, patience=0)
    ledger = Ledger(redis, Queue(lease=4.0, beat=0.5, reap=0.05))
    await queued(ledger)
    claim = await ledger.claim("camera", "owner", "engine")
    assert claim
    reaper = asyncio.create_task(Reaper(Ledger(reaping, ledger.settings)).run())
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


async def test_leases_survive_an_outage_that_begins_while_the_reaper_looks(valkey: EmbeddedValkey) -> None:
    redis, reaping = connect(valkey.url), connect(valkey.url, patience=0)
    ledger = Ledger(redis, Queue(lease=4.0, beat=0.5, reap=0.05))
    # Given a running job, and a queued one of which the engines are told again
    for n in (1, 2):
        await queued(ledger, n)
    claim = await ledger.claim("camera", "owner", "engine")
    assert claim
    away = asyncio.Event()

    class Unlucky(Ledger):
        """The server dies once, as the reaper has looked at what is due."""

        async def reap(self, limit: int = 200) -> Reaped:
            reaped = await super().reap(limit)
            if reaped.looked and not away.is_set():
                away.set()
                await asyncio.sleep(0.1)
                await asyncio.to_thread(valkey.kill)
            return reaped

    reaper = asyncio.create_task(Reaper(Unlucky(reaping, ledger.settings)).run())
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
    await redis.aclose()
    await reaping.aclose()


async def test_a_dead_engines_job_is_queued_again_when_its_lease_ends(valkey: EmbeddedValkey, ledger: Ledger) -> None:
    await queued(ledger)
    [word] = await words(ledger.redis)
    assert await ledger.claim("camera", "dead", "engine", word=word)
    assert await words(ledger.redis) == []
    reaper = asyncio.create_task(Reaper(ledger).run())
    async with Engine(valkey.url) as engine:
        await engine.hears(1)
    again = await ledger.claim("camera", "alive", "engine")
    assert again and again.attempt == 2
    reaper.cancel()
    await asyncio.gather(reaper, return_exceptions=True)
