"""The OOM fallback through the real child process: the last plan holds, and a child that gives up is replaced."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from tests.engine.engine_processes import Engine, running_engine
from tests.engine.short_of_memory import frame, small_model

from unstill_engine.device.outcomes import DevicePoisoned, Rendered, RenderFailed, RenderOutcome
from unstill_engine.renderers.base import Photos
from unstill_queue.contract.jobs import Parameters


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    model = small_model().model_copy(update={"renderer": "short_of_memory:OfTheCard"})
    async with running_engine(tmp_path, model=model) as engine:
        yield engine


async def render(engine: Engine, prompt: str, resolution: int = 32) -> RenderOutcome:
    parameters = Parameters("test", prompt, 1, 16, 8, resolution, num_inference_steps=50, guidance_scale=9.0)
    return await engine.process.plan_and_render(
        prompt, parameters, Photos(Path("no picture")), engine.spool, deadline=lambda _: 60, on_progress=lambda *_: None
    )


async def test_what_came_of_the_plan_is_what_the_worker_gets(engine: Engine) -> None:
    # When memory runs out at a resolution of 64, after the first frames of it were written
    rendered = await render(engine, "denoise=4.3 decode=3.4", 64)
    # Then the worker gets the smaller clip, its parameters, and every note
    assert isinstance(rendered, Rendered)
    assert (rendered.width, rendered.parameters.resolution) == (32, 32)
    assert [note.partition(":")[0] for note in rendered.notes] == [
        "steady",
        "memory_split",
        "memory_offloaded",
        "memory_smaller",
        "memory_chunked",
    ]
    # and the file holds that clip and nothing else
    frames = np.frombuffer(rendered.spool.read_bytes(), np.uint8).reshape(rendered.num_frames, 32, 32, 3)
    wanted = np.concatenate([frame(1, index, (32, 32)) for index in range(rendered.num_frames)])
    assert np.array_equal(frames, wanted)
    # and the operator reads of each step
    assert engine.logged.count("out of memory with") >= 4


async def test_a_fresh_child_is_the_last_thing_to_try(engine: Engine) -> None:
    # Given a child that has rendered, and so holds who knows what
    assert isinstance(await render(engine, "first"), Rendered)
    first = engine.process.pid
    # When nothing fits any more, then it gives itself up and says for what
    lost = await render(engine, "denoise=1")
    assert isinstance(lost, DevicePoisoned) and lost.code == "out_of_memory"
    # and the next try is on another one, which knows that there is no more to be had
    failed = await render(engine, "denoise=1 again")
    assert engine.process.pid != first
    assert isinstance(failed, RenderFailed) and failed.failed.code == "out_of_memory"


async def test_cudas_own_words_for_a_lost_context_replace_the_child(engine: Engine) -> None:
    lost = await render(engine, "poison")
    assert isinstance(lost, DevicePoisoned)
    assert (lost.reason, lost.code) == ("CUDA error: an illegal memory access was encountered", "engine_lost")
    assert isinstance(await render(engine, "next"), Rendered)
