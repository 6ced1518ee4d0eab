"""The ledger's promises, one by one, on a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from redis.asyncio import Redis
from tests.queue.values import DONE, a_job, a_request

from unstill_config.settings import Queue, Quota
from unstill_queue.contract.codec import decode, encode
from unstill_queue.contract.errors import QuotaExceeded, UnknownJob
from unstill_queue.contract.jobs import (
    Cancelled,
    Failed,
    Job,
    Outcome,
    Progress,
    Request,
    Requester,
    State,
)
from unstill_queue.ledger.ledger import INTAKE_FAILED, Claim, Ledger
from unstill_queue.ledger.outbox import Outbox
from unstill_queue.ledger.pseudonyms import Kind, Pseudonyms
from unstill_queue.redis.connection import connect

AT_FIRST, ON_THE_WAY = 1.25, 2
"""By so much the first estimate of a clip's time is longer than the mean, and the seconds that are added."""
SETTINGS = Queue(lease=0.3, beat=0.1, reap=0.05)


@pytest.fixture
async def redis(server_url: str) -> AsyncIterator[Redis]:
    client = connect(server_url)
    await client.flushdb()
    yield client
    await client.aclose()


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    return Ledger(redis, SETTINGS)


def sending_for(seconds: float, ledger: Ledger) -> Ledger:
    """Return the same ledger, for a courier whose right to send ends so soon."""
    return Ledger(ledger.redis, SETTINGS, times=msgspec.structs.replace(ledger.times, send_lease=seconds))


async def queued(ledger: Ledger, request: Request, *, cost: float = 10.0, quota: Quota | None = None) -> Job:
    await ledger.accept(request)
    job = a_job(request)
    assert await ledger.queue(job, cost=cost, quota=quota or Quota())
    return job


async def test_the_same_update_seen_twice_is_one_job(ledger: Ledger) -> None:
    # When one request is accepted two hundred times at once
    answers = await asyncio.gather(*(ledger.accept(a_request()) for _ in range(200)))
    # Then it is new once
    assert answers.count(True) == 1
    assert await ledger.open_ids() == [a_request().id]


async def test_a_job_goes_from_accepted_to_sent(ledger: Ledger) -> None:
    # Given a queued job
    job = await queued(ledger, a_request())
    # When it is claimed, rendered, finished and delivered
    claim = await ledger.claim("camera", "owner", "engine")
    assert claim is not None and claim.job == job and claim.attempt == 1
    assert await ledger.beat(claim, Progress("rendering", 3, 16)) == "ok"
    assert (await ledger.read(job.id)).progress == Progress("rendering", 3, 16)
    assert await ledger.finish(claim, DONE, seconds=12.0)
    assert await ledger.send(job.id, "sender")
    assert await ledger.sent(job.id, "sender", "message 7")
    # Then it is final, and nobody has to look at it again
    record = await ledger.read(job.id)
    assert (record.state, record.outcome, record.receipt) == (State.SENT, DONE, "message 7")
    assert await ledger.open_ids() == []
    assert await ledger.redis.pttl(f"unstill:job:{job.id}") > 0


async def test_finish_is_refused_to_whoever_does_not_hold_the_job(ledger: Ledger) -> None:
    # Given a job whose first engine went silent and whose second one has it
    job = await queued(ledger, a_request())
    first = await ledger.claim("camera", "first", "e1")
    assert first
    await asyncio.sleep(0.35)
    assert (await ledger.reap()).looked == 1
    second = await ledger.claim("camera", "second", "e2")
    assert second and second.attempt == 2
    # When the first one comes back
    # Then neither its beat nor its outcome counts
    assert await ledger.beat(first) == "lost"
    assert not await ledger.finish(first, DONE)
    assert await ledger.finish(second, DONE)
    assert (await ledger.read(job.id)).state is State.DONE


async def test_a_render_finished_after_its_lease_counts_while_nobody_else_has_the_job(ledger: Ledger) -> None:
    # Given a lease that ended while the server was away, so that the job is queued again
    job = await queued(ledger, a_request())
    claim = await ledger.claim("camera", "owner", "engine")
    assert claim
    await asyncio.sleep(0.35)
    await ledger.reap()
    assert (await ledger.read(job.id)).state is State.QUEUED
    # When its owner files the outcome
    assert await ledger.finish(claim, DONE)
    # Then the render was not for nothing, and the job is in no line
    assert (await ledger.read(job.id)).state is State.DONE
    assert await ledger.claim("camera", "another", "engine") is None


