"""Frames out of a picture, exact to a hundredth of a pixel."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unstill_engine.renderers.camera.views import Size, View

#: A level view is cut from a copy this much finer than the frame, by Lanczos, which smooths as far as each frame needs.
_LEVEL_FINER = 1.25
#: A turned view is cut bilinearly, which smooths nothing: from a copy that holds no detail finer than a frame's
#: pixel, on a grid twice as fine, where the straight line between two samples is close to the true curve.
#: (Pillow's bicubic transform has the kernel a = -1: it sharpens by where a pixel falls, which shimmers.)
_TURNED_FINER = 2.0
#: How much finer than the widest view's pixels that copy may be; beyond, the widest view would alias.
_TURNED_ALIAS = 1.2
_BYTES_A_PIXEL = 4


class Resampler:
    """Cuts views of one picture into frames of `frame` pixels. `cut` may be called from several threads at once."""

    def __init__(self, picture: Image.Image, views: Sequence[View], frame: Size) -> None:
        self._frame = frame
        self._level = _all_level(views)
        smooth, fine = _copies(picture.size, views)
        source = picture
        for size in (smooth, fine):
            if size != source.size:
                source = source.resize(size, Image.Resampling.LANCZOS)
        self._source = source
        self._across, self._down = source.width / picture.width, source.height / picture.height

    def cut(self, view: View) -> NDArray[np.uint8]:
        """One frame, (H, W, 3)."""
        if self._level:
            left, top, right, bottom = view.box(self._frame)
            box = (
                max(left * self._across, 0.0),
                max(top * self._down, 0.0),
                min(right * self._across, self._source.width),
                min(bottom * self._down, self._source.height),
            )
            return np.asarray(self._source.resize(self._frame, Image.Resampling.LANCZOS, box))
        across, down = view.affine(self._frame)
        place = (*(self._across * term for term in across), *(self._down * term for term in down))
        return np.asarray(self._source.transform(self._frame, Image.Transform.AFFINE, place, Image.Resampling.BILINEAR))


def memory(picture: Size, views: Sequence[View], frame: Size, frames_at_once: int) -> int:
    """Bytes that the picture, its copies and the frames under way take at most."""
    pixels = sum(width * height for width, height in (picture, *_copies(picture, views)))
    return _BYTES_A_PIXEL * pixels + (_BYTES_A_PIXEL + 3) * frames_at_once * frame[0] * frame[1]


def _all_level(views: Sequence[View]) -> bool:
    return all(view.turn == 0.0 for view in views)


def _copies(picture: Size, views: Sequence[View]) -> tuple[Size, Size]:
    """Sizes of the smoothed copy and of the fine one that frames are cut from; either may be the picture's own."""
    nearest, widest = min(view.scale for view in views), max(view.scale for view in views)
    if _all_level(views):
        smooth = _scaled(picture, min(_LEVEL_FINER / nearest, 1.0))
        return smooth, smooth
    density = min(1 / nearest, _TURNED_ALIAS / widest)
    return _scaled(picture, min(density, 1.0)), _scaled(picture, density * _TURNED_FINER)


def _scaled(size: Size, factor: float) -> Size:
    return max(round(size[0] * factor), 1), max(round(size[1] * factor), 1)
