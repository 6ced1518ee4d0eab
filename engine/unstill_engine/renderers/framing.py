"""How large a frame is for a photo, and how much of the photo it takes where the shapes differ."""

from __future__ import annotations

import math

from PIL import Image

from unstill_queue.contract.codes import note
from unstill_queue.contract.jobs import Parameters

Size = tuple[int, int]
Box = tuple[int, int, int, int]

_SIDE_LEAST = 16
_EVEN = 2
_LOST_LEAST = 5
"""Percent of a photo; a smaller part that a clip does not show is not worth a sentence."""


def frame_size(picture: Size, parameters: Parameters, multiple: int, *, aspect_most: float = 4.0) -> Size:
    """Width and height of a frame: multiples of `multiple`, in the picture's shape unless both were given.

    The short side is `parameters.resolution`. A picture longer than `aspect_most` to 1 is cropped to that. A frame of
    the picture's own pixels leaves out what is over a multiple, as `own_pixels` does: it is not resampled for that.
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
    if max(abs(width - picture[0]), abs(height - picture[1])) < 1 and multiple == _EVEN:
        return max(picture[0] // _EVEN * _EVEN, least), max(picture[1] // _EVEN * _EVEN, least)
    return max(round(width / multiple) * multiple, least), max(round(height / multiple) * multiple, least)


def own_pixels(image: Image.Image, frame: Size) -> Image.Image:
    """Return the image without the odd row or column that a frame of its own pixels lacks; any other as it is."""
    spare = image.width - frame[0], image.height - frame[1]
    return image.crop((0, 0, *frame)) if max(spare) == 1 and min(spare) >= 0 else image


def crop_size(picture: Size, frame: Size) -> Size:
    """Width and height of the largest part of a picture that has the frame's shape, in pixels."""
    scale = min(picture[0] / frame[0], picture[1] / frame[1])
    width = min(max(round(frame[0] * scale), 1), picture[0])
    height = min(max(round(frame[1] * scale), 1), picture[1])
    return width, height


def keeps_all(picture: Size, frame: Size) -> bool:
    """Return whether a picture has the frame's shape, so that nothing of it is to be chosen."""
    return crop_size(picture, frame) == picture


def room(picture: Size, frame: Size) -> tuple[float, float]:
    """How many frame widths and heights the picture is wider and higher than the frame that just fits into it."""
    scale = min(picture[0] / frame[0], picture[1] / frame[1])
    return picture[0] / (frame[0] * scale) - 1, picture[1] / (frame[1] * scale) - 1


def cropped(shown: float) -> tuple[str, ...]:
    """The note on how much of a photo a clip never shows, by the share of it that is `shown`; none on very little."""
    lost = round(100 * (1 - shown))
    return (note("cropped", percent=lost),) if lost >= _LOST_LEAST else ()
