"""Renders on the real child: what comes out, and what a bad renderer costs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from tests.engine.engine_processes import ENVIRON, Engine, running_engine, until
from tests.engine.renderers_for_tests import HEIGHT, WIDTH, picture_frames

from unstill_engine.device.outcomes import Rendered, RenderFailed
from unstill_queue.contract import jobs

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    async with running_engine(tmp_path_factory.mktemp("engine")) as engine:
        yield engine


@pytest.fixture
def engine(shared: Engine) -> Engine:
    """One child for most of the tests here: that it outlives them all is what they are about."""
    shared.steps.clear()
    shared.capture.entries.clear()
    shared.spool.unlink(missing_ok=True)
    return shared


async def assert_next_job_works_on_the_same_child(engine: Engine, pid: int | None) -> None:
    assert isinstance(await engine.render(job="next"), Rendered)
    assert engine.process.pid == pid


@pytest.mark.parametrize("prompt", ["", "strided"])
async def test_the_spool_holds_the_frames_in_order(engine: Engine, prompt: str) -> None:
    outcome = await engine.render(prompt, num_frames=24)

    assert isinstance(outcome, Rendered)
    assert (outcome.width, outcome.height, outcome.num_frames, outcome.fps) == (WIDTH, HEIGHT, 24, 8)
    assert (outcome.parameters.seed, outcome.notes) == (1, ("steady",))
    assert 0 <= outcome.render_seconds < 600
    assert outcome.spool.read_bytes() == picture_frames(1, 24).tobytes()
    assert outcome.spool.stat().st_mode & 0o777 == 0o600


async def test_progress_is_told_in_order_up_to_the_last_step(engine: Engine) -> None:
    await engine.render(num_frames=16)

    assert engine.steps == sorted(engine.steps)
    assert engine.steps[0] == (0, 16)
    assert engine.steps[-1] == (16, 16)


async def test_the_child_keeps_the_model_between_jobs(engine: Engine) -> None:
    pid = engine.process.pid
    for number in range(5):
        assert isinstance(await engine.render(job=str(number)), Rendered)

    assert engine.process.pid == pid
    assert "loading" not in engine.logged


async def test_a_second_spool_is_not_mixed_with_what_stood_there(engine: Engine) -> None:
    engine.spool.write_bytes(b"x" * 100_000)

    await engine.render(num_frames=8)

    assert engine.spool.read_bytes() == picture_frames(1, 8).tobytes()


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("floats", "float32, not uint8"),
        ("transposed", "planned was (T, 12, 16, 3)"),
        ("flat", "frames are of shape (12, 16, 3)"),
        ("lists", "list, not a numpy array"),
        ("too_few", "7 frames came, planned were 8"),
        ("too_many", "frame 9 came, planned were 8"),
        ("none_at_all", "frames are of shape (0, 12, 16, 3)"),
        ("plan_empty", "planned were 0 frames"),
        ("plan_nan", "planned were nan seconds"),
        ("raises", "the operator shall read this"),
        ("exits", "SystemExit: 3"),
    ],
)
async def test_a_faulty_render_fails_this_job_alone(engine: Engine, prompt: str, said: str) -> None:
    pid = engine.process.pid

    outcome = await engine.render(prompt)

    assert isinstance(outcome, RenderFailed)
    # Then the person hears a sentence by its code alone, and the operator what was raised
    assert outcome.failed == jobs.Failed("render_failed")
    assert "Traceback" not in outcome.reason
    await assert_next_job_works_on_the_same_child(engine, pid)
    assert said in engine.logged
    assert "Traceback" in engine.logged


async def test_no_more_than_the_plan_is_ever_written(engine: Engine) -> None:
    await engine.render("too_many")

    assert engine.spool.stat().st_size <= 8 * HEIGHT * WIDTH * 3


async def test_a_refusal_reaches_the_person_by_code_and_parameters_and_the_operator_in_words(engine: Engine) -> None:
    outcome = await engine.render("plan_refuses")

    assert outcome == RenderFailed(jobs.Failed("too_big", details={"megabytes": "10"}), "that is more than 10 MB")
    assert engine.steps == []


async def test_out_of_memory_is_said_and_survived(engine: Engine) -> None:
    pid = engine.process.pid

    outcome = await engine.render("out_of_memory")

    assert isinstance(outcome, RenderFailed)
    assert outcome.failed.code == "out_of_memory"
    await assert_next_job_works_on_the_same_child(engine, pid)


async def test_what_cannot_be_sent_as_it_is_is_sent_as_near_as_can_be(engine: Engine) -> None:
    outcome = await engine.render("unspeakable")

    assert isinstance(outcome, RenderFailed)
    assert outcome.reason.startswith("lone ? surrogate")
    assert len(outcome.reason) <= 1000
    assert outcome.failed.code == "odd"
    assert outcome.failed.details["value"].startswith("? xx") and len(outcome.failed.details["value"]) <= 200


async def test_a_full_disk_is_said_and_survived(engine: Engine) -> None:
    pid = engine.process.pid

    outcome = await engine.render(spool=Path("/dev/full"))

    assert isinstance(outcome, RenderFailed)
    assert outcome.failed.code == "disk_full"
    await assert_next_job_works_on_the_same_child(engine, pid)


async def test_a_render_that_cannot_fit_on_the_disk_is_not_begun(engine: Engine) -> None:
    outcome = await engine.render(num_frames=1 << 40)

    assert isinstance(outcome, RenderFailed)
    assert outcome.failed.code == "disk_full"
    assert engine.steps == []


@pytest.mark.parametrize("prompt", ["prints", "floods"])
async def test_words_on_stdout_and_stderr_go_to_the_log_and_harm_nothing(engine: Engine, prompt: str) -> None:
    pid = engine.process.pid

    outcome = await engine.render(prompt)

    assert isinstance(outcome, Rendered)
    assert outcome.spool.read_bytes() == picture_frames(1, 8).tobytes()
    await assert_next_job_works_on_the_same_child(engine, pid)
    if prompt == "prints":
        assert "hellohello" in engine.logged
        assert "straight to the descriptor" in engine.logged
        assert "from a program" in engine.logged
    else:
        await until(lambda: "lines_left_out" in engine.logged)
        assert len(engine.capture.entries) < 5_000


async def test_the_worker_never_imports_a_renderer_or_numpy(tmp_path: Path) -> None:
    # Given a worker in a process of its own
    script = """
