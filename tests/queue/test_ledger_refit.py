"""A clip that its platform refused for its size goes back to an engine, and is still one job with one answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

import msgspec
import pytest
from redis.asyncio import Redis
from tests.queue.values import DONE, a_job, a_request

from unstill_config.settings import Queue, Quota
from unstill_queue.contract.errors import QuotaExceeded
from unstill_queue.contract.jobs import Failed, Job, State, Succeeded
from unstill_queue.ledger.ledger import REFIT_LANE, REFITS_MOST, Ledger
from unstill_queue.redis.wakeup import queue_name

NO_QUOTA = Quota(person_jobs=0, chat_jobs=0, person_seconds=0, chat_seconds=0)
SQUEEZED = msgspec.structs.replace(DONE, clip="clips/squeezed", original="clips/original")


@pytest.fixture
async def ledger(server_url: str) -> AsyncIterator[Ledger]:
    redis = Redis.from_url(server_url)
    await redis.flushdb()
    yield Ledger(redis, Queue())
    await redis.aclose()


async def made(
    ledger: Ledger, n: int = 1, *, user: str = "ann", outcome: Succeeded = SQUEEZED, cost: float = 1.0
) -> Job:
    """A job whose clip waits for its courier."""
    request = a_request(n, user)
    job = a_job(request)
    await ledger.accept(request)
    await ledger.queue(job, cost=cost, quota=NO_QUOTA)
    claim = await ledger.claim("camera", f"render {job.id}", "engine")
    assert claim is not None and claim.made is None
    assert await ledger.finish(claim, outcome)
    return job


async def refused(ledger: Ledger, job: Job, limit: int = 500_000, sender: str = "courier") -> str:
    """Its platform does not take it."""
    assert await ledger.send(job.id, f"{sender} {limit}")
    return await ledger.refit(msgspec.structs.replace(job, upload_limit=limit), f"{sender} {limit}")


async def test_a_refused_clip_is_claimed_with_its_original_and_the_smaller_limit(ledger: Ledger) -> None:
    # Given a clip that its platform refused
    job = await made(ledger)
    assert await refused(ledger, job) == "ok"
    # Then no engine is given it to render, and any is given it to make smaller
    assert await ledger.claim("camera", "renderer", "engine") is None
    claim = await ledger.claim(REFIT_LANE, "smaller", "engine")
    assert claim is not None and claim.made == SQUEEZED
    assert (claim.job.upload_limit, claim.attempt) == (500_000, 1)
    # and what comes of it is the answer
    smaller = msgspec.structs.replace(SQUEEZED, clip="clips/smaller")
    assert await ledger.finish(claim, smaller, seconds=0.5)
    record = await ledger.read(job.id)
    assert (record.state, record.outcome, record.refits) == (State.DONE, smaller, 1)
    assert await ledger.send(job.id, "another courier") and await ledger.sent(job.id, "another courier")


async def test_it_is_made_smaller_a_bounded_number_of_times(ledger: Ledger) -> None:
    job = await made(ledger)
    for n in range(REFITS_MOST):
        assert await refused(ledger, job, 500_000 - n) == "ok"
        claim = await ledger.claim(REFIT_LANE, f"smaller {n}", "engine")
        assert claim is not None and await ledger.finish(claim, SQUEEZED)
    assert await refused(ledger, job, 100) == "no"
    assert (await ledger.read(job.id)).state is State.SENDING


async def test_only_its_sender_may_ask_and_only_for_a_clip(ledger: Ledger) -> None:
    job = await made(ledger)
    assert await ledger.refit(job, "nobody") == "lost"
    assert await ledger.send(job.id, "courier")
    assert await ledger.refit(job, "another courier") == "lost"
    failed = await made(ledger, 2, outcome=SQUEEZED)
    request = a_request(3)
    await ledger.accept(request)
    await ledger.refuse(request.id, Failed("said", "no"))
    assert await ledger.send(request.id, "courier")
    assert await ledger.refit(a_job(request), "courier") == "no"
    assert (await ledger.read(failed.id)).state is State.DONE


async def test_asking_again_after_a_lost_answer_changes_nothing(ledger: Ledger) -> None:
    job = await made(ledger)
    assert await refused(ledger, job) == "ok"
    claim = await ledger.claim(REFIT_LANE, "smaller", "engine")
    assert claim is not None
    assert await ledger.refit(job, "courier 500000") == "ok"
    record = await ledger.read(job.id)
    assert (record.state, record.refits) == (State.RUNNING, 1)
    # nor may that courier still report on what it no longer holds
    assert not await ledger.sent(job.id, "courier 500000")


async def test_a_lost_refit_is_tried_again_and_then_answered(ledger: Ledger) -> None:
    job = await made(ledger)
    await refused(ledger, job)
    failure = Failed("engine_lost", "It stopped.")
    for n in range(ledger.settings.attempts):
        claim = await ledger.claim(REFIT_LANE, f"smaller {n}", "engine")
        assert claim is not None and claim.attempt == n + 1 and claim.made == SQUEEZED
        await ledger.retry(claim, failure)
    assert (await ledger.read(job.id)).outcome == failure


async def test_the_reaper_wakes_engines_for_it(ledger: Ledger) -> None:
    job = await made(ledger)
    await refused(ledger, job)
    await ledger.redis.zadd("unstill:due", {job.id: 0})
    # Given that the word which the transition left is lost
    assert await ledger.redis.zcard(queue_name(REFIT_LANE)) == 1
    await ledger.redis.delete(queue_name(REFIT_LANE))
    # When it is looked at
    await ledger.reap()
    # Then there is word of it again
    assert await ledger.redis.zcard(queue_name(REFIT_LANE)) == 1


async def test_what_is_made_smaller_may_be_cancelled(ledger: Ledger) -> None:
    job = await made(ledger)
    await refused(ledger, job)
    assert await ledger.cancel(job.id, "test:ann") == "cancelled"
    assert await ledger.claim(REFIT_LANE, "smaller", "engine") is None


async def test_it_counts_as_a_job_in_hand_until_it_is_answered(ledger: Ledger) -> None:
    job = await made(ledger, cost=10.0)
    await refused(ledger, job)
    one = Quota(person_jobs=1, chat_jobs=0, person_seconds=0, chat_seconds=0)
    request = a_request(2)
    await ledger.accept(request)
    with pytest.raises(QuotaExceeded):
        await ledger.queue(a_job(request), cost=1.0, quota=one)
    claim = await ledger.claim(REFIT_LANE, "smaller", "engine")
    assert claim is not None and await ledger.finish(claim, SQUEEZED)
    assert await ledger.queue(a_job(request), cost=1.0, quota=one)
    # and its seconds were charged once
    ten = Quota(person_jobs=0, chat_jobs=0, person_seconds=11.5, chat_seconds=0)
    last = a_request(3)
    await ledger.accept(last)
    with pytest.raises(QuotaExceeded) as caught:
        await ledger.queue(a_job(last), cost=1.0, quota=ten)
    assert caught.value.used == 11.0


async def test_refits_take_turns_by_person(ledger: Ledger) -> None:
    # Given three refused clips of one person's, and then one of another's
    for n in range(3):
        await refused(ledger, await made(ledger, n, user="ann"))
    await refused(ledger, await made(ledger, 9, user="bob"))
    # When an engine takes them one after the other
    claims = [await ledger.claim(REFIT_LANE, f"smaller {n}", "engine") for n in range(4)]
    # Then bob's is the second
    assert [claim.job.requester.user for claim in claims if claim] == ["ann", "bob", "ann", "ann"]


async def test_its_time_is_not_taken_for_that_of_renders(ledger: Ledger) -> None:
    job = await made(ledger, cost=1.0)
    await refused(ledger, job)
    claim = await ledger.claim(REFIT_LANE, "smaller", "engine")
    assert claim is not None
    before = await ledger.rates()
    await ledger.finish(claim, SQUEEZED, seconds=50.0)
    after = await ledger.rates()
    assert after["camera"] == before["camera"] and after[REFIT_LANE] == 50.0


async def test_word_of_a_refit_is_said_though_word_of_its_render_was_never_heard(ledger: Ledger) -> None:
    job = await made(ledger)
    # Given word of a render, of which no engine has heard
    await ledger.accept(a_request(2))
    await ledger.queue(a_job(a_request(2)), cost=1, quota=NO_QUOTA)
    # When a clip has to be made smaller
    await refused(ledger, job)
    # Then there is word of that too
    assert await ledger.redis.zcard(queue_name("camera")) == 1
    assert await ledger.redis.zcard(queue_name(REFIT_LANE)) == 1


async def test_all_that_was_made_of_a_job_is_known(ledger: Ledger) -> None:
    job = await made(ledger)
    assert (await ledger.read(job.id)).clips == ["clips/squeezed", "clips/original"]
    await refused(ledger, job)
    assert (await ledger.read(job.id)).clips == ["clips/squeezed", "clips/original"]
