"""Whether a clip of another shape than the photo's is filled by a part of the photo, or has all of it."""

from __future__ import annotations

from pathlib import Path

from unstill_engine.renderers.framing import Size, keeps_all
from unstill_engine.renderers.gaze import Gaze, look
from unstill_engine.renderers.photo import load_photo
from unstill_queue.contract.jobs import Parameters
from unstill_queue.contract.sizing import seen_at_once, uncropped, window

KEPT_LEAST = 0.3
"""The share of a photo that a crop has to keep, whatever matters of it: 16:9 as 9:16 keeps 0.32."""
HELD_LEAST = 0.99
"""The share of what matters, by weight, that a crop has to hold."""
TOLERANCE = 0.01
"""The part of a crop's sides by which what matters may reach beyond it: it is found no more exactly than that."""


def filling(parameters: Parameters, picture: Path, frame: Size, aspect_most: float) -> Parameters:
    """Return the parameters for a clip of the size `frame` as they are, or for all of the photo where a crop to that
    shape would lose what matters of it. `aspect_most` is the model's.

    Raises:
        RenderError: "picture_gone" or "picture_unreadable".
    """
    if not (parameters.width and parameters.height):
        return parameters
    image = load_photo(picture)
    if keeps_all(image.size, frame) or loses_nothing(look(image), frame):
        return parameters
    return uncropped(parameters, frame, seen_at_once(image.size, aspect_most))


def loses_nothing(gaze: Gaze, frame: Size) -> bool:
    """Return whether the best crop of a picture to a shape holds all that matters, and enough of the picture."""
    width, height = window(gaze.size, frame)
    if width * height < KEPT_LEAST * gaze.size[0] * gaze.size[1]:
        return False
    left, top, right, bottom = gaze.crop_box(frame)
    across, down = round(TOLERANCE * (right - left)), round(TOLERANCE * (bottom - top))
    return gaze.share_in((left - across, top - down, right + across, bottom + down)) >= HELD_LEAST
