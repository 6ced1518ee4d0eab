"""Runs an engine's loop and its periodic tasks as arq jobs. All that names arq stands here.

The ledger's scripts leave a word in arq's form where a queue has work, and publish a nudge; a word says no more than
that. What arq 0.28 does that shapes this file:

- It logs what a function raises, and goes on. So errors of `work` are carried out by a future.
- An error in its polling loop ends the worker, and one in `start_jobs` leaves its count of jobs wrong. So another
  worker is made after each.
- A word that was taken is locked for the job's timeout and 10 s. `work` has no timeout, as it ends by itself, and the
  lock only keeps two engines from taking one word at once.
- `Worker.close` loses the connection when a job is cancelled, and `job_completion_wait` ends only at a poll. So both
  are done here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from typing import Any

import msgspec
import structlog
from arq.connections import ArqRedis
from arq.cron import CronJob, cron
from arq.worker import Worker, func
from redis.asyncio import Redis
from redis.exceptions import RedisError

from unstill_queue.contract.codec import dump_arq, load_arq
from unstill_queue.redis.connection import connection_pool

NUDGES = "unstill:work"
"""The channel on which the ledger says which queue has a new word."""
POLL_DELAY = 1.0
"""Seconds between two looks for a word of which no nudge was heard."""
NO_TIMEOUT, NO_LIMIT = 1e9, 10**9
LOCKED = 10.0
"""Seconds for which nobody else takes a word that was taken. The claim, a moment later, takes it away."""
PATIENCE = 5.0
"""Seconds that arq's own commands wait for a server that is away. Then another worker begins anew."""
AGAIN = 0.5
CLEAR_WITHIN = 1.0
"""Seconds that arq has for writing down the end of a job that has ended."""
HEALTH_CHECK_INTERVAL = 3600
PERIODIC_TIMEOUT = 3600

log = structlog.get_logger(__name__)


def queue_name(lane: str) -> str:
    return f"unstill:arq:{lane}"