async def test_a_beat_after_the_lease_takes_the_job_back(ledger: Ledger) -> None:
    await queued(ledger, a_request())
    claim = await ledger.claim("camera", "owner", "engine")
    assert claim
    await asyncio.sleep(0.35)
    await ledger.reap()
    assert await ledger.beat(claim) == "ok"
    assert await ledger.claim("camera", "another", "engine") is None
    assert (await ledger.read(claim.job.id)).attempt == 1


async def test_a_job_that_kills_its_engine_fails_after_three_tries(ledger: Ledger) -> None:
    # Given a job, and engines that go silent with it
    job = await queued(ledger, a_request())
    for attempt in (1, 2, 3):
        claim = await ledger.claim("camera", f"owner{attempt}", "engine")
        assert claim and claim.attempt == attempt
        await asyncio.sleep(0.35)
        await ledger.reap()
    # Then it has an answer like any other
    record = await ledger.read(job.id)
    assert record.state is State.FAILED
    assert isinstance(record.outcome, Failed) and record.outcome.code == "engine_lost"
    assert await ledger.send(job.id, "sender")


async def test_a_claim_whose_answer_was_lost_is_not_a_second_job(ledger: Ledger) -> None:
    await queued(ledger, a_request(1))
    await queued(ledger, a_request(2))
    first = await ledger.claim("camera", "token", "engine")
    assert await ledger.claim("camera", "token", "engine") == first


async def test_a_claim_is_remembered_for_longer_than_its_lease(ledger: Ledger) -> None:
    """A server that is away between the claim and its answer may stay away for longer than a lease."""
    await queued(ledger, a_request(1))
    await queued(ledger, a_request(2))
    first = await ledger.claim("camera", "token", "engine")
    await asyncio.sleep(0.35)
    assert await ledger.claim("camera", "token", "engine") == first


async def test_a_job_that_cannot_be_decoded_is_answered_and_the_engine_gets_the_next(
    ledger: Ledger, redis: Redis
) -> None:
    # Given a job whose bytes no version can have written, before a sound one
    broken, sound = await queued(ledger, a_request(1)), await queued(ledger, a_request(2))
    raw: Any = redis
    await raw.hset(f"unstill:job:{broken.id}", "job", b"\x01other")
    # When an engine asks for work
    claim = await ledger.claim("camera", "owner", "engine")
    # Then it has the sound one, and the other has its answer
    assert claim and claim.job == sound and claim.owner == "owner"
    assert await ledger.finish(claim, DONE)
    reply = await raw.hmget(f"unstill:job:{broken.id}", ["state", "outcome"])
    assert reply[0] == b"failed" and decode(reply[1], Outcome) == INTAKE_FAILED


async def test_cancel_takes_a_queued_job_out_at_once_and_gives_its_quota_back(ledger: Ledger) -> None:
    # Given a person whose quota is one job
    one = Quota(person_jobs=1)
    job = await queued(ledger, a_request(1), quota=one)
    await ledger.accept(a_request(2))
    with pytest.raises(QuotaExceeded, match="1 of 1"):
        await ledger.queue(a_job(a_request(2)), cost=1, quota=one)
    # When the first is cancelled
    assert await ledger.cancel(job.id, "ann") == "cancelled"
    # Then it never runs, and there is room for another
    assert await ledger.queue(a_job(a_request(2)), cost=1, quota=one)
    claim = await ledger.claim("camera", "o", "e")
    assert claim and claim.job.id == a_request(2).id
    assert (await ledger.read(job.id)).outcome == Cancelled("ann")


async def test_cancel_of_a_running_job_reaches_its_engine_and_outlives_it(ledger: Ledger) -> None:
    # Given a running job that somebody cancels
    job = await queued(ledger, a_request())
    claim = await ledger.claim("camera", "owner", "engine")
    assert claim
    assert await ledger.cancel(job.id, "ann") == "cancelling"
    assert await ledger.beat(claim) == "cancel"
    # When the engine dies before it obeys
    await asyncio.sleep(0.35)
    await ledger.reap()
    # Then the job is not rendered again
    assert (await ledger.read(job.id)).outcome == Cancelled("ann")
    assert await ledger.cancel(job.id, "ann") == "late"
    assert await ledger.cancel("nothing", "ann") == "none"


