"""Whether a clip of another shape than the photo's is filled by a part of the photo, or has all of it."""

from __future__ import annotations

from pathlib import Path

from unstill_engine.renderers.framing import Size
from unstill_engine.renderers.photo import photo_size
from unstill_queue.contract.jobs import Parameters
from unstill_queue.contract.sizing import seen_at_once, uncropped, window

KEPT_LEAST = 0.75
"""The share of a photo that a crop has to keep."""


def filling(parameters: Parameters, picture: Path, frame: Size, aspect_most: float) -> Parameters:
    """Return the parameters for a clip of the size `frame` as they are, or for all of the photo where a crop to that
    shape would lose what matters of it. `aspect_most` is the model's.

    Raises:
        RenderError: "picture_gone" or "picture_unreadable".
    """
    photo = photo_size(picture)
    width, height = window(photo, frame)
    if width * height >= KEPT_LEAST * photo[0] * photo[1]:
        return parameters
    return uncropped(parameters, frame, seen_at_once(photo, aspect_most))
