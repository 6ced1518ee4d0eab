"""What was deleted leaves the server's file too, and the streams have an age."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from redis.asyncio import Redis
from tests.queue.values import a_request
from tests.waiting import PATIENCE

from unstill_config.settings import Queue
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.ledger.outbox import Outbox
from unstill_queue.ledger.reaper import Reaper
from unstill_queue.redis.connection import connect, may_rewrite, server_check
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.redis.rewriting import rewrite, trim_streams

SECRET = b"zanzibar"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "valkey"


@pytest.fixture
async def redis(data: Path) -> AsyncIterator[Redis]:
    with EmbeddedValkey(data) as server:
        client = connect(server.url)
        yield client
        await client.aclose()


@pytest.fixture
def ledger(redis: Redis) -> Ledger:
    return Ledger(redis, Queue())


def on_disk(data: Path) -> bytes:
    return b"".join(path.read_bytes() for path in data.rglob("*") if path.is_file())


async def ask(redis: Redis) -> None:
    seconds, micros = await redis.time()
    await redis.set("unstill:rewrite", seconds * 1000 + micros // 1000)


async def until_rewritten(ledger: Ledger) -> None:
    async with asyncio.timeout(PATIENCE):
        while await ledger.redis.exists("unstill:rewrite"):
            await rewrite(ledger)
            await asyncio.sleep(0.05)


async def test_what_was_deleted_is_in_no_file_of_the_servers_after_a_rewrite(
    ledger: Ledger, redis: Redis, data: Path
) -> None:
    # Given words that were written and deleted, in a key and in a stream
    await ledger.accept(a_request())
    await redis.set("words", SECRET)
    outbox = Outbox(redis, "test")
    await redis.xadd(outbox.progress_key, {"id": a_request().id})
    entry = await redis.xadd(outbox.progress_key, {"id": SECRET})
    await redis.delete("words")
    await redis.xdel(outbox.progress_key, entry)
    assert SECRET in on_disk(data)
    # When a rewrite is asked for
    await ask(redis)
    await until_rewritten(ledger)
    # Then the bytes are gone, once the server has removed its old files
    async with asyncio.timeout(PATIENCE):
        while SECRET in on_disk(data):
            await asyncio.sleep(0.05)
    # and what was not deleted is there
    assert [fields[b"id"] for _, fields in await redis.xrange(outbox.progress_key)] == [a_request().id.encode()]


async def test_a_rewrite_is_one_for_all_and_once_a_minute(ledger: Ledger, redis: Redis) -> None:
    async def rewrites() -> int:
        count: int = (await redis.info("commandstats")).get("cmdstat_bgrewriteaof", {"calls": 0})["calls"]
        return count

    # When nobody asked, nothing is rewritten
    await rewrite(ledger)
    assert await rewrites() == 0
    # When many processes see that somebody asked, one rewrites
    await ask(redis)
    await asyncio.gather(*(rewrite(ledger) for _ in range(20)))
    await until_rewritten(ledger)
    assert await rewrites() == 1
    # When somebody asks again within the minute, that has to wait, and is not lost
    await ask(redis)
    await rewrite(ledger)
    assert await rewrites() == 1 and await redis.exists("unstill:rewrite")
    assert 0 < await redis.pttl("unstill:rewrite:lately") <= 60_000
    await redis.delete("unstill:rewrite:lately")
    await until_rewritten(ledger)
    assert await rewrites() == 2


async def test_a_reaper_sees_to_it(redis: Redis) -> None:
    # Given a reaper that has been running for a while
    reaper = Reaper(Ledger(redis, Queue(lease=0.1, reap=0.05)))
    running = asyncio.create_task(reaper.run())
    try:
        await ask(redis)
        async with asyncio.timeout(PATIENCE):
            while await redis.exists("unstill:rewrite"):
                await asyncio.sleep(0.05)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def test_a_server_that_forbids_it_is_found_and_not_asked_for_ever(
    ledger: Ledger, redis: Redis, data: Path
) -> None:
    assert await may_rewrite(redis) and await server_check(redis) == []
    # Given one that forbids it
    admin: Any = redis
    await admin.acl_setuser("hosted", enabled=True, nopass=True, keys=["*"], channels=["*"],
                            commands=["+@all", "-bgrewriteaof"])  # fmt: skip
    hosted = connect(f"unix://hosted:x@{data}/valkey.sock")
    # Then that is said, and asking does not change it
    assert not await may_rewrite(hosted)
    [sentence] = await server_check(hosted)
    assert "BGREWRITEAOF" in sentence
    await ask(redis)
    await rewrite(Ledger(hosted, Queue()))
    assert not await redis.exists("unstill:rewrite")
    await hosted.aclose()
    # and one that keeps no file has nothing to rewrite
    await redis.config_set("appendonly", "no")
    assert not await may_rewrite(redis)


async def test_old_entries_of_the_streams_go_and_a_stream_written_anew_reads_on(ledger: Ledger, redis: Redis) -> None:
    # Given entries of two hours ago and of now, of which a courier has read the first three
    requests = {name: replace(a_request(), id=name) for name in ("7200", "7100", "10", "5", "next", "top", "after")}
    for request in requests.values():
        await ledger.accept(request)
    outbox = Outbox(redis, "test")
    seconds, _ = await redis.time()
    for age in (7200, 7100, 10, 5):
        await redis.xadd(outbox.answers_key, {"id": str(age), "kind": "answer"}, id=f"{(seconds - age) * 1000}-0")
    deliveries = outbox.deliveries("courier")
    assert [(await anext(deliveries)).id for _ in range(4)] == ["7200", "7100", "10", "5"]
    last = await redis.xadd(outbox.answers_key, {"id": "deleted", "kind": "answer"})
    await redis.xadd(outbox.answers_key, {"id": "next", "kind": "answer"})
    await redis.xdel(outbox.answers_key, last)
    # When they are trimmed and the stream is written anew
    await trim_streams(ledger)
    await ledger.compact(outbox.answers_key)
    # Then the old ones are gone, and the courier goes on after the one it read last
    assert [fields[b"id"] for _, fields in await redis.xrange(outbox.answers_key)] == [b"10", b"5", b"next"]
    assert (await anext(deliveries)).id == "next"
    # and what tells of a job that is not on record goes
    await redis.xadd(outbox.answers_key, {"id": "gone", "kind": "answer"})
    await ledger.compact(outbox.answers_key)
    assert len(await redis.xrange(outbox.answers_key)) == 3
    # and an id that was given is never given again, not even when the stream is empty
    top = await redis.xadd(outbox.answers_key, {"id": "top", "kind": "answer"}, id=f"{(seconds + 1000) * 1000}-0")
    await redis.xtrim(outbox.answers_key, maxlen=0, approximate=False)
    await ledger.compact(outbox.answers_key)
    assert await redis.xadd(outbox.answers_key, {"id": "after", "kind": "answer"}) > top
    assert [group["name"] for group in await redis.xinfo_groups(outbox.answers_key)] == [b"courier"]
