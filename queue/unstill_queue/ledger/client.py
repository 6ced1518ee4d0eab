"""The people side of the queue: submit, cancel, watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from unstill_config.settings import Quota, Settings
from unstill_queue.contract.codec import decode
from unstill_queue.contract.jobs import Failed, Job, Outcome, Progress, Request, Requester, State
from unstill_queue.ledger.ledger import Ledger, Place, Record
from unstill_queue.ledger.outbox import Event, Outbox
from unstill_queue.ledger.pseudonyms import Pseudonyms
from unstill_queue.redis.connection import connect

RECHECK = 5.0
"""Seconds without news after which the ledger is asked, in case a stream lost an entry."""
POSITION_EVERY = 1.0
READ_AGAIN = 1.0

log = structlog.get_logger(__name__)


class Update(msgspec.Struct, frozen=True):
    """Where a watched job is now. `place` while it is queued, `progress` while it runs, `outcome` at the end."""

    state: State
    place: Place | None = None
    progress: Progress | None = None
    outcome: Outcome | None = None


class Client:
    """One front end's connection to the queue. `quota` counts for what is asked from now on, and may be changed."""

    def __init__(self, redis: Redis, settings: Settings) -> None:
        self.redis = redis
        self.ledger = Ledger(redis, settings.queue, names=Pseudonyms.of(settings))
        self.quota = settings.quota
        self._watchers: dict[str, dict[str, set[asyncio.Queue[Event]]]] = {}
        self._readers: dict[str, asyncio.Task[None]] = {}

    @classmethod
    def open(cls, url: str, settings: Settings) -> Client:
        return cls(connect(url), settings)

    async def close(self) -> None:
        for reader in self._readers.values():
            reader.cancel()
        await asyncio.gather(*self._readers.values(), return_exceptions=True)
        await self.redis.aclose()

    async def accept(self, request: Request, *, limited: bool = False) -> bool:
        """Write the request down; when this returns it will be answered. False: it was there before.

        `limited`: the host's limit of requests a minute holds for it.

        Raises:
            NotTaken: it was not written down.
        """
        return await self.ledger.accept(request, per_minute=self.quota.person_requests if limited else 0)

    async def pace(self, who: Requester) -> None:
        """Count a request that is then accepted without the limit. Raises NotTaken."""
        await self.ledger.pace(who, self.quota.person_requests)

    async def check(self, who: Requester, *, cost: float, chat_jobs: int = 0, jobs: int = 1) -> None:
        """Check that `submit` would queue so many jobs now, of that cost together; nothing is reserved.

        Raises QuotaExceeded.
        """
        await self.ledger.check(who, cost=cost, quota=self._quota_with(chat_jobs), jobs=jobs)

    async def submit(self, job: Job, *, cost: float, chat_jobs: int = 0) -> bool:
        """Queue an accepted request as `job`; `cost` in estimated GPU-seconds. False: it had been queued before.

        `chat_jobs`: most jobs of its chat queued or running, where the chat itself wants fewer than the host; 0: no.

        Raises:
            QuotaExceeded: nothing was queued.
            UnknownJob: it was never accepted.
        """
        return await self.ledger.queue(job, cost=cost, quota=self._quota_with(chat_jobs))

    def _quota_with(self, chat_jobs: int) -> Quota:
        """Return the host's quota, with fewer jobs where the chat itself wants fewer."""
        if not chat_jobs:
            return self.quota
        return self.quota.model_copy(update={"chat_jobs": min(chat_jobs, self.quota.chat_jobs or chat_jobs)})

    async def refuse(self, id: str, outcome: Failed) -> bool:
        return await self.ledger.refuse(id, outcome)

    async def refit(self, job: Job, sender: str) -> Literal["ok", "no", "lost"]:
        return await self.ledger.refit(job, sender)

    async def cancel(self, id: str, by: str) -> Literal["cancelled", "cancelling", "late", "none"]:
        return await self.ledger.cancel(id, by)

    async def watch(self, id: str) -> AsyncIterator[Update]:
        """Tell of the job from now to its outcome. Redis is asked at most once a second, and only while it waits.

        Raises:
            UnknownJob: there is no such job.
        """
        platform = (await self.ledger.read(id)).request.requester.platform
        events: asyncio.Queue[Event] = asyncio.Queue()
        listeners = self._watchers.setdefault(platform, {}).setdefault(id, set())
        listeners.add(events)
        if platform not in self._readers:
            self._readers[platform] = asyncio.create_task(self._read(platform))
        try:
            record = await self.ledger.read(id)
            while True:
                yield await self._update(record)
                if record.outcome is not None:
                    return
                record = await self._changed(record, events)
        finally:
            listeners.discard(events)
            if not listeners:
                self._watchers[platform].pop(id, None)

    async def _changed(self, record: Record, events: asyncio.Queue[Event]) -> Record:
        waits = record.state in (State.ACCEPTED, State.QUEUED)
        patience = POSITION_EVERY if waits else RECHECK
        try:
            async with asyncio.timeout(patience):
                news = [await events.get()]
        except TimeoutError:
            return await self.ledger.read(record.id)
        while not events.empty():
            news.append(events.get_nowait())
        # two streams: what came last need not have happened last
        if record.state is State.RUNNING and all(event.kind == "progress" for event in news):
            return msgspec.structs.replace(record, progress=decode(news[-1].body, Progress))
        return await self.ledger.read(record.id)

    async def _update(self, record: Record) -> Update:
        place = await self.ledger.place(record.id) if record.state is State.QUEUED else None
        return Update(record.state, place, record.progress, record.outcome)

    async def _read(self, platform: str) -> None:
        while True:
            try:
                async for event in Outbox(self.redis, platform).news():
                    if event is not None:
                        for events in self._watchers[platform].get(event.id, ()):
                            events.put_nowait(event)
            except (RedisError, OSError) as error:
                # whoever watches asks the ledger meanwhile
                log.warning("the news are interrupted, listening again", platform=platform, error=str(error))
                await asyncio.sleep(READ_AGAIN)
