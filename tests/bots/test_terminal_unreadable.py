"""The operator's commands beside records that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from tests.bots.terminal_cli import Terminal
from tests.queue.values import a_job, a_request

from unstill_config.settings import Queue, Quota
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey

BAD, SOUND = a_request(1, user="bad"), a_request(2)
KEY = f"unstill:job:{BAD.id}"
PLANTS: dict[str, Callable[[Any], object]] = {
    "accepted_at": lambda redis: redis.hdel(KEY, "accepted_at"),
    "a string": lambda redis: redis.set(KEY, "rubbish"),
    "its state is dreaming": lambda redis: redis.hset(KEY, "state", "dreaming"),
    "cannot be read": lambda redis: redis.hset(KEY, "request", b"\x01\xc1\xc1"),
    "is gone": lambda redis: redis.delete(KEY),
    "lane": lambda redis: redis.hdel(KEY, "lane"),
}


@pytest.mark.parametrize("wrong", PLANTS)
async def test_a_damaged_record_is_shown_as_unreadable_and_the_others_as_they_are(
    tmp_path: Path, valkey: EmbeddedValkey, wrong: str
) -> None:
    # Given a queue with two jobs, of which one is damaged
    client = connect(valkey.url)
    ledger = Ledger(client, Queue())
    for request in (BAD, SOUND):
        await ledger.accept(request)
        await ledger.queue(a_job(request), cost=1.0, quota=Quota())
    with Redis.from_url(valkey.url) as redis:
        PLANTS[wrong](redis)
        redis.zadd("unstill:due", {BAD.id: 0})
    # what only a front end can see is seen before it was set aside, too
    if wrong != "cannot be read":
        await ledger.reap()
    terminal = Terminal(tmp_path, UNSTILL_REDIS__URL=valkey.url)

    # When the operator looks
    table = terminal.run("queue", "--all")
    listed = terminal.run("queue", "--all", "--json")
    status = terminal.run("status", "--json")

    # Then the sound job is there, and the other one by its name
    assert (table.code, status.code, listed.code) == (0, 0, 0), table.err + status.err
    assert "unreadable" in table.out and BAD.id in table.out and SOUND.id in table.out
    [job] = [job for job in listed.json["jobs"] if job["id"] == SOUND.id]
    assert job["state"] == "queued"
    [unreadable] = listed.json["unreadable"]
    assert unreadable["id"] == BAD.id and wrong in unreadable["wrong"]
    assert status.json["states"]["queued"] >= 1

    # And doctor names it, with a way to be rid of it
    if wrong == "cannot be read":
        await client.aclose()
        return
    [record] = [check for check in terminal.run("doctor", "--json").json["checks"] if check["name"] == "records"]
    assert not record["ok"] and BAD.id in record["text"] and wrong in record["text"]
    assert "unstill queue --forget-unreadable" in record["mend"]
    assert terminal.run("queue", "--forget-unreadable", "--json").json["forgotten"] == [BAD.id]
    after = terminal.run("queue", "--all", "--json").json
    assert [job["id"] for job in after["jobs"]] == [SOUND.id]
    assert after["unreadable"] == []
    await client.aclose()


async def test_a_job_that_no_engine_can_make_is_shown_as_waiting_for_one(
    tmp_path: Path, valkey: EmbeddedValkey
) -> None:
    # Given a job that an engine had to leave, for want of its shape
    client = connect(valkey.url)
    ledger = Ledger(client, Queue())
    await ledger.engine("engine", "camera", b"")
    await ledger.accept(SOUND)
    await ledger.queue(a_job(SOUND), cost=1.0, quota=Quota())
    assert await ledger.claim("camera", "owner", "engine", {"codec:1", "model:camera"}) is None
    await client.aclose()
    terminal = Terminal(tmp_path, UNSTILL_REDIS__URL=valkey.url)
    # When the operator looks, then each command says so
    assert "waits for a newer engine" in terminal.run("queue", "--all").out
    [job] = terminal.run("queue", "--all", "--json").json["jobs"]
    assert (job["parked"], job["eta_seconds"]) == (True, None)
    assert "(1 for a newer engine)" in terminal.run("status").out
    [engines] = [check for check in terminal.run("doctor", "--json").json["checks"] if check["name"] == "engines"]
    assert not engines["ok"] and "shape:original" in engines["text"] and "Update the engines" in engines["mend"]
