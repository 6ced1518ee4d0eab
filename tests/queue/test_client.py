"""A front end's view: submit, watch, cancel."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

import pytest
from redis.exceptions import RedisError
from tests.queue.values import DONE, a_job, a_request
from tests.waiting import PATIENCE, until

from unstill_config.settings import Queue, Quota, Settings
from unstill_queue.contract.codec import encode
from unstill_queue.contract.errors import QuotaExceeded, UnknownJob
from unstill_queue.contract.jobs import Cancelled, Progress, State
from unstill_queue.ledger import client as module
from unstill_queue.ledger.client import Client, Update
from unstill_queue.ledger.ledger import Claim
from unstill_queue.ledger.outbox import Outbox
from unstill_queue.ledger.script import script_text
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey

SETTINGS = Settings(queue=Queue(lease=5, beat=1, reap=0.05), quota=Quota(person_jobs=2))


@pytest.fixture
async def client(valkey: EmbeddedValkey) -> AsyncIterator[Client]:
    client = Client.open(valkey.url, SETTINGS)
    yield client
    await client.close()


async def submitted(client: Client, n: int) -> str:
    request = a_request(n)
    await client.accept(request)
    assert await client.submit(a_job(request), cost=10)
    return request.id


@pytest.fixture
def no_recheck(monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that runs is not asked for: who hears of it was told."""
    monkeypatch.setattr(module, "RECHECK", 3600.0)


async def told(client: Client, claim: Claim, heard: Callable[[], object], step: int) -> None:
    """Tell a step until whoever watches has heard of it, as the reader of news may still be about to begin."""
    async with asyncio.timeout(PATIENCE):
        while not heard():
            await client.ledger.beat(claim, Progress("rendering", step, 3))
            await asyncio.sleep(0.05)


@pytest.mark.usefixtures("no_recheck")
async def test_watching_tells_place_progress_and_outcome_live(client: Client) -> None:
    # Given a job that waits behind another
    await submitted(client, 1)
    id = await submitted(client, 2)
    seen: list[Update] = []

    async def watch() -> None:
        async for update in client.watch(id):
            seen.append(update)

    watching = asyncio.create_task(watch())
    await until(lambda: seen)
    # When both are rendered
    first = await client.ledger.claim("camera", "o1", "e")
    assert first and await client.ledger.finish(first, DONE)
    second = await client.ledger.claim("camera", "o2", "e")
    assert second and second.job.id == id
    for step in range(1, 4):
        await told(client, second, lambda: seen[-1].progress and seen[-1].progress.step == step, step)  # noqa: B023
    await client.ledger.finish(second, DONE)
    # Then each change was told, without asking for it
    async with asyncio.timeout(PATIENCE):
        await watching
    assert seen[0].state is State.QUEUED and seen[0].place and seen[0].place.position == 2
    assert [u.progress.step for u in seen if u.progress and u.state is State.RUNNING][-1] == 3
    assert seen[-1].outcome == DONE


@pytest.mark.usefixtures("no_recheck")
async def test_an_answer_is_told_at_once_though_progress_came_with_it(client: Client) -> None:
    # Given a watched job that runs
    id = await submitted(client, 1)
    claim = await client.ledger.claim("camera", "o", "e")
    assert claim
    seen: list[Update] = []

    async def watch() -> None:
        async for update in client.watch(id):
            seen.append(update)

    watching = asyncio.create_task(watch())
    await told(client, claim, lambda: seen and seen[-1].progress, 1)
    # When its last progress and its outcome arrive in one piece
    async with client.redis.pipeline(transaction=True) as together:
        script = script_text(client.ledger.times)
        together.execute_command("EVAL", script, 0, "beat", id, "o", encode(Progress("encoding", 100, 100)))
        together.execute_command("EVAL", script, 0, "finish", id, "o", "done", encode(DONE), "1.0")
        await together.execute()
    # Then nobody waits for the next look
    async with asyncio.timeout(PATIENCE):
        await watching
    assert seen[-1].outcome == DONE


