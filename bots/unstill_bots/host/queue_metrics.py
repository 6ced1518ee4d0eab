"""The queue's metrics for Prometheus, read from the ledger when they are asked for.

Every front end of a queue tells the same of it, so who reads several takes the greatest of them and never their sum.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import Iterable, Mapping

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from redis.exceptions import RedisError

from unstill_bots.host.leader import led
from unstill_config.exporter import PREFIX
from unstill_config.settings import Storage
from unstill_queue.contract.codec import decode_or
from unstill_queue.contract.codes import FAILURES, SAID, UNKNOWN
from unstill_queue.contract.jobs import EngineInfo, State
from unstill_queue.ledger.census import Census
from unstill_queue.ledger.counters import BUCKETS, COUNTERS, HISTOGRAMS, Counted, Histogram
from unstill_queue.ledger.ledger import REFIT_LANE, Ledger

ANSWER_WITHIN = 5.0
"""Seconds that the queue's server gets for all; Prometheus waits ten, and would hear nothing at all."""
COUNTERS_HELP = {
    "requests": "Requests that were written down.",
    "jobs_queued": "Requests that became jobs.",
    "quota_refusals": "Times that a quota refused something.",
    "answers": "Requests that came to their end: the outcome, a failure's code, and whether it could be shown.",
    "tries_lost": "Tries that made no clip: a failure's code, or that nobody renewed the lease.",
    "deliveries_refused": "Times that an outcome could not be shown and is tried again.",
    "records_set_aside": "Records that cannot be read.",
}
HISTOGRAMS_HELP = {
    "answer_seconds": "From a request to its answer.",
    "wait_seconds": "From the queue to an engine, the first time.",
    "render_seconds": "What a render took on its device.",
}
Values = Mapping[tuple[str, ...], float]


async def read(ledger: Ledger, storage: Storage) -> list[Metric]:
    """Return the metrics of the queue and of this process's storage; of a server that is away, only that."""
    families = await asyncio.to_thread(_room, storage)
    up = True
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            families += await _of_queue(ledger)
    except (RedisError, OSError):
        up = False
    return [_gauge("server_up", "1: the queue's server answers.", (), {(): float(up)}), *families]


async def _of_queue(ledger: Ledger) -> list[Metric]:
    census, engines = await ledger.census(), await ledger.engines()
    infos = {name: info for serving in engines.values() for name, info in serving}
    busy = sum(_is_busy(info) for info in infos.values())
    alive = {(lane,): float(len(serving)) for lane, serving in engines.items()} | {(REFIT_LANE,): float(len(infos))}
    lanes = {lane for (lane,) in alive} | {group.queue for group in census.jobs if group.queue}
    serving: Values = {(lane,): alive.get((lane,), 0.0) for lane in lanes}
    memory = await ledger.redis.info("memory")
    return [
        *_of_jobs(census, lanes),
        _gauge("engines", "Engines that are there.", ("state",), {("busy",): busy, ("idle",): len(infos) - busy}),
        _gauge("queue_engines", "Engines that serve a queue.", ("queue",), serving),
        _gauge(
            "estimate_ratio", "What a second of estimate takes in truth.", ("queue",),
            {(lane,): rate for lane, rate in (await ledger.rates()).items()},
        ),
        _gauge(
            "platform_serving", "1: a front end serves that platform.", ("platform",),
            {(platform,): float(leads) for platform, leads in (await led(ledger)).items()},
        ),
        _gauge("server_memory_bytes", "Memory of the queue's server.", (), {(): memory["used_memory"]}),
        _gauge("server_memory_limit_bytes", "Its limit; 0: none.", (), {(): memory.get("maxmemory", 0)}),
        *of_counts(await ledger.counted()),
    ]  # fmt: skip


def _is_busy(info: bytes) -> bool:
    said: EngineInfo | None = decode_or(info, EngineInfo, None)
    return said is not None and said.job is not None


def _of_jobs(census: Census, lanes: Iterable[str]) -> list[Metric]:
    labels = ("state", "queue", "platform")
    # a line at 0, and not none, where nobody waits
    none: Values = {(state.value, lane, ""): 0.0 for state in (State.QUEUED, State.RUNNING) for lane in lanes}
    jobs: Values = {
        (group.state.value, group.queue, group.platform): float(count) for group, count in census.jobs.items()
    }
    oldest: Values = {(group.state.value, group.queue, group.platform): age for group, age in census.oldest.items()}
    return [
        _gauge("jobs", "Jobs that have not come to their end.", labels, {**none, **jobs}),
        _gauge("oldest_job_seconds", "How long the oldest of them has been in its state.", labels, {**none, **oldest}),
        _gauge("overdue_seconds", "How long nobody has looked at what is due.", (), {(): census.overdue}),
        _gauge(
            "parked_jobs", "Queued jobs that no engine can make that asked.", ("queue",),
            {(lane,): float(count) for lane, count in census.parked.items()},
        ),
        _gauge("unreadable_records", "Records that were set aside and are kept.", (), {(): census.unreadable}),
    ]  # fmt: skip


def of_counts(counted: Counted) -> list[Metric]:
    """Return what the ledger counted and measured."""
    counters: list[Metric] = []
    for name, labels in COUNTERS.items():
        family = CounterMetricFamily(PREFIX + name, COUNTERS_HELP[name], labels=labels)
        for values, count in _known_codes(labels, counted.counters[name]).items():
            family.add_metric(values, count)
        if not labels and not family.samples:
            family.add_metric((), 0)
        counters.append(family)
    for name, labels in HISTOGRAMS.items():
        measured = HistogramMetricFamily(PREFIX + name, HISTOGRAMS_HELP[name], labels=labels)
        for values, histogram in counted.histograms[name].items():
            measured.add_metric(values, _buckets(histogram), histogram.sum)
        counters.append(measured)
    return counters


def _known_codes(labels: tuple[str, ...], counts: Mapping[tuple[str, ...], float]) -> Values:
    """Count a code that a newer version wrote as an unknown one."""
    if "code" not in labels:
        return counts
    at, known = labels.index("code"), {*FAILURES, SAID, ""}
    summed: dict[tuple[str, ...], float] = {}
    for values, count in counts.items():
        code = values[at] if values[at] in known else UNKNOWN
        values = (*values[:at], code, *values[at + 1 :])
        summed[values] = summed.get(values, 0) + count
    return summed


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    ends = [*(f"{most:g}" for most in BUCKETS), "+Inf"]
    return list(zip(ends, map(float, itertools.accumulate(histogram.buckets)), strict=True))


def _room(storage: Storage) -> list[Metric]:
    if storage.folder is None:
        return []
    try:
        usage = shutil.disk_usage(storage.folder)
    except OSError:
        return []
    return [
        _gauge("storage_free_bytes", "Room where pictures and clips lie.", (), {(): usage.free}),
        _gauge("storage_size_bytes", "The size of that disk.", (), {(): usage.total}),
    ]


def _gauge(name: str, told: str, labels: tuple[str, ...], values: Values) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, told, labels=labels)
    for labelled, value in values.items():
        family.add_metric(labelled, value)
    return family
