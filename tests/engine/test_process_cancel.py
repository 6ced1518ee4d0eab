"""Cancels: at the next step, by a kill where the renderer does not obey, and at once where nothing runs yet."""

from __future__ import annotations

import asyncio
import os
import time
from contextlib import suppress
from pathlib import Path

import pytest
from tests.engine.engine_processes import is_alive, running_engine, until
from tests.waiting import PATIENCE

from unstill_engine.device.outcomes import Rendered, RenderStopped


def engine_children() -> list[int]:
    """The engine processes that this one has started and that live."""
    ours = []
    for status in Path("/proc").glob("[0-9]*/status"):
        with suppress(OSError):
            parent = status.read_text().partition("PPid:\t")[2].split("\n", 1)[0]
            if (
                int(parent) == os.getpid()
                and b"unstill_engine.device.child" in (status.parent / "cmdline").read_bytes()
            ):
                ours.append(int(status.parent.name))
    return ours


async def test_a_cancel_ends_the_render_at_its_next_step_and_keeps_the_child(tmp_path: Path) -> None:
    async with running_engine(tmp_path, grace=PATIENCE) as engine:
        pid = engine.process.pid
        render = asyncio.create_task(engine.render("patient"))
        await engine.rendering()

        engine.process.cancel("job")

        assert await render == RenderStopped()
        assert isinstance(await engine.render(), Rendered)
        assert engine.process.pid == pid


async def test_a_renderer_that_does_not_obey_is_killed_after_the_grace(tmp_path: Path) -> None:
    async with running_engine(tmp_path, grace=0.3) as engine:
        pid = engine.process.pid
        render = asyncio.create_task(engine.render("deaf"))
        await engine.rendering()

        started = time.monotonic()
        engine.process.cancel("job")

        assert await render == RenderStopped()
        assert time.monotonic() - started >= 0.3
        assert pid
        assert not is_alive(pid)
        assert isinstance(await engine.render(), Rendered)


async def test_a_renderer_that_looks_at_nothing_is_stopped_between_two_chunks(tmp_path: Path) -> None:
    async with running_engine(tmp_path, "Blind", grace=PATIENCE) as engine:
        pid = engine.process.pid
        render = asyncio.create_task(engine.render(num_frames=20_000))
        await engine.rendering()

        engine.process.cancel("job")

        assert await render == RenderStopped()
        assert engine.process.pid == pid


async def test_a_cancelled_job_that_waits_for_its_turn_is_not_rendered(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as engine:
        first = asyncio.create_task(engine.render("patient"))
        await engine.rendering()
        second = asyncio.create_task(engine.render("segfault", job="second"))
        third = asyncio.create_task(engine.render(job="third"))
        await asyncio.sleep(0.05)

        engine.process.cancel("second")

        assert await asyncio.wait_for(second, PATIENCE) == RenderStopped()
        assert not first.done()
        engine.process.cancel("job")
        assert await first == RenderStopped()
        assert isinstance(await third, Rendered)


async def test_a_cancel_while_the_model_is_loaded_again_ends_the_job_at_once(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as engine:
        await engine.render("segfault")
        assert engine.process.pid is None
        render = asyncio.create_task(engine.render())
        await asyncio.sleep(0)

        engine.process.cancel("job")

        assert await render == RenderStopped()
        assert engine.process.pid is None
        await engine.process.ready()
        assert isinstance(await engine.render(), Rendered)


async def test_a_cancelled_task_cancels_its_job_and_the_next_one_waits_for_the_device(tmp_path: Path) -> None:
    async with running_engine(tmp_path, grace=PATIENCE) as engine:
        pid = engine.process.pid
        render = asyncio.create_task(engine.render("patient"))
        await engine.rendering()

        render.cancel()
        with pytest.raises(asyncio.CancelledError):
            await render

        assert isinstance(await engine.render(), Rendered)
        assert engine.process.pid == pid


async def test_the_same_job_is_not_rendered_twice_at_once(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as engine:
        render = asyncio.create_task(engine.render("patient"))
        await engine.rendering()

        with pytest.raises(ValueError, match="already"):
            await engine.render()

        engine.process.cancel("job")
        assert await render == RenderStopped()


async def test_cancels_of_unknown_and_of_past_jobs_harm_nothing(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as engine:
        engine.process.cancel("nobody")
        assert isinstance(await engine.render(), Rendered)
        engine.process.cancel("job")

        assert isinstance(await engine.render(), Rendered)


async def test_a_cancel_at_any_moment_leaves_an_engine_that_works(tmp_path: Path) -> None:
    async with running_engine(tmp_path, grace=PATIENCE) as engine:
        pid = engine.process.pid
        for tenth in range(60):
            render = asyncio.create_task(engine.render(num_frames=400))
            await asyncio.sleep(tenth * 0.0005)
            engine.process.cancel("job")
            assert isinstance(await render, Rendered | RenderStopped)

        assert isinstance(await engine.render(), Rendered)
        assert engine.process.pid == pid


@pytest.mark.parametrize("prompt", ["patient", "deaf"])
async def test_stop_ends_what_runs_and_the_child(tmp_path: Path, prompt: str) -> None:
    async with running_engine(tmp_path, grace=0.3) as engine:
        pid = engine.process.pid
        assert pid
        render = asyncio.create_task(engine.render(prompt))
        await engine.rendering()

        await engine.process.stop()

        assert await render == RenderStopped()
        assert not is_alive(pid)
        assert engine.process.pid is None


async def test_stop_while_the_child_is_being_replaced_leaves_no_process(tmp_path: Path) -> None:
    async with running_engine(tmp_path) as engine:
        await engine.render("segfault")
        await until(lambda: bool(engine_children()))

    assert engine_children() == []