async def test_channels_that_write_in_one_chat_share_a_quota(ledger: Ledger) -> None:
    # Given one job of a quota of one, asked for in a channel's name
    one = Quota(person_jobs=1)
    await queued(ledger, a_request(1, user="-100", persona=True), quota=one)
    # When another channel asks in the same chat
    second = a_request(2, user="-200", persona=True)
    await ledger.accept(second)
    # Then that is one too many, as both may be one person's
    with pytest.raises(QuotaExceeded, match="1 of 1"):
        await ledger.queue(a_job(second), cost=1, quota=one)
    # and each still owns what is its own, and a person is not counted among them
    assert await ledger.ids_of(second.requester.person) == [second.id]
    await queued(ledger, a_request(3), quota=one)


async def test_a_record_of_before_there_were_accounts_counts_on_its_person(ledger: Ledger, redis: Redis) -> None:
    # Given a queued job whose record has no account, and a request that has no persona
    old = msgspec.msgpack.decode(encode(a_request().requester)[1:])
    assert old.pop("persona") is False
    assert decode(b"\x01" + msgspec.msgpack.encode(old), Requester) == a_request().requester
    ledger.names = Raw()
    await ledger.accept(a_request())
    await redis.hdel(f"unstill:job:{a_request().id}", "account")  # type: ignore[misc]
    assert await ledger.queue(a_job(a_request()), cost=10, quota=Quota())
    # Then it counts as one of that person's, and has its turn
    who = a_request().requester
    assert (await ledger.used(who.account, who.place)).person_jobs == 1
    assert await ledger.claim("camera", "owner", "engine") is not None


@pytest.mark.parametrize(("field", "scope"), [("person_seconds", "person"), ("chat_seconds", "chat")])
async def test_gpu_seconds_count_by_day_and_come_back_on_failure(ledger: Ledger, field: str, scope: str) -> None:
    # Given room for two jobs of ten seconds a day
    quota = Quota(**{"person_seconds": 0, "chat_seconds": 0, field: 20})
    await queued(ledger, a_request(1), quota=quota)
    await queued(ledger, a_request(2), quota=quota)
    await ledger.accept(a_request(3))
    with pytest.raises(QuotaExceeded) as refused:
        await ledger.queue(a_job(a_request(3)), cost=10, quota=quota)
    assert (refused.value.quota, refused.value.scope) == ("seconds", scope)
    # When one is done and one fails
    for outcome in (DONE, Failed("x", "y")):
        claim = await ledger.claim("camera", repr(outcome), "engine")
        assert claim and await ledger.finish(claim, outcome)
    # Then there is room for one more, not for two
    assert await ledger.queue(a_job(a_request(3)), cost=10, quota=quota)
    await ledger.accept(a_request(4))
    with pytest.raises(QuotaExceeded):
        await ledger.queue(a_job(a_request(4)), cost=10, quota=quota)


async def rendering(ledger: Ledger, redis: Redis, owner: str, seconds: float) -> Claim:
    """A claim whose lease was over when it had been rendered for so long, by the server's clock."""
    claim = await ledger.claim("camera", owner, "engine")
    assert claim
    raw: Any = redis
    begun = int(await raw.hget(f"unstill:job:{claim.job.id}", "started_at")) - 3_600_000
    times = {"started_at": begun, "lease": round(begun + seconds * 1000)}
    await raw.hset(f"unstill:job:{claim.job.id}", mapping=times)
    await raw.zadd("unstill:due", {claim.job.id: 0})
    return claim


@pytest.mark.parametrize("end", ["obeys", "dies", "finishes"])
async def test_what_was_rendered_of_a_cancelled_job_stays_charged(ledger: Ledger, redis: Redis, end: str) -> None:
    # Given a lane on which jobs take twice their estimate, and a job of ten seconds that lost an engine after four
    await redis.hset("unstill:rate", "camera", "2")  # type: ignore[misc]
    job = await queued(ledger, a_request(), cost=10)
    who = job.requester
    await rendering(ledger, redis, "first", 4.0)
    await ledger.reap()
    # When it is cancelled after five more, however its engine takes it
    claim = await rendering(ledger, redis, "second", 5.0)
    assert await ledger.cancel(job.id, "ann") == "cancelling"
    if end == "dies":
        await ledger.reap()
    else:
        assert await ledger.finish(claim, Cancelled("ann") if end == "obeys" else DONE, seconds=20.0)
    assert (await ledger.read(job.id)).outcome == Cancelled("ann")
    # Then half of nine seconds stay charged to the person and to the chat, and its place is free
    used = await ledger.used(who.account, who.place)
    assert (used.person_jobs, used.person_seconds, used.chat_seconds) == (0, 4.5, 4.5)


