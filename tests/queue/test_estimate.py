"""The time that people are told while they wait holds: of 100 clips at most 20 come later than was last told."""

from __future__ import annotations

import heapq
import random
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.queue.ledger_machine import CLOCK, START, TIME
from tests.queue.values import DONE, a_job, a_request

from unstill_config.settings import Queue, Quota
from unstill_queue.contract.jobs import State
from unstill_queue.ledger.ledger import Claim, Ledger
from unstill_queue.ledger.script import script_text
from unstill_queue.ledger.times import Times
from unstill_queue.redis.connection import connect

SETTINGS = Queue(lease=3600)
LANE = "camera"
STEP = 2.0
"""Seconds between two looks at those near the front, as a front end has them, and between an engine's two words."""
LEARNT, COUNTED, LATE_MOST = 20, 100, 20
Truth = Callable[[random.Random, str], float]
"""Draws what a second of estimate takes on an engine."""


@dataclass
class Street:
    """Chats that ask, engines that render, and what each waiting person was last told, on a clock that the test moves.

    `tail`: seconds for a clip's file beside the device. `told_every`: looks between two times that somebody is told
    who is not among the first three, as edits are few in a group.
    """

    redis: Any
    ledger: Ledger
    truth: Truth
    engines: tuple[str, ...]
    seed: int
    tail: float = 1.5
    told_every: int = 5
    now: float = START / 1000
    told: dict[str, float] = field(default_factory=dict)
    late: list[bool] = field(default_factory=list)
    busy_until: dict[str, float] = field(default_factory=dict)
    ends: list[tuple[float, int, Claim, float]] = field(default_factory=list)

    async def run(self) -> int:
        """Return how many of the counted clips came later than last told."""
        chance, asked, arrives, looks = random.Random(self.seed), 0, self.now, 0
        mean_cost = 8.0
        while len(self.late) < LEARNT + COUNTED:
            await self._move_to(self.now + STEP)
            for engine in self.engines:
                await self.ledger.engine(engine, LANE, b"info")
            await self._finish()
            while arrives <= self.now and asked < LEARNT + COUNTED + 10:
                asked += 1
                await self._ask(asked, chance, cost=mean_cost * chance.choice((0.5, 1.0, 1.5)))
                # as many as the engines can serve, in bursts
                arrives += chance.choice((0.0, 0.0, 3.0)) * mean_cost / len(self.engines) * 1.1
            await self._claim(chance)
            looks += 1
            await self._tell(looks)
        return sum(self.late[LEARNT : LEARNT + COUNTED])

    async def _move_to(self, now: float) -> None:
        self.now = now
        await self.redis.hset("unstill:test:clock", mapping={"s": int(now), "us": int(now % 1 * 1e6)})

    async def _ask(self, n: int, chance: random.Random, cost: float) -> None:
        request = a_request(n, user=f"u{chance.randrange(6)}", chat=f"c{chance.randrange(4)}")
        await self.ledger.accept(request)
        assert await self.ledger.queue(a_job(request), cost=cost, quota=Quota(person_jobs=0, chat_jobs=0))
        self.told[request.id] = 0.0

    async def _claim(self, chance: random.Random) -> None:
        for engine in self.engines:
            while self.busy_until.get(engine, 0.0) <= self.now:
                claim = await self.ledger.claim(LANE, f"owner {chance.random()}", engine)
                if claim is None:
                    break
                seconds = (await self.ledger.read(claim.job.id)).cost * self.truth(chance, engine)
                # it began when the device was free, within this step
                begun = max(self.now - STEP, self.busy_until.get(engine, self.now))
                self.busy_until[engine] = begun + seconds
                heapq.heappush(self.ends, (begun + seconds + self.tail, len(self.ends), claim, seconds))

    async def _finish(self) -> None:
        while self.ends and self.ends[0][0] <= self.now:
            at, _, claim, seconds = heapq.heappop(self.ends)
            assert await self.ledger.finish(claim, DONE, seconds=seconds)
            self.late.append(at > self.told.pop(claim.job.id))

    async def _tell(self, looks: int) -> None:
        waiting = list(self.told)
        for id, place in zip(waiting, await self.ledger.places(waiting), strict=True):
            if place is None or place.state is not State.QUEUED:
                continue
            assert place.eta is not None
            if self.told[id] == 0.0 or place.position <= 3 or looks % self.told_every == 0:
                self.told[id] = self.now + place.eta


