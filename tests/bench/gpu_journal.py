"""The renderer i2vgen_xl as an engine's child loads it, with a journal of when it loaded, rendered and stepped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.system.renderers import JOURNAL, write_event

from unstill_engine.renderers.base import Frames, OnStep, Photos, Plan, Revised
from unstill_engine.renderers.i2vgen_xl.renderer import I2VGenXL


class Journalled(I2VGenXL):
    """`House.events` reads it: each stage of its load with its seconds, loaded; then begin, first and end of a job."""

    def load(self, device: str) -> None:
        self._journalled = device
        super().load(device)
        for stage, seconds in self.stages.seconds.items():
            self._write("stage", f"{stage} {seconds:.3f}")
        self._write("loaded")

    def render(
        self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]
    ) -> Iterator[Frames | Revised]:
        prompt = plan.parameters.prompt

        def stepped(step: int, steps: int) -> None:
            if step == 1:
                self._write("first", prompt)
            on_step(step, steps)

        self._write("begin", prompt)
        yield from super().render(plan, photos, stepped, cancelled)
        self._write("end", prompt)

    def _write(self, event: str, prompt: str = "-") -> None:
        write_event(Path(os.environ[JOURNAL]), self._journalled, event, prompt)
