"""What the ledger counts of its changes: all processes together, through restarts, and without anybody's id."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.queue.lua_source import code_of, lua_files
from tests.queue.test_upgrade import FirstLedger
from tests.queue.values import DONE, a_job, a_request

from unstill_config.settings import Queue, Quota
from unstill_queue.contract.codes import FAILURES
from unstill_queue.contract.errors import QuotaExceeded, TooManyRequests
from unstill_queue.contract.jobs import Failed, State
from unstill_queue.ledger.census import AT_ONCE, Group
from unstill_queue.ledger.counters import BUCKETS, COUNTERS, HISTOGRAMS
from unstill_queue.ledger.ledger import REFIT_LANE, Ledger
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey

SETTINGS = Queue(lease=10, beat=3)


@pytest.fixture
async def redis(server_url: str) -> AsyncIterator[Any]:
    client = connect(server_url)
    await client.flushdb()
    yield client
    await client.aclose()


async def clip_of(ledger: Ledger, n: int, user: str = "ann", chat: str = "c1") -> str:
    request = a_request(n, user, chat)
    await ledger.accept(request)
    await ledger.queue(a_job(request), cost=1.0, quota=Quota())
    claim = await ledger.claim("camera", f"owner{n}", "engine")
    assert claim and await ledger.finish(claim, DONE, seconds=3.0)
    assert await ledger.send(request.id, f"courier{n}")
    return request.id


def test_every_figure_of_the_script_stands_in_the_table_with_as_many_labels() -> None:
    # Given what the files count and measure
    code = "".join(code_of(text) for text in lua_files().values())
    told = re.findall(r"(?<!function )\bcount\('(\w+)'((?:, [^\n]*?)?)\)(?= end|\n| return)", code)
    counted = {name: _commas(rest) for name, rest in told}
    told = re.findall(r"\bmeasure\([^\n]*?, '(\w+)'((?:, [^\n]*?)?)\)(?= end|\n)", code)
    measured = {name: _commas(rest) for name, rest in told}
    # Then it is what those who read them know
    assert counted == {name: len(labels) for name, labels in COUNTERS.items()}
    assert measured == {name: len(labels) for name, labels in HISTOGRAMS.items()}


def _commas(rest: str) -> int:
    """Arguments, those of calls among them aside."""
    return re.sub(r"\([^()]*\)", "", rest).count(",")


async def test_what_happened_is_counted_once_by_all_who_do_it(redis: Any) -> None:
    # Given two processes
    one, other = Ledger(redis, SETTINGS), Ledger(redis, SETTINGS)
    # When a clip is made and shown, and each says twice that it did
    id = await clip_of(one, 1)
    assert await other.send(id, "courier1")
    for ledger in (one, other):
        assert await ledger.sent(id, "courier1")
        await ledger.accept(a_request(1))
    # and a request is refused, and one more loses its try
    await one.accept(a_request(2))
    await one.refuse(a_request(2).id, Failed("picture_broken"))
    assert await one.send(a_request(2).id, "courier2")
    assert await one.unsend(a_request(2).id, "courier2", delay=0, reason="flood")
    assert await one.send(a_request(2).id, "courier3")
    assert await one.undeliverable(a_request(2).id, "courier3", "the chat is gone")
    await one.accept(a_request(3))
    await one.queue(a_job(a_request(3)), cost=1.0, quota=Quota())
    claim = await one.claim("camera", "owner3", "engine")
    assert claim and await one.retry(claim, Failed("out_of_memory"))

    counted = await other.counted()
    assert counted.counters == {
        "requests": {("test",): 3},
        "jobs_queued": {("test", "camera"): 2},
        "quota_refusals": {},
        "answers": {("test", "done", "", "sent"): 1, ("test", "failed", "picture_broken", "undeliverable"): 1},
        "tries_lost": {("camera", "out_of_memory"): 1},
        "deliveries_refused": {("test", "flood"): 1},
        "records_set_aside": {},
    }
    render = counted.histograms["render_seconds"][("camera",)]
    assert (render.sum, render.buckets[2], sum(render.buckets)) == (3.0, 1, 1)
    assert BUCKETS[1] < render.sum <= BUCKETS[2]
    assert sum(counted.histograms["answer_seconds"][("test", "done")].buckets) == 1
    assert sum(counted.histograms["wait_seconds"][("camera",)].buckets) == 2


async def test_what_quotas_refuse_is_counted_by_quota(redis: Any) -> None:
    ledger = Ledger(redis, SETTINGS)
    await ledger.accept(a_request(1), per_minute=1)
    with pytest.raises(TooManyRequests):
        await ledger.accept(a_request(2), per_minute=1)
    await ledger.queue(a_job(a_request(1)), cost=1.0, quota=Quota())
    with pytest.raises(QuotaExceeded):
        await ledger.check(a_request(3).requester, cost=1.0, quota=Quota(person_jobs=1))
    await ledger.accept(a_request(3))
    with pytest.raises(QuotaExceeded):
        await ledger.queue(a_job(a_request(3)), cost=5.0, quota=Quota(chat_seconds=2))

    assert (await ledger.counted()).counters["quota_refusals"] == {
        ("requests", "person"): 1,
        ("jobs", "person"): 1,
        ("seconds", "chat"): 1,
    }


async def test_nothing_that_is_counted_names_anybody(redis: Any) -> None:
    # Given people, chats and jobs with names that would be known again, on many of them
    ledger = Ledger(redis, SETTINGS)
    for n in range(40):
        id = await clip_of(ledger, n, user=f"somebody{n}", chat=f"somewhere{n}")
        if n % 3:
            assert await ledger.sent(id, f"courier{n}")
        else:
            assert await ledger.unsend(id, f"courier{n}", delay=0, reason="uncertain")
    await ledger.forget("test:somebody1")
    fields = {field.decode() for field in await redis.hkeys("unstill:metrics")}
    # Then there are as many fields as kinds of events, and what they are told by is known beforehand
    assert not [field for field in fields if "some" in field or "owner" in field or "engine" in field]
    known = {"test", "camera", "done", "", "sent", "uncertain", "sum", *map(str, range(1, len(BUCKETS) + 2))}
    assert {word for field in fields for word in field.split("|")[1:]} <= known
    # and what is no word of ours, as from a damaged record, is counted as another
    damaged = a_request(0, "somebody0", "somewhere0").id
    await redis.hset(f"unstill:job:{damaged}", "platform", "no such platform | of anybody's")
    assert await ledger.send(damaged, "last")
    assert await ledger.sent(damaged, "last")
    assert (await ledger.counted()).counters["answers"]["other", "done", "", "sent"] == 1
    # and each code of a failure is a word
    assert all(re.fullmatch(r"\w{1,40}", code) for code in FAILURES)


@pytest.mark.parametrize("damage", ["a string", "a field"])
async def test_what_is_counted_may_be_damaged_and_stops_nobody(redis: Any, damage: str) -> None:
    ledger = Ledger(redis, SETTINGS)
    if damage == "a string":
        await redis.set("unstill:metrics", "rubbish")
    else:
        await redis.hset("unstill:metrics", mapping={"requests|test": "rubbish", "nobody|knows": 3, b"\xff|\xfe": 1})
    assert await ledger.sent(await clip_of(ledger, 1), "courier1")
    await ledger.reap()

    assert await ledger.open_ids() == []
    if damage == "a field":
        counted = await ledger.counted()
        assert counted.counters["requests"] == {}
        assert counted.counters["answers"] == {("test", "done", "", "sent"): 1}


async def test_counts_go_on_where_the_former_version_counted_nothing(redis: Any) -> None:
    # Given records of a version that counts nothing, in several states
    old, ledger = FirstLedger(redis), Ledger(redis, SETTINGS)
    done, running, accepted = await old.made(0), await old.queue(4), await old.accept(7)
    assert await old.claim("old owner") == running
    assert (await ledger.counted()).counters["answers"] == {}
    # When this one brings them to their end
    await redis.evalsha(ledger._script.sha, 0, "finish", running, "old owner", "failed", b"\1\x80", "1", "")
    await ledger.refuse(accepted, Failed("picture_gone"))
    census = await ledger.census()
    assert census.jobs == {
        Group(State.DONE, "camera", "test"): 1,
        Group(State.FAILED, "camera", "test"): 1,
        Group(State.FAILED, "", "test"): 1,
    }
    for id in (done, running, accepted):
        assert await ledger.send(id, "courier")
        assert await ledger.sent(id, "courier")
    # Then each end is counted, the former version's too, which knows no more of the counts than before
    answers = (await ledger.counted()).counters["answers"]
    assert answers == {
        ("test", "done", "", "sent"): 1,
        ("test", "failed", "", "sent"): 1,
        ("test", "failed", "picture_gone", "sent"): 1,
    }
    assert await old.deliver(await old.made(8))
    assert (await ledger.counted()).counters["answers"] == answers


async def test_the_census_tells_how_many_there_are_and_since_when(redis: Any) -> None:
    # Given more jobs than are looked at in one go, one of them damaged and one long overdue
    ledger = Ledger(redis, SETTINGS)
    for n in range(AT_ONCE + 20):
        await ledger.accept(a_request(n, user=f"u{n}"))
    for n in range(3):
        await ledger.queue(a_job(a_request(n, user=f"u{n}")), cost=1.0, quota=Quota())
    assert await ledger.claim("camera", "owner", "engine")
    await redis.hdel(f"unstill:job:{a_request(9, user='u9').id}", "state")
    seconds, _ = await redis.time()
    waiting = f"unstill:job:{a_request(1, user='u1').id}"
    await redis.hset(waiting, "queued_at", (seconds - 90) * 1000)
    await redis.zadd("unstill:due", {a_request(1, user="u1").id: (seconds - 60) * 1000})

    census = await ledger.census()

    queued = Group(State.QUEUED, "camera", "test")
    assert census.jobs == {
        Group(State.ACCEPTED, "", "test"): AT_ONCE + 16,
        queued: 2,
        Group(State.RUNNING, "camera", "test"): 1,
    }
    assert 89 < census.oldest[queued] < 120
    assert 59 < census.overdue < 90
    assert (census.parked, census.unreadable) == ({REFIT_LANE: 0}, 0)


async def test_counts_outlast_a_killed_server(valkey: EmbeddedValkey) -> None:
    redis = connect(valkey.url)
    ledger = Ledger(redis, SETTINGS)
    assert await ledger.sent(await clip_of(ledger, 1), "courier1")
    before = await ledger.counted()
    valkey.kill()
    valkey.start()

    assert await ledger.counted() == before
    assert before.counters["answers"] == {("test", "done", "", "sent"): 1}
    await redis.aclose()
