"""The one record of every job, and the only way to change its state.

Each method is one transition of `ledger.lua`: atomic, timed by Redis, and safe to repeat when its
answer was lost. Times are in seconds here and in milliseconds in the script.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Collection, Sequence, Set
from importlib import resources
from typing import Any, Literal

import msgspec
import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from unstill_config.settings import Queue as QueueSettings
from unstill_config.settings import Quota as QuotaSettings
from unstill_queue.contract.abilities import codec, needs
from unstill_queue.contract.codec import decode, encode
from unstill_queue.contract.errors import (
    CodecError,
    NewerVersion,
    QuotaExceeded,
    TooManyRequests,
    UnknownJob,
    UnreadableRecord,
)
from unstill_queue.contract.jobs import Cancelled, Failed, Job, Outcome, Progress, Request, Requester, State, Succeeded
from unstill_queue.ledger.pseudonyms import Pseudonyms

log = structlog.get_logger(__name__)

ENGINE_ALIVE = 10.0
"""An engine that has not been heard of for so many seconds is not counted."""
DAY = 24 * 3600
GIVE_UP = 24 * 3600.0
"""An answer that could not be delivered for so long is not tried again: the platforms keep no update longer."""

FORGET_AT_ONCE = 500
"""Records a script; Lua takes some thousand arguments."""
TRASH_AT_ONCE, TRASH_LEASE = 200, 60.0
"""Files that are deleted in one go, and the seconds that whoever took them has for it."""

ENGINE_LOST = Failed("engine_lost", "The engine stopped three times while it worked on this. Try again later.")
EXPIRED = Failed("expired", "No engine was free for a day. Try again later.")
INTAKE_FAILED = Failed("intake_failed", "The request could not be read. Send it again.")

REFIT_LANE = "~refit"
"""Where clips wait that their platform refused for their size. Every engine serves it; no model has that name."""
REFITS_MOST = 3
"""How often one job's clip is made smaller before its answer is that it is too big."""


class Claim(msgspec.Struct, frozen=True):
    """A job that is this owner's until the lease ends. `attempt` counts from 1; `made` is the clip to refit."""

    job: Job
    owner: str
    attempt: int
    made: Succeeded | None = None


class Wake(msgspec.Struct, frozen=True):
    """A queued job that some engine should hear of."""

    id: str
    lane: str
    attempt: int


class Place(msgspec.Struct, frozen=True):
    """Where a job stands. `position` is 1 for the next one and 0 for one that does not wait.

    `ahead` and `running` are seconds of work, estimated; `rate` is what a second of estimate takes
    in truth; `engines` are those alive on the job's lane. `parked`: none of those that asked can make it, and it waits
    for one that can.
    """

    state: State
    position: int
    ahead: float
    running: float
    engines: int
    rate: float
    parked: bool = False

    @property
    def eta(self) -> float | None:
        """Seconds until it starts; None while no engine is alive to say, or none that can make it."""
        if self.engines == 0 or self.parked:
            return None
        return self.running / self.engines + self.ahead * self.rate / self.engines


class Used(msgspec.Struct, frozen=True):
    """What quotas count: jobs queued or running, and estimated GPU-seconds of today (UTC)."""

    person_jobs: int
    chat_jobs: int
    person_seconds: float
    chat_seconds: float


class Forgotten(msgspec.Struct, frozen=True):
    """What was forgotten: the ids of its requests, and the storage keys of all files that there may be."""

    ids: tuple[str, ...]
    files: tuple[str, ...]


class Record(msgspec.Struct, frozen=True):
    """What the ledger holds of a job, for people to look at. Times are seconds since the epoch."""

    id: str
    state: State
    request: Request
    accepted_at: float
    job: Job | None = None
    attempt: int = 0
    progress: Progress | None = None
    outcome: Outcome | None = None
    note: str | None = None
    receipt: str | None = None
    cost: float = 0.0
    sends: int = 0
    refits: int = 0
    made: Succeeded | None = None
    refused: bool = False
    forgotten: bool = False

    @property
    def clips(self) -> list[str]:
        """The storage keys of what was made of it: the clip, and what a smaller one is made from."""
        return [*_files(self.outcome), *_files(self.made)]


KNOWN = frozenset(map(str, State))


