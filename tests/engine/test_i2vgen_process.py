"""The tiny model in the real child process: cancelled, killed in mid-step, and loaded without what is deprecated."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tests.engine.engine_processes import ENVIRON, Engine, is_alive, running_engine
from tests.engine.i2vgen_listing import LISTING
from tests.engine.i2vgen_tiny import noisy_photo, parameters, tiny_model

from unstill_engine.device.outcomes import ChildDied, Rendered, RenderOutcome, RenderStopped
from unstill_engine.renderers.base import Photos

QUIET = {**ENVIRON, "OMP_NUM_THREADS": "1"}
LONG = 900
NOT_IMPORTED = (
    "accelerate", "boto3", "diffusers", "peft", "requests", "rich", "sklearn", "scipy", "structlog", "sympy",
    "torch._dynamo", "torch._inductor", "torch.distributed.tensor", "torchvision", "transformers",
)  # fmt: skip
"""With each of these a start takes longer, for nothing. Of diffusers single modules are taken, which stand apart."""


async def render(
    engine: Engine, picture: Path, job: str, on_step: Callable[[int], None], *, steps: int = LONG
) -> RenderOutcome:
    return await engine.process.plan_and_render(
        job,
        parameters(num_inference_steps=steps),
        Photos(picture),
        engine.spool,
        deadline=lambda plan: 240.0,
        on_progress=lambda step, steps: on_step(step),
    )


async def assert_the_next_job_is_rendered(engine: Engine, picture: Path) -> None:
    steps: list[int] = []
    outcome = await render(engine, picture, "next", steps.append, steps=2)
    assert isinstance(outcome, Rendered)
    assert steps[-1] == 2
    frames = np.frombuffer(outcome.spool.read_bytes(), np.uint8)
    assert frames.size == outcome.num_frames * outcome.height * outcome.width * 3
    assert frames.std() > 10


async def test_a_render_is_stopped_by_a_cancel_and_survived_by_the_engine_when_its_child_is_killed(
    tiny_i2vgen: Path, tmp_path: Path
) -> None:
    model = tiny_model(tiny_i2vgen, tmp_path / "catalog.toml")
    listing = model.model_copy(update={"renderer": "i2vgen_listing:Listing"})
    picture = noisy_photo(tmp_path)
    async with running_engine(tmp_path, model=listing, environ=QUIET, grace=30.0) as engine:
        pid = engine.process.pid
        assert pid

        # Given a job of many steps, When it is cancelled, Then it ends at its next step, and the child stays
        seen: list[int] = []

        def cancel(step: int) -> None:
            seen.append(step)
            engine.process.cancel("cancelled")

        assert isinstance(await render(engine, picture, "cancelled", cancel), RenderStopped)
        assert max(seen) < LONG / 2
        assert engine.process.pid == pid
        await assert_the_next_job_is_rendered(engine, picture)

        # When the child is killed in the middle, Then the job is not to blame, and the next one has another child
        def kill(step: int) -> None:
            os.kill(pid, signal.SIGKILL)

        outcome = await render(engine, picture, "killed", kill)
        assert isinstance(outcome, ChildDied)
        assert outcome.reason.startswith("killed by SIGKILL")
        await assert_the_next_job_is_rendered(engine, picture)
        assert engine.process.pid != pid
        assert not is_alive(pid)

    # and neither had imported the stock pipeline, or any other, or what only training, or other models, need
    imported = (tiny_i2vgen.parent / LISTING).read_text().splitlines()
    assert {"torch", "unstill_engine.renderers.i2vgen_xl.unet"} <= {*imported}
    assert [name for name in imported if name.startswith(NOT_IMPORTED)] == []
