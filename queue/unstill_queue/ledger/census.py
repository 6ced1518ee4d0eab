"""Queries of the ledger as a whole: what was counted, and what there is now. Nothing here changes a job."""

from __future__ import annotations

import msgspec

from unstill_queue.contract.jobs import State
from unstill_queue.ledger.counters import Counted, read_counted
from unstill_queue.ledger.records import REFIT_LANE
from unstill_queue.ledger.script import awaited
from unstill_queue.ledger.views import KNOWN, Views

AT_ONCE = 500
"""Jobs that one call of the script looks at: a millisecond, in which the server serves nobody else."""


class Group(msgspec.Struct, frozen=True, order=True):
    """Jobs of one state, queue and platform: `queue` is "" for a request that is not read yet."""

    state: State
    queue: str
    platform: str


class Census(msgspec.Struct, frozen=True):
    """Counts what there is now: how many jobs of each group, and for how many seconds the oldest has been in its state.

    `overdue`: seconds since somebody should have looked at the first job that is due; 0 where none is due. `parked`:
    queued jobs, by queue, that none of the engines that asked can make.
    """

    jobs: dict[Group, int]
    oldest: dict[Group, float]
    overdue: float
    parked: dict[str, int]
    unreadable: int


class CensusTaker(Views):
    """Counts what is in the ledger."""

    async def counted(self) -> Counted:
        """Return what was counted and measured since the queue began, whoever did it."""
        return read_counted(await awaited(self.redis.hgetall("unstill:metrics")))

    async def census(self) -> Census:
        """Count the jobs that are not final, some hundred at a time, so that nobody waits for it."""
        jobs: dict[Group, int] = {}
        since: dict[Group, float] = {}
        first, overdue = 0, 0.0
        while True:
            looked, late, *groups = await self._run("tally", first, AT_ONCE)
            first, overdue = first + AT_ONCE, max(0.0, float(late) / 1000) if first == 0 else overdue
            for at in range(0, len(groups), 5):
                state, lane, platform, count, oldest = (word.decode() for word in groups[at : at + 5])
                if state in KNOWN:
                    group = Group(State(state), lane, platform)
                    jobs[group] = jobs.get(group, 0) + int(count)
                    since[group] = min(since.get(group, float("inf")), float(oldest) / 1000)
            if int(looked) < AT_ONCE:
                break
        seconds, micros = await self.redis.time()
        now = seconds + micros / 1e6
        lanes = [REFIT_LANE, *(lane.decode() for lane in await awaited(self.redis.smembers("unstill:lanes")))]
        async with self.redis.pipeline(transaction=False) as pipe:
            for lane in lanes:
                pipe.zcard(f"unstill:parked:{lane}")
            pipe.zcard("unstill:unreadable")
            *parked, unreadable = await pipe.execute()
        oldest_of = {group: max(0.0, now - at) for group, at in since.items()}
        return Census(jobs, oldest_of, overdue, dict(zip(lanes, parked, strict=True)), int(unreadable))
