"""How large a frame is for a photo, and which part of the photo it takes where the shapes differ."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from unstill_queue.contract.jobs import Parameters

Size = tuple[int, int]
Box = tuple[int, int, int, int]

_SIDE_LEAST = 16
_DETAIL_SIDE = 128
_CENTRE_PULL = 0.25
"""How much of all detail a window at the picture's edge has to have more than the one in its middle."""


def frame_size(picture: Size, parameters: Parameters, multiple: int, *, aspect_most: float = 4.0) -> Size:
    """Width and height of a frame: multiples of `multiple`, in the picture's shape unless both were given.

    The short side is `parameters.resolution`. A picture longer than `aspect_most` to 1 is cropped to that.
    """
    aspect = min(max(picture[0] / picture[1], 1 / aspect_most), aspect_most)
    if parameters.width and parameters.height:
        width, height = float(parameters.width), float(parameters.height)
    elif parameters.width:
        width, height = parameters.width, parameters.width / aspect
    elif parameters.height:
        width, height = parameters.height * aspect, parameters.height
    else:
        width = parameters.resolution * max(aspect, 1.0)
        height = parameters.resolution * max(1 / aspect, 1.0)
    least = math.ceil(_SIDE_LEAST / multiple) * multiple
    return max(round(width / multiple) * multiple, least), max(round(height / multiple) * multiple, least)


def crop_box(image: Image.Image, frame: Size) -> Box:
    """The largest part of the image in the frame's shape: left, top, right, bottom, in pixels.

    It slides along the one side that is too long to where it holds the most detail, measured by the differences
    between neighbouring pixels; among equals, and nearly equals, to the middle.
    """
    scale = min(image.width / frame[0], image.height / frame[1])
    width = min(max(round(frame[0] * scale), 1), image.width)
    height = min(max(round(frame[1] * scale), 1), image.height)
    if width == image.width:
        top = _offset(image, 0, height)
        return 0, top, width, top + height
    left = _offset(image, 1, width)
    return left, 0, left + width, height


def _offset(image: Image.Image, axis: int, window: int) -> int:
    """Where on an axis of (height, width) the window begins."""
    side = (image.height, image.width)[axis]
    spare = side - window
    if spare <= 0:
        return 0
    small = image.convert("L")
    small.thumbnail((_DETAIL_SIDE, _DETAIL_SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float32)
    down, across = (np.abs(np.diff(grey, axis=along, append=np.take(grey, [-1], along))) for along in (0, 1))
    detail = (down + across).sum(axis=1 - axis)
    held = np.interp(np.linspace(0, len(detail), side + 1), np.arange(len(detail) + 1), np.append(0, np.cumsum(detail)))
    starts = np.arange(spare + 1)
    inside = (held[starts + window] - held[starts]) / max(float(held[-1]), 1e-9)
    from_centre = np.abs(starts - spare / 2) / max(spare / 2, 1)
    return int(np.argmax(inside - _CENTRE_PULL * from_centre))