import asyncio, sys
from pathlib import Path
import structlog
from unstill_config.catalog import Catalog
from unstill_engine.device.outcomes import Rendered
from unstill_engine.device.process import EngineProcess
from unstill_engine.renderers.base import Photos
from unstill_queue.contract.jobs import Parameters

async def main():
    folder = Path(sys.argv[1])
    model = Catalog.load().models["camera"].model_copy(update={"renderer": "renderers_for_tests:Steady"})
    engine = EngineProcess(model_name="t", model=model, device="cpu", state=folder, log=structlog.get_logger())
    await engine.start()
    outcome = await engine.plan_and_render("j", Parameters("t", "", 1, 8, 8, 12), Photos(folder), folder / "spool",
        deadline=lambda plan: 30.0, on_progress=lambda step, steps: None)
    assert isinstance(outcome, Rendered), outcome
    await engine.stop()
    print([name for name in ("numpy", "PIL", "torch", "renderers_for_tests") if name in sys.modules])

asyncio.run(main())
"""
    # When it has rendered
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", script, str(tmp_path)],
        env=ENVIRON,
        capture_output=True,
        text=True,
        timeout=60,
    )
    # Then none of them is there
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines()[-1] == "[]"


async def test_the_child_sees_no_setting_of_ours(tmp_path: Path) -> None:
    environ = {**ENVIRON, "UNSTILL_TELEGRAM__TOKEN": "123:secret"}
    async with running_engine(tmp_path, environ=environ) as engine:
        seen = Path(f"/proc/{engine.process.pid}/environ").read_bytes()

        assert b"secret" not in seen
        assert os.fsencode(ENVIRON["PYTHONPATH"]) in seen
