"""The server's clock jumps by more than a day, on or back: nothing waits for that, and nothing ends by it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.queue.ledger_machine import CLOCK, START, TIME
from tests.queue.values import DONE, a_job, a_request

from unstill_config.settings import Queue, Quota
from unstill_queue.contract.jobs import Failed, State
from unstill_queue.ledger.ledger import Claim, Ledger
from unstill_queue.ledger.script import script_text
from unstill_queue.ledger.times import Times
from unstill_queue.redis.connection import connect

HOUR = 3600.0
SETTINGS = Queue(lease=10, wait_hours=1)
JUMPS = pytest.mark.parametrize("hours", [26, -26])


class House:
    """A ledger on a clock that the test moves; the reaper looks at each step, as it does all the time."""

    def __init__(self, redis: Any) -> None:
        self.redis = redis
        self.ledger = Ledger(redis, SETTINGS, script_text(Times.of(SETTINGS)).replace(TIME, CLOCK))
        self.now = START / 1000

    async def jump(self, seconds: float) -> None:
        self.now += seconds
        await self.redis.hset("unstill:test:clock", mapping={"s": int(self.now), "us": int(self.now % 1 * 1e6)})

    async def watch(self, seconds: float, step: float = 5.0) -> None:
        for _ in range(round(seconds / step)):
            await self.jump(step)
            await self.ledger.reap()

    async def queued(self, n: int) -> str:
        request = a_request(n, user=f"u{n}")
        await self.ledger.accept(request)
        assert await self.ledger.queue(a_job(request), cost=10.0, quota=Quota())
        return request.id

    async def running(self, n: int) -> Claim:
        await self.queued(n)
        claim = await self.ledger.claim("camera", f"owner{n}", "engine")
        assert claim
        return claim

    async def answered(self, n: int) -> str:
        claim = await self.running(n)
        assert await self.ledger.finish(claim, DONE)
        return claim.job.id

    async def state(self, id: str) -> State:
        return (await self.ledger.read(id)).state


@pytest.fixture
async def house(server_url: str) -> AsyncIterator[House]:
    client = connect(server_url)
    await client.flushdb()
    house = House(client)
    await house.jump(0)
    await house.watch(5)
    yield house
    await client.aclose()


@JUMPS
async def test_nothing_is_given_up_and_all_goes_on(house: House, hours: float) -> None:
    # Given a job in each state that waits for somebody
    answered = await house.answered(1)
    sending = await house.answered(2)
    assert await house.ledger.send(sending, "courier")
    claim = await house.running(3)
    queued = await house.queued(4)
    accepted = a_request(5)
    await house.ledger.accept(accepted)
    # When the clock jumps, and an engine and a reaper go on
    await house.jump(hours * HOUR)
    for _ in range(12):
        await house.watch(3, step=0.5)
        assert await house.ledger.beat(claim) == "ok"
    # Then each is where it was, or a step on
    assert await house.state(claim.job.id) is State.RUNNING
    assert (await house.ledger.read(claim.job.id)).attempt == 1
    assert await house.state(queued) is State.QUEUED
    assert await house.state(accepted.id) is State.ACCEPTED
    assert await house.state(answered) is State.DONE
    assert await house.state(sending) in (State.DONE, State.SENDING)
    # and nobody has to wait for the clock: all is looked at again within minutes
    due = await house.redis.zrange("unstill:due", 0, -1, withscores=True)
    assert len(due) == 5
    assert all(at / 1000 - house.now <= 600 for _, at in due)
    # and all come to their end
    assert await house.ledger.finish(claim, DONE)
    taken = await house.ledger.claim("camera", "another", "engine")
    assert taken and taken.job.id == queued


@JUMPS
async def test_an_engine_that_died_before_the_jump_is_noticed_after_it(house: House, hours: float) -> None:
    claim = await house.running(1)
    await house.jump(hours * HOUR)
    await house.watch(20, step=0.5)
    assert await house.state(claim.job.id) is State.QUEUED
    assert await house.ledger.claim("camera", "another", "engine")


@JUMPS
async def test_a_tick_every_few_seconds_still_adds_up_to_the_end_of_the_wait(house: House, hours: float) -> None:
    # Given a job that no engine takes
    queued = await house.queued(1)
    await house.watch(1800)
    await house.jump(hours * HOUR)
    await house.watch(1700)
    assert await house.state(queued) is State.QUEUED
    # When an hour has been seen to pass
    await house.watch(600)
    # Then it is answered
    outcome = (await house.ledger.read(queued)).outcome
    assert isinstance(outcome, Failed) and outcome.code == "expired"


async def test_time_that_nobody_saw_does_not_count(house: House) -> None:
    """A house that was switched off for two days has answers to give, not failures."""
    answered, queued = await house.answered(1), await house.queued(2)
    await house.jump(48 * HOUR)
    await house.watch(10)
    assert await house.state(queued) is State.QUEUED
    assert await house.state(answered) is State.DONE
    assert await house.ledger.send(answered, "courier")


async def test_a_clock_that_is_set_back_makes_no_dead_engine_and_no_dead_leader_live_on(house: House) -> None:
    await house.ledger.engine("dead", "camera", b"info")
    # as the server does for a key that was to end 6 s later by the old time
    await house.redis.set("unstill:leader:telegram", "dead", px=round(26 * HOUR * 1000) + 6000)
    queued = await house.queued(1)
    await house.jump(-26 * HOUR)
    await house.watch(20)
    assert (await house.ledger.place(queued)).engines == 0
    assert await house.redis.pttl("unstill:leader:telegram") <= 12_000


async def test_a_record_of_an_older_version_waits_on(house: House) -> None:
    """It has the wall's time alone, and its wait goes on from the first look."""
    answered, queued = await house.answered(1), await house.queued(2)
    await house.redis.hdel(f"unstill:job:{queued}", "accepted_seen", "queued_seen", "wait")
    await house.redis.hdel(f"unstill:job:{answered}", "accepted_seen", "queued_seen", "wait", "finished_seen")
    await house.watch(1800)
    assert await house.state(queued) is State.QUEUED
    assert await house.state(answered) is State.DONE
    await house.watch(1700)
    assert await house.state(queued) is State.QUEUED
    await house.watch(600)
    assert await house.state(queued) is State.FAILED
