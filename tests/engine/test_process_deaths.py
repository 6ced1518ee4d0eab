"""Children that die, hang or lose their device: the job is answered, and the next one works."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
import time
from pathlib import Path

import pytest
from tests.engine.engine_processes import Engine, is_alive, running_engine, until

from unstill_engine.device.outcomes import ChildDied, ChildHung, DevicePoisoned, EngineError, Rendered


async def assert_next_job_works_on_a_new_child(engine: Engine, pid: int | None) -> None:
    assert isinstance(await engine.render(job="next"), Rendered)
    assert engine.process.pid not in (None, pid)
    assert pid is not None
    assert not is_alive(pid)


@pytest.mark.parametrize(
    ("prompt", "reason", "said"),
    [
        ("segfault", "killed by SIGSEGV", "in segfault"),
        ("aborts", "killed by SIGABRT", "in aborts"),
        ("killed", "killed by SIGKILL", ""),
        ("exits_hard", "exit status 7", ""),
        ("garbage", "it sent what cannot be read", ""),
        ("endless_message", "it sent what cannot be read", ""),
    ],
)
async def test_a_child_that_dies_in_a_render_is_replaced(tmp_path: Path, prompt: str, reason: str, said: str) -> None:
    async with running_engine(tmp_path) as engine:
        pid = engine.process.pid

        outcome = await engine.render(prompt)

        assert isinstance(outcome, ChildDied)
        assert outcome.reason.startswith(reason)
        assert said in outcome.stderr_tail
        await assert_next_job_works_on_a_new_child(engine, pid)
        assert reason in engine.logged
        assert said in engine.logged


async def test_what_the_child_started_ends_with_it(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as engine:
        pid = engine.process.pid

        outcome = await engine.render("starts_program")

        assert isinstance(outcome, ChildDied)
        assert outcome.reason == "exit status 7"
        await assert_next_job_works_on_a_new_child(engine, pid)
        program = re.search(r"program (\d+)", engine.logged)
        assert program
        await until(lambda: not is_alive(int(program[1])))


async def test_a_child_that_dies_between_jobs_is_replaced_before_the_next_one(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as engine:
        pid = engine.process.pid
        assert pid

        os.kill(pid, signal.SIGKILL)
        await until(lambda: engine.process.pid not in (None, pid))

        await assert_next_job_works_on_a_new_child(engine, pid)


@pytest.mark.parametrize("prompt", ["hangs", "hangs_with_gil"])
async def test_a_child_past_its_deadline_says_where_it_stands_and_is_killed(tmp_path: Path, prompt: str) -> None:
    async with running_engine(tmp_path) as engine:
        pid = engine.process.pid
        started = time.monotonic()

        outcome = await engine.render(prompt, seconds=0.5)

        assert isinstance(outcome, ChildHung)
        assert f"in {prompt}" in outcome.stderr_tail
        assert time.monotonic() - started >= 0.5
        await assert_next_job_works_on_a_new_child(engine, pid)


async def test_a_plan_has_a_deadline_too(tmp_path: Path) -> None:
    async with running_engine(tmp_path, plan_deadline=0.5) as engine:
        outcome = await engine.render("plan_hangs")

        assert isinstance(outcome, ChildHung)


async def test_the_deadline_counts_from_the_plan(tmp_path: Path) -> None:
    # Given a job that waits for its turn longer than it may render
    async with running_engine(tmp_path) as engine:
        first = await engine.render("hangs", seconds=1.0)
        second = await engine.render(job="other", seconds=1.0)

        assert isinstance(first, ChildHung)
        assert isinstance(second, Rendered)


async def test_a_poisoned_device_gets_a_new_child(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as engine:
        pid = engine.process.pid

        outcome = await engine.render("poisoned")

        assert isinstance(outcome, DevicePoisoned)
        assert "illegal memory access" in outcome.reason
        assert "Traceback" in outcome.stderr_tail
        await assert_next_job_works_on_a_new_child(engine, pid)


async def test_an_error_of_the_caller_costs_the_child_but_not_the_engine(tmp_path: Path) -> None:
    def fail(step: int, steps: int) -> None:
        raise LookupError("a bug of the caller")

    async with running_engine(tmp_path) as engine:
        pid = engine.process.pid

        with pytest.raises(LookupError):
            await engine.render("patient", on_progress=fail)

        await assert_next_job_works_on_a_new_child(engine, pid)


@pytest.mark.parametrize(
    ("renderer", "code", "said"),
    [
        ("NoWeights", "model_unavailable", "The weights are not there. Run the download first."),
        ("LoadRaises", "model_unavailable", "could not be loaded on cpu: OSError: the card fell out"),
        ("LoadDies", "engine_lost", "ended while it loaded the model test: killed by SIGSEGV"),
        ("LoadHangs", "engine_lost", "was not loaded in time"),
        ("Missing", "model_unavailable", "cannot be loaded: module 'renderers_for_tests' has no attribute 'Missing'"),
    ],
)
async def test_a_model_that_cannot_be_loaded_is_said_plainly_at_the_start(
    tmp_path: Path, renderer: str, code: str, said: str
) -> None:
    engine = Engine(tmp_path, renderer, load_deadline=0.5 if renderer == "LoadHangs" else 30.0)

    with pytest.raises(EngineError) as raised:
        await engine.process.start()

    assert raised.value.code == code
    assert said in str(raised.value)
    assert engine.process.pid is None
    assert str(raised.value) in engine.logged
    with pytest.raises(EngineError):
        await engine.render()


@pytest.mark.storm
async def test_a_model_whose_weights_take_long_to_fetch_is_waited_for_as_long_as_some_come(tmp_path: Path) -> None:
    # Given a load that takes longer than one may, and says meanwhile that it goes on
    deadline = 4.0
    engine = Engine(tmp_path, "LoadTells", device=str(tmp_path / "there"), load_deadline=deadline)
    starting = asyncio.create_task(engine.process.start())
    await until(lambda: "Fetched some more." in engine.logged)
    await asyncio.sleep(1.5 * deadline)
    assert not starting.done()
    # When all is there, Then it is loaded
    (tmp_path / "there").touch()
    await starting
    assert isinstance(await engine.render(), Rendered)
    await engine.process.stop()


async def test_an_engine_that_failed_to_start_can_be_started_again(tmp_path: Path) -> None:
    engine = Engine(tmp_path, "LoadsAgainLater", device=str(tmp_path / "loads"))
    (tmp_path / "loads").write_text("2")
    with pytest.raises(EngineError):
        await engine.process.start()

    await engine.process.start()

    assert isinstance(await engine.render(), Rendered)
    await engine.process.stop()


async def test_a_device_that_comes_back_later_is_waited_for(tmp_path: Path) -> None:
    # Given an engine whose child died, and whose next two loads fail
    async with running_engine(tmp_path, "LoadsAgainLater", device=str(tmp_path / "loads")) as engine:
        await engine.render("segfault")
        # When a job comes at once, Then it hears of the load that failed
        with pytest.raises(EngineError, match="Load 1 fails"):
            await engine.render()
        # When the engine says that it is ready, Then it is
        started = time.monotonic()
        await engine.process.ready()
        assert time.monotonic() - started >= 0.5
        assert isinstance(await engine.render(), Rendered)
        assert (tmp_path / "loads").read_text() == "4"


async def test_python_itself_cannot_be_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    engine = Engine(tmp_path, "Steady")

    with pytest.raises(EngineError, match="cannot be started"):
        await engine.process.start()
