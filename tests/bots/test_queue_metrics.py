"""A front end's /metrics: what is read from the queue when it is asked, and where it can be reached."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families
from tests.queue.values import DONE, a_job, a_request
from tests.waiting import PATIENCE, until

from unstill_bots.host import queue_metrics
from unstill_bots.host.leader import Leader
from unstill_bots.host.metrics_server import MetricsServer
from unstill_config import metrics
from unstill_config.exporter import METRICS, PREFIX, PrometheusMetrics
from unstill_config.platforms import PLATFORMS
from unstill_config.settings import Queue, Quota, Settings, Storage
from unstill_queue.contract.codec import encode
from unstill_queue.contract.codes import FAILURES
from unstill_queue.contract.jobs import EngineInfo, Failed, Outcome
from unstill_queue.ledger.census import AT_ONCE
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey

LABELS = {"state", "queue", "platform", "result", "code", "reason", "quota", "of", "model", "trouble", "le"}
"""What metrics may be told by. Each has few values, and none of them is anybody's."""
OUTCOMES: tuple[Outcome, ...] = (DONE, Failed("out_of_memory"), Failed("of_a_newer_version"))
Values = dict[tuple[str, tuple[str, ...]], float]


def values_of(text: str) -> Values:
    """Each sample by its name and the values of its labels, in the order of their names."""
    return {
        (sample.name, tuple(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@contextlib.asynccontextmanager
async def served(url: str, folder: Path, port: int = 0) -> AsyncIterator[tuple[MetricsServer, Ledger]]:
    ledger = Ledger(connect(url, patience=0), Queue())
    kept = PrometheusMetrics()
    before = metrics.use(kept)
    server = MetricsServer(kept, ledger, Storage(url=f"file://{folder}"), "127.0.0.1", port)
    running = asyncio.create_task(server.run())
    try:
        yield server, ledger
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        metrics.use(before)
        await ledger.redis.aclose()


async def ask(server: MetricsServer, path: str = "/metrics") -> httpx.Response:
    await until(lambda: server.port)
    async with httpx.AsyncClient() as http:
        return await http.get(f"http://127.0.0.1:{server.port}{path}")


async def asked(ledger: Ledger) -> dict[str, int]:
    """Return how often each command was called, but for this one and what a client says when it connects."""
    stats = await ledger.redis.info("commandstats")
    own = ("cmdstat_info", "cmdstat_client", "cmdstat_hello", "cmdstat_select")
    return {name: one["calls"] for name, one in stats.items() if not name.startswith(own)}


async def many_things_happened(ledger: Ledger, count: int = 3) -> None:
    """Of so many people in as many chats, on two platforms."""
    info = EngineInfo("engine of host-7", "camera", "cpu", "host-7", 1, job="telegram:somewhere0:somebody0:0")
    await ledger.engine("engine of host-7", "camera", encode(info))
    requests = [
        a_request(n, f"somebody{n}", f"somewhere{n}", platform=("telegram", "discord")[n % 2]) for n in range(count)
    ]
    # together, so that the server writes many of them to its disk at once
    await asyncio.gather(*(ledger.accept(request) for request in requests))
    await asyncio.gather(*(ledger.queue(a_job(one), cost=1.0, quota=Quota()) for one in requests))
    for n, outcome in enumerate(OUTCOMES):
        claim = await ledger.claim("camera", f"owner{n}", "engine of host-7")
        assert claim and await ledger.finish(claim, outcome, seconds=2.0)
        assert await ledger.send(claim.job.id, f"courier{n}")
        assert await ledger.sent(claim.job.id, f"courier{n}")


async def test_the_metrics_are_those_of_the_queue(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    async with served(valkey.url, tmp_path) as (server, ledger):
        # Given a queue with jobs in several states, an engine, and one of two platforms that is served
        await ledger.redis.flushdb()
        await many_things_happened(ledger, 5)
        assert await ledger.claim("camera", "another", "engine of host-7")
        leader = Leader(ledger.redis, "discord")
        await leader.wait()
        metrics.count("platform_floods", platform="discord")
        metrics.observe("event_loop_lag_seconds", 0.3)
        # When they are asked for
        answer = await ask(server)
        told = values_of(answer.text)
    # Then they are what is there
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert told["unstill_server_up", ()] == 1
    assert told["unstill_jobs", ("", "camera", "queued")] == 0
    queued, running = (
        sum(value for (name, labels), value in told.items() if name == "unstill_jobs" and state in labels)
        for state in ("queued", "running")
    )
    assert (queued, running) == (1, 1)
    assert {told["unstill_engines", ("busy",)], told["unstill_queue_engines", ("camera",)]} == {1}
    assert told["unstill_queue_engines", ("~refit",)] == 1
    assert told["unstill_estimate_ratio", ("camera",)] == 2
    assert told["unstill_platform_serving", ("discord",)] == 1
    assert told["unstill_platform_serving", ("telegram",)] == 0
    assert 0 < told["unstill_storage_free_bytes", ()] <= told["unstill_storage_size_bytes", ()]
    assert told["unstill_server_memory_bytes", ()] > 0
    answers = {labels: value for (name, labels), value in told.items() if name == "unstill_answers_total"}
    assert sum(answers.values()) == 3
    # and a code that this version does not know is told as unknown
    assert {labels[0] for labels in answers} == {"", "out_of_memory", "unknown"}
    assert told["unstill_render_seconds_bucket", ("2.5", "camera")] == 1
    assert told["unstill_render_seconds_bucket", ("1", "camera")] == 0
    assert told["unstill_render_seconds_sum", ("camera",)] == 2
    # and of this process
    assert told["unstill_platform_floods_total", ("discord",)] == 1
    assert told["unstill_event_loop_lag_seconds_bucket", ("0.5",)] == 1
    assert told["process_resident_memory_bytes", ()] > 0


async def test_no_metric_tells_of_anybody_and_there_are_not_more_of_them_with_more_people(
    valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    async with served(valkey.url, tmp_path) as (server, ledger):
        counts = []
        for count in (3, 60):
            await ledger.redis.flushdb()
            await many_things_happened(ledger, count)
            server._read_at = float("-inf")
            text = (await ask(server)).text
            counts.append({name for name, _ in values_of(text)})
            # Given people, chats, jobs, owners and engines, none of them is named
            for somebody in ("somebody", "somewhere", "host-7", "owner", "courier", "clips/", "waves"):
                assert somebody not in text
            labels = {
                name for family in text_string_to_metric_families(text) for one in family.samples for name in one.labels
            }
            assert labels - LABELS == set()
        assert counts[0] == counts[1]
        samples = len(values_of(text))
    # Then all there can ever be is a matter of platforms, models and codes
    codes, platforms, queues = len(FAILURES) + 2, len(PLATFORMS) + 1, 8
    most = 2 * platforms * (codes + 2) + 20 * platforms * queues + 16 * (platforms * 3 + 2 * queues) + 200
    assert samples < most < 3000


async def test_a_server_that_takes_connections_and_does_not_answer_is_told_to_be_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a server that hangs, and a client that would wait for it for a day
    monkeypatch.setattr(queue_metrics, "ANSWER_WITHIN", 0.2)

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        redis = connect(f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}/0", patience=0, answer_within=86400)
        # When the metrics are read
        reading = queue_metrics.read(Ledger(redis, Queue()), Storage(url=f"file://{tmp_path}"))
        told = {family.name: family.samples[0].value for family in await asyncio.wait_for(reading, PATIENCE)}
        await redis.aclose()
    # Then that is told, beside what else is known
    assert told.keys() == {"unstill_server_up", "unstill_storage_free_bytes", "unstill_storage_size_bytes"}
    assert told["unstill_server_up"] == 0


async def test_a_server_that_is_away_is_told_and_waited_for_by_nobody(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    async with served(valkey.url, tmp_path) as (server, _):
        assert values_of((await ask(server)).text)["unstill_server_up", ()] == 1
        await asyncio.to_thread(valkey.kill)
        server._read_at = float("-inf")
        told = values_of((await ask(server)).text)
        assert told["unstill_server_up", ()] == 0
        assert told["unstill_storage_free_bytes", ()] > 0
        assert not [name for name, _ in told if name.startswith("unstill_jobs")]
        await asyncio.to_thread(valkey.start)
        server._read_at = float("-inf")
        assert values_of((await ask(server)).text)["unstill_server_up", ()] == 1


async def test_who_asks_without_end_costs_the_server_little_and_nothing_else_is_there(
    valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    async with served(valkey.url, tmp_path) as (server, ledger):
        await ledger.redis.flushdb()
        await ask(server)
        server._read_at = time.monotonic() + 3600
        before = await asked(ledger)
        for answer in await asyncio.gather(*(ask(server) for _ in range(20))):
            assert answer.status_code == 200
        assert await asked(ledger) == before
        assert [(await ask(server, path)).status_code for path in ("/", "/metrics/", "/status")] == [404] * 3


async def test_a_port_that_is_taken_is_waited_for(
    valkey: EmbeddedValkey, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unstill_bots.host.metrics_server.AGAIN", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as taken, structlog.testing.capture_logs() as logs:
        async with served(valkey.url, tmp_path, taken.getsockname()[1]) as (server, _):
            await until(lambda: [one for one in logs if "cannot be served yet" in one["event"]])
            assert server.port == 0
            taken.close()
            assert (await ask(server)).status_code == 200


async def test_what_a_scrape_costs(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    """Prints what it takes with more jobs in the queue than are counted in one go."""
    async with served(valkey.url, tmp_path) as (server, ledger):
        await ledger.redis.flushdb()
        await many_things_happened(ledger, AT_ONCE + 10)
        await ask(server)
        taken = []
        await ledger.redis.config_resetstat()
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.port}") as http:
            for _ in range(10):
                server._read_at = float("-inf")
                before = time.perf_counter()
                await http.get("/metrics")
                taken.append(time.perf_counter() - before)
        stats: dict[str, Any] = await ledger.redis.info("commandstats")
    # what the script asks for each job is in its own time, and nobody waits for its answer
    del stats["cmdstat_hmget"]
    calls, busy = (sum(one[what] for one in stats.values()) / 10 for what in ("calls", "usec"))
    print(f"{1000 * min(taken):.1f} ms, {calls:.0f} commands, {busy / 1000:.1f} ms of the server")
    # some queries whatever the queue holds, and one more for each AT_ONCE jobs
    assert calls < 30


def test_each_program_of_a_machine_has_a_port_of_its_own() -> None:
    settings = Settings.load({"UNSTILL_METRICS__PORT": "9464"}, Path("/nowhere")).metrics
    front_ends = [settings.port_of_front_end(platform) for platform in PLATFORMS]
    engines = [settings.port_of_engine(device) for device in ("cpu", "cuda:1", "cuda:2")]

    assert front_ends[:3] == [9464, 9465, 9466]
    assert engines == [9474, 9475, 9476]
    assert settings.port_of_engine("cuda") == 9474
    assert len({*front_ends, *engines}) == len(front_ends) + 3
    # and by default nothing is served, and to nobody else
    default = Settings().metrics
    assert (default.host, default.port_of_front_end("web"), default.port_of_engine("cuda:3")) == ("127.0.0.1", 0, 0)


def test_what_no_table_knows_is_left_out_and_raises_nothing() -> None:
    kept = PrometheusMetrics()
    kept.count("nobody_knows", 1, {"who": "ann"})
    kept.observe("nobody_knows_seconds", 1, {})
    names = {family.name for family in kept.registry.collect()}

    assert {PREFIX + name for name in METRICS} <= names
    assert not [name for name in names if "nobody" in name]
