"""A job that an engine cannot read or make waits for one that can: never failed, never tried three times."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs
from tests.queue.values import DONE, a_job, a_request

from unstill_config.catalog import Catalog
from unstill_config.settings import Queue, Quota
from unstill_queue.contract.abilities import EXTENDS, LAST_PICTURE, NO_PICTURE, SEAMLESS, abilities
from unstill_queue.contract.codec import encode
from unstill_queue.contract.errors import UnreadableRecord
from unstill_queue.contract.jobs import Cancelled, Failed, Finish, Job, State
from unstill_queue.ledger.ledger import REFIT_LANE, Ledger
from unstill_queue.redis.connection import connect

SETTINGS = Queue(lease=0.3, beat=0.1, reap=0.05, wait_hours=0.01)
HERE = abilities(Catalog.load())
NEWER = {*HERE, "codec:2", "shape:cinema"}


@pytest.fixture
async def redis(server_url: str) -> AsyncIterator[Any]:
    client = connect(server_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
async def ledger(redis: Any) -> Ledger:
    ledger = Ledger(redis, SETTINGS)
    await ledger.engine("engine", "camera", b"")
    return ledger


async def queued(ledger: Ledger, n: int, **changes: Any) -> Job:
    request = a_request(n)
    await ledger.accept(request)
    job = msgspec.structs.replace(a_job(request), **changes)
    assert await ledger.queue(job, cost=10.0, quota=Quota())
    return job


async def newer(ledger: Ledger, redis: Any, n: int) -> Job:
    """As a program of the next version writes it."""
    job = await queued(ledger, n)
    await redis.hset(f"unstill:job:{job.id}", "job", b"\x02" + encode(job)[1:])
    return job


async def state(redis: Any, id: str) -> str:
    said: bytes = await redis.hget(f"unstill:job:{id}", "state")
    return said.decode()


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"extends": "clips/a.mp4"}, EXTENDS),
        ({"last_picture": "pictures/b.png"}, LAST_PICTURE),
        ({"picture": ""}, NO_PICTURE),
        ({"finish": Finish(seamless=True)}, SEAMLESS),
    ],
)
async def test_an_older_engine_that_would_make_another_clip_of_it_is_not_given_it(
    ledger: Ledger, redis: Any, changes: dict[str, Any], word: str
) -> None:
    # Given a clip of a kind that came later
    job = await queued(ledger, 1, **changes)
    # When an engine asks that has not heard of it, and so cannot see what it lacks
    [bad] = await ledger._run("claim", "camera", "older", "engine", "", *(HERE - {word}))
    # Then it is given nothing, and a newer one is given the job
    assert not bad and await ledger.parked() == {job.id: ("camera", word)}
    claim = await ledger.claim("camera", "newer", "engine", HERE)
    assert claim is not None and claim.job == job


async def test_a_job_of_a_newer_version_waits_for_a_newer_engine(ledger: Ledger, redis: Any) -> None:
    # Given a job that a newer front end has queued, before one of ours
    job, ours = await newer(ledger, redis, 1), await queued(ledger, 2)
    # When an engine of this version asks again and again
    with capture_logs() as logs:
        claim = await ledger.claim("camera", "first", "engine", HERE)
        assert claim and claim.job == ours
        assert await ledger.claim("camera", "second", "engine", HERE) is None
    # Then it has its own job, and the other one waits and was told of once
    assert [(entry["job"], entry["lacks"]) for entry in logs] == [(job.id, ["codec:2"])]
    assert await state(redis, job.id) == "queued"
    assert await ledger.parked() == {job.id: ("camera", "codec:2")}
    place = await ledger.place(job.id)
    assert (place.state, place.parked, place.eta) == (State.QUEUED, True, None)
    assert (await ledger.reap()).looked == 0
    # and when it is read it is said to be newer, and not damaged
    with pytest.raises(UnreadableRecord) as told:
        await ledger.read(job.id)
    assert told.value.newer

    # When a newer engine asks (here one that can, and would decode it)
    await redis.hset(f"unstill:job:{job.id}", "job", encode(job))
    claim = await ledger.claim("camera", "third", "newer", NEWER)
    # Then it has it, as its first try
    assert claim and claim.job == job and claim.attempt == 1
    assert await ledger.finish(claim, DONE)


async def test_a_shape_that_an_engine_lacks_is_made_by_one_that_has_it(ledger: Ledger) -> None:
    job, ours = await queued(ledger, 1, finish=Finish("cinema")), await queued(ledger, 2)
    first = await ledger.claim("camera", "first", "old", HERE)
    assert first and first.job == ours
    assert (await ledger.parked())[job.id] == ("camera", "shape:cinema")
    # an engine without it passes over it from now on, and another one has it at once, in its turn
    assert await ledger.claim("camera", "second", "old", HERE) is None
    claim = await ledger.claim("camera", "third", "new", NEWER)
    assert claim and claim.job == job and claim.attempt == 1
    # an engine of the old kind that is given it back by a drain leaves it to the new one
    assert await ledger.release(claim)
    assert await ledger.claim("camera", "fourth", "old", HERE) is None
    assert (await ledger.place(job.id)).parked


async def test_only_what_has_to_be_known_is_asked_of_an_engine_that_makes_a_clip_smaller(ledger: Ledger) -> None:
    job = await queued(ledger, 1, finish=Finish("cinema"))
    claim = await ledger.claim("camera", "first", "new", NEWER)
    assert claim and await ledger.finish(claim, DONE)
    assert await ledger.send(job.id, "sender")
    assert await ledger.refit(job, "sender") == "ok"
    refit = await ledger.claim(REFIT_LANE, "second", "old", HERE)
    assert refit and refit.job == job


async def test_what_waits_for_an_engine_can_be_cancelled_and_forgotten(ledger: Ledger) -> None:
    first, second = await queued(ledger, 1, finish=Finish("cinema")), await queued(ledger, 2, finish=Finish("cinema"))
    assert await ledger.claim("camera", "owner", "old", HERE) is None
    assert await ledger.cancel(first.id, "ann") == "cancelled"
    assert (await ledger.read(first.id)).outcome == Cancelled("ann")
    await ledger.forget("test:ann")
    assert (await ledger.read(second.id)).state is State.CANCELLED
    assert await ledger.parked() == {}
    assert (await ledger.used("test:ann", "test:c1")).person_jobs == 0


async def test_its_wait_ends_after_a_day_like_any_other(ledger: Ledger, redis: Any) -> None:
    job = await queued(ledger, 1, finish=Finish("cinema"))
    assert await ledger.claim("camera", "owner", "old", HERE) is None
    await redis.hincrbyfloat("unstill:watched", "ms", SETTINGS.wait_hours * 3600_000 + 1)
    await redis.zadd("unstill:due", {job.id: 0})
    assert (await ledger.reap()).looked == 1
    outcome = (await ledger.read(job.id)).outcome
    assert isinstance(outcome, Failed) and outcome.code == "expired"
    assert await ledger.parked() == {}


async def test_many_that_wait_come_back_in_their_order(ledger: Ledger) -> None:
    jobs = [await queued(ledger, n, finish=Finish("cinema")) for n in range(1, 6)]
    assert await ledger.claim("camera", "owner", "old", HERE) is None
    taken = [await ledger.claim("camera", f"owner{n}", "new", NEWER) for n in range(5)]
    assert [claim.job.id for claim in taken if claim] == [job.id for job in jobs]


async def test_a_backing_that_was_asked_for_waits_for_an_engine_that_makes_one(ledger: Ledger) -> None:
    # Given jobs for 9:16 as is best, between bars, and before a backing, and an engine of the former version
    filled = [
        await queued(ledger, n, finish=Finish("reels", fill=fill)) for n, fill in enumerate(("blur", "", "pad", "crop"))
    ]
    former = HERE - {"fill:blur"}
    # When it asks, Then it is given all but the backing, which it would leave out without a word
    for job in filled[1:]:
        claim = await ledger.claim("camera", f"owner {job.id}", "former", former)
        assert claim and claim.job == job
        assert await ledger.finish(claim, DONE)
    assert await ledger.claim("camera", "owner", "former", former) is None
    # and that one an engine of this version makes
    claim = await ledger.claim("camera", "newer", "newer", HERE)
    assert claim and claim.job == filled[0]


async def test_a_clip_by_another_solver_waits_for_an_engine_that_knows_it(ledger: Ledger) -> None:
    # Given jobs by the model's own solver, with steps in part, and by UniPC, and an engine of the former version
    usual = a_job(a_request()).parameters
    ways: list[dict[str, Any]] = [{}, {"cache_interval": 2}, {"scheduler": "unipc"}]
    own, cached, other = [
        await queued(ledger, n, parameters=msgspec.structs.replace(usual, **way)) for n, way in enumerate(ways)
    ]
    former = HERE - {"scheduler:unipc"}
    # When it asks, Then it is given all but the last, of which it would make too few steps of its own
    for job in (own, cached):
        claim = await ledger.claim("camera", f"owner {job.id}", "former", former)
        assert claim and claim.job == job
        assert await ledger.finish(claim, DONE)
    assert await ledger.claim("camera", "owner", "former", former) is None
    # and that one an engine of this version makes
    claim = await ledger.claim("camera", "newer", "newer", HERE)
    assert claim and claim.job == other


async def test_a_clip_of_two_pictures_or_none_waits_for_an_engine_that_knows_them(ledger: Ledger) -> None:
    # Given jobs of one picture, of none, and of two, and an engine of the former version
    one, none, two = [
        await queued(ledger, n, **pictures)
        for n, pictures in enumerate(({}, {"picture": ""}, {"last_picture": "pictures/y"}))
    ]
    former = HERE - {"picture:none", "picture:last"}
    # When it asks, Then it is given the first alone
    claim = await ledger.claim("camera", "first", "former", former)
    assert claim and claim.job == one
    assert await ledger.claim("camera", "second", "former", former) is None
    assert await ledger.parked() == {none.id: ("camera", "picture:none"), two.id: ("camera", "picture:last")}
    # and one of this version is given the others
    claims = [await ledger.claim("camera", f"newer {n}", "newer", HERE) for n in range(2)]
    assert [claim and claim.job for claim in claims] == [none, two]