class Ledger:
    """The ledger on one Redis or Valkey, 6.2 or newer. `names`: of the front end that accepts, or looks at quotas."""

    def __init__(
        self, redis: Redis, settings: QueueSettings, script: str | None = None, names: Pseudonyms | None = None
    ) -> None:
        self.redis = redis
        self.settings = settings
        self.names = names or Pseudonyms()
        text = script or (resources.files("unstill_queue") / "ledger" / "ledger.lua").read_text("utf-8")
        self._script = redis.register_script(text)

    async def _run(self, op: str, *args: str | bytes | float) -> list[Any]:
        result: list[Any] = await self._script(args=[op, *args])
        if len(result) == 3 and result[0] == b"unreadable":
            _report(result[1:])
        return result

    # -- in

    async def accept(self, request: Request, *, grace: float = 10.0, per_minute: int = 0) -> bool:
        """Write the request down. True: it is new; False: it was here before.

        When this has returned, the request will be answered. `grace` is how many seconds its front
        end has to read it before it is told of it again. `per_minute`: new ones of its account, 0 without limit.

        Raises:
            TooManyRequests: it is not written down.
        """
        who, name = request.requester, self.names.name
        reply = await self._run(
            "accept",
            request.id,
            who.platform,
            who.person,
            name("place", who.place),
            name("account", who.account),
            name("request", request.id),
            encode(request),
            _ms(grace),
            per_minute,
        )
        _check_pace(reply, per_minute)
        return bool(reply[0] == b"accepted")

    async def pace(self, who: Requester, per_minute: int) -> None:
        """Count a request that `accept` is then given without a limit. Raises TooManyRequests."""
        _check_pace(await self._run("pace", self.names.name("account", who.account), per_minute), per_minute)

    async def check(self, who: Requester, *, cost: float, quota: QuotaSettings) -> None:
        """Whether a job of that cost, in estimated GPU-seconds, would be queued now; nothing is reserved.

        Raises:
            QuotaExceeded: it would not.
        """
        account, place = self.names.name("account", who.account), self.names.name("place", who.place)
        _check_quota(await self._run("afford", account, place, repr(cost), *_limits(quota)))

    async def queue(self, job: Job, *, cost: float, quota: QuotaSettings) -> bool:
        """ACCEPTED to QUEUED. `cost` is in estimated GPU-seconds. False: it had been queued or ended before.

        Raises:
            QuotaExceeded: the request stays ACCEPTED; the caller answers it.
            UnknownJob: it was never accepted.
        """
        reply = await self._run(
            "queue",
            job.id,
            job.parameters.model,
            repr(cost),
            encode(job),
            _ms(self.settings.wait_hours * 3600),
            *_limits(quota),
        )
        _check_quota(reply)
        if reply[0] == b"already" and reply[1] == b"none":
            raise UnknownJob(job.id)
        return bool(reply[0] == b"queued")

    async def refuse(self, id: str, outcome: Failed) -> bool:
        """ACCEPTED to FAILED: an answer at once, and a record that is kept for an hour. False: too late."""
        reply = await self._run("refuse", id, encode(outcome))
        return bool(reply[0] == b"ok")

    async def picture(self, id: str, key: str) -> str | None:
        """Put the key of a request's picture on record, before its bytes are stored.

        Returns the key to store it under, which is the one of an earlier try where there was one. None: the request
        has ended or is being forgotten, and nothing of it may be stored.
        """
        reply = await self._run("picture", id, key)
        return reply[1].decode() if reply[0] == b"ok" else None

    # -- the engine's side

    async def claim(self, lane: str, owner: str, engine: str, can: Set[str] | None = None) -> Claim | None:
        """Take the job whose turn it is. `owner` is a token used for this one claim.

        `can` has the words of `abilities`: a job that needs others is parked for an engine that has them; None: any
        will do. So is one of a newer version. What no version can decode is answered, as it would end every engine
        that takes it.
        """
        while True:
            bad, *taken = await self._run("claim", lane, owner, _ms(self.settings.lease), engine, *sorted(can or ()))
            _report(bad)
            if not taken:
                return None
            id, job, attempt, made = taken
            try:
                claim = Claim(decode(job, Job), owner, int(attempt), decode(made, Succeeded) if made else None)
            except NewerVersion as error:
                await self._park(id, owner, {codec(error.version)})
                continue
            except CodecError as error:
                log.error("a job cannot be read and is answered so", job=id.decode(), error=str(error))
                await self._run("finish", id, owner, "failed", encode(INTAKE_FAILED), "0", "")
                continue
            lacks = frozenset() if can is None else needs(claim.job, rendered=lane == REFIT_LANE) - can
            if not lacks:
                return claim
            await self._park(id, owner, lacks)

    async def _park(self, id: bytes, owner: str, lacks: Set[str]) -> None:
        log.warning("a job needs what this engine lacks and waits for one that has it", job=id.decode(), lacks=[*lacks])
        await self._run("park", id, owner, " ".join(sorted(lacks)))

    async def parked(self) -> dict[str, tuple[str, str]]:
        """Jobs that wait for an engine which can make them: ids, and the lane and needs of each."""
        found = {}
        for lane in (REFIT_LANE.encode(), *await _awaited(self.redis.smembers("unstill:lanes"))):
            for id in await self.redis.zrange(b"unstill:parked:" + lane, 0, -1):
                lacks = await _awaited(self.redis.hget(b"unstill:job:" + id, "needs"))
                found[id.decode()] = lane.decode(), (lacks or b"").decode()
        return found

    async def beat(self, claim: Claim, progress: Progress | None = None) -> Literal["ok", "cancel", "lost"]:
        """Renew the lease and tell progress. 'cancel': somebody no longer wants it. 'lost': it is another's."""
        body = encode(progress) if progress else b""
        reply = await self._run("beat", claim.job.id, claim.owner, _ms(self.settings.lease), body)
        answer: Literal["ok", "cancel", "lost", "unreadable"] = reply[0].decode()
        return "lost" if answer == "unreadable" else answer

    async def clip(self, claim: Claim, key: str) -> Literal["ok", "cancel", "lost"]:
        """Put the key of a file on record, before it is stored; nothing may be stored unless the answer is 'ok'."""
        reply = await self._run("clip", claim.job.id, claim.owner, key)
        answer: Literal["ok", "cancel", "lost", "unreadable"] = reply[0].decode()
        return "lost" if answer == "unreadable" else answer

    async def finish(self, claim: Claim, outcome: Outcome, *, seconds: float = 0.0) -> bool:
        """File the outcome. `seconds`: what the render took, for the rate. False: the job is another's now."""
        clips = " ".join(_files(outcome))
        reply = await self._run(
            "finish", claim.job.id, claim.owner, _result(outcome), encode(outcome), repr(seconds), clips
        )
        return bool(reply[0] == b"ok")

    async def release(self, claim: Claim) -> Wake | None:
        """Hand the job back at the head of its line, without costing a try."""
        reply = await self._run("release", claim.job.id, claim.owner)
        return Wake(claim.job.id, reply[1].decode(), int(reply[2])) if reply[0] == b"ok" else None

    async def retry(self, claim: Claim, failure: Failed) -> Wake | None:
        """The try failed through no fault of the job: again, or `failure` after the last one."""
        reply = await self._run("retry", claim.job.id, claim.owner, self.settings.attempts, encode(failure))
        return Wake(claim.job.id, reply[1].decode(), int(reply[2])) if reply[0] == b"again" else None

    async def engine(self, name: str, lane: str, info: bytes) -> None:
        await self._run("engine", name, lane, info)

    async def engine_gone(self, name: str, lane: str) -> None:
        await self._run("engine_gone", name, lane)

    # -- out

    async def cancel(self, id: str, by: str) -> Literal["cancelled", "cancelling", "late", "none"]:
        """Queued: gone at once. Running: the engine is told. Ended: 'late'."""
        reply = await self._run("cancel", id, encode(Cancelled(by)))
        if reply[0] == b"unreadable" or (reply[0] == b"late" and reply[1] == b"none"):
            return "none"
        answer: Literal["cancelled", "cancelling", "late"] = reply[0].decode()
        return answer

    async def forget(self, person: str) -> Forgotten:
        """Cancel what a person asked for, and take it out of the server: at once what is answered, and the rest by
        itself when its end is shown. Their files are thrown away.

        That a request was here stays for two days, under a name that tells nobody: the same update is still not new.
        """
        found: list[str] = []
        files: list[str] = []
        ids = [id.decode() for id in await self.redis.zrange(f"unstill:mine:{person}", 0, -1)]
        while ids:
            now, ids = ids[:FORGET_AT_ONCE], ids[FORGET_AT_ONCE:]
            words: list[str | bytes] = []
            for id in now:
                try:
                    record = await self.read(id)
                except UnreadableRecord:
                    words += [id, "", self.names.name("request", id), ""]
                except UnknownJob:
                    continue
                else:
                    # without words and picture; the rest is needed to show that it is cancelled
                    bare = encode(msgspec.structs.replace(record.request, words="", source=""))
                    older = [record.job.picture] if record.job else []
                    words += [id, bare, self.names.name("request", id), " ".join([*older, *record.clips])]
                found.append(id)
            left, thrown = await self._run("forget", person, encode(Cancelled(person)), *words)
            files += [key.decode() for key in thrown]
            ids += [id.decode() for id in left if id.decode() not in ids]
        return Forgotten(tuple(found), tuple(sorted(set(files))))

    async def forgetting(self, ids: Sequence[str]) -> list[str]:
        """Those of them that are forgotten and whose end has still to be shown."""
        found: list[str] = []
        for start in range(0, len(ids), FORGET_AT_ONCE):
            found += [id.decode() for id in await self._run("forgetting", *ids[start : start + FORGET_AT_ONCE])]
        return found

    async def send(self, id: str, sender: str, *, lease: float = 60.0) -> bool:
        """Take the right to deliver the outcome. False: another has it, or it is delivered."""
        reply = await self._run("send", id, sender, _ms(lease))
        return bool(reply[0] == b"ok")

    async def unsend(self, id: str, sender: str, *, delay: float) -> bool:
        """Not delivered, and surely nothing shown: try again after `delay` seconds."""
        reply = await self._run("unsend", id, sender, _ms(delay))
        return bool(reply[0] == b"ok")

    async def refit(self, job: Job, sender: str) -> Literal["ok", "no", "lost"]:
        """The platform refused the clip's size: have it made again under the smaller limit that `job` now has.

        'no': it was made smaller often enough. 'lost': the right to deliver it is another's.
        """
        wait = _ms(self.settings.wait_hours * 3600)
        reply = await self._run("refit", job.id, sender, REFIT_LANE, encode(job), REFITS_MOST, wait)
        answer: Literal["ok", "no", "lost", "unreadable"] = reply[0].decode()
        return "lost" if answer == "unreadable" else answer

    async def sent(self, id: str, sender: str, receipt: str = "") -> bool:
        reply = await self._run("sent", id, sender, "sent", receipt, self._keep)
        return bool(reply[0] == b"ok")

    async def undeliverable(self, id: str, sender: str, reason: str) -> bool:
        reply = await self._run("sent", id, sender, "undeliverable", reason, self._keep)
        return bool(reply[0] == b"ok")

    async def note_begin(self, id: str) -> Literal["go", "note", "unknown"]:
        """May the status message be sent? 'go' is said once; then report by `note_set` or `note_clear`."""
        reply = await self._run("note_begin", id)
        answer: Literal["go", "note", "unknown", "unreadable"] = reply[0].decode()
        return "unknown" if answer == "unreadable" else answer

    async def note_set(self, id: str, note: str) -> None:
        await self._run("note_set", id, note)

    async def note_clear(self, id: str) -> None:
        """The status message was surely not sent; it may be tried again."""
        await self._run("note_clear", id)

    # -- the reaper's side

    async def reap(self, limit: int = 200) -> list[Wake]:
        """Look at what is due; returns the queued jobs among it, for engines to hear of."""
        reply = await self._run(
            "reap",
            limit,
            self.settings.attempts,
            _ms(GIVE_UP),
            self._keep,
            encode(ENGINE_LOST),
            encode(EXPIRED),
            encode(INTAKE_FAILED),
        )
        words = [word.decode() for word in reply[0]]
        _report(reply[1])
        return [
            Wake(id, lane, int(attempt)) for id, lane, attempt in zip(words[::3], words[1::3], words[2::3], strict=True)
        ]

    async def trash(self) -> list[str]:
        """The storage keys of files to delete now; say by `trashed` that they are."""
        return [key.decode() for key in await self._run("trash", TRASH_AT_ONCE, _ms(TRASH_LEASE))]

    async def trashed(self, keys: list[str]) -> None:
        await self._run("trashed", *keys)

    async def compact_streams(self, platforms: Collection[str]) -> None:
        """As `compact`, of some platforms."""
        for platform in platforms:
            for name in ("outbox", "progress"):
                await self.compact(f"unstill:{name}:{platform}")

    async def compact(self, stream: str) -> None:
        """Write a stream anew, without what tells of jobs that are gone, and without the bytes of deleted entries."""
        await self._run("compact", stream)

    async def rewritten(self, asked: bytes) -> None:
        """The server's file holds nothing any more that was deleted at `asked` or before."""
        await self._run("rewritten", asked)

    async def audit(self) -> list[str]:
        """Walk through all records; put back what the due index lost, and return it.

        One process does so in each period, whoever asks first.
        """
        if not await self.redis.set("unstill:audited", 1, nx=True, px=_ms(self.settings.audit)):
            return []
        lost: list[str] = []
        cursor = 0
        while True:
            cursor, keys = await self.redis.scan(cursor, "unstill:job:*", count=500)
            ids = [key.decode().removeprefix("unstill:job:") for key in keys]
            if ids:
                found, bad = await self._run("index", *ids)
                lost += [id.decode() for id in found]
                _report(bad)
            if cursor == 0:
                await self._run("recount")
                return lost

    # -- looking

    async def place(self, id: str) -> Place:
        """Raises UnknownJob, and UnreadableRecord, which is one."""
        reply = await self._run("position", id, _ms(ENGINE_ALIVE))
        if reply[0] == b"unreadable":
            raise UnreadableRecord(id, reply[2].decode(errors="replace"))
        if reply[0] == b"none":
            raise UnknownJob(id)
        state, position, ahead, running, engines, rate, *parked = reply
        return Place(
            State(state.decode()),
            int(position),
            float(ahead),
            float(running),
            int(engines),
            float(rate),
            bool(parked),
        )

    async def read(self, id: str) -> Record:
        """Raises UnknownJob, and UnreadableRecord, which is one."""
        try:
            raw: dict[bytes, bytes] = await _awaited(self.redis.hgetall(f"unstill:job:{id}"))
        except ResponseError as error:
            if "WRONGTYPE" not in str(error):
                raise
            raise UnreadableRecord(id, "something else stands in its place") from error
        # without its request it was forgotten, by an older version
        if b"request" not in raw and (not raw or b"state" in raw):
            raise UnknownJob(id)
        try:
            return _record(id, {name.decode(): value for name, value in raw.items()})
        except KeyError as error:
            raise UnreadableRecord(id, f"its {error.args[0]} is missing") from error
        except NewerVersion as error:
            raise UnreadableRecord(id, str(error), newer=True) from error
        except (CodecError, ValueError) as error:
            raise UnreadableRecord(id, str(error)) from error

    async def set_aside(self, error: UnreadableRecord) -> None:
        """Take a record that cannot be decoded out of everybody's way. One of a newer version stays where it is."""
        if error.newer:
            log.warning("a record of a newer version is left for a newer program", job=error.job, wrong=error.wrong)
            return
        await self._run("set_aside", error.job, error.wrong)
        _report([error.job.encode(), error.wrong.encode()])

    async def unreadable(self) -> dict[str, str]:
        """What was set aside: ids, and what is wrong with each. It expires after three days."""
        reply = await self._run("unreadable")
        found = {}
        for id, wrong in zip(reply[::2], reply[1::2], strict=True):
            found[id.decode(errors="replace")] = wrong.decode(errors="replace")
            if not wrong:
                try:
                    await self.read(id.decode())
                except UnreadableRecord as error:
                    found[error.job] = error.wrong
                except UnknownJob:
                    pass
        return found

    async def drop_unreadable(self) -> list[str]:
        """Delete what was set aside, for good."""
        return [id.decode(errors="replace") for id in await self._run("drop_unreadable")]

    async def open_ids(self) -> list[str]:
        """All jobs that are not final: they stand in the due index."""
        return [id.decode() for id in await self.redis.zrange("unstill:due", 0, -1)]

    async def counts(self) -> dict[tuple[State, str], int]:
        """How many jobs that are not final stand in each state on each lane; the lane of an unread request is ''."""
        async with self.redis.pipeline(transaction=False) as pipe:
            for id in await self.open_ids():
                pipe.hmget(f"unstill:job:{id}", ["state", "lane"])
            found = await pipe.execute(raise_on_error=False)
        known = [one for one in found if not isinstance(one, Exception) and (one[0] or b"").decode() in KNOWN]
        return dict(Counter((State(state.decode()), (lane or b"").decode()) for state, lane in known))

    async def rates(self) -> dict[str, float]:
        """By lane, what a second of estimate takes in truth; only lanes that have finished a job."""
        raw: dict[bytes, bytes] = await _awaited(self.redis.hgetall("unstill:rate"))
        return {lane.decode(): float(rate) for lane, rate in raw.items()}

    async def used(self, account: str, place: str) -> Used:
        """By `Requester.account` and `Requester.place`."""
        fields = [f"p|{self.names.name('account', account)}", f"c|{self.names.name('place', place)}"]
        seconds, _ = await self.redis.time()
        jobs = await _awaited(self.redis.hmget("unstill:jobs", fields))
        today = await _awaited(self.redis.hmget(f"unstill:seconds:{seconds // DAY}", fields))
        return Used(int(float(jobs[0] or 0)), int(float(jobs[1] or 0)), float(today[0] or 0), float(today[1] or 0))

    async def ids_of(self, person: str) -> list[str]:
        """A person's last 200 requests, the newest first."""
        return [id.decode() for id in await self.redis.zrevrange(f"unstill:mine:{person}", 0, 199)]

    async def engines(self) -> dict[str, list[tuple[str, bytes]]]:
        """Engines alive by lane: names with what they say of themselves."""
        alive: dict[str, list[tuple[str, bytes]]] = {}
        seconds, micros = await self.redis.time()
        since = seconds * 1000 + micros // 1000 - _ms(ENGINE_ALIVE)
        for lane in sorted(await _awaited(self.redis.smembers("unstill:lanes"))):
            names = await self.redis.zrangebyscore(b"unstill:engines:" + lane, since, "+inf")
            infos = [(name.decode(), await self.redis.get(b"unstill:engine:" + name)) for name in names]
            alive[lane.decode()] = [(name, info) for name, info in infos if info is not None]
        return alive

    @property
    def _keep(self) -> int:
        return _ms(self.settings.keep_hours * 3600)


