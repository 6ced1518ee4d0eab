"""A renderer that shows which photos it was given, and makes a sound."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image
from tests.engine.renderers_for_tests import RATE, warbling

from unstill_config.catalog import Model
from unstill_engine.renderers.base import Frames, OnStep, Photos, Plan, Sound
from unstill_engine.renderers.photo import load_photo
from unstill_queue.contract.jobs import Parameters


class Duet:
    """Noise, its left third in the first photo's mean colour and its right third in the last one's, black without."""

    def __init__(self, name: str, model: Model) -> None: ...

    def load(self, device: str) -> None: ...

    def plan(self, parameters: Parameters, photos: Photos) -> Plan:
        return Plan(96, 96, parameters.num_frames, parameters.fps, 0.2, 1000, parameters)

    def render(
        self, plan: Plan, photos: Photos, on_step: OnStep, cancelled: Callable[[], bool]
    ) -> Iterator[Frames | Sound]:
        frames = np.random.default_rng(1).integers(0, 256, (plan.num_frames, 96, 96, 3), np.uint8)
        for photo, place in ((photos.first, slice(0, 32)), (photos.last, slice(64, 96))):
            colour = load_photo(photo).resize((1, 1), Image.Resampling.BOX) if photo else Image.new("RGB", (1, 1))
            frames[:, :, place] = np.asarray(colour)
        on_step(plan.num_frames, plan.num_frames)
        yield frames
        if "mute" not in plan.parameters.prompt:
            yield Sound(warbling(plan.num_frames / plan.fps), RATE)
