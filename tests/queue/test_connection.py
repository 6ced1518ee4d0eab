"""Commands through outages of a real server, and what doctor says of one."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from arq.connections import ArqRedis
from redis.exceptions import AuthenticationError, ConnectionError
from tests.waiting import until
from wire_doubles.chaos_proxy import ChaosProxy

from unstill_queue.contract.errors import QueueError
from unstill_queue.redis.connection import (
    ANSWER_WITHIN,
    LONGEST_BLOCK,
    PATIENCE,
    connect,
    connection_pool,
    server_check,
    shortcomings,
)
from unstill_queue.redis.embedded import EmbeddedValkey


@pytest.fixture
async def client(valkey: EmbeddedValkey) -> AsyncIterator[Any]:
    redis = connect(valkey.url)
    yield redis
    await redis.aclose()


async def _restart_after(valkey: EmbeddedValkey, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await asyncio.to_thread(valkey.start)


async def test_commands_wait_out_a_restart(valkey: EmbeddedValkey, client: Any) -> None:
    # Given twenty writers at work
    written: list[int] = []
    stop = asyncio.Event()

    async def write(name: int) -> None:
        number = name
        while not stop.is_set():
            await client.set(f"k{number}", number)
            written.append(number)
            number += 20

    writers = [asyncio.create_task(write(name)) for name in range(20)]
    await until(lambda: written)
    # When the server is killed and comes back a second later
    await asyncio.to_thread(valkey.kill)
    before = len(written)
    await _restart_after(valkey, 1.0)
    await until(lambda: len(written) > before + 20)
    stop.set()
    await asyncio.gather(*writers)
    # Then all went on, and whatever was acknowledged is there
    assert None not in await client.mget([f"k{number}" for number in written])


async def test_a_first_connection_waits_for_a_server_that_is_not_there_yet(valkey: EmbeddedValkey) -> None:
    await asyncio.to_thread(valkey.kill)
    redis: Any = connect(valkey.url)
    # When a command is sent before the server is up
    answer, _ = await asyncio.gather(redis.ping(), _restart_after(valkey, 0.5))
    # Then it is answered
    assert answer is True
    await redis.aclose()


async def test_transactions_and_blocking_reads_wait_too(valkey: EmbeddedValkey, client: Any) -> None:
    # Given a blocking read that is waiting, and a transaction that is about to be sent
    reading = asyncio.create_task(client.xread({"stream": "0"}, block=int(LONGEST_BLOCK * 1000)))
    await asyncio.sleep(0.1)
    await asyncio.to_thread(valkey.kill)
    async with client.pipeline(transaction=True) as pipe:
        pipe.xadd("stream", {"a": "1"})
        pipe.set("b", "2")
        # When the server is away for half a second
        results, _ = await asyncio.gather(pipe.execute(), _restart_after(valkey, 0.5))
    # Then the transaction is done, and the reader has its entry
    assert results[1] is True
    [[stream, entries]] = await reading
    assert stream == b"stream"
    assert entries[0][1] == {b"a": b"1"}


async def test_a_blocking_read_ends_in_silence_without_an_error(client: Any) -> None:
    assert LONGEST_BLOCK <= ANSWER_WITHIN / 2
    assert await client.xread({"nothing": "$"}, block=1500) == []


async def test_commands_wait_while_the_server_loads(tmp_path: Path) -> None:
    # Given a server that takes about two seconds to read its file
    data = tmp_path / "slow"
    with EmbeddedValkey(data) as quick:
        seed = connect(quick.url)
        async with seed.pipeline(transaction=False) as pipe:
            for number in range(5000):
                pipe.set(f"k{number}", number)
            await pipe.execute()
        await seed.aclose()
    # microseconds; it looks up at its clients after each 1024 commands
    slow = EmbeddedValkey(data, options={"key-load-delay": "400"})
    starting = asyncio.create_task(asyncio.to_thread(slow.start))
    impatient, patient = connect(slow.url, patience=0), connect(slow.url)
    try:
        # When it answers LOADING
        said = ""
        while "loading" not in said:
            assert not starting.done()
            with pytest.raises(ConnectionError) as caught:
                await impatient.get("k4999")
            said = str(caught.value)
            await asyncio.sleep(0.01)
        # Then a patient command gets its answer
        assert await patient.get("k4999") == b"4999"
    finally:
        await starting
        await impatient.aclose()
        await patient.aclose()
        slow.stop()


async def test_patience_ends(tmp_path: Path) -> None:
    redis: Any = connect(f"unix://{tmp_path}/none.sock", patience=0.5)
    started = time.monotonic()
    with pytest.raises(ConnectionError):
        await redis.ping()
    assert 0.5 <= time.monotonic() - started < PATIENCE
    await redis.aclose()


async def test_the_patience_of_many_runs_at_the_same_time(valkey: EmbeddedValkey) -> None:
    # Given thirty commands, some on connections whose health check is overdue, none of which has a server
    redis: Any = connect(valkey.url, patience=3)
    redis.connection_pool.connection_kwargs["health_check_interval"] = 0.001
    await asyncio.gather(*(redis.ping() for _ in range(10)))
    await asyncio.to_thread(valkey.kill)
    # When they are sent at once
    started = time.monotonic()
    ends = await asyncio.gather(*(redis.ping() for _ in range(30)), return_exceptions=True)
    # Then they give up at once, rather than one after the other
    assert {type(end) for end in ends} == {ConnectionError}
    assert time.monotonic() - started < 30 * 3
    await redis.aclose()


async def test_a_wrong_password_is_said_at_once(tmp_path: Path) -> None:
    with EmbeddedValkey(tmp_path / "locked", options={"requirepass": "secret"}) as locked:
        right = connect(f"unix://:secret@{locked.url.removeprefix('unix://')}")
        wrong = connect(f"unix://:guess@{locked.url.removeprefix('unix://')}")
        assert await right.ping()
        with pytest.raises(AuthenticationError):
            async with asyncio.timeout(PATIENCE / 2):
                await wrong.ping()
        await right.aclose()
        await wrong.aclose()


async def test_a_lost_answer_is_asked_for_again(valkey: EmbeddedValkey) -> None:
    # Given a line that loses one answer in five
    async with ChaosProxy(valkey.url.removeprefix("unix://"), seed=7) as proxy:
        redis: Any = connect(f"redis://127.0.0.1:{proxy.port}/0")
        proxy.cut_rate = proxy.reset_rate = 0.1
        # When sixty writes go through it
        for number in range(60):
            await redis.set(f"k{number}", number)
        # Then each is there
        proxy.cut_rate = proxy.reset_rate = 0.0
        assert proxy.cuts > 5
        assert await redis.dbsize() == 60
        await redis.aclose()


async def test_a_dead_line_is_left(valkey: EmbeddedValkey) -> None:
    async with ChaosProxy(valkey.url.removeprefix("unix://")) as proxy:
        redis: Any = connect(f"redis://127.0.0.1:{proxy.port}", answer_within=0.5)
        await redis.set("a", "1")
        # Given a line on which nothing comes back
        proxy.frozen = True
        asking = asyncio.create_task(redis.get("a"))
        await until(lambda: proxy.accepted > 1)
        assert not asking.done()
        # When it works again
        proxy.frozen = False
        # Then the answer comes over a new connection
        assert await asking == b"1"
        assert proxy.accepted > 1
        await redis.aclose()


async def test_a_stopped_server_is_waited_for(valkey: EmbeddedValkey) -> None:
    redis: Any = connect(valkey.url, answer_within=0.3)
    assert valkey.pid
    # Given a server that holds its connections and says nothing
    os.kill(valkey.pid, signal.SIGSTOP)
    try:
        asking = asyncio.create_task(redis.incr("n"))
        await asyncio.sleep(1)
        assert not asking.done()
    finally:
        os.kill(valkey.pid, signal.SIGCONT)
    # Then the command is done at least once
    assert await asking >= 1
    await redis.aclose()


async def test_a_cancelled_command_ends_and_does_not_spoil_the_next(valkey: EmbeddedValkey, client: Any) -> None:
    await client.rpush("list", "x")
    # When commands that would block are cancelled at any moment of their sending
    moments = random.Random(1)
    for _ in range(300):
        started = time.monotonic()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(moments.uniform(0, 0.002)):
                await client.blpop(["empty"], timeout=5)
        # Then they end, and the next one has its own answer
        assert time.monotonic() - started < 4
        assert await client.lrange("list", 0, -1) == [b"x"]


async def test_arq_stands_on_the_same_pool(valkey: EmbeddedValkey) -> None:
    pool = connection_pool(valkey.url)
    arq = ArqRedis(pool)
    assert await arq.ping()
    await asyncio.to_thread(valkey.kill)
    # When a job is queued while the server is away
    job, _ = await asyncio.gather(arq.enqueue_job("wake", _job_id="1"), _restart_after(valkey, 0.5))
    # Then it is queued
    assert job is not None
    assert await arq.zcard("arq:queue") == 1
    await arq.aclose(close_connection_pool=True)


@pytest.mark.parametrize("url", ["", "localhost", "http://host", "redis://host:99999", "redis://:s3cret@host:port"])
def test_a_wrong_url_is_named_without_its_password(url: str) -> None:
    with pytest.raises(QueueError, match="UNSTILL_REDIS__URL") as caught:
        connect(url)
    assert "s3cret" not in str(caught.value)


async def test_our_own_server_has_no_shortcomings(client: Any) -> None:
    assert await server_check(client) == []


async def test_each_shortcoming_is_one_sentence_with_its_mend(tmp_path: Path) -> None:
    # Given a server that syncs once a second, and evicts
    options = {"appendfsync": "everysec", "maxmemory-policy": "allkeys-lru"}
    with EmbeddedValkey(tmp_path / "plain", options=options) as plain:
        redis: Any = connect(plain.url)
        # When it is checked
        fsync, policy = await server_check(redis)
        # Then both are said
        assert "'appendfsync always'" in fsync
        assert "'maxmemory-policy noeviction'" in policy
        await redis.config_set("maxmemory-policy", "noeviction")
        # and one that refuses CONFIG
        await redis.acl_setuser("hosted", enabled=True, nopass=True, keys=["*"], commands=["+@all", "-config"])
        hosted = connect(f"unix://hosted:x@{plain.url.removeprefix('unix://')}")
        [silent] = await server_check(hosted)
        assert "does not tell" in silent
        await hosted.aclose()
        # and one that keeps nothing
        await redis.config_set("appendonly", "no")
        [forgetful] = await server_check(redis)
        assert "'appendonly yes'" in forgetful
        await redis.config_set("appendfsync", "always")
        # and what only other servers are
        info = await redis.info() | {"aof_enabled": 1}
        assert shortcomings(info | {"redis_version": "6.2.0"}, "always") == []
        for difference in ({"redis_version": "6.0.16"}, {"redis_mode": "cluster"}, {"role": "slave"}):
            assert len(shortcomings(info | difference, "always")) == 1
        await redis.aclose()


def test_patience_outlasts_any_restart() -> None:
    assert PATIENCE >= 300
