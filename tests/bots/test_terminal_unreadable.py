"""The operator's commands beside records that cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from redis import Redis
from tests.bots.terminal_cli import Terminal
from tests.queue.values import a_job, a_request

from unstill_config.settings import Queue, Quota
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey

SOUND = a_request(2)
PLANTS: dict[str, Callable[[Any, str], object]] = {
    "accepted_at": lambda redis, key: redis.hdel(key, "accepted_at"),
    "a string": lambda redis, key: redis.set(key, "rubbish"),
    "its state is dreaming": lambda redis, key: redis.hset(key, "state", "dreaming"),
    "is gone": lambda redis, key: redis.delete(key),
    "lane": lambda redis, key: redis.hdel(key, "lane"),
}


async def planted(ledger: Ledger, url: str, plants: dict[str, Callable[[Any, str], object]]) -> dict[str, str]:
    """Queue a sound job and damaged ones, and return what is wrong with each of those by its id."""
    bad = {a_request(10 + number, user=f"bad{number}").id: wrong for number, wrong in enumerate(plants)}
    for request in (SOUND, *(a_request(10 + number, user=f"bad{number}") for number in range(len(plants)))):
        await ledger.accept(request)
        await ledger.queue(a_job(request), cost=1.0, quota=Quota())
    with Redis.from_url(url) as redis:
        for id, wrong in bad.items():
            plants[wrong](redis, f"unstill:job:{id}")
            redis.zadd("unstill:due", {id: 0})
    return bad


def look(terminal: Terminal, bad: dict[str, str]) -> None:
    """The operator looks: the sound job is there, and the others by their names."""
    table = terminal.run("queue", "--all")
    listed = terminal.run("queue", "--all", "--json")
    status = terminal.run("status", "--json")

    assert (table.code, status.code, listed.code) == (0, 0, 0), table.err + status.err
    assert "unreadable" in table.out and SOUND.id in table.out
    assert all(id in table.out for id in bad)
    [job] = [job for job in listed.json["jobs"] if job["id"] == SOUND.id]
    assert job["state"] == "queued"
    unreadable = {one["id"]: one["wrong"] for one in listed.json["unreadable"]}
    assert set(unreadable) == set(bad)
    assert all(wrong in unreadable[id] for id, wrong in bad.items())
    assert status.json["states"]["queued"] >= 1


async def test_damaged_records_are_shown_as_unreadable_and_the_others_as_they_are(
    tmp_path: Path, valkey: EmbeddedValkey
) -> None:
    # Given a queue with a sound job, and ones that are damaged in each way
    client = connect(valkey.url)
    ledger = Ledger(client, Queue())
    bad = await planted(ledger, valkey.url, PLANTS)
    await ledger.reap()
    terminal = Terminal(tmp_path, UNSTILL_REDIS__URL=valkey.url)

    # When the operator looks, Then all are seen
    look(terminal, bad)

    # and doctor names them, with a way to be rid of them
    [record] = [check for check in terminal.run("doctor", "--json").json["checks"] if check["name"] == "records"]
    assert not record["ok"]
    assert all(id in record["text"] and wrong in record["text"] for id, wrong in bad.items())
    assert "unstill queue --forget-unreadable" in record["mend"]
    assert sorted(terminal.run("queue", "--forget-unreadable", "--json").json["forgotten"]) == sorted(bad)
    after = terminal.run("queue", "--all", "--json").json
    assert [job["id"] for job in after["jobs"]] == [SOUND.id]
    assert after["unreadable"] == []
    await client.aclose()


async def test_what_only_a_front_end_can_see_is_seen_before_it_was_set_aside(
    tmp_path: Path, valkey: EmbeddedValkey
) -> None:
    client = connect(valkey.url)
    plants = {"cannot be read": lambda redis, key: redis.hset(key, "request", b"\x01\xc1\xc1")}
    bad = await planted(Ledger(client, Queue()), valkey.url, plants)
    await client.aclose()

    look(Terminal(tmp_path, UNSTILL_REDIS__URL=valkey.url), bad)


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