def steady(chance: random.Random, engine: str) -> float:
    return 1.7 * chance.lognormvariate(0, 0.15)


def scattered(chance: random.Random, engine: str) -> float:
    return 1.2 * chance.lognormvariate(0, 0.5)


def sometimes_long(chance: random.Random, engine: str) -> float:
    return 4.0 if chance.random() < 0.1 else 1.0 * chance.lognormvariate(0, 0.1)


def by_engine(chance: random.Random, engine: str) -> float:
    return (0.8 if engine == "quick" else 4.0) * chance.lognormvariate(0, 0.2)


TRUTHS = [
    pytest.param(steady, ("one",), id="steady"),
    pytest.param(scattered, ("one",), id="scattered"),
    pytest.param(sometimes_long, ("one",), id="sometimes long"),
    pytest.param(scattered, ("one", "two", "three"), id="three engines"),
    pytest.param(by_engine, ("quick", "slow"), id="a quick one and a slow one"),
]


@pytest.fixture
async def redis(server_url: str) -> AsyncIterator[Any]:
    client = connect(server_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.mark.parametrize(("truth", "engines"), TRUTHS)
async def test_of_a_hundred_waits_at_most_twenty_end_later_than_last_told(
    redis: Any, truth: Truth, engines: tuple[str, ...]
) -> None:
    ledger = Ledger(redis, SETTINGS, script_text(Times.of(SETTINGS)).replace(TIME, CLOCK))

    late = await Street(redis, ledger, truth, engines, seed=1).run()

    assert late <= LATE_MOST


async def test_of_an_engine_of_several_models_the_changeover_and_the_others_turns_are_foreseen(redis: Any) -> None:
    # Given an engine of two models, of which the camera is loaded, and the other needs 20 s
    ledger = Ledger(redis, SETTINGS, script_text(Times.of(SETTINGS)).replace(TIME, CLOCK))
    await redis.hset("unstill:test:clock", mapping={"s": START // 1000, "us": 0})
    models = (LANE, "i2vgen-xl")
    await ledger.engine("both", models[0], b"info", others=models[1:])
    await ledger.changes_over("both", 60.0, {models[0]: 0.0, models[1]: 20.0})

    async def ask(n: int, model: str, cost: float) -> str:
        job = a_job(a_request(n), model=model)
        await ledger.accept(a_request(n))
        await ledger.queue(job, cost=cost, quota=Quota(person_jobs=0, chat_jobs=0))
        return job.id

    async def told(id: str) -> float:
        [place] = await ledger.places([id])
        assert place is not None and place.eta is not None and place.engines == 1
        return place.eta

    # When the other one is asked for, Then loading it is foreseen, and it is no engine that does not take what waits
    drawn = await ask(1, models[1], 10.0)
    alone = await told(drawn)
    assert alone == pytest.approx(20 + 10 * 1.25 + 2)
    # When the camera has work too, Then it may stay for that, and for its turn at most
    still = [await ask(n, LANE, 10.0) for n in (2, 3)]
    assert await told(drawn) == pytest.approx(alone + 20)
    still += [await ask(n, LANE, 10.0) for n in range(4, 14)]
    assert await told(drawn) == pytest.approx(alone + 60)
    # and what waits for the camera shares the device with the other
    assert await told(still[1]) == pytest.approx(10 * 2 + 10 * 1.25 + 2)

    # When it has claimed that job, and is loading for it, Then the others are told so, and a quota is not
    claim = await ledger.claim(models[1], "owner", "both", others=[LANE])
    assert claim is not None and claim.job.id == drawn
    assert await told(still[0]) == pytest.approx(20 + 10 + 10 * 1.25 + 2)
    await redis.hset("unstill:test:clock", mapping={"s": START // 1000 + 30, "us": 0})
    await ledger.begin(claim)
    await ledger.changes_over("both", 60.0, {models[0]: 5.0, models[1]: 0.0})
    await ledger.engine("both", models[0], b"info", others=models[1:])
    assert await told(still[0]) == pytest.approx(10 + 5 + 10 * 1.25 + 2)
    assert (await ledger.read(drawn)).state is State.RUNNING

    # When the other model cannot be loaded any more, Then nobody is told that it is served
    await ledger.engine("both", models[0], b"info")
    assert [await redis.zrange(f"unstill:engines:{model}", 0, -1) for model in models] == [[b"both"], []]