class Periodic(msgspec.Struct, frozen=True):
    """A task that some process does `every` so many seconds, at full multiples of that: a part of a minute or hour.

    It may be done twice where clocks differ. `at_start`: it is also done when a process starts.
    """

    name: str
    do: Callable[[], Awaitable[None]]
    every: float
    at_start: bool = False

    def cron(self) -> CronJob:
        async def do(ctx: dict[str, Any]) -> None:
            await self.do()

        seconds = max(1, round(self.every))
        when: dict[str, Any] = {"minute": 0, "second": 0}
        if seconds < 60:
            when = {"second": set(range(0, 60, seconds))}
        elif seconds < 3600:
            when = {"minute": set(range(0, 60, seconds // 60)), "second": 0}
        return cron(
            do, name=self.name, run_at_startup=self.at_start, unique=True, timeout=PERIODIC_TIMEOUT, max_tries=1, **when
        )


class Listener:
    """Calls `work` with each word on a queue, one at a time, and does each of `periodic` at its times.

    While `work` runs, the words are left to other engines. `work` is to return soon when `draining` is set.
    `poll_delay` is in seconds.
    """

    def __init__(
        self, url: str, lane: str, draining: asyncio.Event, work: Callable[[str], Awaitable[None]] | None = None, *,
        periodic: Sequence[Periodic] = (), poll_delay: float = POLL_DELAY,
    ) -> None:  # fmt: skip
        self._url = url
        self._lane = lane
        self._work = work
        self._periodic = periodic
        self._poll_delay = poll_delay
        self._draining = draining
        self._idle = asyncio.Event()
        self._idle.set()
        self._failed: asyncio.Future[None] | None = None
        self._looks: set[asyncio.Task[None]] = set()
        self._worker: Worker | None = None

    def look(self) -> None:
        """Take a word at once if there is a free one, and not only with the next poll."""
        worker = self._worker
        if worker is not None:
            task = asyncio.create_task(self._look(worker))
            self._looks.add(task)
            task.add_done_callback(self._looks.discard)

    async def run(self) -> None:
        """Listen until `draining` is set and `work` has returned, or until cancelled. Raises what `work` raises."""
        self._failed = failed = asyncio.get_running_loop().create_future()
        # whoever is cancelled first does not ask for it
        failed.add_done_callback(lambda _: failed.exception())
        told = False
        while not self._draining.is_set():
            error = await self._listen(failed)
            if error is not None:
                if not told:
                    log.warning(
                        "arq's worker was interrupted and is started again", queue=self._lane, error=repr(error)
                    )
                await asyncio.sleep(AGAIN)
            told = error is not None

    async def _listen(self, failed: asyncio.Future[None]) -> BaseException | None:
        """Have a worker listen until it ends by an error of the server's, which is returned, or we drain.

        Raises what `work` raises.
        """
        worker = self._worker = self._make_worker()
        polling = asyncio.create_task(worker.async_run())
        draining = asyncio.create_task(self._draining.wait())
        try:
            await _first_of(polling, failed, draining)
            self._worker = None
            polling.cancel()
            idle = asyncio.create_task(self._idle.wait())
            # what `work` has claimed must not be lost, however long the answer takes
            await _first_of(idle, failed)
            idle.cancel()
            if failed.done():
                failed.result()
            await asyncio.wait([polling])
            return None if polling.cancelled() else _of_the_server(polling.exception())
        finally:
            self._worker = None
            draining.cancel()
            await asyncio.shield(self._end(worker, polling))

    async def _end(self, worker: Worker, polling: asyncio.Task[None]) -> None:
        looking = [polling, *self._looks]
        _cancel(looking)
        await asyncio.gather(*looking, return_exceptions=True)
        jobs = list(worker.tasks.values())
        if self._work is None or not self._idle.is_set():
            _cancel(jobs)
        for _ in range(2 if jobs else 0):
            await asyncio.wait(jobs, timeout=CLEAR_WITHIN)
            # a job that was cancelled writes that down, which is cancelled too where the server is away
            _cancel(jobs)
        await asyncio.gather(*jobs, return_exceptions=True)
        await worker.pool.aclose(close_connection_pool=True)

    async def _look(self, worker: Worker) -> None:
        # a job that ends right now is still counted
        await asyncio.sleep(0)
        if worker is not self._worker or worker.job_counter >= worker.max_jobs:
            return
        try:
            words = await worker.pool.zrangebyscore(worker.queue_name, "-inf", "+inf", 0, worker.queue_read_limit)
            await worker.start_jobs(words)
        except (RedisError, OSError):
            # its count of jobs may be wrong now, and another one begins anew
            if worker.main_task is not None:
                worker.main_task.cancel()

    def _make_worker(self) -> Worker:
        async def work(ctx: dict[str, Any], *of_an_older_version: Any) -> None:
            self._idle.clear()
            try:
                # a claim of a worker that is about to be replaced would be cut off
                if self._work is not None and worker is self._worker and not self._draining.is_set():
                    await self._work(ctx["job_id"])
            except Exception as error:
                if self._failed is not None and not self._failed.done():
                    self._failed.set_exception(error)
            finally:
                self._idle.set()

        async def ended(ctx: dict[str, Any]) -> None:
            # another word may have come meanwhile, whose nudge nobody heeded
            self.look()

        # front ends of an older version say "wake"
        names = ("work", "wake") if self._work is not None else ()
        worker = Worker(
            functions=[func(work, name=name, max_tries=NO_LIMIT) for name in names],
            cron_jobs=[task.cron() for task in self._periodic],
            queue_name=queue_name(self._lane),
            redis_pool=ArqRedis(
                connection_pool(self._url, patience=PATIENCE), job_serializer=dump_arq, job_deserializer=load_arq
            ),
            handle_signals=False,
            after_job_end=ended,
            max_jobs=1,
            job_timeout=NO_TIMEOUT,
            keep_result=0,
            poll_delay=self._poll_delay,
            health_check_interval=HEALTH_CHECK_INTERVAL,
            job_serializer=dump_arq,
            job_deserializer=load_arq,
            log_results=False,
        )
        if self._work is not None:
            worker.in_progress_timeout_s = LOCKED
        return worker


async def _first_of(*waiting: asyncio.Future[Any]) -> None:
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)


def _cancel(tasks: Iterable[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()


def _of_the_server(error: BaseException | None) -> BaseException | None:
    """Return the error if it is the server's, and raise any other."""
    if error is not None and not isinstance(error, RedisError | OSError):
        raise error
    return error


async def forget_words(redis: Redis, ids: Collection[str]) -> None:
    """Take back all words of these jobs: an older version named them after jobs. Raises RedisError."""
    ours = frozenset(ids)
    async for key in redis.scan_iter(match="arq:*", count=1000):
        if _job_of(key.decode()) in ours:
            await redis.delete(key)
    async for queue in redis.scan_iter(match=f"{queue_name('')}*", count=1000, _type="zset"):
        async for word, _ in redis.zscan_iter(queue, count=1000):
            if _job_of(word.decode()) in ours:
                await redis.zrem(queue, word)


def _job_of(word: str) -> str:
    """Return the job's id from an older version's word, or arq's key of it: `[arq:job:]<lane>:<id>:<attempt>`."""
    # a lane has no colon
    name = word.partition(":")[2].partition(":")[2] if word.startswith("arq:") else word
    return name.partition(":")[2].rpartition(":")[0]
