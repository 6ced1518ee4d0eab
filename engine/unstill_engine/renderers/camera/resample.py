"""Frames out of a picture, exact to a hundredth of a pixel."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unstill_engine.renderers.camera.views import View
from unstill_engine.renderers.framing import Size

#: A level view is cut by Lanczos, which smooths as far as each frame needs, from a copy this much finer than the
#: frame. From a copy of the frame's own fineness the sharpness changes by 16 % with where the pixels fall; so by 0.5 %.
_LEVEL_FINER = 1.25
#: A turned view is cut bilinearly, which smooths nothing and is exact only where the picture is smooth: so from a
#: copy that holds no detail much finer than a frame's pixel, on a grid finer than that. (Pillow's bicubic transform
#: has the kernel a = -1, which sharpens by where a pixel falls, and takes three times as long.)
_TURNED_DETAIL = 1.2
_TURNED_GRID = 5 / 3
#: The detail kept for the nearest view may be this much finer than the widest view's pixels, before that one aliases.
_TURNED_ALIAS = 1.3
#: Frame pixels kept around what the views show, for the filters' reach.
_MARGIN = 4
_BYTES_A_PIXEL = 4

Box = tuple[int, int, int, int]


class Resampler:
    """Cuts views of one picture into frames of `frame` pixels. `cut` may be called from several threads at once."""

    def __init__(self, picture: Image.Image, views: Sequence[View], frame: Size) -> None:
        self._frame = frame
        self._level = _all_level(views)
        shown = _shown(picture.size, views, frame)
        self._left, self._top = shown[:2]
        self._source = copied(picture, shown, views, level=self._level)
        self._across = self._source.width / (shown[2] - shown[0])
        self._down = self._source.height / (shown[3] - shown[1])

    def cut(self, view: View) -> NDArray[np.uint8]:
        """One frame, (H, W, 3)."""
        seen = View(view.x - self._left, view.y - self._top, view.scale, view.turn)
        if self._level:
            left, top, right, bottom = seen.box(self._frame)
            box = (
                max(left * self._across, 0.0),
                max(top * self._down, 0.0),
                min(right * self._across, self._source.width),
                min(bottom * self._down, self._source.height),
            )
            return np.asarray(self._source.resize(self._frame, Image.Resampling.LANCZOS, box))
        across, down = seen.affine(self._frame)
        place = (*(self._across * term for term in across), *(self._down * term for term in down))
        return np.asarray(self._source.transform(self._frame, Image.Transform.AFFINE, place, Image.Resampling.BILINEAR))


def memory(picture: Size, views: Sequence[View], frame: Size, frames_at_once: int) -> int:
    """Bytes that the picture, its copies and the frames under way take at most."""
    left, top, right, bottom = _shown(picture, views, frame)
    shown = right - left, bottom - top
    copies = copy_sizes(shown, views, level=_all_level(views))
    pixels = sum(width * height for width, height in (picture, shown, *copies))
    return _BYTES_A_PIXEL * pixels + (_BYTES_A_PIXEL + 3) * frames_at_once * frame[0] * frame[1]


def _all_level(views: Sequence[View]) -> bool:
    return all(view.turn == 0.0 for view in views)


def _shown(picture: Size, views: Sequence[View], frame: Size) -> Box:
    """The part of the picture that any view shows. A copy of more could be huge: a strip of 1 x 2000 pixels is."""
    points = [(x, y, view.scale * _MARGIN) for view in views for x, y in view.corners(frame)]
    return (
        max(math.floor(min(x - margin for x, _, margin in points)), 0),
        max(math.floor(min(y - margin for _, y, margin in points)), 0),
        min(math.ceil(max(x + margin for x, _, margin in points)), picture[0]),
        min(math.ceil(max(y + margin for _, y, margin in points)), picture[1]),
    )


def copied(
    picture: Image.Image, part: Box, views: Sequence[View], *, level: bool, most: float = math.inf
) -> Image.Image:
    """Return that part of the picture, as fine and as smooth as the frames of these views are cut from.

    `level`: they are cut by Lanczos, which smooths by itself; else bilinearly. `most` as in `copy_sizes`.
    """
    source = picture.crop(part)
    for size in copy_sizes(source.size, views, level=level, most=most):
        if size != source.size:
            source = source.resize(size, Image.Resampling.LANCZOS)
    return source


def copy_sizes(shown: Size, views: Sequence[View], *, level: bool, most: float = math.inf) -> tuple[Size, Size]:
    """Return the sizes of the smoothed copy and of the fine one that frames are cut from, of a part of that size.

    Either may be the part's own. `level` as in `copied`. `most`: so many pixels the fine copy of one that is not level
    has at most, nearly; where that is less than it should have, frames are softer.
    """
    nearest, widest = min(view.scale for view in views), max(view.scale for view in views)
    if level:
        smooth = _scaled(shown, min(_LEVEL_FINER / nearest, 1.0))
        return smooth, smooth
    density = min(_TURNED_DETAIL / nearest, _TURNED_ALIAS / widest)
    fine = min(density * _TURNED_GRID, math.sqrt(most / (shown[0] * shown[1])))
    return _scaled(shown, min(density, fine, 1.0)), _scaled(shown, fine)


def _scaled(size: Size, factor: float) -> Size:
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)
