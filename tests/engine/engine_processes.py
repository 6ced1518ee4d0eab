"""Engine processes for the tests: the real child, with the renderers of renderers_for_tests."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from structlog.testing import LogCapture
from structlog.typing import FilteringBoundLogger
from tests.waiting import PATIENCE

from unstill_config.catalog import Catalog, Model
from unstill_engine.device.outcomes import RenderOutcome
from unstill_engine.device.process import EngineProcess
from unstill_engine.renderers.base import Photos, Plan
from unstill_queue.contract.jobs import Parameters

ENVIRON = {**os.environ, "PYTHONPATH": str(Path(__file__).parent)}


class Engine:
    """An EngineProcess with what its log got."""

    def __init__(self, state: Path, renderer: str, **options: Any) -> None:
        self.capture = LogCapture()
        log: FilteringBoundLogger = structlog.wrap_logger(
            None, processors=[self.capture], wrapper_class=structlog.make_filtering_bound_logger(0)
        )
        self.spool = state / "spool"
        defaults = {"model": model_of(renderer), "device": "cpu", "environ": ENVIRON, "grace": 1.0}
        self.process = EngineProcess(model_name="test", state=state, log=log, **{**defaults, **options})
        self.steps: list[tuple[int, int]] = []

    @property
    def logged(self) -> str:
        return "\n".join(str(entry) for entry in self.capture.entries)

    async def render(
        self,
        prompt: str = "",
        *,
        job: str = "job",
        seconds: float = 600.0,
        num_frames: int = 8,
        spool: Path | None = None,
        on_progress: Callable[[int, int], None] | None = None,
        on_look: Callable[[bytes], None] | None = None,
    ) -> RenderOutcome:
        return await self.process.plan_and_render(
            job,
            Parameters("test", prompt, 1, num_frames, 8, 12),
            Photos(Path("no-picture-is-read")),
            spool or self.spool,
            deadline=lambda plan: seconds,
            on_progress=on_progress or (lambda step, steps: self.steps.append((step, steps))),
            on_look=on_look,
        )

    async def rendering(self) -> None:
        """Wait until a render has told a step."""
        await until(lambda: bool(self.steps))


def model_of(renderer: str) -> Model:
    return Catalog.load().models["camera"].model_copy(update={"renderer": f"renderers_for_tests:{renderer}"})


@asynccontextmanager
async def running_engine(state: Path, renderer: str = "Obliging", **options: Any) -> AsyncIterator[Engine]:
    engine = Engine(state, renderer, **options)
    await engine.process.start()
    try:
        yield engine
    finally:
        await engine.process.stop()


async def until(true: Callable[[], bool], *, within: float = PATIENCE) -> float:
    """Wait until it holds; the seconds that took."""
    started = time.monotonic()
    while not true():
        assert time.monotonic() - started < within
        await asyncio.sleep(0.005)
    return time.monotonic() - started


def is_alive(pid: int) -> bool:
    """A process that waits only for its parent to read its status is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def unlimited(plan: Plan) -> float:
    return 600.0
