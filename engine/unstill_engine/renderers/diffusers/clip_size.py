"""The size of the frames that a model draws: its own area at each resolution, in the photo's shape or the clip's."""

from __future__ import annotations

import math

from PIL import Image, ImageOps

from unstill_config.catalog import Model
from unstill_engine.renderers.framing import Size, frame_size
from unstill_queue.contract.jobs import Parameters

WIDE: Size = (16, 9)
"""The shape of a clip of words alone, where nobody says another."""


def drawn_size(photo: Size | None, parameters: Parameters, model: Model) -> Size:
    """Return width and height, multiples of the model's: as many pixels as it has learnt with, whatever the shape.

    A small photo gets no smaller clip: it is scaled up first.
    """
    areas = model.pipeline.areas if model.pipeline else {}
    across, down = photo or WIDE
    if parameters.width and parameters.height:
        across, down = parameters.width, parameters.height
    area = areas.get(parameters.resolution)
    if area is None:
        return frame_size((across, down), parameters, model.size_multiple, aspect_most=model.aspect_most)
    aspect = min(max(across / down, 1 / model.aspect_most), model.aspect_most)
    width, height = math.sqrt(area * aspect), math.sqrt(area / aspect)
    return _on_grid(width, model.size_multiple), _on_grid(height, model.size_multiple)


def fitted(photo: Image.Image, size: Size) -> Image.Image:
    """Return the largest middle part of the photo in that shape, scaled to that size."""
    return ImageOps.fit(photo, size, Image.Resampling.LANCZOS)


def _on_grid(side: float, multiple: int) -> int:
    return max(1, round(side / multiple)) * multiple