async def test_no_more_is_charged_than_was_reserved_and_nothing_for_a_failure(ledger: Ledger, redis: Redis) -> None:
    who = a_request().requester
    # Given two jobs that are rendered for far longer than their estimate of ten seconds
    for n in (1, 2):
        await queued(ledger, a_request(n), cost=10)
    cancelled = await rendering(ledger, redis, "one", 600.0)
    failed = await rendering(ledger, redis, "two", 600.0)
    # When one is cancelled, and the other fails though that was not the person's doing
    await ledger.cancel(cancelled.job.id, "ann")
    assert await ledger.finish(cancelled, Cancelled("ann")) and await ledger.finish(failed, Failed("x", "y"))
    # Then the first costs its ten seconds
    assert (await ledger.used(who.account, who.place)).person_seconds == 10.0


async def test_eight_renders_that_are_cancelled_at_the_end_use_up_a_quota(ledger: Ledger, redis: Redis) -> None:
    # Given a quota of an hour a day
    quota = Quota(person_seconds=3600, person_jobs=0)
    # When somebody cancels renders of 600 seconds just before they end
    for n in range(6):
        await queued(ledger, a_request(n), cost=600, quota=quota)
        claim = await rendering(ledger, redis, f"owner{n}", 599.0)
        await ledger.cancel(claim.job.id, "ann")
        assert await ledger.finish(claim, Cancelled("ann"))
    # Then the seventh is one too many
    await ledger.accept(a_request(7))
    with pytest.raises(QuotaExceeded):
        await ledger.queue(a_job(a_request(7)), cost=600, quota=quota)


async def test_a_released_job_is_first_again_and_keeps_its_tries(ledger: Ledger) -> None:
    await queued(ledger, a_request(1))
    await queued(ledger, a_request(2))
    claim = await ledger.claim("camera", "draining", "engine")
    assert claim
    assert await ledger.release(claim)
    again = await ledger.claim("camera", "next", "engine")
    assert again and again.job.id == claim.job.id and again.attempt == 1


async def test_only_one_courier_sends_at_a_time_and_its_lease_ends(ledger: Ledger) -> None:
    # Given an answer that one courier has taken
    await ledger.accept(a_request())
    await ledger.refuse(a_request().id, Failed("x", "y"))
    assert await sending_for(0.2, ledger).send(a_request().id, "one")
    assert not await ledger.send(a_request().id, "two")
    # When it dies with it
    await asyncio.sleep(0.25)
    await ledger.reap()
    # Then another may, and the dead one's word no longer counts
    assert await ledger.send(a_request().id, "two")
    assert not await ledger.sent(a_request().id, "one")
    assert await ledger.sent(a_request().id, "two")


async def test_an_answer_that_nobody_took_is_told_again(ledger: Ledger, redis: Redis) -> None:
    # Given an answer whose event was lost
    await ledger.accept(a_request())
    await ledger.refuse(a_request().id, Failed("x", "y"))
    await redis.delete(Outbox(redis, "test").answers_key)
    # When it is due
    await redis.zadd("unstill:due", {a_request().id: 0})
    await ledger.reap()
    # Then it stands in the outbox again
    async for event in Outbox(redis, "test").deliveries("me"):
        assert (event.id, event.kind) == (a_request().id, "answer")
        break


