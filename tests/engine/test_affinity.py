"""Nobody who waits for another model than the one that is loaded waits for ever, and none is loaded for each job."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstill_engine.device.affinity import GIVEN_UP_FOR, LOADS_A_TURN, Affinity

MODELS = ("a", "b", "c")
JOB, LOAD = 40.0, 15.0
"""What a job and a changeover take at most, in seconds."""


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def loaded(turn: float, models: tuple[str, ...] = MODELS, load: float = LOAD) -> tuple[Affinity, Clock]:
    clock = Clock()
    affinity = Affinity(models, turn, clock)
    affinity.now_loaded(models[0], load)
    return affinity, clock


def serve(affinity: Affinity, clock: Clock, waiting: set[str], job: float, load: float) -> str:
    """Take a job as an engine does: of the first model in the order that has one, which is loaded if need be."""
    name = next(each for each in affinity.order if each in waiting)
    if name != affinity.loaded:
        affinity.unloaded()
        clock.now += load
        affinity.now_loaded(name, load)
    clock.now += job
    return name


@given(
    turn=st.floats(0, 300),
    count=st.integers(2, 3),
    steps=st.lists(
        st.tuples(st.sets(st.sampled_from(MODELS)), st.floats(0, JOB), st.floats(0, LOAD), st.floats(0, 100)),
        min_size=1, max_size=80,
    ),
    patient=st.integers(0, 2),
)  # fmt: skip
def test_whoever_waits_begins_after_a_turn_a_job_and_a_changeover_of_each_other_model(
    turn: float, count: int, steps: list[tuple[set[str], float, float, float]], patient: int
) -> None:
    # Given an engine of some models, and somebody who waits for one of them, whatever else comes and goes
    models = MODELS[:count]
    affinity, clock = loaded(turn, models)
    waits_for = models[patient % count]
    turn_most = max(turn, LOADS_A_TURN * LOAD)
    since = clock.now
    for others, job, load, pause in steps:
        # When it takes one job after the other, with a pause only while nothing waits
        served = serve(affinity, clock, (others & {*models}) | {waits_for}, job, load)
        if served == waits_for:
            clock.now += pause
            since = clock.now
        # Then theirs began in time: after what was under way, and the turn of each other model
        assert clock.now - since <= count * (turn_most + JOB + LOAD)


@given(turn=st.floats(0, 300), count=st.integers(2, 3), job=st.floats(0.5, JOB), load=st.floats(0, LOAD))
def test_a_flood_for_one_model_keeps_nobody_from_another(turn: float, count: int, job: float, load: float) -> None:
    # Given work for each model, always
    models = MODELS[:count]
    affinity, clock = loaded(turn, models)
    most = (count - 1) * (max(turn, LOADS_A_TURN * LOAD) + job + load) + job
    began, last = clock.now, dict.fromkeys(models, clock.now)
    while clock.now < began + 3 * most:
        served = serve(affinity, clock, {*models}, job, load)
        last[served] = clock.now
        # Then each is served again within the turns of the others, a job and a load each
        assert all(clock.now - at <= most + job + load for at in last.values())


@given(jobs=st.lists(st.floats(0.1, JOB), min_size=1, max_size=200), turn=st.floats(0, 300), load=st.floats(0.1, LOAD))
def test_loading_takes_no_more_than_a_fifth_where_each_has_work(jobs: list[float], turn: float, load: float) -> None:
    affinity, clock = loaded(turn, load=load)
    began, changes = clock.now, 0
    for job in jobs:
        before = affinity.loaded
        changes += serve(affinity, clock, {*MODELS}, job, load) != before
    assert changes * load <= (clock.now - began) / (1 + LOADS_A_TURN) + load


def test_the_loaded_one_goes_on_while_its_turn_lasts_and_nobody_is_kept_for_nothing() -> None:
    affinity, clock = loaded(60)
    assert affinity.order == ("a", "b", "c")
    # When nothing waits for it, the device goes to whoever has work, at once
    assert serve(affinity, clock, {"c"}, 10, LOAD) == "c"
    assert affinity.order == ("c", "b", "a")
    # When its turn is over, the one goes first that waited longest
    clock.now += 60
    assert affinity.order == ("b", "a", "c")
    # When nobody wanted another meanwhile, it stays, and whoever comes then need not wait for another turn
    assert serve(affinity, clock, {"c"}, 10, LOAD) == "c"
    assert affinity.order == ("b", "a", "c")


def test_one_that_cannot_be_loaded_is_not_served_for_a_while() -> None:
    affinity, clock = loaded(60)
    affinity.unloaded()
    affinity.give_up("b")
    assert (affinity.served, affinity.order, affinity.loaded) == (("a", "c"), ("c", "a"), None)
    assert affinity.before() == {"a": LOAD, "c": 0.0}
    clock.now += GIVEN_UP_FOR
    assert affinity.served == MODELS
    # and once it is loaded it counts like any other
    affinity.now_loaded("b", 5.0)
    assert affinity.before() == pytest.approx({"a": LOAD, "b": 0.0, "c": 0.0})
    assert affinity.turn == 4 * LOAD