def _record(id: str, f: dict[str, bytes]) -> Record:
    """Raises CodecError, ValueError or KeyError: it is not whole."""
    return Record(
        id=id,
        state=State(f["state"].decode()),
        request=decode(f["request"], Request),
        accepted_at=float(f["accepted_at"]) / 1000,
        job=decode(f["job"], Job) if "job" in f else None,
        attempt=int(f.get("attempt", b"0")),
        progress=decode(f["progress"], Progress) if "progress" in f else None,
        outcome=decode(f["outcome"], Outcome) if "outcome" in f else None,
        note=f["note"].decode() if "note" in f else None,
        receipt=f["receipt"].decode() if "receipt" in f else None,
        cost=float(f.get("cost", b"0")),
        sends=int(f.get("sends", b"0")),
        refits=int(f.get("refits", b"0")),
        made=decode(f["made"], Succeeded) if "made" in f else None,
        refused="refused" in f,
        forgotten="forgotten" in f,
    )


def _report(bad: list[bytes]) -> None:
    """Ids, each followed by what is wrong with it."""
    for id, wrong in zip(bad[::2], bad[1::2], strict=True):
        log.error(
            "a record cannot be read and is set aside; unstill doctor shows it",
            job=id.decode(errors="replace"),
            wrong=wrong.decode(errors="replace"),
        )


def _awaited(answer: Any) -> Awaitable[Any]:
    """redis-py's types leave open whether its client is the asynchronous one."""
    awaitable: Awaitable[Any] = answer
    return awaitable


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _files(outcome: Outcome | None) -> list[str]:
    return [key for key in (outcome.clip, outcome.original) if key] if isinstance(outcome, Succeeded) else []


def _limits(quota: QuotaSettings) -> tuple[int, int, str, str]:
    return quota.person_jobs, quota.chat_jobs, repr(quota.person_seconds), repr(quota.chat_seconds)


def _check_quota(reply: list[Any]) -> None:
    """Raises QuotaExceeded if a script says so."""
    if reply[0] == b"quota":
        raise QuotaExceeded(reply[1].decode(), reply[2].decode(), float(reply[3]), float(reply[4]))


def _check_pace(reply: list[Any], per_minute: int) -> None:
    """Raises TooManyRequests if a script says so."""
    if reply[0] == b"fast":
        raise TooManyRequests(per_minute, float(reply[1]) / 1000)


def _result(outcome: Outcome) -> str:
    match outcome:
        case Succeeded():
            return "done"
        case Failed():
            return "failed"
        case Cancelled():
            return "cancelled"