async def test_a_request_that_its_front_end_forgot_comes_back_and_is_answered_in_the_end(
    ledger: Ledger, redis: Redis
) -> None:
    # Given a request whose front end died before it read it, and is away for long
    await ledger.accept(a_request())
    for _ in range(20):
        await redis.zadd("unstill:due", {a_request().id: 0})
        await ledger.reap()
    # Then it is told of again and again, at least once a minute
    kinds = [fields[b"kind"] for _, fields in await redis.xrange(Outbox(redis, "test").answers_key)]
    assert kinds == [b"intake"] * 20
    seconds, _ = await redis.time()
    due = await redis.zscore("unstill:due", a_request().id)
    assert due and 50 < due / 1000 - seconds <= 61
    # And after a day that a reaper saw pass it has an answer
    await redis.hincrbyfloat("unstill:watched", "ms", 86_401_000)  # type: ignore[misc]
    await redis.zadd("unstill:due", {a_request().id: 0})
    await ledger.reap()
    outcome = (await ledger.read(a_request().id)).outcome
    assert isinstance(outcome, Failed) and outcome.code == "intake_failed"


async def test_a_delivery_that_always_breaks_is_given_up_in_the_end(ledger: Ledger, redis: Redis) -> None:
    # Given an answer of yesterday, which a courier takes at once whenever it is told, and dies with
    await ledger.accept(a_request())
    await ledger.refuse(a_request().id, Failed("x", "y"))
    raw: Any = redis
    await raw.hincrbyfloat("unstill:watched", "ms", (ledger.times.give_up + 1) * 1000)
    assert await sending_for(0.0, ledger).send(a_request().id, "dying")
    await asyncio.sleep(0.01)
    # When it is due
    await ledger.reap()
    # Then it is not told for ever
    assert (await ledger.read(a_request().id)).state is State.UNDELIVERABLE
    assert await ledger.open_ids() == []


async def test_the_auditor_finds_what_the_index_lost(ledger: Ledger, redis: Redis) -> None:
    job = await queued(ledger, a_request())
    await redis.delete("unstill:due")
    assert await ledger.audit() == [job.id]
    # and that another process looks again in the same period is of no use
    await redis.delete("unstill:due")
    assert await ledger.audit() == []
    await redis.delete("unstill:audited")
    assert await ledger.audit() == [job.id]
    assert await ledger.open_ids() == [job.id]


async def test_the_status_message_is_begun_once(ledger: Ledger) -> None:
    # Given a request whose status message is about to be sent
    await ledger.accept(a_request())
    assert await ledger.note_begin(a_request().id) == "go"
    # Then nobody else sends one, whatever became of it
    assert await ledger.note_begin(a_request().id) == "unknown"
    # When it surely was not sent, it may be tried again
    await ledger.note_clear(a_request().id)
    assert await ledger.note_begin(a_request().id) == "go"
    await ledger.note_set(a_request().id, "42")
    assert await ledger.note_begin(a_request().id) == "note"
    assert (await ledger.read(a_request().id)).note == "42"


async def test_no_status_message_is_begun_after_the_answer(ledger: Ledger) -> None:
    await ledger.accept(a_request())
    await ledger.refuse(a_request().id, Failed("x", "y"))
    assert await ledger.note_begin(a_request().id) == "unknown"


async def test_eta_learns_what_a_second_of_estimate_takes_by_engine(ledger: Ledger, redis: Redis) -> None:
    # Given an engine on which jobs take twice their estimate
    await ledger.engine("e1", "camera", b"info")
    await queued(ledger, a_request(1), cost=10)
    claim = await ledger.claim("camera", "o1", "e1")
    assert claim and await ledger.finish(claim, DONE, seconds=20.0)
    # When two more are queued
    await queued(ledger, a_request(2), cost=10)
    last = await queued(ledger, a_request(3), cost=10)
    # Then the second is told twice the first one's estimate, and a little more than twice its own
    place = await ledger.place(last.id)
    assert (place.position, place.lane, place.engines) == (2, "camera", 1)
    assert place.eta == pytest.approx(20 + 10 * 2 * AT_FIRST + ON_THE_WAY, rel=0.05)
    # And with another engine, of which nothing is known yet, the first half as long
    await ledger.engine("e2", "camera", b"info")
    assert (await ledger.place(last.id)).eta == pytest.approx(10 + 10 * 2 * AT_FIRST + ON_THE_WAY, rel=0.05)
    # When that one turns out to be ten times as slow
    claim = await ledger.claim("camera", "o2", "e2")
    assert claim and await ledger.finish(claim, DONE, seconds=200.0)
    await queued(ledger, a_request(4), cost=10)
    last = await queued(ledger, a_request(5), cost=10)
    # Then what waits is told by the quick one, but for what its own clip may take if the slow one takes it
    eta = (await ledger.place(last.id)).eta
    assert eta is not None and 20 < eta < 20 + 10 * 20 * AT_FIRST
    # and when an engine is gone, nothing of it is left
    await ledger.engine_gone("e2", "camera")
    fields: list[bytes] = await redis.hkeys("unstill:speed:camera")  # type: ignore[misc]  # redis-py's types leave async open
    assert not [field for field in fields if b"e2" in field]


