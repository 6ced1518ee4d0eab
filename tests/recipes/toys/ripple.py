"""A model in a page: water runs over the photo, row by row."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

from unstill_config.catalog import Model
from unstill_engine.renderers.base import Frames, OnStep, Photos, Plan, RenderCancelled
from unstill_engine.renderers.framing import frame_size
from unstill_engine.renderers.photo import load_photo, photo_size
from unstill_queue.contract.jobs import Parameters

WAVES = 6


class Ripple:
    """Moves each row of the photo to and fro by a share of its width; `motion` scales it."""

    def __init__(self, name: str, model: Model) -> None:
        self._model = model

    def load(self, device: str) -> None:
        """Do nothing: there are no weights to load."""

    def plan(self, parameters: Parameters, photos: Photos) -> Plan:
        """Plan the frames. Raises RenderError where the photo cannot be read."""
        width, height = frame_size(photo_size(photos.first), parameters, self._model.size_multiple)
        seconds = self._model.cost.seconds(parameters.num_frames, 1, width * height / 1e6)
        return Plan(width, height, parameters.num_frames, parameters.fps, seconds, 6 * width * height, parameters)

    def render(self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]) -> Iterator[Frames]:
        """Yield one frame a step, (1, H, W, 3). Raises RenderCancelled, RenderError."""
        still = np.asarray(load_photo(photos.first).resize((plan.width, plan.height), Image.Resampling.LANCZOS))
        rows = np.arange(plan.height)
        for index in range(plan.num_frames):
            if cancelled():
                raise RenderCancelled
            phase = 2 * np.pi * (WAVES * rows / plan.height + index / plan.num_frames)
            shift = np.round(plan.parameters.motion * plan.width / 40 * np.sin(phase)).astype(int)
            columns = (np.arange(plan.width)[None, :] + shift[:, None]) % plan.width
            yield still[rows[:, None], columns][None]
            on_step(index + 1, plan.num_frames)
