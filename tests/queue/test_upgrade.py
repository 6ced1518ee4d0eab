"""A queue with jobs in every state goes over to this version, and back as far as UPGRADING.md says.

The first ledger's script stands frozen beside this, and what its programs put into records, made by them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.queue.values import DONE, a_job, a_request

from unstill_config.catalog import Catalog
from unstill_config.settings import Queue, Quota
from unstill_queue.contract.abilities import abilities
from unstill_queue.contract.codec import encode
from unstill_queue.contract.jobs import Cancelled, Failed, State
from unstill_queue.ledger.ledger import EXPIRED, INTAKE_FAILED, REFIT_LANE, Ledger
from unstill_queue.ledger.outcomes import engine_lost
from unstill_queue.ledger.times import Times
from unstill_queue.redis.connection import connect

FIRST = Path(__file__).parent / "first_ledger"
VALUES: list[dict[str, str]] = json.loads((FIRST / "values.json").read_text())
SETTINGS = Queue(lease=10, beat=3)
CAN = abilities(Catalog.load())
KEEP, LEASE, WAIT = 3600_000, 10_000, 86_400_000


class FirstLedger:
    """The scripts of the first version, called as its programs call them."""

    def __init__(self, redis: Any) -> None:
        self._script = redis.register_script((FIRST / "ledger.lua").read_text())

    async def run(self, *args: Any) -> list[Any]:
        answer: list[Any] = await self._script(args=list(args))
        return answer

    async def accept(self, n: int) -> str:
        v = VALUES[n]
        await self.run("accept", v["id"], "test", v["person"], v["place"], base64.b64decode(v["request"]), 10_000)
        return v["id"]

    async def queue(self, n: int) -> str:
        id = await self.accept(n)
        answer = await self.run("queue", id, "camera", "10.0", base64.b64decode(VALUES[n]["job"]), WAIT, 0, 0, "0", "0")
        assert answer == [b"queued", b"queued"]
        return id

    async def claim(self, owner: str) -> str:
        answer = await self.run("claim", "camera", owner, LEASE, "first")
        id: bytes = answer[0]
        return id.decode()

    async def finish(self, n: int, owner: str) -> None:
        answer = await self.run("finish", VALUES[n]["id"], owner, "done", base64.b64decode(VALUES[n]["outcome"]), "2.0")
        assert answer == [b"ok"]

    async def made(self, n: int) -> str:
        """A job of that number, finished."""
        id = await self.queue(n)
        assert await self.claim(f"owner{n}") == id
        await self.finish(n, f"owner{n}")
        return id

    async def deliver(self, id: str) -> bool:
        return await self.run("send", id, "first", 60_000) == [b"ok", b"sending"] and (
            await self.run("sent", id, "first", "sent", "receipt", KEEP) == [b"ok"]
        )

    async def reap(self) -> list[Any]:
        said = [encode(one) for one in (engine_lost(3), EXPIRED, INTAKE_FAILED)]
        return await self.run("reap", 100, 3, round(Times.of(SETTINGS).give_up * 1000), KEEP, *said)


@pytest.fixture
async def redis(server_url: str) -> AsyncIterator[Any]:
    client = connect(server_url)
    await client.flushdb()
    yield client
    await client.aclose()


async def all_due(redis: Any) -> None:
    for id in await redis.zrange("unstill:due", 0, -1):
        await redis.zadd("unstill:due", {id: 0})


async def state(redis: Any, id: str) -> str:
    said: bytes = await redis.hget(f"unstill:job:{id}", "state")
    return said.decode()


async def test_jobs_in_every_state_go_on_after_an_upgrade(redis: Any) -> None:
    # Given what the first version left when it was stopped, with an engine of it still at work
    old = FirstLedger(redis)
    sent = await old.made(0)
    assert await old.deliver(sent)
    done = await old.made(1)
    sending = await old.made(2)
    await old.run("send", sending, "first", 60_000)
    refitting = await old.made(3)
    await old.run("send", refitting, "first", 60_000)
    job = base64.b64decode(VALUES[3]["job"])
    assert await old.run("refit", refitting, "first", REFIT_LANE, job, 3, WAIT) == [b"ok"]
    running = await old.queue(4)
    assert await old.claim("old owner") == running
    cancelled = await old.queue(5)
    await old.run("cancel", cancelled, encode(Cancelled("ann")))
    queued = await old.queue(6)
    accepted = await old.accept(7)
    # When this version takes over
    ledger = Ledger(redis, SETTINGS)
    await ledger.engine("new", "camera", b"")
    assert await ledger.audit() == []
    await all_due(redis)
    await ledger.reap()
    # Then it reads all of them, and nothing is damaged, lost or ended by that
    ids = (sent, done, sending, refitting, running, cancelled, queued, accepted)
    states = [(await ledger.read(id)).state for id in ids]
    assert states == [
        State.SENT, State.DONE, State.DONE, State.QUEUED, State.RUNNING, State.CANCELLED, State.QUEUED, State.ACCEPTED,
    ]  # fmt: skip
    assert await ledger.unreadable() == {}
    # and engines were told of both that wait
    assert [await redis.hget(f"unstill:job:{id}", "wakes") for id in (refitting, queued)] == [b"1", b"1"]
    assert [await redis.zcard(f"unstill:arq:{lane}") for lane in ("camera", REFIT_LANE)] == [1, 1]
    assert (await ledger.place(queued)).position == 1
    # and the same update is still not new
    assert not await ledger.accept((await ledger.read(accepted)).request)
    # and each comes to its end: what waits is made, and the engine that was at work files its outcome
    claim = await ledger.claim("camera", "new owner", "new", CAN)
    assert claim and claim.job.id == queued
    assert await ledger.finish(claim, DONE)
    refit = await ledger.claim(REFIT_LANE, "newer owner", "new", CAN)
    assert refit and refit.made and refit.job.id == refitting
    assert await ledger.finish(refit, DONE)
    assert await ledger.claim("camera", "last owner", "new", CAN) is None
    await ledger.queue(a_job((await ledger.read(accepted)).request), cost=1.0, quota=Quota())
    last = await ledger.claim("camera", "very last", "new", CAN)
    assert last and await ledger.finish(last, DONE)
    await redis.evalsha(
        Ledger(redis, SETTINGS)._script.sha, 0, "finish", running, "old owner", "done", encode(DONE), "1", ""
    )
    for id in ids[1:]:
        assert await ledger.send(id, f"courier {id}")
        assert await ledger.sent(id, f"courier {id}")
    assert await ledger.open_ids() == []
    # and no quota is held by anybody
    assert await redis.hgetall("unstill:jobs") == {}
    assert await redis.hgetall("unstill:work:camera") == {}


async def test_a_person_of_the_first_version_can_have_all_forgotten(redis: Any) -> None:
    old = FirstLedger(redis)
    done, queued = await old.made(0), await old.queue(3)
    ledger = Ledger(redis, SETTINGS)
    await ledger.forget(VALUES[0]["person"])
    for id in (done, queued):
        assert await state(redis, id) == "cancelled"
        assert await redis.hget(f"unstill:job:{id}", "job") is None


async def test_going_back_what_is_answered_or_at_work_goes_on(redis: Any) -> None:
    """As UPGRADING.md says: nothing may be queued. What stands in this version's lines the first cannot have."""
    # Given this version, whose engines have made all that was queued
    ledger = Ledger(redis, SETTINGS)
    requests = [a_request(n, user=f"u{n}") for n in range(1, 5)]
    for request in requests[:3]:
        await ledger.accept(request)
        assert await ledger.queue(a_job(request), cost=10.0, quota=Quota())
    done, sending, running = [await ledger.claim("camera", f"owner{n}", "new", CAN) for n in range(3)]
    assert done and sending and running
    for claim in (done, sending):
        assert await ledger.finish(claim, DONE)
    assert await ledger.send(sending.job.id, "courier")
    await ledger.accept(requests[3])
    assert await ledger.refuse(requests[3].id, Failed("x", "y"))
    # When the first version takes over
    old = FirstLedger(redis)
    await redis.zadd("unstill:due", {sending.job.id: 0, done.job.id: 0})
    assert await old.reap() == []
    assert await old.run("finish", running.job.id, "owner2", "done", encode(DONE), "2.0") == [b"ok"]
    # Then it delivers all that it found, once
    for id in (done.job.id, sending.job.id, running.job.id, requests[3].id):
        assert await old.deliver(id)
        assert not await old.deliver(id)
    assert await redis.zcard("unstill:due") == 0
    # and a new request is served by it
    assert await old.deliver(await old.made(8))
    # and when this version comes again, no quota is held by what both have counted
    await ledger.audit()
    assert await redis.hgetall("unstill:jobs") == {}


async def test_a_queue_is_restored_from_a_copy_of_its_file(tmp_path: Path) -> None:
    """The server's folder, copied while it runs, is the backup: jobs, turns and outcomes are in it."""
    import shutil

    from unstill_queue.redis.embedded import EmbeddedValkey

    with EmbeddedValkey(tmp_path / "queue") as server:
        redis = connect(server.url)
        ledger = Ledger(redis, SETTINGS)
        await ledger.accept(a_request(1))
        await ledger.queue(a_job(a_request(1)), cost=1.0, quota=Quota())
        shutil.copytree(tmp_path / "queue" / "appendonlydir", tmp_path / "copy" / "appendonlydir")
        # what came after the copy is not in it
        await ledger.accept(a_request(2))
        await redis.aclose()
    with EmbeddedValkey(tmp_path / "copy") as server:
        redis = connect(server.url)
        ledger = Ledger(redis, SETTINGS)
        assert await ledger.open_ids() == [a_request(1).id]
        claim = await ledger.claim("camera", "owner", "engine", CAN)
        assert claim and claim.job == a_job(a_request(1))
        await redis.aclose()