async def test_without_an_engine_nobody_promises_a_time(ledger: Ledger) -> None:
    job = await queued(ledger, a_request())
    assert (await ledger.place(job.id)).eta is None


async def test_unknown_jobs_are_said_to_be_unknown(ledger: Ledger) -> None:
    for ask in (ledger.place("none"), ledger.read("none")):
        with pytest.raises(UnknownJob):
            await ask
    with pytest.raises(UnknownJob):
        await ledger.queue(msgspec.structs.replace(a_job(a_request()), id="none"), cost=1, quota=Quota())


async def test_what_a_person_wants_forgotten_is_cancelled_and_its_words_are_gone(ledger: Ledger, redis: Redis) -> None:
    async def made(n: int) -> Job:
        job = await queued(ledger, a_request(n))
        claim = await ledger.claim(job.parameters.model, f"owner{n}", "engine")
        assert claim is not None and claim.job == job and await ledger.finish(claim, DONE)
        return job

    # Given requests of one person in every state, and one of somebody else's
    accepted, other = a_request(1), a_request(1, user="bob")
    await ledger.accept(accepted)
    await ledger.accept(other)
    shown, done = await made(2), await made(3)
    assert await ledger.send(shown.id, "sender") and await ledger.sent(shown.id, "sender", "receipt")
    running = await queued(ledger, a_request(4))
    claim = await ledger.claim(running.parameters.model, "owner", "engine")
    waiting = await queued(ledger, a_request(5))
    # When that is forgotten
    person = accepted.requester.person
    forgotten = await ledger.forget(person)
    # Then the caller knows all files, to delete them
    everything = {accepted.id, shown.id, done.id, running.id, waiting.id}
    assert set(forgotten.ids) == everything
    assert set(forgotten.files) == {"pictures/x", "clips/x"}
    # and what waited is cancelled, what runs is told so, and what was answered is unknown but not new
    open_ones = {accepted.id, done.id, waiting.id}
    for id in open_ones:
        record = await ledger.read(id)
        assert (record.state, record.outcome, record.job) == (State.CANCELLED, Cancelled(person), None)
        assert record.forgotten and (record.request.words, record.request.source) == ("", "")
        assert record.request.reply_to.chat == accepted.reply_to.chat
    assert claim is not None and await ledger.beat(claim) == "cancel"
    with pytest.raises(UnknownJob):
        await ledger.read(shown.id)
    assert not await ledger.accept(a_request(2))
    assert set(await ledger.forgetting(forgotten.ids)) == {*open_ones, running.id}
    # and when the rest is answered, nothing of it stays
    assert await ledger.finish(claim, DONE)
    for id in everything - {shown.id}:
        assert await ledger.send(id, "sender") and await ledger.sent(id, "sender", "receipt")
    assert await ledger.forgetting(forgotten.ids) == [] and await ledger.ids_of(person) == []
    await ledger.compact(Outbox(redis, "test").answers_key)
    await ledger.compact(Outbox(redis, "test").progress_key)
    left = await everything_in(redis)
    for trace in ("ann", *everything):
        assert [key for key, value in left.items() if trace.encode() in key + value] == []
    # but that they were here, for two days, and the quota that was used, both under names that tell nobody
    gone = await redis.keys("unstill:gone:*")
    assert len(gone) == 5
    for key in gone:
        assert 0 < await redis.pttl(key) <= 2 * 24 * 3_600_000
    assert not any([await ledger.accept(a_request(n)) for n in (1, 2, 3, 4, 5)])
    assert (await ledger.used(accepted.requester.account, accepted.requester.place)).person_seconds >= 20
    assert await ledger.open_ids() == [other.id]
    assert (await ledger.read(other.id)).request.words == "waves"
    # and the server is asked to write its file anew
    assert await redis.exists("unstill:rewrite")


