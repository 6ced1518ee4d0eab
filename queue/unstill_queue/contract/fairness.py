"""What a job costs, in estimated GPU-seconds: the unit of turns, quotas and waiting times.

Whose turn it is, is decided in `ledger/lua/turns.lua`, at the moment an engine asks.
"""

from __future__ import annotations

from unstill_config.catalog import Model
from unstill_queue.contract.jobs import Parameters

LEAST = 0.01
"""Seconds. A turn is passed on by what the job costs, so that one which costs nothing would keep it."""


def aspect_of(width: int, height: int) -> float:
    """Long side over short side in pixels; 1.0 where a platform does not say both."""
    return max(width, height) / min(width, height) if width > 0 and height > 0 else 1.0


def estimated_seconds(parameters: Parameters, model: Model, aspect: float) -> float:
    """GPU-seconds that a job should take, by the model's cost in the catalogue.

    `aspect` is long side over short side of the picture, >= 1. A width or height that is given alone is its short side.
    """
    if parameters.width and parameters.height:
        pixels = parameters.width * parameters.height
    else:
        short = parameters.width or parameters.height or parameters.resolution
        pixels = round(short**2 * min(aspect, model.aspect_most))
    frames, steps = parameters.num_frames, parameters.num_inference_steps
    return max(LEAST, model.cost.seconds(frames, steps, pixels / 1e6, parameters.cache_interval))
