"""How large a frame is rendered: by what was asked, by the clip's shape, and by the pixels that the photo has."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

import msgspec

from unstill_config.catalog import Catalog, Shape, Value
from unstill_queue.contract.jobs import Finish, Parameters

Size = tuple[int, int]
"""Width and height in pixels."""

LARGE = 4096
"""The short side, in pixels, of a photo of which only the shape is known."""

UNSEEN = 16 / 9
"""The width of a frame over its height where neither a photo nor the words say it."""

FRAMES_MOST = 1_250_000_000
"""Bytes of raw frames that a clip has at most whose size nobody set: an engine has three clips in hand on its disk."""

_RATIO = re.compile(r"(\d+(?:[.,]\d+)?) ?[:：x×*/] ?(\d+(?:[.,]\d+)?)|(\d+[.,]\d+)")


def sized(
    parameters: Parameters, finish: Finish, given: Mapping[str, Value], catalog: Catalog, photo: Size | None
) -> Parameters:
    """Return the parameters with the frame of a clip of that photo, or of words alone. `given` are the options that
    were set.

    A resolution that was asked for holds, and so does a preset's, and a model's that draws new pixels. Else there are
    as many pixels as the clip's shape has room for, and where the model draws none, never more than the photo's own,
    nor than an engine's disk has room for.
    A photo that fills another shape by a crop is rendered in that shape.
    """
    model = catalog.models[parameters.model]
    if photo is None:
        wide = sized(parameters, finish, given, catalog, imagined(UNSEEN))
        short = float(wide.height or wide.resolution)
        return msgspec.structs.replace(
            wide,
            width=_on_grid(wide.width or short * UNSEEN, model.size_multiple),
            height=_on_grid(short, model.size_multiple),
        )
    photo = seen_at_once(photo, model.aspect_most)
    frame = frame_of(catalog.finishes.get(finish.shape))
    crops = frame is not None and finish.fill in ("", "crop")
    preset = catalog.presets[str(given["preset"])].for_model(parameters.model) if "preset" in given else {}
    shown = window(photo, frame) if frame and crops else (float(photo[0]), float(photo[1]))
    short = float(parameters.resolution)
    if not model.draws and "resolution" not in given:
        if frame and "resolution" not in preset:
            short = min(shown) * min(frame[0] / shown[0], frame[1] / shown[1])
        short = min(short, *shown, _roomy(parameters, shown))
    if frame and crops:
        width, height = (side * short / min(frame) for side in frame)
        return msgspec.structs.replace(
            parameters, width=_on_grid(width, model.size_multiple), height=_on_grid(height, model.size_multiple)
        )
    return _with_short_side(parameters, short, photo)


def uncropped(parameters: Parameters, frame: Size, photo: Size) -> Parameters:
    """Return the parameters of the same clip with the whole photo in its `frame`, and not a part in its shape.

    `photo` is as `seen_at_once` returns it.
    """
    if parameters.width is None or parameters.height is None:
        return parameters
    own = msgspec.structs.replace(parameters, width=None, height=None)
    if min(parameters.width, parameters.height) == parameters.resolution:
        return own
    short = min(photo) * min(1.0, frame[0] / photo[0], frame[1] / photo[1])
    return _with_short_side(own, min(short, _roomy(own, photo)), photo)


def frame_of(shape: Shape | None) -> Size | None:
    """Return the size of a clip of that shape; None where it is the photo's own."""
    return (shape.width, shape.height) if shape and shape.width and shape.height else None


def window(photo: Size, frame: Size) -> tuple[float, float]:
    """Return width and height, in the photo's pixels, of its largest part in the frame's shape."""
    scale = min(photo[0] / frame[0], photo[1] / frame[1])
    return frame[0] * scale, frame[1] * scale


def seen_at_once(photo: Size, aspect_most: float) -> Size:
    """Return the size of the part of a photo that a frame can show which is at most so much longer than wide."""
    width, height = photo
    return min(width, round(height * aspect_most)), min(height, round(width * aspect_most))


def imagined(aspect: float) -> Size:
    """Return the size of a large photo with that long side over its short one, for a cost before the photo is known."""
    return round(LARGE * aspect), LARGE


def _roomy(parameters: Parameters, shown: tuple[float, float]) -> float:
    """Return the longest short side of frames in that shape which are no more than FRAMES_MOST bytes."""
    return math.sqrt(FRAMES_MOST / 3 / parameters.num_frames * min(shown) / max(shown))


def _with_short_side(parameters: Parameters, short: float, photo: Size) -> Parameters:
    """The photo's own shape, by the side that is the shorter one."""
    side = max(1, round(short))
    if side == parameters.resolution:
        return parameters
    if photo[0] < photo[1]:
        return msgspec.structs.replace(parameters, width=side)
    return msgspec.structs.replace(parameters, height=side)


def _on_grid(side: float, multiple: int) -> int:
    return max(1, round(side / multiple)) * multiple


def ratio_of(text: str) -> float | None:
    """Return the width over the height in "16:9", "1920x1080" or "1.78"; None for any other text."""
    found = _RATIO.fullmatch(text.strip())
    if found is None:
        return None
    width, height = (float((part or "1").replace(",", ".")) for part in (found[1] or found[3], found[2]))
    return width / height if width and height else None
