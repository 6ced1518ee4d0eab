"""Queries of the ledger. Nothing here changes a job."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from redis.exceptions import ResponseError

from unstill_queue.contract.errors import CodecError, NewerVersion, UnknownJob, UnreadableRecord
from unstill_queue.contract.jobs import State
from unstill_queue.ledger.records import REFIT_LANE, Place, Record, Used, record_of
from unstill_queue.ledger.script import Script, awaited, ms

DAY = 24 * 3600
KNOWN = frozenset(map(str, State))


class Views(Script):
    """Looks at jobs, quotas and engines."""

    async def place(self, id: str) -> Place:
        """Return where a job stands. Raises UnknownJob, and UnreadableRecord, which is one."""
        reply = await self._run("position", id)
        if reply[0] == b"unreadable":
            raise UnreadableRecord(id, reply[2].decode(errors="replace"))
        if reply[0] == b"none":
            raise UnknownJob(id)
        return _place(reply)

    async def places(self, ids: Sequence[str]) -> list[Place | None]:
        """Return where each of some jobs stands, by one command; None for one that is unknown, or cannot be read."""
        if not ids:
            return []
        return [None if reply[0] == b"none" else _place(reply) for reply in await self._run("positions", *ids)]

    async def find(self, id: str) -> Record | None:
        """Return the job's record, or None if there is no such job or nobody can read its record; `read` says which."""
        try:
            return await self.read(id)
        except UnknownJob:
            return None

    async def read(self, id: str) -> Record:
        """Return the record of a job. Raises UnknownJob, and UnreadableRecord, which is one."""
        try:
            raw: dict[bytes, bytes] = await awaited(self.redis.hgetall(f"unstill:job:{id}"))
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            raise UnreadableRecord(id, "something else stands in its place") from error
        # without its request it was forgotten, by an older version
        if b"request" not in raw and (not raw or b"state" in raw):
            raise UnknownJob(id)
        try:
            return record_of(id, {name.decode(): value for name, value in raw.items()})
        except KeyError as error:
            raise UnreadableRecord(id, f"its {error.args[0]} is missing") from error
        except NewerVersion as error:
            raise UnreadableRecord(id, str(error), newer=True) from error
        except (CodecError, ValueError) as error:
            raise UnreadableRecord(id, str(error)) from error

    async def open_ids(self) -> list[str]:
        """Return the ids of all jobs that are not final, which stand in the due index."""
        return [id.decode() for id in await self.redis.zrange("unstill:due", 0, -1)]

    async def counts(self) -> dict[tuple[State, str], int]:
        """Count the jobs that are not final by state and lane; the lane of a request that is not read yet is ''."""
        async with self.redis.pipeline(transaction=False) as pipe:
            for id in await self.open_ids():
                pipe.hmget(f"unstill:job:{id}", ["state", "lane"])
            found = await pipe.execute(raise_on_error=False)
        known = [one for one in found if not isinstance(one, Exception) and (one[0] or b"").decode() in KNOWN]
        return dict(Counter((State(state.decode()), (lane or b"").decode()) for state, lane in known))

    async def platforms(self) -> set[str]:
        """Return the platforms from which a request was ever written down."""
        return {name.decode() for name in await awaited(self.redis.smembers("unstill:platforms"))}

    async def rates(self) -> dict[str, float]:
        """Return, by lane, what a second of estimate takes in truth; only of lanes that have finished a job."""
        raw: dict[bytes, bytes] = await awaited(self.redis.hgetall("unstill:rate"))
        return {lane.decode(): float(rate) for lane, rate in raw.items()}

    async def used(self, account: str, place: str) -> Used:
        """Return what quotas count of a `Requester.account` and a `Requester.place`."""
        fields = [f"p|{self.names.name('account', account)}", f"c|{self.names.name('place', place)}"]
        seconds, _ = await self.redis.time()
        jobs = await awaited(self.redis.hmget("unstill:jobs", fields))
        today = await awaited(self.redis.hmget(f"unstill:seconds:{seconds // DAY}", fields))
        return Used(int(float(jobs[0] or 0)), int(float(jobs[1] or 0)), float(today[0] or 0), float(today[1] or 0))

    async def ids_of(self, person: str) -> list[str]:
        """Return the ids of a person's last 200 requests, the newest first."""
        return [id.decode() for id in await self.redis.zrevrange(f"unstill:mine:{person}", 0, 199)]

    async def engines(self) -> dict[str, list[tuple[str, bytes]]]:
        """Return the engines alive by lane: names, each with what it says of itself, an encoded EngineInfo."""
        alive: dict[str, list[tuple[str, bytes]]] = {}
        seconds, micros = await self.redis.time()
        since = seconds * 1000 + micros // 1000 - ms(self.times.engine_alive)
        for lane in sorted(await awaited(self.redis.smembers("unstill:lanes"))):
            names = await self.redis.zrangebyscore(b"unstill:engines:" + lane, since, "+inf")
            infos = [(name.decode(), await self.redis.get(b"unstill:engine:" + name)) for name in names]
            alive[lane.decode()] = [(name, info) for name, info in infos if info is not None]
        return alive

    async def parked(self) -> dict[str, tuple[str, str]]:
        """Return the ids of jobs that wait for an engine which can make them, and the lane and needs of each."""
        found = {}
        for lane in (REFIT_LANE.encode(), *await awaited(self.redis.smembers("unstill:lanes"))):
            for id in await self.redis.zrange(b"unstill:parked:" + lane, 0, -1):
                lacks = await awaited(self.redis.hget(b"unstill:job:" + id, "needs"))
                found[id.decode()] = lane.decode(), (lacks or b"").decode()
        return found


def _place(reply: list[Any]) -> Place:
    state, position, lane, engines, eta, *why = reply
    return Place(
        State(state.decode()),
        int(position),
        lane.decode(),
        int(engines),
        float(eta) if eta else None,
        parked=b"parked" in why,
        held=b"held" in why,
    )
