"""All that names arq. It carries no work, only word that there is some; losing a word costs one reaper period.

What arq 0.28 does that shapes this file: a worker that is killed keeps its job locked for the job's
timeout and 10 s more, so the job is a wake-up that lasts milliseconds; `enqueue_job` answers None both
for a duplicate and for a connection that dropped, so its answer is not used; a score of 0 never runs;
an error in the polling loop ends the worker, so the loop is started again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from arq.connections import ArqRedis
from arq.worker import Worker, func
from redis.exceptions import RedisError

from unstill_queue.contract.codec import dump_arq, load_arq
from unstill_queue.ledger.ledger import Wake
from unstill_queue.redis.connection import connection_pool

LONG_PAST = datetime(2001, 1, 1, tzinfo=UTC)
"""The score of every wake-up: whatever the clocks of bots and engines say, it is due."""
EXPIRES = timedelta(days=1)
POLL_DELAY = 0.02
HEALTH_CHECK_INTERVAL = 10

log = structlog.get_logger(__name__)


def arq_redis(url: str) -> ArqRedis:
    """Arq's client on a connection that waits out a restart: by default an idle worker exits 0.5 s into one."""
    return ArqRedis(connection_pool(url), job_serializer=dump_arq, job_deserializer=load_arq)


def queue_name(lane: str) -> str:
    return f"unstill:arq:{lane}"


class Wakeups:
    """The side that tells engines of queued jobs."""

    def __init__(self, url: str) -> None:
        self._redis = arq_redis(url)

    async def wake(self, wake: Wake) -> None:
        """Say once that the job waits. What gets lost here is said again by the reaper, so nothing is raised."""
        try:
            await self._redis.enqueue_job(
                "wake",
                wake.id,
                wake.attempt,
                # with the lane: word of the render may still lie there when its refit waits
                _job_id=f"{wake.lane}:{wake.id}:{wake.attempt}",
                _queue_name=queue_name(wake.lane),
                _defer_until=LONG_PAST,
                # by default arq computes it from the score, which lies in the past
                _expires=EXPIRES,
            )
        except (RedisError, OSError) as error:
            # a connection that drops between WATCH and MULTI is a WatchError that arq lets through
            log.info("a wake-up was lost", job=wake.id, error=repr(error))

    async def forget(self, ids: Collection[str]) -> None:
        """Take back every word of these jobs, which arq keeps under names that hold their ids. Raises RedisError."""
        ours = frozenset(ids)
        async for key in self._redis.scan_iter(match="arq:*", count=1000):
            if _job_of(key.decode()) in ours:
                await self._redis.delete(key)
        async for queue in self._redis.scan_iter(match=f"{queue_name('')}*", count=1000, _type="zset"):
            async for word, _ in self._redis.zscan_iter(queue, count=1000):
                if _job_of(word.decode()) in ours:
                    await self._redis.zrem(queue, word)

    async def close(self) -> None:
        await self._redis.aclose(close_connection_pool=True)


def _job_of(word: str) -> str:
    """Of arq's own id or key, `[arq:job:]<lane>:<id>:<attempt>`; a lane has no colon."""
    name = word.partition(":")[2].partition(":")[2] if word.startswith("arq:") else word
    return name.partition(":")[2].rpartition(":")[0]


class Listener:
    """The engine's side: calls `on_wake` when there is word of a job on its lane, while `ready` is true.

    A busy engine leaves the words to the others. `poll_delay` in seconds.
    """

    def __init__(
        self, url: str, lane: str, on_wake: Callable[[], Awaitable[None]], poll_delay: float = POLL_DELAY
    ) -> None:
        self._url = url
        self._lane = lane
        self._poll_delay = poll_delay
        self._on_wake = on_wake
        self._ready = True
        self._worker: Worker | None = None

    @property
    def ready(self) -> bool:
        return self._ready

    @ready.setter
    def ready(self, ready: bool) -> None:
        self._ready = ready
        if self._worker is not None:
            self._worker.allow_pick_jobs = ready

    async def run(self) -> None:
        """Listen until cancelled."""
        while True:
            worker = self._make_worker()
            self._worker = worker
            try:
                await worker.async_run()
            except (RedisError, OSError) as error:
                log.warning("wake-ups interrupted, listening again", error=str(error))
                await asyncio.sleep(0.5)
            finally:
                self._worker = None
                await asyncio.shield(_close(worker))

    def _make_worker(self) -> Worker:
        async def wake(ctx: dict[str, Any], id: str, attempt: int) -> None:
            await self._on_wake()

        worker = Worker(
            functions=[func(wake, name="wake", timeout=5, max_tries=1, keep_result=0)],
            queue_name=queue_name(self._lane),
            redis_pool=arq_redis(self._url),
            handle_signals=False,
            max_jobs=1,
            job_timeout=5,
            job_completion_wait=5,
            max_tries=1,
            keep_result=0,
            poll_delay=self._poll_delay,
            health_check_interval=HEALTH_CHECK_INTERVAL,
            allow_abort_jobs=False,
            job_serializer=dump_arq,
            job_deserializer=load_arq,
            log_results=False,
        )
        worker.allow_pick_jobs = self._ready
        return worker


async def _close(worker: Worker) -> None:
    """What `Worker.close` does, which loses the connection when a task of its own is cancelled."""
    for task in worker.tasks.values():
        task.cancel()
    await asyncio.gather(*worker.tasks.values(), return_exceptions=True)
    await worker.pool.aclose(close_connection_pool=True)
