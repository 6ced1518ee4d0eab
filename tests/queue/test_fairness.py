"""Whose turn it is: shares by chat and by person, on the real scripts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from unstill_config.settings import Queue
from unstill_queue.ledger.script import script_text
from unstill_queue.ledger.times import Times

LANE = "camera"
TIMES = Times.of(Queue())
UNLIMITED = (0, 0, "0", "0")


class Lane:
    """A lane of an empty ledger, seen from its two ends. It remembers who was served for how long."""

    def __init__(self, redis: Redis) -> None:
        redis.flushdb()
        self._script = redis.register_script(script_text(TIMES))
        self._count = 0
        self.who: dict[str, tuple[str, str]] = {}
        self.cost: dict[str, float] = {}

    def call(self, *args: Any) -> Any:
        return self._script(args=list(args))

    def submit(self, chat: str, person: str, cost: float = 10.0) -> str:
        self._count += 1
        id = f"j{self._count}"
        self.call("accept", id, "t", person, chat, person, f"gone {id}", b"", 0)
        assert self.call("queue", id, LANE, repr(cost), b"", *UNLIMITED) == [b"queued", b"queued"]
        self.who[id], self.cost[id] = (chat, person), cost
        return id

    def serve(self) -> str | None:
        self._count += 1
        claimed = self.call("claim", LANE, f"o{self._count}", "engine", "")[1:]
        if not claimed:
            return None
        id: str = claimed[0].decode()
        self.call("finish", id, f"o{self._count}", "done", b"", "1.0")
        return id

    def position(self, id: str) -> int:
        return int(self.call("position", id)[1])


@pytest.fixture(scope="module")
def redis(server_url: str) -> Iterator[Redis]:
    with Redis.from_url(server_url) as client:
        yield client


def test_a_newcomer_is_next_but_one_behind_a_hundred(redis: Redis) -> None:
    # Given A with a hundred jobs, the first of them running
    lane = Lane(redis)
    for _ in range(100):
        lane.submit("c", "A")
    lane.serve()
    # When B queues one in the same chat, and C one in another
    b, c = lane.submit("c", "B"), lane.submit("d", "C")
    # Then theirs are the next two
    assert {lane.serve(), lane.serve()} == {b, c}


@pytest.mark.parametrize("joins", [False, True], ids=["in a chat of their own", "in one of those chats"])
@pytest.mark.parametrize("served", [1, 2, 5, 20])
@pytest.mark.parametrize("each", [1, 5], ids=["in turn", "chat by chat"])
def test_a_newcomer_is_next_but_one_behind_a_person_in_eight_chats(
    redis: Redis, served: int, each: int, joins: bool
) -> None:
    # Given A with five jobs in each of eight chats, asked for in turn or chat by chat, and some of them served
    lane = Lane(redis)
    for n in range(40):
        lane.submit(f"c{n // each % 8}", "A")
    for _ in range(served):
        lane.serve()
    # When B asks for one
    mine = lane.submit("c7" if joins else "d", "B")
    # Then it is at most next but one, as it was told
    position = lane.position(mine)
    turns = [lane.serve() for _ in range(3)]
    assert turns.index(mine) <= 1
    assert position == turns.index(mine) + 1
    # and all of A's come in the end
    assert len({lane.serve() for _ in range(40 - served - 2)} - {None}) == 40 - served - 2
    assert lane.serve() is None


def test_equal_turns_go_by_arrival(redis: Redis) -> None:
    lane = Lane(redis)
    ids = [lane.submit(f"c{n}", f"p{n}") for n in (5, 3, 9, 1, 7)]
    assert [lane.serve() for _ in ids] == ids


def test_a_big_chat_gets_no_more_than_a_small_one(redis: Redis) -> None:
    # Given fifty people in one chat and one in another, all with enough to do
    lane = Lane(redis)
    for n in range(50):
        lane.submit("big", f"p{n}")
    for _ in range(50):
        lane.submit("small", "q")
    # When forty jobs are served
    served = Counter(lane.who[id][0] for _ in range(40) if (id := lane.serve()))
    # Then each chat had its half
    assert abs(served["big"] - served["small"]) <= 1


def test_costly_jobs_count_for_more(redis: Redis) -> None:
    # Given A whose jobs take four times as long as B's
    lane = Lane(redis)
    for _ in range(40):
        lane.submit("c", "A", cost=40)
        lane.submit("c", "B", cost=10)
    # When some are served
    spent: Counter[str] = Counter()
    for _ in range(40):
        id = lane.serve()
        assert id
        spent[lane.who[id][1]] += int(lane.cost[id])
    # Then both had the same seconds, but for one job
    assert abs(spent["A"] - spent["B"]) <= 40


def test_ten_thousand_of_one_person_cost_the_others_less_than_two_jobs(redis: Redis) -> None:
    # Given the same people with and without one who posts ten thousand
    def waits(flood: int) -> list[int]:
        lane = Lane(redis)
        for _ in range(flood):
            lane.submit("c0", "flooder")
        mine = [lane.submit(f"c{n % 3}", f"p{n}") for n in range(30)]
        order: list[str | None] = []
        while not set(mine) <= set(order):
            order.append(lane.serve())
        return sorted(order.index(id) for id in mine)

    # Then the 95th percentile of the others' wait grows by less than two jobs
    quiet, flooded = waits(0), waits(10_000)
    p95 = int(len(quiet) * 0.95)
    assert flooded[p95] - quiet[p95] < 2


Step = st.tuples(st.sampled_from("abc"), st.sampled_from("xyz"), st.sampled_from([5.0, 10.0, 30.0]))


@pytest.mark.parametrize("spread", [False, True], ids=["people of one chat each", "people alone in many chats"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(Step, st.none()), min_size=5, max_size=80))
def test_no_order_of_submits_gives_more_than_a_share_while_another_waits(
    redis: Redis, spread: bool, steps: list[tuple[str, str, float] | None]
) -> None:
    """The law of start-time fair queueing: over any time in which two always wait, what they were served
    differs by no more than the longest job of each. Two are two chats, or two people of one chat, as long as nobody
    waits in both chats; and two people who ask each in many chats, alone."""
    lane = Lane(redis)

    def shares(chat: str, person: str) -> list[tuple[str, ...]]:
        return [(person,)] if spread else [(chat,), (chat, person)]

    waiting: Counter[tuple[str, ...]] = Counter()
    served: defaultdict[tuple[str, ...], float] = defaultdict(float)
    #: for each pair that waits at the same time: what each had been served when that began
    since: dict[tuple[tuple[str, ...], tuple[str, ...]], tuple[float, float]] = {}
    longest = 30.0

    def rivals(a: tuple[str, ...], b: tuple[str, ...]) -> bool:
        return a < b and (len(a) == len(b) == 1 or (len(a) == len(b) == 2 and a[0] == b[0]))

    def note_pairs() -> None:
        names = [name for name, n in waiting.items() if n]
        pairs = {(a, b) for a in names for b in names if rivals(a, b)}
        for pair in list(since):
            if pair not in pairs:
                del since[pair]
        for a, b in pairs:
            since.setdefault((a, b), (served[a], served[b]))

    for step in steps:
        if step is not None:
            one, other, cost = step
            chat, person = (f"{one}{other}", one) if spread else (one, f"{one}{other}")
            lane.submit(chat, person, cost)
            for name in shares(chat, person):
                waiting[name] += 1
        elif id := lane.serve():
            chat, person = lane.who[id]
            for name in shares(chat, person):
                waiting[name] -= 1
                served[name] += lane.cost[id]
        note_pairs()
        for (a, b), (had_a, had_b) in since.items():
            assert abs((served[a] - had_a) - (served[b] - had_b)) <= 2 * longest + 1e-6


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.one_of(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), st.none()), max_size=50))
def test_the_position_told_is_the_turn_taken(redis: Redis, steps: list[tuple[str, str] | None]) -> None:
    # Given any history of jobs of one cost, of people who ask in one chat each
    lane = Lane(redis)
    queued: list[str] = []
    for step in steps:
        if step is not None:
            chat, person = step
            queued.append(lane.submit(chat, f"{chat}{person}"))
        elif id := lane.serve():
            queued.remove(id)
    # When each is told its place, and all are served
    told = {id: lane.position(id) for id in queued}
    turns = [lane.serve() for _ in queued]
    # Then the places were true
    assert told == {id: n for n, id in enumerate(turns, start=1)}


def test_a_crashed_job_is_first_of_its_person_and_not_charged_twice(redis: Redis) -> None:
    # Given A and B with two jobs each, and A's first lost by its engine
    lane = Lane(redis)
    a1, b1, a2, b2 = (lane.submit("c", person) for person in "ABAB")
    claimed = lane.call("claim", LANE, "dying", "engine", "")[1].decode()
    assert claimed == a1
    lane.call("retry", a1, "dying", 3, b"")
    # Then the turns are those there would have been without the crash
    turns = [str(lane.serve()) for _ in range(4)]
    assert sorted(turns[:2]) == sorted([a1, b1])
    assert sorted(turns[2:]) == sorted([a2, b2])


def test_the_place_told_is_true_where_two_turns_are_equal_to_the_last_bit(redis: Redis) -> None:
    # Given jobs of two chats whose tags are the same number
    lane = Lane(redis)
    for chat in "bca":
        lane.submit(chat, chat)
    lane.serve()
    lane.serve()
    queued = [lane.submit(chat, chat) for chat in "cb"]
    # Then each is told its place as it comes
    told = [lane.position(id) for id in queued]
    assert told == [n + 1 for n in map([lane.serve() for _ in range(3)].index, queued)]
