"""A machine that drives the ledger's scripts on a real server, on a clock that it moves itself.

It keeps a plain model of what must be true and compares after each step. `machine_for` takes the text of
the scripts, so that a copy with a planted bug can be shown to fail.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from redis import Redis

from unstill_queue.contract.codec import encode
from unstill_queue.contract.jobs import Cancelled, Failed
from unstill_queue.ledger.counters import BUCKETS
from unstill_queue.ledger.script import ms
from unstill_queue.ledger.times import Times

LANE, DRAWS, REFITS_LANE = "camera", "draws", "~refit"
MODELS = (LANE, DRAWS)
LANES = (*MODELS, REFITS_LANE)
REFITS = 2
ATTEMPTS = 3
TIMES = Times(lease=10, wait=20, kept=72 * 3600, audit=60, give_up=40, send_lease=60)
LEASE, GIVE_UP, KEEP, WAIT = (ms(time) for time in (TIMES.lease, TIMES.give_up, TIMES.kept, TIMES.wait))
DAY, JUMP = 24 * 3600_000, 26 * 3600_000
REFUSED_KEEP = 3600_000
START = 1_000_000_000_000
PERSONAS = "~personas"
PEOPLE = [
    ("t:ann", "t:c1", "~ann"),
    ("t:bob", "t:c1", "~bob"),
    ("t:cyd", "t:c2", "~cyd"),
    ("t:ann", "t:c2", "~ann"),
    ("t:-1", "t:c1", PERSONAS),
    ("t:-2", "t:c1", PERSONAS),
]
"""Person, and the names of place and account, which tell nobody: two channels that write in one chat share theirs."""
OUTCOME = encode(Failed("x", "y"))
FORGOTTEN = encode(Cancelled("forgotten"))
FINAL = ("sent", "undeliverable", "gone")
TIME = "redis.call('TIME')"
CLOCK = "redis.call('HMGET', 'unstill:test:clock', 's', 'us')"
CAN: tuple[tuple[str, ...], ...] = ((), ("codec:2",), ("codec:2", "shape:new"))
QUOTA = (3, 4, "40", "60")
ROUNDING = 1e-5
RATE = 2
"""What a second of estimate takes in truth, once a job was finished."""

DUMP = """
local jobs = {}
for _, key in ipairs(redis.call('KEYS', 'unstill:job:*')) do
  local hash = redis.call('TYPE', key).ok == 'hash'
  jobs[#jobs + 1] = key
  jobs[#jobs + 1] = not hash and {} or
    redis.call('HMGET', key, 'state', 'owner', 'lapsed', 'attempt', 'request', 'job', 'made', 'outcome',
    'picture', 'clips', 'look')
end
local lines = {}
for _, key in ipairs(redis.call('KEYS', 'unstill:turn:*')) do
  lines[#lines + 1] = key
  lines[#lines + 1] = redis.call('ZRANGE', key, 0, -1)
end
local seconds = {}
for _, key in ipairs(redis.call('KEYS', 'unstill:seconds:*')) do
  seconds[#seconds + 1] = key
  seconds[#seconds + 1] = redis.call('HGETALL', key)
end
local running, work, mine = {}, {}, {}
for _, key in ipairs(redis.call('KEYS', 'unstill:mine:*')) do
  mine[#mine + 1] = key
  mine[#mine + 1] = redis.call('ZRANGE', key, 0, -1)
end
for _, lane in ipairs({ 'camera', 'draws', '~refit' }) do
  running[#running + 1] = redis.call('ZRANGE', 'unstill:running:' .. lane, 0, -1)
  work[#work + 1] = redis.call('HGETALL', 'unstill:work:' .. lane)
end
return { jobs, redis.call('ZRANGE', 'unstill:due', 0, -1), lines, redis.call('HGETALL', 'unstill:jobs'), seconds,
  running, work, redis.call('ZRANGE', 'unstill:trash', 0, -1), mine, redis.call('HGETALL', 'unstill:metrics') }
"""


@dataclass
class Model:
    state: str
    person: str
    place: str
    account: str
    cost: int
    due: int
    owner: str = ""
    lapsed: str = ""
    finisher: str = ""
    lease: int = 0
    attempt: int = 0
    cancel: bool = False
    result: str = ""
    sender: str = ""
    intakes: int = 0
    wakes: int = 0
    redos: int = 0
    accepted_seen: int = 0
    queued_seen: int = 0
    finished_seen: int = 0
    day: int = 0
    note: str = ""
    lane: str = LANE
    refits: int = 0
    refitter: str = ""
    words: bytes = b"job"
    started_at: int = 0
    rendered: float = 0.0
    charged: float = 0.0
    listed: bool = True
    pictures: list[str] = field(default_factory=list)
    clips: list[str] = field(default_factory=list)
    forgotten: bool = False
    damage: str = ""
    refused: bool = False
    notice: bool = False
    needs: str = ""
    accepted_at: int = 0
    queued_at: int = 0
    finished_at: int = 0
    begun: bool = False
    look: bytes | None = None


@dataclass
class Clerk:
    """Somebody with a token: a claim of an engine, or a sender."""

    id: str
    token: str


@dataclass
class World:
    now: int = START
    watched: int = 0
    watched_at: int | None = None
    jobs: dict[str, Model] = field(default_factory=dict)
    claims: list[Clerk] = field(default_factory=list)
    senders: list[Clerk] = field(default_factory=list)
    tokens: int = 0
    pace: dict[str, float] = field(default_factory=dict)
    counted: Counter[tuple[int, str]] = field(default_factory=Counter)
    rates: dict[str, float] = field(default_factory=lambda: dict.fromkeys(LANES, 1.0))
    speeds: set[str] = field(default_factory=set)
    serves: set[str] = field(default_factory=set)
    """The lanes that the engine said last."""
    loads: set[str] = field(default_factory=set)
    """Those of which it said what it needs before it can begin."""
    trash: set[str] = field(default_factory=set)
    freed: Counter[str] = field(default_factory=Counter)
    figures: Counter[str] = field(default_factory=Counter)
    broken: dict[str, Model] = field(default_factory=dict)
    leaked: defaultdict[tuple[int, str], float] = field(default_factory=lambda: defaultdict(float))


def pairs(flat: list[Any]) -> dict[str, Any]:
    return {key.decode(): value for key, value in zip(flat[::2], flat[1::2], strict=True)}


def machine_for(redis: Redis, text: str) -> type[RuleBasedStateMachine]:
    assert TIME in text
    ledger = redis.register_script(text.replace(TIME, CLOCK))
    dump = redis.register_script(DUMP)

    class LedgerMachine(RuleBasedStateMachine):
        @initialize()
        def empty(self) -> None:
            redis.flushdb()
            self.world = World()
            self.tick(0)
            # a jump of the clock is seen by who looked before it, and engines run with a reaper beside them
            self.reap()

        def call(self, *args: Any) -> list[Any]:
            answer: list[Any] = ledger(args=list(args))
            return answer

        def word(self, *args: Any) -> str:
            word: bytes = self.call(*args)[0]
            return word.decode()

        def token(self) -> str:
            self.world.tokens += 1
            return f"token{self.world.tokens}"

        def set_aside(self, bad: list[bytes]) -> None:
            """Nothing is but what was damaged, and `damage` has seen to that."""
            assert bad == []

        def named(self, n: int) -> str | None:
            ids = list(self.world.jobs)
            return ids[n % len(ids)] if ids else None

        # -- what is counted

        def count(self, *words: str) -> None:
            self.world.figures["|".join(words)] += 1

        def measure(self, ms: float, *words: str) -> None:
            ms = int(max(0, min(ms, DAY)))
            self.count(*words, str(bisect_left(BUCKETS, ms / 1000) + 1))
            self.world.figures["|".join((*words, "sum"))] += ms

        def asked(self, op: str, *args: Any) -> str:
            """Ask for what quotas may refuse."""
            answer, *why = (word.decode() for word in self.call(op, *args))
            if answer == "quota":
                self.count("quota_refusals", *why[:2])
            return str(answer)

        # -- the model's own transitions

        def answered(self, job: Model, result: str) -> None:
            job.charged = {"done": float(job.cost), "failed": 0.0, "cancelled": self.rendered(job)}[result]
            job.state = job.result = result
            job.finished_at = self.world.now
            job.finished_seen, job.due, job.redos = self.world.watched, self.world.now + 5000, 0
            job.owner = job.lapsed = ""
            if result != "done":
                self.throw(job, *job.clips, *job.pictures)
                job.pictures = []

        def throw(self, job: Model, *files: str) -> None:
            job.clips = [file for file in job.clips if file not in files]
            self.world.trash.update(filter(None, files))

        def rendered(self, job: Model) -> float:
            """In estimated seconds: over all tries, each by the wall until its lease was over, and at most the cost."""
            if job.state != "running":
                return job.rendered
            wall = max(0, min(self.world.now, job.lease) - job.started_at) / 1000
            return min(job.cost, job.rendered + wall / self.world.rates[job.lane])

        def closed(self, job: Model, state: str) -> None:
            id = next(id for id, other in self.world.jobs.items() if other is job)
            if not job.notice:
                self.count("answers", "t", job.result, "x" if job.result == "failed" else "", state)
            if state == "sent" and not job.notice:
                self.measure(self.world.now - job.accepted_at, "answer_seconds", "t", job.result)
            if job.forgotten:
                self.vanished(job)
                return
            kept: Any = redis.pttl(f"unstill:job:{id}")
            assert REFUSED_KEEP < kept <= KEEP if not job.refused else 0 < kept <= REFUSED_KEEP
            job.state = state

        def vanished(self, job: Model) -> None:
            """Only that it was here is known, and the quota that was used."""
            job.state, job.result, job.note, job.listed = "gone", "gone", "", False
            job.owner = job.lapsed = job.finisher = job.sender = job.refitter = ""

        def lapse(self, job: Model, reason: str) -> None:
            if not job.cancel:
                self.count("tries_lost", job.lane, reason)
            if job.cancel:
                self.answered(job, "cancelled")
            elif job.attempt >= ATTEMPTS:
                self.answered(job, "failed")
            else:
                job.rendered = self.rendered(job)
                job.state, job.lapsed, job.owner, job.wakes = "queued", job.owner, "", 0
                job.attempt += 1
                job.due = self.world.now + 1000

        def holds(self, job: Model, token: str) -> str:
            if job.state == "running" and job.owner == token:
                return "running"
            return "lapsed" if job.state == "queued" and job.lapsed == token else ""

        # -- rules

        @rule(ms=st.sampled_from([0, 1, 500, 999, 1000, LEASE - 1, LEASE, LEASE + 1, 60_000, JUMP, -JUMP, -15_000]))
        def tick(self, ms: int) -> None:
            self.world.now += ms
            seconds, rest = divmod(self.world.now, 1000)
            redis.hset("unstill:test:clock", mapping={"s": seconds, "us": rest * 1000})

        @rule(
            n=st.integers(0, 5),
            who=st.sampled_from(PEOPLE),
            cost=st.sampled_from([1, 10, 25]),
            limit=st.sampled_from([0, 0, 0, 2]),
        )
        def accept(self, n: int, who: tuple[str, str, str], cost: int, limit: int = 0) -> None:
            id = f"j{n}"
            broken = self.world.broken.get(id)
            if broken:
                # the same message is the same person's
                who = broken.person, broken.place, broken.account
            answer = self.word("accept", id, "t", *who, f"gone {id}", b"request", limit)
            if id in self.world.jobs or (broken and broken.damage not in ("gone", "string")):
                assert answer == "seen"
            elif limit and self.too_fast(who[2], limit):
                assert answer == "fast"
                self.count("quota_refusals", "requests", "person")
            else:
                assert answer == "accepted"
                self.count("requests", "t")
                self.world.broken.pop(id, None)
                self.world.jobs[id] = Model(
                    "accepted", *who, cost, self.world.now + 10_000, accepted_seen=self.world.watched,
                    accepted_at=self.world.now,
                )  # fmt: skip

        @rule(who=st.sampled_from(PEOPLE))
        def pace(self, who: tuple[str, str, str]) -> None:
            answer = self.word("pace", who[2], who[1], 2)
            assert answer == ("fast" if self.too_fast(who[2], 2) else "ok")
            if answer == "fast":
                self.count("quota_refusals", "requests", "person")

        @rule(n=st.integers(0, 5), who=st.sampled_from(PEOPLE), of=st.sampled_from([1, 2]))
        def the_host_keeps_somebody_out(self, n: int, who: tuple[str, str, str], of: int) -> None:
            """A person, or a chat: told once, and not written down. What was here before stays so."""
            redis.hset("unstill:blocked", who[of], "1")
            assert [self.word("accept", id, "t", *who, f"gone {id}", b"request", 2) for id in self.world.jobs] == [
                "seen" for _ in self.world.jobs
            ]
            assert self.call("gate", who[2], who[1]) == [b"blocked", b"tell"]
            assert self.call("accept", f"out{n}", "t", *who, "gone", b"request", 2) == [b"blocked", b"told"]
            assert self.call("pace", who[2], who[1], 2) == [b"blocked", b"told"]
            # others of another name are let in
            assert self.word("gate", "~nobody", "t:nowhere") == "ok"
            redis.delete("unstill:blocked")

        @rule(n=st.integers(0, 5), who=st.sampled_from(PEOPLE))
        def the_host_shuts_the_intake(self, n: int, who: tuple[str, str, str]) -> None:
            redis.hset("unstill:shut", "intake", "1")
            for id in self.world.jobs:
                assert self.word("accept", id, "t", *who, f"gone {id}", b"request", 2) == "seen"
            assert self.word("accept", f"out{n}", "t", *who, "gone", b"request", 2) == "closed"
            assert self.word("pace", who[2], who[1], 2) == self.word("gate", who[2], who[1]) == "closed"
            redis.delete("unstill:shut")

        @rule(lane=st.sampled_from(LANES), word=st.booleans())
        def the_host_shuts_the_engines(self, lane: str, word: bool) -> None:
            """They take nothing, but what a claim gave whose answer was lost; nobody is told a time."""
            redis.hset("unstill:shut", "engines", "1")
            assert self.call("claim", lane, self.token(), "engine", "", *CAN[-1]) == [[]]
            if self.world.claims:
                before = self.world.claims[-1]
                if self.holds(self.world.jobs[before.id], before.token) == "running" and self.claim_known(before):
                    _, *again = self.call("claim", lane, before.token, "engine", "", *CAN[-1])
                    assert again[0].decode() == before.id
            waiting = [id for id, job in self.world.jobs.items() if job.state == "queued"]
            for id in waiting:
                assert self.call("position", id)[4:] == [b"", b"held"]
            redis.delete("unstill:shut")

        def too_fast(self, account: str, limit: int) -> bool:
            """Whether a minute's requests are used up; if not, there is one more."""
            used = max(0.0, self.world.pace.get(account, 0.0) - self.world.now)
            ahead = (0.0 if used > 60_001 else used) + 60_000 / limit
            if ahead <= 60_001:
                self.world.pace[account] = self.world.now + ahead
            return ahead > 60_001

        @rule(n=st.integers(0, 2), who=st.sampled_from(PEOPLE), shut=st.booleans())
        def notify(self, n: int, who: tuple[str, str, str], shut: bool) -> None:
            """The host is told something once, whatever is shut."""
            id = f"notice{n}"
            if id in self.world.broken:
                return
            if shut:
                redis.hset("unstill:shut", "intake", "1")
            answer = self.word("notify", id, "t", *who, f"gone {id}", b"request", OUTCOME)
            redis.delete("unstill:shut")
            assert answer == ("seen" if id in self.world.jobs else "ok")
            if answer == "ok":
                job = self.world.jobs[id] = Model("accepted", *who, 1, 0, notice=True)
                job.accepted_seen, job.accepted_at = self.world.watched, self.world.now
                self.answered(job, "failed")

        @rule(n=st.integers(0, 9), lane=st.sampled_from(MODELS), needs=st.sampled_from(["", "", *CAN[-1]]))
        def queue(self, n: int, lane: str = LANE, needs: str = "") -> None:
            if (id := self.named(n)) is None:
                return
            job = self.world.jobs[id]
            foreseen = self.asked("afford", job.account, job.place, job.cost, *QUOTA, 1)
            two = self.asked("afford", job.account, job.place, 2 * job.cost, *QUOTA, 2)
            answer = self.asked("queue", id, lane, job.cost, b"job", *QUOTA, needs)
            if job.state != "accepted":
                assert answer == "already"
                return
            assert foreseen == ("quota" if answer == "quota" else "ok"), "what was asked before is what holds"
            room = self.room(job)
            if room < -ROUNDING:
                assert answer == "quota"
            elif room > ROUNDING or self.whole():
                assert answer == "queued"
            if answer == "queued" and self.whole():
                another = self.asked("afford", job.account, job.place, job.cost, *QUOTA, 1)
                assert two == another, "two that are asked about together count as one after the other"
            if answer == "queued":
                job.state, job.attempt, job.due, job.lane = "queued", 1, self.world.now + 1000, lane
                job.queued_seen, job.day = self.world.watched, self.world.now // 86_400_000
                job.queued_at, job.needs = self.world.now, needs
                self.count("jobs_queued", "t", lane)
                assert self.free_words(lane), "a job is queued and nobody hears of it"
                self.world.counted.update(((job.day, f"p|{job.account}"), (job.day, f"c|{job.place}")))
                for (day, name), count in self.world.counted.items():
                    assert int(redis.hget(f"unstill:counts:{day}", name) or 0) == count, "clips of a day"  # type: ignore[arg-type]

        def room(self, job: Model) -> float:
            """What the quota that is nearest to its end would hold beside that job; below 0 it is too much."""
            today = self.world.now // 86_400_000
            jobs: Counter[str] = Counter()
            seconds: defaultdict[str, float] = defaultdict(float)
            for other in self.world.jobs.values():
                for name in (other.account, other.place):
                    jobs[name] += other.state in ("queued", "running")
                    seconds[name] += self.spends(other) * (other.day == today)
            seconds[job.account] += self.world.leaked[today, f"p|{job.account}"]
            seconds[job.place] += self.world.leaked[today, f"c|{job.place}"]
            return min(
                QUOTA[0] - jobs[job.account] - 0.5,
                QUOTA[1] - jobs[job.place] - 0.5,
                float(QUOTA[2]) - seconds[job.account] - job.cost,
                float(QUOTA[3]) - seconds[job.place] - job.cost,
            )

        def whole(self) -> bool:
            spent = [self.spends(job) for job in self.world.jobs.values()]
            return all(seconds % 1 == 0 for seconds in (*spent, *self.world.leaked.values()))

        @staticmethod
        def spends(job: Model) -> float:
            """Seconds of its day's quotas."""
            return job.cost if job.state in ("queued", "running") else job.charged

        @rule(n=st.integers(0, 9), pictures=st.integers(1, 2))
        def picture(self, n: int, pictures: int) -> None:
            """Each picture of a request has one key, and none where it may not be stored."""
            if (id := self.named(n)) is None:
                return
            job = self.world.jobs[id]
            keys = [self.token() for _ in range(pictures)]
            answer = self.call("picture", id, *keys)
            if job.state != "accepted":
                assert answer == [b"no"]
            else:
                job.pictures += keys[len(job.pictures) :]
                assert answer == [b"ok", " ".join(job.pictures).encode()]

        @precondition(lambda self: self.world.claims)
        @rule(n=st.integers(0, 9), files=st.integers(1, 3))
        def clip(self, n: int, files: int) -> None:
            """Whoever holds a job that is wanted may store files for it, whose keys are on record then."""
            clerk = self.world.claims[n % len(self.world.claims)]
            job = self.world.jobs[clerk.id]
            keys = [self.token() for _ in range(files)]
            answer = self.word("clip", clerk.id, clerk.token, " ".join(keys))
            held = self.holds(job, clerk.token)
            assert answer == ("lost" if not held else "cancel" if job.cancel else "ok")
            if answer == "ok":
                job.clips += keys
                assert self.word("clip", clerk.id, clerk.token, " ".join(keys)) == "ok"

        @rule(n=st.integers(0, 9))
        def refuse(self, n: int) -> None:
            if (id := self.named(n)) is None:
                return
            job = self.world.jobs[id]
            answer = self.word("refuse", id, OUTCOME)
            assert answer == ("ok" if job.state == "accepted" else "already")
            if job.state == "accepted":
                job.refused = True
                self.answered(job, "failed")

        @rule(again=st.booleans(), lane=st.sampled_from(LANES), can=st.sampled_from(CAN))
        def claim(
            self,
            again: bool,
            lane: str = LANE,
            can: tuple[str, ...] = CAN[-1],
            word: str = "",
            others: tuple[str, ...] = (),
        ) -> None:
            """An engine asks for a job of its lanes: it is of the first in which one waits that it can make."""
            before = self.world.claims[-1] if self.world.claims and again else None
            token = before.token if before else self.token()
            wanted = (lane, *others)
            queued = {each: self.queued(each) for each in wanted}
            was_parked = {each: self.parked(each) for each in wanted}
            bad, *answer = self.call("claim", "\n".join(wanted), token, "engine", word, *can)
            self.set_aside(bad)
            assert not any(word in self.words(each) for each in wanted), "whoever claims has heard the word"
            if before and self.holds(self.world.jobs[before.id], token) == "running" and self.claim_known(before):
                assert answer[0].decode() == before.id, "a repeated claim must give the same job"
                return
            for each in wanted:
                waiting = {id for id in queued[each] if self.able(self.world.jobs[id], can)}
                self.brought_back(was_parked[each] & waiting)
                assert self.parked(each) <= queued[each] - waiting, "what an engine can serve is kept from it"
                if waiting:
                    assert answer, "a job waits and is not given"
                    self.given(answer, token, each)
                    break
            else:
                assert not answer, "a job is made up"
            for each in wanted if answer else ():
                assert self.free_words(each) or not self.lined_up(each), "more waits, and nobody hears of it"

        @rule(lanes=st.permutations(MODELS), can=st.sampled_from(CAN), heard=st.sampled_from([None, *MODELS]))
        def claim_of_several(self, lanes: list[str], can: tuple[str, ...], heard: str | None) -> None:
            """An engine of two models asks for the one that it has loaded, or for the other first."""
            words = self.free_words(heard) if heard else []
            self.claim(False, lanes[0], can, words[0] if words else "", tuple(lanes[1:]))

        def queued(self, lane: str) -> set[str]:
            return {id for id, job in self.world.jobs.items() if job.state == "queued" and job.lane == lane}

        @precondition(lambda self: self.world.claims)
        @rule(n=st.integers(0, 9))
        def begin(self, n: int) -> None:
            """An engine has loaded the model of a job only now: the time before is no part of the render."""
            clerk = self.world.claims[n % len(self.world.claims)]
            job = self.world.jobs[clerk.id]
            held = self.holds(job, clerk.token) == "running"
            assert self.word("begin", clerk.id, clerk.token) == ("ok" if held else "lost")
            if held:
                job.started_at = self.world.now

        def brought_back(self, ids: set[str]) -> None:
            """What was parked stands in line again, as an engine claims that can make it."""
            for id in ids:
                self.world.jobs[id].wakes, self.world.jobs[id].due = 0, self.world.now + 1000

        @staticmethod
        def able(job: Model, can: tuple[str, ...]) -> bool:
            return not job.needs or job.needs in can

        @staticmethod
        def parked(lane: str) -> set[str]:
            ids: list[bytes] = redis.zrange(f"unstill:parked:{lane}", 0, -1)  # type: ignore[assignment]
            return {id.decode() for id in ids}

        @precondition(lambda self: self.world.claims)
        @rule(n=st.integers(0, 9), needs=st.sampled_from(CAN[-1]))
        def park(self, n: int, needs: str) -> None:
            """Its engine cannot make it: it is queued, in no line, for one that can."""
            clerk = self.world.claims[n % len(self.world.claims)]
            job = self.world.jobs[clerk.id]
            held = self.holds(job, clerk.token) == "running"
            answer = self.word("park", clerk.id, clerk.token, needs)
            assert answer == ("ended" if held and job.cancel else "ok" if held else "lost")
            if answer == "ended":
                self.answered(job, "cancelled")
            elif held:
                job.rendered = self.rendered(job)
                job.state, job.owner, job.lapsed, job.wakes, job.due = "queued", "", "", 0, self.world.now + 1000
                job.needs = needs
                assert clerk.id in self.parked(job.lane)

        def given(self, answer: list[Any], token: str, lane: str) -> None:
            id = answer[0].decode()
            job = self.world.jobs[id]
            assert job.state == "queued", f"{id} was {job.state} and is given away"
            assert job.lane == lane
            assert int(answer[2]) == job.attempt
            assert (answer[1], answer[3]) == (job.words, OUTCOME if job.refits else b"")
            if not job.begun:
                self.measure(self.world.now - job.queued_at, "wait_seconds", lane)
            job.state, job.owner, job.lapsed, job.begun, job.look = "running", token, "", True, None
            job.started_at = self.world.now
            job.lease = job.due = self.world.now + LEASE
            self.world.claims.append(Clerk(id, token))

        def claim_known(self, clerk: Clerk) -> bool:
            # the memory of a claim ends by the server's own clock, which we do not move
            return bool(redis.exists(f"unstill:claim:{clerk.token}"))

        @precondition(lambda self: self.world.claims)
        @rule(n=st.integers(0, 9), progress=st.sampled_from([b"", b"step"]), look=st.sampled_from([b"", b"still"]))
        def beat(self, n: int, progress: bytes, look: bytes) -> None:
            clerk = self.world.claims[n % len(self.world.claims)]
            job = self.world.jobs[clerk.id]
            held = self.holds(job, clerk.token)
            answer = self.word("beat", clerk.id, clerk.token, progress, look)
            if not held:
                assert answer == "lost"
                return
            assert answer == ("cancel" if job.cancel else "ok")
            if held == "lapsed":
                job.state, job.owner, job.lapsed, job.look = "running", clerk.token, "", None
                job.attempt -= 1
                job.started_at = self.world.now
            if look and not job.cancel:
                job.look = look
            job.lease = job.due = self.world.now + LEASE

        @precondition(lambda self: self.world.claims)
        @rule(
            n=st.integers(0, 9),
            result=st.sampled_from(["done", "done", "failed", "cancelled"]),
            keeps=st.integers(1, 2),
        )
        def finish(self, n: int, result: str, keeps: int = 1) -> None:
            clerk = self.world.claims[n % len(self.world.claims)]
            job = self.world.jobs[clerk.id]
            held = self.holds(job, clerk.token)
            kept, seconds = job.clips[-keeps:], str(RATE * job.cost)
            answer = self.word("finish", clerk.id, clerk.token, result, OUTCOME, seconds, " ".join(kept))
            assert answer == ("ok" if held or job.finisher == clerk.token else "lost")
            if held:
                job.finisher = clerk.token
                self.answered(job, "cancelled" if job.cancel else result)
                if job.result == "done":
                    self.world.rates[job.lane] = RATE
                    self.world.speeds.add(job.lane)
                    self.measure(RATE * job.cost * 1000, "render_seconds", job.lane)
                    self.throw(job, *(file for file in job.clips if file not in kept))

        @precondition(lambda self: self.world.claims)
        @rule(n=st.integers(0, 9), how=st.sampled_from(["release", "retry"]))
        def hand_back(self, n: int, how: str) -> None:
            clerk = self.world.claims[n % len(self.world.claims)]
            job = self.world.jobs[clerk.id]
            held = self.holds(job, clerk.token) == "running"
            if how == "release":
                answer = self.word("release", clerk.id, clerk.token)
                assert answer == ("ended" if held and job.cancel else "ok" if held else "lost")
                if answer == "ended":
                    self.answered(job, "cancelled")
                elif held:
                    job.rendered = self.rendered(job)
                    job.state, job.owner, job.wakes, job.due = "queued", "", 0, self.world.now + 1000
                return
            answer = self.word("retry", clerk.id, clerk.token, ATTEMPTS, OUTCOME)
            if not held:
                assert answer == "lost"
                return
            self.lapse(job, "x")
            job.lapsed = ""
            assert answer == ("again" if job.state == "queued" else "ended")

        @rule(n=st.integers(0, 9))
        def cancel(self, n: int) -> None:
            if (id := self.named(n)) is None:
                return
            job = self.world.jobs[id]
            answer = self.word("cancel", id, encode(Cancelled("somebody")))
            if job.state in ("accepted", "queued"):
                assert answer == "cancelled"
                self.answered(job, "cancelled")
            elif job.state == "running":
                assert answer == "cancelling"
                job.cancel = True
            else:
                assert answer == "late"

        @rule(who=st.sampled_from(PEOPLE), share=st.sampled_from([0.5, 1, 1]))
        def forget(self, who: tuple[str, str, str], share: float) -> None:
            """All that a person asked for, but for what came since the caller looked."""
            listed = [id for id, job in self.world.jobs.items() if job.person == who[0] and job.listed]
            given = listed[: round(len(listed) * share)]
            words = [word for id in given for word in (id, b"bare", f"gone {id}", f"older{id}")]
            left, files = self.call("forget", who[0], FORGOTTEN, *words)
            self.left_over(left, who[0], {id for id in set(listed) - set(given) if not self.world.jobs[id].forgotten})
            known = [file for id in given for file in (*self.world.jobs[id].clips, *self.world.jobs[id].pictures)]
            assert {file.decode() for file in files} == {*known, *(f"older{id}" for id in given)}
            self.world.trash.update(file.decode() for file in files)
            for id in given:
                job = self.world.jobs[id]
                job.forgotten = True
                if job.state in ("accepted", "queued"):
                    self.answered(job, "cancelled")
                elif job.state == "running":
                    job.cancel = True
                elif job.state in FINAL:
                    self.vanished(job)
                else:
                    job.result = "cancelled"
                    job.state = "sending" if job.state == "sending" else "cancelled"
            not_shown = [id for id in listed if self.world.jobs[id].forgotten and self.world.jobs[id].state != "gone"]
            assert [id.decode() for id in self.call("forgetting", *listed)] == not_shown

        def left_over(self, left: list[bytes], person: str, sound: set[str]) -> None:
            damaged = {
                id
                for id, job in self.world.broken.items()
                if job.person == person and job.listed and job.damage != "gone"
            }
            assert {id.decode() for id in left} == sound | damaged

        @rule(n=st.integers(0, 9), again=st.booleans())
        def send(self, n: int, again: bool) -> None:
            if (id := self.named(n)) is None:
                return
            job = self.world.jobs[id]
            token = job.sender if again and job.sender else self.token()
            answer = self.word("send", id, token)
            may = job.state in ("done", "failed", "cancelled") or (job.state == "sending" and job.sender == token)
            assert answer == ("ok" if may else "no")
            if may:
                job.state, job.sender, job.due = "sending", token, self.world.now + 60_000
                self.world.senders.append(Clerk(id, token))

        @precondition(lambda self: self.world.senders)
        @rule(n=st.integers(0, 9), how=st.sampled_from(["sent", "sent", "undeliverable", "unsend"]))
        def report(self, n: int, how: str) -> None:
            clerk = self.world.senders[n % len(self.world.senders)]
            job = self.world.jobs[clerk.id]
            mine = job.sender == clerk.token
            if how == "unsend":
                answer = self.word("unsend", clerk.id, clerk.token, 2000, "flood")
                assert answer == ("ok" if mine and job.state == "sending" else "lost")
                if answer == "ok":
                    job.state, job.due = job.result, self.world.now + 2000
                    self.count("deliveries_refused", "t", "flood")
                return
            answer = self.word("sent", clerk.id, clerk.token, how, "receipt")
            assert answer == ("ok" if mine else "lost")
            if mine and job.state not in FINAL:
                self.closed(job, how)

        @precondition(lambda self: self.world.senders)
        @rule(n=st.integers(0, 9))
        def refit(self, n: int) -> None:
            """The platform refused the clip's size: it waits again, for any engine, a bounded number of times."""
            clerk = self.world.senders[n % len(self.world.senders)]
            job = self.world.jobs[clerk.id]
            before = job.refitter == clerk.token
            answer = self.word("refit", clerk.id, clerk.token, REFITS_LANE, b"smaller", REFITS)
            if before:
                assert answer == "ok"
            elif job.state != "sending" or job.sender != clerk.token:
                assert answer == "lost"
            elif job.result != "done" or job.refits >= REFITS:
                assert answer == "no"
            else:
                assert answer == "ok"
                job.state, job.lane, job.result, job.sender = "queued", REFITS_LANE, "", ""
                job.needs = ""
                job.refitter, job.words, job.attempt, job.wakes = clerk.token, b"smaller", 1, 0
                job.refits += 1
                job.rendered = job.cost
                job.queued_at = self.world.now
                self.count("deliveries_refused", "t", "too_large")
                job.due, job.queued_seen = self.world.now + 1000, self.world.watched

        @rule(n=st.integers(0, 9), then=st.sampled_from(["note_set", "note_clear", "silence"]))
        def note(self, n: int, then: str) -> None:
            """The status message: begun by one, and never after the answer."""
            if (id := self.named(n)) is None:
                return
            job = self.world.jobs[id]
            answer = self.word("note_begin", id)
            if job.note == "note":
                assert answer == "note"
            else:
                assert answer == ("unknown" if job.note or job.result else "go")
            if answer == "go":
                job.note = {"note_set": "note", "note_clear": ""}.get(then, "unknown")
                if then == "note_set":
                    self.call(then, id, "42")
                elif then == "note_clear":
                    self.call(then, id)

        @rule()
        def note_after_an_older_version_forgot(self) -> None:
            """What an older version left of a forgotten request, its final state alone, is told nothing any more."""
            redis.hset("unstill:job:older", "state", "sent")
            assert self.word("note_begin", "older") == "unknown"
            redis.delete("unstill:job:older")

        @rule()
        def reap(self) -> None:
            self.watch()
            before = {lane: self.words(lane) for lane in LANES}
            looked, bad, _ = self.call("reap", 100, ATTEMPTS, OUTCOME, OUTCOME, OUTCOME)
            self.set_aside(bad)
            now = self.world.now
            looked_at = {id for id, job in self.world.jobs.items() if job.state not in FINAL and job.due <= now}
            assert looked == len(looked_at)
            for id in looked_at:
                self.look(self.world.jobs[id])
            for lane in LANES:
                waits = self.lined_up(lane)
                if waits & looked_at:
                    assert self.free_words(lane), "a job that waits is looked at, and nobody hears of it"
                elif not waits:
                    assert self.words(lane) == before[lane], "engines are told of what none of them can make"

        # -- words of work

        @staticmethod
        def words(lane: str) -> list[str]:
            words: list[bytes] = redis.zrange(f"unstill:arq:{lane}", 0, -1)  # type: ignore[assignment]
            return [word.decode() for word in words]

        def free_words(self, lane: str) -> list[str]:
            """Return the words that an engine may take, and that arq can make something of."""
            free = [word for word in self.words(lane) if not redis.exists(f"arq:in-progress:{word}")]
            return [word for word in free if redis.exists(f"arq:job:{word}")]

        def lined_up(self, lane: str) -> set[str]:
            return self.queued(lane) - self.parked(lane)

        @rule(lane=st.sampled_from(LANES), dies=st.booleans(), can=st.sampled_from(CAN))
        def hear(self, lane: str, dies: bool, can: tuple[str, ...] = CAN[-1]) -> None:
            """An engine takes a word as arq does, and dies with it or claims."""
            if not (free := self.free_words(lane)):
                return
            if dies:
                redis.set(f"arq:in-progress:{free[0]}", 1)
            else:
                self.claim(False, lane, can, word=free[0])

        @rule(lane=st.sampled_from(LANES), expired=st.booleans())
        def lock_ends(self, lane: str, expired: bool) -> None:
            """What a dead engine took is free again; or what it was to call is over."""
            for word in set(self.words(lane)) - set(self.free_words(lane)):
                redis.delete(f"arq:in-progress:{word}")
                self.world.freed[lane] += 1
                if expired:
                    redis.delete(f"arq:job:{word}")

        @rule(can=st.sampled_from(CAN), gone=st.booleans(), serves=st.sampled_from([MODELS, MODELS[:1], MODELS[1:]]))
        def engine(self, can: tuple[str, ...], gone: bool, serves: tuple[str, ...] = MODELS) -> None:
            """An engine says that it is there, or ends: where work waits that it could make, engines are told."""
            before = {lane: self.words(lane) for lane in LANES}
            able = {
                lane: {id for id in self.parked(lane) if id in self.world.jobs and self.able(self.world.jobs[id], can)}
                for lane in LANES
            }
            if gone:
                serves = MODELS
                self.call("engine_gone", "engine", "\n".join(serves), REFITS_LANE)
                self.unlearnt({*serves})
                self.world.serves.clear()
            else:
                self.call("engine", "engine", "\n".join(serves), b"", REFITS_LANE, *can)
                self.unlearnt(self.world.serves - {*serves})
                self.world.serves = {*serves}
            for lane in MODELS:
                known = redis.zscore(f"unstill:engines:{lane}", "engine") is not None
                assert known == (lane in self.world.serves), "an engine is there where it serves, and nowhere else"
            for lane in (*serves, REFITS_LANE):
                if self.lined_up(lane) or (able[lane] and not gone):
                    assert self.free_words(lane), "work waits, and nobody hears of it"
                else:
                    assert self.words(lane) == before[lane], "engines are told of what none of them can make"

        @rule(lanes=st.sampled_from([MODELS, MODELS[:1], MODELS[1:]]))
        def engine_comes(self, lanes: tuple[str, ...]) -> None:
            """An engine says what it is about to serve, and is not taken for one that does."""
            self.call("engine_comes", *lanes)
            assert {lane.encode() for lane in lanes} <= redis.smembers("unstill:lanes"), "nobody hears what comes"  # type: ignore[operator]
            for lane in lanes:
                assert (redis.zscore(f"unstill:engines:{lane}", "engine") is not None) == (lane in self.world.serves)

        def unlearnt(self, lanes: set[str]) -> None:
            self.world.speeds -= lanes
            self.world.loads -= lanes

        @rule(loaded=st.sampled_from(MODELS))
        def changes_over(self, loaded: str) -> None:
            """An engine of two models says what it needs before it can begin with each."""
            self.call(
                "changes_over", "engine", "60", *(w for lane in MODELS for w in (lane, "0" if lane == loaded else "9"))
            )
            self.world.loads |= {*MODELS}

        @invariant()
        def speeds_are_learnt(self) -> None:
            """Of each engine that made a clip it is known what it takes, until the engine ends."""
            if not hasattr(self, "world"):
                return
            for lane in LANES:
                known = {name.decode(): float(value) for name, value in redis.hgetall(f"unstill:speed:{lane}").items()}  # type: ignore[union-attr]  # it is no coroutine
                assert ("r|engine" in known) == ("m|engine" in known) == (lane in self.world.speeds)
                assert ("l|engine" in known) == ("t|engine" in known) == (lane in self.world.loads)
                assert known.get("r|engine", RATE) == pytest.approx(RATE)
                # each took as long as the others, or longer where it waited for its end: less was never measured
                assert all(value >= RATE * 0.97 for name, value in known.items() if name[0] == "m")

        @invariant()
        def places_are_told(self) -> None:
            """Where each job stands is told by one call for all, whatever is damaged among them."""
            if not hasattr(self, "world"):
                return
            ids = [*self.world.jobs, *self.world.broken]
            for id, (state, *place) in zip(ids, self.call("positions", *ids) if ids else [], strict=True):
                job = self.world.jobs.get(id)
                if id in self.world.broken or job is None or job.state == "gone":
                    assert state == b"none" or id in self.world.broken
                    continue
                assert state.decode() == job.state
                position, _, engines, eta, *parked = place
                assert bool(parked) == (job.state == "queued" and id in self.parked(job.lane))
                assert (position > 0) == (job.state == "queued" and not parked)
                assert eta == b"" or (engines > 0 and position > 0 and 0 <= float(eta) < float("inf"))

        @invariant()
        def is_told(self) -> None:
            """Where jobs wait in line there is a word, and of many jobs one is enough."""
            if not hasattr(self, "world"):
                return
            for lane in LANES:
                words = self.words(lane)
                assert words or not self.lined_up(lane), "work waits without a word"
                assert len(self.free_words(lane)) <= 1 + self.world.freed[lane]

        @rule(ticks=st.sampled_from([1, 4, 9]))
        def time_is_watched(self, ticks: int) -> None:
            """What is no wait to a clock that jumps is one to somebody who looks all the time."""
            for _ in range(ticks):
                self.tick(5000)
                self.reap()

        def watch(self) -> None:
            world = self.world
            at = world.now - 1000 if world.watched_at is None else world.watched_at
            passed = world.now - at
            if -1000 < passed < 1000:
                return
            world.watched, world.watched_at = world.watched + max(0, min(passed, 5000)), world.now
            if -1000 < passed <= 60_000:
                return
            for job in world.jobs.values():
                if passed < 0 and job.due > world.now - passed / 2:
                    job.due += passed
                stale = job.lease > world.now - passed / 2 if passed < 0 else at < job.lease <= world.now
                if job.state == "running" and stale:
                    job.lease = job.due = world.now + 5000
                    job.started_at = min(world.now, job.started_at + passed)

        def look(self, job: Model) -> None:
            now, watched = self.world.now, self.world.watched
            match job.state:
                case "accepted" if watched - job.accepted_seen > GIVE_UP:
                    self.answered(job, "failed")
                case "accepted":
                    job.intakes += 1
                    job.due = now + min(60_000, 10_000 * job.intakes)
                case "queued":
                    job.wakes += 1
                    job.due = now + min(300_000, 1000 * 2**job.wakes)
                    if watched - job.queued_seen > WAIT:
                        self.answered(job, "failed")
                case "running" if now < job.lease < now + DAY:
                    job.due = job.lease
                case "running":
                    self.lapse(job, "lease_over")
                case "sending" if watched - job.finished_seen <= GIVE_UP:
                    job.state, job.due = job.result, now + 5000
                case _ if watched - job.finished_seen > GIVE_UP:
                    self.closed(job, "undeliverable")
                case _:
                    job.redos += 1
                    job.due = now + min(60_000, 5000 * 2 ** min(job.redos, 10))

        @rule(n=st.integers(0, 9))
        def lose_index_entry(self, n: int) -> None:
            """What the auditor is for: an entry that some bug took away comes back."""
            if (id := self.named(n)) is None:
                return
            job = self.world.jobs[id]
            redis.zrem("unstill:due", id)
            final = job.state in FINAL
            assert self.call("index", id, "unknown") == [[] if final else [id.encode()], []]
            assert self.call("index", id) == [[], []]
            if not final:
                job.due = self.world.now

        @rule(
            n=st.integers(0, 9),
            how=st.sampled_from(["gone", "string", "state", "platform", "place", "own", "number"]),
            seen_by=st.sampled_from(["reap", "index", "cancel", "beat", "forget", "claim", "claim"]),
        )
        def damage(self, n: int, how: str, seen_by: str) -> None:
            """One record is damaged: whoever meets it sets it aside, and nothing else changes."""
            open_ids = [id for id, job in self.world.jobs.items() if job.state not in FINAL]
            if not open_ids:
                return
            id = open_ids[n % len(open_ids)]
            job, key = self.world.jobs.pop(id), f"unstill:job:{id}"
            own = {"accepted": "request", "queued": "lane", "running": "owner"}.get(job.state, "outcome")
            number = {"accepted": "accepted_at", "queued": "cost", "running": "lease"}.get(job.state, "finished_at")
            match how:
                case "gone":
                    redis.delete(key)
                case "string":
                    redis.set(key, "rubbish")
                case "state":
                    redis.hset(key, "state", "dreaming")
                case "number":
                    redis.hset(key, number, "soon")
                case _:
                    redis.hdel(key, own if how == "own" else how)
            self.world.broken[id], job.damage = job, how
            for name in (f"p|{job.account}", f"c|{job.place}"):
                self.world.leaked[job.day, name] += self.spends(job)
            clerks = self.world.claims, self.world.senders
            self.world.claims, self.world.senders = ([one for one in some if one.id != id] for some in clerks)
            self.count("records_set_aside")
            self.meet(id, job, "reap" if how == "gone" and seen_by != "claim" else seen_by)

        def meet(self, id: str, job: Model, seen_by: str) -> None:
            match seen_by:
                case "index":
                    assert self.call("index", id)[1][0] == id.encode()
                    assert self.call("index", id) == [[], []]
                case "cancel" | "beat":
                    assert self.word(seen_by, id, "token", b"") == "unreadable"
                case "forget" if job.listed:
                    # it cannot be read, so it is given without its request, and goes
                    listed = {other for other, one in self.world.jobs.items() if one.listed}
                    others = {
                        other
                        for other in listed
                        if self.world.jobs[other].person == job.person and not self.world.jobs[other].forgotten
                    }
                    self.world.broken.pop(id)
                    if job.damage != "string":
                        self.throw(job, *job.clips, *job.pictures)
                    left, _ = self.call("forget", job.person, FORGOTTEN, id, b"", f"gone {id}", b"")
                    self.left_over(left, job.person, others)
                    self.vanished(job)
                    job.charged, job.damage, self.world.jobs[id] = 0.0, "", job
                case "claim" if job.state == "queued":
                    # when its turn comes, the next one is given
                    bad: list[bytes] = []
                    while not bad:
                        token, was_parked = self.token(), self.parked(job.lane)
                        bad, *answer = self.call("claim", job.lane, token, "engine", "", *CAN[-1])
                        self.brought_back(was_parked & set(self.world.jobs))
                        assert bad or answer, "it is in no line and was not told of"
                        if answer:
                            self.given(answer, token, job.lane)
                    assert bad[0] == id.encode()
                case _:
                    redis.zadd("unstill:due", {id: 0})
                    self.watch()
                    _, bad, _ = self.call("reap", 1, ATTEMPTS, OUTCOME, OUTCOME, OUTCOME)
                    assert bad[0] == id.encode()
            aside = self.call("unreadable")[::2]
            assert (id.encode() in aside) == (id in self.world.broken)

        @rule()
        def audit(self) -> None:
            """What is put off by a day was written before the clock was set back, and is due now."""
            open_jobs = {id: job for id, job in self.world.jobs.items() if job.state not in FINAL}
            far = {id for id, job in open_jobs.items() if job.due >= self.world.now + DAY}
            lost, bad = self.call("index", *self.world.jobs)
            self.call("recount")
            self.set_aside(bad)
            assert {id.decode() for id in lost} == far
            for id in far:
                self.world.jobs[id].due = self.world.now

        # -- what often follows each other, so that a search gets deep

        @rule(n=st.integers(0, 5), who=st.sampled_from(PEOPLE), claims=st.booleans())
        def submit(self, n: int, who: tuple[str, str, str], claims: bool, lane: str = LANE) -> None:
            self.accept(n, who, 1)
            if f"j{n}" in self.world.jobs:
                self.queue(list(self.world.jobs).index(f"j{n}"), lane)
            if claims:
                self.claim(False)

        @rule(n=st.integers(0, 4), lanes=st.permutations(MODELS), heard=st.sampled_from([None, *MODELS]))
        def two_models_wait(self, n: int, lanes: list[str], heard: str | None) -> None:
            """Somebody waits for each of two models, and an engine of both asks."""
            for lane, who in zip(MODELS, PEOPLE, strict=False):
                self.submit(n, who, False, lane)
                n += 1
            self.claim_of_several(lanes, CAN[-1], heard)

        @rule(n=st.integers(0, 5), who=st.sampled_from(PEOPLE), can=st.sampled_from(CAN))
        def what_is_parked_is_looked_at(self, n: int, who: tuple[str, str, str], can: tuple[str, ...]) -> None:
            self.submit(n, who, True)
            if self.world.claims:
                self.park(len(self.world.claims) - 1, CAN[-1][-1])
            self.hear(LANE, False, ())
            self.engine(can, False)
            self.tick(60_000)
            self.reap()

        @rule(can=st.sampled_from(CAN), expired=st.sampled_from([None, False, True]))
        def words_die(self, can: tuple[str, ...], expired: bool | None) -> None:
            """Engines take words and die, and their locks may end; others say that they are there."""
            for lane in LANES:
                self.hear(lane, True)
                if expired is not None:
                    self.lock_ends(lane, expired)
            self.engine(can, False)

        @rule()
        def leases_end(self) -> None:
            self.tick(LEASE)
            self.reap()

        @rule(n=st.integers(0, 9))
        def sending_is_taken_over(self, n: int) -> None:
            self.refuse(n)
            self.send(n, False)
            self.tick(60_000)
            self.reap()
            self.send(n, False)

        @rule(n=st.integers(0, 5), who=st.sampled_from(PEOPLE), again=st.booleans(), claims=st.booleans())
        def clip_is_refused(self, n: int, who: tuple[str, str, str], again: bool, claims: bool) -> None:
            self.submit(n, who, True)
            for lane in LANES if again else LANES[:1]:
                self.claim(False, lane)
                if self.world.claims:
                    self.finish(len(self.world.claims) - 1, "done")
                    job = list(self.world.jobs).index(self.world.claims[-1].id)
                    self.send(job, False)
                if self.world.senders:
                    self.refit(len(self.world.senders) - 1)
            if claims:
                self.claim(False, REFITS_LANE)
            else:
                self.hear(REFITS_LANE, True)
                self.engine((), False)

        @rule()
        def crash(self) -> None:
            """Everybody with a token is gone and never heard of again."""
            self.world.claims.clear()
            self.world.senders.clear()

        # -- what must always hold

        @invariant()
        def agrees(self) -> None:
            if not hasattr(self, "world"):
                return
            jobs, due, lines, jobs_quota, seconds, running, work, trash, mine, counted = dump()
            stored = {key.removeprefix("unstill:job:"): row for key, row in pairs(jobs).items()}
            model = self.world.jobs
            stored = {id: row for id, row in stored.items() if id not in self.world.broken}
            states = {id: row[0].decode() for id, row in stored.items()}
            assert states == {id: job.state for id, job in model.items() if job.state != "gone"}
            listed = {member.decode() for _, members in pairs(mine).items() for member in members}
            damaged = {id for id, job in self.world.broken.items() if job.listed}
            assert listed - damaged == {id for id, job in model.items() if job.listed}
            unfinished = {id for id, state in states.items() if state not in FINAL}
            assert {id.decode() for id in due} == unfinished, "the due index holds all that is not final, and no more"
            for id, row in stored.items():
                if states[id] == "running":
                    assert row[1].decode() == model[id].owner
                    assert int(row[3]) == model[id].attempt
                if model[id].forgotten:
                    self.is_bare(states[id], row[4:8])
                pictures, clips = (field.decode().split() if field else [] for field in row[8:10])
                assert (pictures, clips) == (model[id].pictures, model[id].clips)
                wanted = states[id] == "running" and not model[id].cancel
                assert row[10] == (model[id].look if wanted else None), "a look is of a clip that runs and is wanted"
            assert {key.decode() for key in trash} >= self.world.trash, "a file that nobody needs stays"
            for lane, ids in zip(LANES, running, strict=True):
                expected = {id for id in states if states[id] == "running" and model[id].lane == lane}
                assert {id.decode() for id in ids} == expected
            assert {name: int(value) for name, value in pairs(counted).items()} == {
                name: value for name, value in self.world.figures.items() if value or name.endswith("|sum")
            }, "what is counted is what happened"
            self.tallied(states)
            self.quotas_add_up(jobs_quota, seconds)
            self.lines_add_up(pairs(lines), work)

        def tallied(self, states: dict[str, str]) -> None:
            """What there is now is what the model has, and since when."""
            looked, _, *groups = self.call("tally", 0, 100)
            assert looked == len([id for id in states if states[id] not in FINAL])
            told = {
                (state.decode(), lane.decode()): (int(jobs), float(since))
                for state, lane, _, jobs, since in zip(*[iter(groups)] * 5, strict=True)
            }
            expected: dict[tuple[str, str], int] = Counter()
            since: dict[tuple[str, str], float] = {}
            for job in self.world.jobs.values():
                if job.state not in FINAL:
                    group = job.state, job.lane if job.queued_at else ""
                    expected[group] += 1
                    own = {"accepted": job.accepted_at, "queued": job.queued_at, "running": job.started_at}
                    since[group] = min(since.get(group, float("inf")), own.get(job.state, job.finished_at))
            assert {group: jobs for group, (jobs, _) in told.items()} == expected
            assert {group: at for group, (_, at) in told.items()} == since

        def is_bare(self, state: str, kept: list[bytes | None]) -> None:
            """Of what was forgotten no words stay, but for those that an engine has in its hands."""
            request, job, made, outcome = kept
            if state == "running":
                assert request == b"bare" and job
            else:
                assert state not in FINAL and (request, job, made) == (b"bare", None, None)
                assert outcome in (FORGOTTEN, encode(Cancelled("somebody")))

        def quotas_add_up(self, jobs_quota: list[Any], seconds: list[Any]) -> None:
            in_use: Counter[str] = Counter()
            spent: defaultdict[tuple[int, str], float] = defaultdict(float)
            for job in self.world.jobs.values():
                for name in (f"p|{job.account}", f"c|{job.place}"):
                    in_use[name] += job.state in ("queued", "running")
                    spent[job.day, name] += self.spends(job)
            assert {k: float(v) for k, v in pairs(jobs_quota).items()} == {k: n for k, n in in_use.items() if n}
            stored = {
                (int(key.rsplit(":", 1)[1]), name): float(value)
                for key, row in pairs(seconds).items()
                for name, value in pairs(row).items()
            }
            for (day, name), leaked in self.world.leaked.items():
                spent[day, name] += leaked
            for key in stored.keys() | spent.keys():
                assert abs(stored.get(key, 0.0) - spent[key]) < ROUNDING, f"seconds of {key}"

        def lines_add_up(self, lines: dict[str, list[bytes]], work: list[Any]) -> None:
            expected: dict[str, set[str]] = {}
            amounts: Counter[tuple[str, str]] = Counter()
            parked = {id for lane in LANES for id in self.parked(lane)}
            assert parked <= {id for id, job in self.world.jobs.items() if job.state == "queued" and job.needs}
            for id, job in self.world.jobs.items():
                if job.state == "queued" and id not in parked:
                    lane = f"unstill:turn:{job.lane}"
                    expected.setdefault(lane, set()).add(job.place)
                    expected.setdefault(f"{lane}|{job.place}", set()).add(job.account)
                    expected.setdefault(f"{lane}|{job.place}|{job.account}", set()).add(id)
                    for name in (f"c|{job.place}", f"p|{job.place}|{job.account}"):
                        amounts[job.lane, name] += job.cost
                        amounts[job.lane, f"n{name}"] += 1
            assert {key: {m.decode() for m in members} for key, members in lines.items()} == expected
            stored = {
                (lane, key): float(value)
                for lane, row in zip(LANES, work, strict=True)
                for key, value in pairs(row).items()
            }
            assert stored == dict(amounts)

        def teardown(self) -> None:
            """Whatever happened: from here an engine and a courier bring every job to its one end."""
            if not hasattr(self, "world"):
                return
            for _ in range(40):
                self.tick(59_000)
                self.audit()
                self.reap()
                for n, job in enumerate(self.world.jobs.values()):
                    if job.state == "accepted":
                        self.queue(n)
                        # what a quota keeps out is answered
                        self.refuse(n)
                self.world.claims.clear()
                for lane in LANES:
                    for _ in self.world.jobs:
                        self.claim(False, lane)
                for n in range(len(self.world.claims)):
                    self.finish(n, "done")
                self.world.senders.clear()
                for n in range(len(self.world.jobs)):
                    self.send(n, False)
                for n in range(len(self.world.senders)):
                    self.report(n, "sent")
                self.agrees()
                if all(job.state in FINAL for job in self.world.jobs.values()):
                    break
            left = {id: job.state for id, job in self.world.jobs.items() if job.state not in FINAL}
            assert not left, "a job never came to its end"

    return LedgerMachine
