"""Calls a pipeline: tells and counts its steps, cancels between two of them, and frees its hooks however it ends."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import TracebackType
from typing import Any, Self

import torch

from unstill_engine.renderers.base import OnStep, RenderCancelled
from unstill_engine.renderers.torch.pace import Pace
from unstill_engine.renderers.torch.sight import Sight


class Steps:
    """Counts a call's steps, by whichever way the pipeline tells of them: an index in a callback is not trusted.

    `sight` is shown what each step predicts, where a pipeline calls back.
    """

    def __init__(
        self,
        total: int,
        on_step: OnStep,
        cancelled: Callable[[], bool],
        device: torch.device,
        sight: Sight | None = None,
    ) -> None:
        self._total = total
        self._sight = sight or Sight()
        self._on_step = on_step
        self._cancelled = cancelled
        self._pace = Pace(device)
        self._done = 0

    def step(self) -> None:
        """Tell that one more is done. Raises RenderCancelled."""
        self._pace.keep()
        self._done += 1
        self._on_step(min(self._done, self._total), self._total)
        if self._done < self._total and self._cancelled():
            raise RenderCancelled

    def callback(self, pipeline: Any, index: int, timestep: Any, tensors: dict[str, Any]) -> dict[str, Any]:
        """Take part as diffusers' `callback_on_step_end`, which may return other tensors and here returns the same."""
        self._sight.see(pipeline.scheduler)
        self.step()
        return tensors

    def bar(self, iterable: Iterable[Any] | None = None, total: int | None = None) -> _Bar:
        """Stand in for a pipeline's `progress_bar`."""
        return _Bar(self, iterable)


class _Bar:
    """As much of tqdm as pipelines use."""

    def __init__(self, steps: Steps, iterable: Iterable[Any] | None) -> None:
        self._steps = steps
        self._iterable = iterable

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing: there is no bar to close."""

    def __iter__(self) -> Iterator[Any]:
        for item in self._iterable or ():
            yield item
            self._steps.step()

    def update(self, count: int = 1) -> None:
        """Count steps that were done."""
        for _ in range(count):
            self._steps.step()

    def set_postfix(self, *_: Any, **__: Any) -> None:
        """Show nothing."""


@torch.no_grad()
def called(pipeline: Any, arguments: Mapping[str, Any], steps: Steps) -> Any:
    """Return what the pipeline makes of the arguments.

    Raises:
        RenderCancelled: between two steps.
    """
    ways: dict[str, Any] = {}
    if "callback_on_step_end" in inspect.signature(type(pipeline).__call__).parameters:
        ways["callback_on_step_end"] = steps.callback
        pipeline.set_progress_bar_config(disable=True)
    else:
        pipeline.progress_bar = steps.bar
    try:
        return pipeline(**arguments, **ways)
    finally:
        pipeline.maybe_free_model_hooks()  # an error skips diffusers' own call
        pipeline.__dict__.pop("progress_bar", None)