async def everything_in(redis: Redis) -> dict[bytes, bytes]:
    """Every key of the server with its value."""
    found: dict[bytes, bytes] = {}
    readers: dict[bytes, Any] = {
        b"string": redis.get,
        b"hash": redis.hgetall,
        b"zset": lambda key: redis.zrange(key, 0, -1),
        b"set": redis.smembers,
        b"stream": redis.xrange,
        b"list": lambda key: redis.lrange(key, 0, -1),
    }
    async for key in redis.scan_iter("*"):
        kind = await redis.type(key)
        if kind != b"none":
            found[key] = repr(await readers[kind](key)).encode()
    return found


async def test_a_person_with_a_thousand_requests_is_forgotten_whole(ledger: Ledger) -> None:
    for n in range(1100):
        await ledger.accept(a_request(n))
    person = a_request(0).requester.person
    assert len((await ledger.forget(person)).ids) == 1100
    assert {(await ledger.read(id)).state for id in await ledger.open_ids()} == {State.CANCELLED}
    # and what was begun by a program that was killed is found again
    assert len((await ledger.forget(person)).ids) == 1100


async def test_whoever_forgets_does_not_lose_a_claims_memory(ledger: Ledger, redis: Redis) -> None:
    # Given a job whose first owner lapsed, and that was handed back, tried again and finished
    job = await queued(ledger, a_request())
    for n in range(4):
        claim = await ledger.claim(job.parameters.model, f"owner{n}", "engine")
        assert claim is not None
        if n == 0:
            await redis.zadd("unstill:due", {job.id: 0})
            await redis.hset(f"unstill:job:{job.id}", "lease", "0")  # type: ignore[misc]
            await ledger.reap()
        elif n == 1:
            await ledger.release(claim)
        elif n == 2:
            await ledger.retry(claim, INTAKE_FAILED)
        else:
            await ledger.finish(claim, DONE)
    # Then no token of it is known any more
    assert await redis.keys("unstill:claim:*") == []


async def test_a_record_of_an_older_version_is_served_and_forgotten(ledger: Ledger, redis: Redis) -> None:
    # Given jobs that an older version queued under the names of people and chats themselves
    request = a_request(chat="ann")
    person = request.requester.person
    jobs = [await queued(ledger, msgspec.structs.replace(request, id=f"test:ann:{n}")) for n in (1, 2)]
    bob = await queued(ledger, a_request(3, user="bob", chat="c2"))
    assert bob
    await redis.flushdb()
    other = Ledger(redis, SETTINGS, names=Raw())
    for job in jobs:
        await other.accept(msgspec.structs.replace(request, id=job.id))
        assert await other.queue(job, cost=10, quota=Quota())
        await redis.hdel(f"unstill:job:{job.id}", "gone", "account", "picture", "clips")  # type: ignore[misc]
    await queued(other, a_request(3, user="bob", chat="c2"))
    # When one is rendered and shown by this version
    claim = await ledger.claim("camera", "owner", "engine")
    assert claim is not None and await ledger.finish(claim, DONE)
    assert await ledger.send(claim.job.id, "sender") and await ledger.sent(claim.job.id, "sender")
    # and then all is forgotten
    forgotten = await ledger.forget(person)
    assert set(forgotten.ids) == {job.id for job in jobs} and set(forgotten.files) == {"pictures/x", "clips/x"}
    for id in await ledger.forgetting(forgotten.ids):
        assert await ledger.send(id, "sender") and await ledger.sent(id, "sender")
    for stream in (Outbox(redis, "test").answers_key, Outbox(redis, "test").progress_key):
        await ledger.compact(stream)
    # Then nothing names her, and what came before is not new
    left = await everything_in(redis)
    assert [key for key, value in left.items() if b"ann" in key + value] == []
    assert not await ledger.accept(msgspec.structs.replace(request, id=jobs[0].id))


class Raw(Pseudonyms):
    """The names that an older version used."""

    def name(self, kind: Kind, text: str) -> str:
        return text


async def test_what_is_not_there_or_cannot_be_read_is_not_found(ledger: Ledger, redis: Redis) -> None:
    # Given a sound record, a damaged one and none
    await ledger.accept(a_request(1))
    await ledger.accept(a_request(2))
    await redis.hdel(f"unstill:job:{a_request(2).id}", "accepted_at")  # type: ignore[misc]

    found = [await ledger.find(a_request(n).id) for n in (1, 2, 3)]

    assert found == [await ledger.read(a_request(1).id), None, None]
