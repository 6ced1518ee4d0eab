"""A damaged record stops nobody but itself: planted of every kind, with sound jobs beside it that are served."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import pytest
from structlog.testing import capture_logs
from tests.queue.values import DONE, a_job, a_request

from unstill_config.settings import Queue, Quota
from unstill_queue.contract.errors import UnknownJob, UnreadableRecord
from unstill_queue.contract.jobs import Requester, State
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect

SETTINGS = Queue(lease=0.3, beat=0.1, reap=0.05)
BAD = a_request(1, user="bad").id
Plant = Callable[[Any, str], Awaitable[object]]


async def no_accepted_at(redis: Any, key: str) -> None:
    await redis.hset(key, "state", "accepted")
    await redis.hdel(key, "accepted_at")


async def another_type(redis: Any, key: str) -> None:
    await redis.set(key, "rubbish")


async def unknown_state(redis: Any, key: str) -> None:
    await redis.hset(key, "state", "dreaming")


async def no_state(redis: Any, key: str) -> None:
    await redis.hdel(key, "state")


async def missing_hash(redis: Any, key: str) -> None:
    await redis.delete(key)


async def missing_lane(redis: Any, key: str) -> None:
    await redis.hdel(key, "lane")


async def no_number(redis: Any, key: str) -> None:
    await redis.hset(key, "wait_until", "nan")


async def a_counter_that_is_none(redis: Any, key: str) -> None:
    await redis.hset(key, "wakes", "many")


PLANTS: list[Plant] = [
    no_accepted_at, another_type, unknown_state, no_state, missing_hash, missing_lane, no_number,
    a_counter_that_is_none,
]  # fmt: skip
SEEN_BY_CLAIM = [plant for plant in PLANTS if plant is not a_counter_that_is_none]


def name_of(plant: Plant) -> str:
    return plant.__name__


@pytest.fixture
async def redis(server_url: str) -> AsyncIterator[Any]:
    client = connect(server_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
async def ledger(redis: Any) -> Ledger:
    """With a job that is about to be damaged at the head of its line, and two that are sound."""
    ledger = Ledger(redis, SETTINGS)
    for request in (a_request(1, user="bad"), a_request(2, user="bad"), a_request(3)):
        await ledger.accept(request)
        assert await ledger.queue(a_job(request), cost=10.0, quota=Quota())
    return ledger


SOUND = {a_request(2, user="bad").id, a_request(3).id}


async def all_due(redis: Any) -> None:
    for id in await redis.zrange("unstill:due", 0, -1):
        await redis.zadd("unstill:due", {id: 0})


async def is_aside_and_nothing_else(ledger: Ledger, logs: Sequence[MutableMapping[str, Any]]) -> None:
    [entry] = [entry for entry in logs if entry["log_level"] == "error"]
    assert entry["job"] == BAD and entry["wrong"]
    assert (await ledger.unreadable()).keys() == {BAD}
    assert set(await ledger.open_ids()) == SOUND
    # its place in the quota is free again, and the others are served
    who = Requester("test", "bad", "c1")
    assert (await ledger.used(who.account, who.place)).person_jobs == 1
    for n in range(len(SOUND)):
        claim = await ledger.claim("camera", f"owner{n}", "engine")
        assert claim and claim.job.id in SOUND
        assert await ledger.finish(claim, DONE)
        assert (await ledger.read(claim.job.id)).state is State.DONE
    assert await ledger.claim("camera", "more", "engine") is None
    used = await ledger.used(who.account, who.place)
    assert (used.person_jobs, used.chat_jobs) == (0, 0)


@pytest.mark.parametrize("plant", PLANTS, ids=name_of)
async def test_the_reaper_sets_it_aside_and_looks_at_the_others(ledger: Ledger, redis: Any, plant: Plant) -> None:
    await plant(redis, f"unstill:job:{BAD}")
    await all_due(redis)
    with capture_logs() as logs:
        await ledger.reap()
    assert [await redis.hget(f"unstill:job:{id}", "wakes") for id in SOUND] == [b"1", b"1"]
    await is_aside_and_nothing_else(ledger, logs)


@pytest.mark.parametrize("plant", SEEN_BY_CLAIM, ids=name_of)
async def test_a_claim_passes_over_it_and_takes_the_next(ledger: Ledger, redis: Any, plant: Plant) -> None:
    await plant(redis, f"unstill:job:{BAD}")
    with capture_logs() as logs:
        claim = await ledger.claim("camera", "first", "engine")
        assert claim and claim.job.id in SOUND
        assert await ledger.release(claim)
    await is_aside_and_nothing_else(ledger, logs)


@pytest.mark.parametrize("plant", [plant for plant in SEEN_BY_CLAIM if plant is not missing_hash], ids=name_of)
async def test_the_auditor_sets_it_aside(ledger: Ledger, redis: Any, plant: Plant) -> None:
    # Given an index that lost a sound job, and a record that was damaged
    [lost] = SOUND - {a_request(3).id}
    await redis.zrem("unstill:due", lost)
    await plant(redis, f"unstill:job:{BAD}")
    # When the auditor walks through all
    with capture_logs() as logs:
        assert await ledger.audit() == [lost]
    # Then it told of it once
    await redis.delete("unstill:audited")
    assert await ledger.audit() == []
    await is_aside_and_nothing_else(ledger, logs)


@pytest.mark.parametrize("plant", PLANTS, ids=name_of)
async def test_whatever_is_asked_about_it_is_answered(ledger: Ledger, redis: Any, plant: Plant) -> None:
    claim = await ledger.claim("camera", "owner", "engine")
    assert claim and claim.job.id == BAD
    await redis.hset(f"unstill:job:{BAD}", "state", "queued")
    await plant(redis, f"unstill:job:{BAD}")
    for ask in (ledger.place, ledger.read):
        try:
            await ask(BAD)
        except UnknownJob as error:
            assert isinstance(error, UnreadableRecord) == (plant is not missing_hash)
    if plant is not a_counter_that_is_none:
        assert await ledger.beat(claim) == "lost"
        assert not await ledger.finish(claim, DONE)
        assert not await ledger.release(claim)
        assert await ledger.cancel(BAD, "ann") == "none"
        assert not await ledger.send(BAD, "sender")
        assert await ledger.note_begin(BAD) == "unknown"
    assert sum((await ledger.counts()).values()) == 3 if plant is a_counter_that_is_none else 2


@pytest.mark.parametrize("plant", PLANTS, ids=name_of)
async def test_its_person_is_forgotten_all_the_same(ledger: Ledger, redis: Any, plant: Plant) -> None:
    await plant(redis, f"unstill:job:{BAD}")
    await ledger.forget("test:bad")
    assert BAD not in await ledger.unreadable()
    if plant is not a_counter_that_is_none:
        assert await redis.zscore("unstill:mine:test:bad", BAD) is None
        assert await redis.exists(f"unstill:job:{BAD}") == 0
    assert (await ledger.read(a_request(3).id)).state is State.QUEUED


@pytest.mark.parametrize("field", ["request", "job", "outcome"])
async def test_bytes_that_are_no_value_of_ours_are_unreadable(ledger: Ledger, redis: Any, field: str) -> None:
    await redis.hset(f"unstill:job:{BAD}", field, b"\x01\xc1rubbish")
    with pytest.raises(UnreadableRecord) as told:
        await ledger.read(BAD)
    assert not told.value.newer
    await ledger.set_aside(told.value)
    assert set(await ledger.open_ids()) == SOUND
    [(id, wrong)] = (await ledger.unreadable()).items()
    assert id == BAD and "cannot be read" in wrong
    # and somebody can be rid of it
    assert await ledger.drop_unreadable() == [BAD]
    assert await ledger.unreadable() == {}
    with pytest.raises(UnknownJob):
        await ledger.read(BAD)


async def test_a_record_of_a_newer_version_stays_for_a_newer_program(ledger: Ledger, redis: Any) -> None:
    await redis.hset(f"unstill:job:{BAD}", "request", b"\x02\x80")
    with pytest.raises(UnreadableRecord) as told:
        await ledger.read(BAD)
    assert told.value.newer
    await ledger.set_aside(told.value)
    assert await ledger.unreadable() == {}
    assert BAD in await ledger.open_ids()


async def test_a_request_comes_anew_where_something_else_stood_in_its_place(ledger: Ledger, redis: Any) -> None:
    await redis.set(f"unstill:job:{BAD}", "rubbish")
    await ledger.audit()
    assert await ledger.accept(a_request(1, user="bad"))
    assert (await ledger.read(BAD)).state is State.ACCEPTED
    assert await ledger.unreadable() == {}


async def test_what_was_set_aside_ends_by_itself(ledger: Ledger, redis: Any) -> None:
    await redis.hset(f"unstill:job:{BAD}", "state", "dreaming")
    await ledger.audit()
    assert 0 < await redis.pttl(f"unstill:job:{BAD}") <= 3 * 24 * 3600 * 1000


async def test_many_that_are_damaged_at_once_leave_the_others_as_they_were(ledger: Ledger, redis: Any) -> None:
    unlimited = Quota(person_jobs=0, chat_jobs=0, person_seconds=0, chat_seconds=0)
    for n in range(10, 400):
        request = a_request(n, user=f"u{n % 7}")
        await ledger.accept(request)
        assert await ledger.queue(a_job(request), cost=1.0, quota=unlimited)
        await redis.delete(f"unstill:job:{request.id}")
    await all_due(redis)
    for _ in range(3):
        await ledger.reap()
    assert set(await ledger.open_ids()) == SOUND | {BAD}
    taken = [await ledger.claim("camera", f"o{n}", "engine") for n in range(4)]
    assert {claim.job.id for claim in taken if claim} == SOUND | {BAD}