async def test_watching_asks_at_most_once_a_second(client: Client) -> None:
    # Given a job that waits
    id = await submitted(client, 1)
    before = (await client.redis.info("commandstats"))["cmdstat_hgetall"]["calls"]
    started = time.monotonic()
    # When it is watched for three seconds in which nothing happens
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(3):
            async for _ in client.watch(id):
                pass
    # Then the ledger was asked once to begin with and once a second
    after = (await client.redis.info("commandstats"))["cmdstat_hgetall"]["calls"]
    assert after - before <= 2 + (time.monotonic() - started)


async def test_watching_survives_a_restart_of_the_server(client: Client, valkey: EmbeddedValkey) -> None:
    id = await submitted(client, 1)
    seen: list[Update] = []

    async def watch() -> None:
        async for update in client.watch(id):
            seen.append(update)

    watching = asyncio.create_task(watch())
    await until(lambda: seen)
    await asyncio.to_thread(valkey.kill)
    await asyncio.sleep(0.5)
    await asyncio.to_thread(valkey.start)
    assert await client.cancel(id, "ann") == "cancelled"
    async with asyncio.timeout(PATIENCE):
        await watching
    assert seen[-1].outcome == Cancelled("ann")


async def test_position_and_eta_and_what_is_unknown(client: Client) -> None:
    id = await submitted(client, 1)
    place = await client.ledger.place(id)
    assert (place.position, place.eta) == (1, None)
    with pytest.raises(UnknownJob):
        await client.ledger.place("none")
    with pytest.raises(UnknownJob):
        async for _ in client.watch("none"):
            pass


async def test_a_quota_refuses_before_anything_is_queued(client: Client) -> None:
    for n in (1, 2):
        await submitted(client, n)
    await client.accept(a_request(3))
    with pytest.raises(QuotaExceeded):
        await client.submit(a_job(a_request(3)), cost=1)
    assert (await client.ledger.read(a_request(3).id)).state is State.ACCEPTED


async def test_submitting_twice_is_once(client: Client) -> None:
    id = await submitted(client, 1)
    assert not await client.submit(a_job(a_request(1)), cost=10)
    assert (await client.ledger.place(id)).position == 1


async def test_each_delivery_goes_to_one_courier_and_none_is_missed_in_between(client: Client) -> None:
    # Given answers that were filed while no courier was there
    for n in range(10):
        await client.accept(a_request(n))
        await client.cancel(a_request(n).id, "ann")
    got: list[str] = []

    async def courier(name: str) -> None:
        async for event in Outbox(client.redis, "test").deliveries(name):
            got.append(event.id)

    # When two come, one goes, and more are filed
    one, two = asyncio.create_task(courier("one")), asyncio.create_task(courier("two"))
    await until(lambda: len(got) == 10)
    two.cancel()
    await asyncio.gather(two, return_exceptions=True)
    for n in range(10, 15):
        await client.accept(a_request(n))
        await client.cancel(a_request(n).id, "ann")
    await until(lambda: len(got) == 15)
    one.cancel()
    await asyncio.gather(one, return_exceptions=True)
    # Then each was given once
    assert sorted(got) == sorted(a_request(n).id for n in range(15))


@pytest.mark.usefixtures("no_recheck")
async def test_a_reader_that_failed_is_replaced_and_does_not_spoil_the_end(valkey: EmbeddedValkey) -> None:
    # Given a front end whose connection gives up at once, and a watched job
    redis = connect(valkey.url, patience=0)
    client = Client(redis, SETTINGS)
    id = await submitted(client, 1)
    claim = await client.ledger.claim("camera", "o", "e")
    assert claim
    updates = client.watch(id)
    assert (await anext(updates)).state is State.RUNNING
    # When the server goes away for a moment
    await asyncio.to_thread(valkey.kill)
    await asyncio.sleep(0.3)
    await asyncio.to_thread(valkey.start)
    # Then news still come
    reading = asyncio.ensure_future(anext(updates))
    async with asyncio.timeout(PATIENCE):
        while not reading.done():
            # its connection gives up at once
            with contextlib.suppress(RedisError):
                await client.ledger.beat(claim, Progress("rendering", 1, 3))
            await asyncio.sleep(0.1)
    assert (await reading).progress == Progress("rendering", 1, 3)
    await client.close()
