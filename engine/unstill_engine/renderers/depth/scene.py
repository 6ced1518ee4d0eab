"""A picture with depth, of which frames are made for any view."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unstill_engine.renderers.camera.resample import copied
from unstill_engine.renderers.camera.views import View
from unstill_engine.renderers.depth.layers import Lanes, Layer, Map, taken_apart
from unstill_engine.renderers.depth.network import Nearness
from unstill_engine.renderers.depth.parallax import Eye, seen
from unstill_engine.renderers.framing import Box, Size
from unstill_engine.renderers.gaze import Gaze, Kind

#: Frame pixels between two points at which it is computed where they show the picture; between them it is linear.
_CELL = 8
#: A sheet has no steps, so that this many rounds find a point to a small part of a pixel.
_ROUNDS = 5
#: Rows of a frame that are made at once: what is computed with stays in the processor's cache.
_BAND = 64
#: Frame pixels kept around what the views show, for what blends neighbours.
_MARGIN = 4
#: Pixels of the copy that frames are made from. Sheets take up to 72 bytes for each, and a view that turns along a
#: panorama of 16:1 would at 1080 px want 160 million.
FINE_MOST = 16_000_000
#: Four channels in one number, each 8 bits of 16, so that one product weighs all of them.
_CHANNELS = np.uint64(0x00FF00FF00FF00FF)
_HALVES = np.uint64(0x0080008000800080)
_EIGHT, _ALPHA, _WHOLE = np.uint64(8), np.uint64(48), np.uint64(256)

Floats = NDArray[np.float64]


class Scene:
    """Sheets of a picture behind each other, as a moving camera sees them. `cut` may be called from several threads."""

    def __init__(
        self, picture: Image.Image, nearness: Nearness, gaze: Gaze, views: Sequence[View], frame: Size
    ) -> None:
        self._eye = Eye.of(views, frame)
        self._frame = frame
        self._part = part = _part(self._eye, views, picture.size, frame)
        fine = copied(picture, part, views, level=False, most=FINE_MOST)
        self._finer = fine.width / (part[2] - part[0]), fine.height / (part[3] - part[1])
        self._layers = taken_apart(picture, nearness, part, fine)
        height, width = nearness.shape
        self._judged = width / picture.width, height / picture.height
        self._subject = subject(nearness, gaze)
        self._across, self._down = _between(frame[0]), _between(frame[1])

    def cut(self, view: View) -> NDArray[np.uint8]:
        """Return the frame, (H, W, 3), that is seen by a view."""
        (a, b, c), (d, e, f) = view.affine(self._frame)
        u, v = self._across[2][None, :], self._down[2][:, None]
        flat = a * u + b * v + c, d * u + e * v + f
        shift = self._eye.shift(view, *flat)
        frame: Lanes = np.zeros((self._frame[1], self._frame[0]), np.uint64)
        for layer in self._layers:
            self._lay(frame, layer, *self._places(layer, flat, shift))
        return np.ascontiguousarray(frame.view(np.uint8).reshape(*frame.shape, 8)[..., 0:6:2])

    def _places(self, layer: Layer, flat: tuple[Floats, Floats], shift: tuple[Floats, Floats]) -> tuple[Map, Map]:
        """Return where in a sheet's pixels the corners of all cells are: x and y."""
        x, y = flat
        for _ in range(_ROUNDS):
            nearer = self._eye.strength * (
                _read(layer.nearness, x * self._judged[0] - 0.5, y * self._judged[1] - 0.5) - self._subject
            )
            x, y = flat[0] + nearer * shift[0], flat[1] + nearer * shift[1]
        x = (x - self._part[0]) * self._finer[0] - 0.5 - layer.left
        y = (y - self._part[1]) * self._finer[1] - 0.5 - layer.top
        return x.astype(np.float32), y.astype(np.float32)

    def _lay(self, frame: Lanes, layer: Layer, x: Map, y: Map) -> None:
        """Lay a sheet over what is in the frame."""
        height, width = layer.pixels.shape
        met = (x > -1) & (x < width) & (y > -1) & (y < height)
        left, right = _span(met.any(0), self._frame[0])
        top, bottom = _span(met.any(1), self._frame[1])
        cell, part = self._across[0][left:right], self._across[1][left:right]
        x, y = (corners[:, cell] + (corners[:, cell + 1] - corners[:, cell]) * part for corners in (x, y))
        pixels = layer.pixels.reshape(-1)
        for first in range(top, bottom, _BAND):
            rows = slice(first, min(first + _BAND, bottom))
            cell, part = self._down[0][rows], self._down[1][rows, None]
            fixed = []
            for ends, most in ((x, width), (y, height)):
                place = ends[cell] + (ends[cell + 1] - ends[cell]) * part
                place *= 256
                fixed.append(np.clip(place, 0, 256 * (most - 1) - 1, out=place).astype(np.int64))
            found = _blended(pixels, width, *fixed)
            target = frame[rows, left:right]
            rest = found >> _ALPHA
            if int(rest.min()) == 255:
                target[...] = found
                continue
            # 0 to 255 becomes 256 to 0
            np.subtract(_WHOLE, rest + (rest >> np.uint64(7)), out=rest)
            rest *= target
            rest += _HALVES
            rest >>= _EIGHT
            rest &= _CHANNELS
            rest += found
            target[...] = rest


def subject(nearness: Nearness, gaze: Gaze) -> float:
    """Return how near the picture's subject is: the median of its part, or of all where nothing stands out."""
    height, width = nearness.shape
    across, down = width / gaze.size[0], height / gaze.size[1]
    for kind in (Kind.FACE, Kind.DETAIL):
        for region in gaze.regions:
            if region.kind is kind:
                part = nearness[
                    math.floor(region.top * down) : math.ceil(region.bottom * down),
                    math.floor(region.left * across) : math.ceil(region.right * across),
                ]
                if part.size:
                    return float(np.median(part))
    return float(np.median(nearness))


def _part(eye: Eye, views: Sequence[View], picture: Size, frame: Size) -> Box:
    left, top, right, bottom = seen(eye, views, frame)
    margin = _MARGIN * max(view.scale for view in views)
    return (
        max(math.floor(left - margin), 0),
        max(math.floor(top - margin), 0),
        min(math.ceil(right + margin), picture[0]),
        min(math.ceil(bottom + margin), picture[1]),
    )


def _between(side: int) -> tuple[NDArray[np.int64], Map, Floats]:
    """Return of each pixel of a side its cell and where in that its middle is, 0 to 1; and where cells begin, end."""
    at = (np.arange(side) + 0.5) / _CELL
    cell = at.astype(np.int64)
    return cell, (at - cell).astype(np.float32), np.arange(math.ceil(side / _CELL) + 1, dtype=np.float64) * _CELL


def _span(met: NDArray[np.bool_], side: int) -> tuple[int, int]:
    """The first pixel, and the one after the last, of the cells that have a corner which is met."""
    corners = np.flatnonzero(met)
    if not len(corners):
        return 0, 0
    return max(int(corners[0]) - 1, 0) * _CELL, min((int(corners[-1]) + 1) * _CELL, side)


def _read(values: Map, x: Floats, y: Floats) -> Floats:
    """The values, (h, w), at any points, bilinearly; beyond the edges those of the edges."""
    height, width = values.shape
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = np.minimum(x.astype(np.int64), max(width - 2, 0)), np.minimum(y.astype(np.int64), max(height - 2, 0))
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    x, y = x - left, y - top
    upper = values[top, left] * (1 - x) + values[top, right] * x
    lower = values[bottom, left] * (1 - x) + values[bottom, right] * x
    return np.asarray(upper * (1 - y) + lower * y)


def _blended(pixels: Lanes, width: int, x: NDArray[np.int64], y: NDArray[np.int64]) -> Lanes:
    """The pixels at points in 256ths of a pixel, bilinearly; all four neighbours have to be there."""
    at = (y >> 8) * width
    at += x >> 8
    x &= 255
    y &= 255
    right, lower = x.view(np.uint64), y.view(np.uint64)
    left = _WHOLE - right
    one = np.take(pixels, at, mode="clip")
    at += 1
    other = np.take(pixels, at, mode="clip")
    upper = _mixed(one, left, other, right)
    at += width
    other = np.take(pixels, at, mode="clip")
    at -= 1
    one = np.take(pixels, at, mode="clip")
    return _mixed(upper, _WHOLE - lower, _mixed(one, left, other, right), lower)


def _mixed(one: Lanes, weight: Lanes, other: Lanes, rest: Lanes) -> Lanes:
    """Two pixels by weights that make 256 together, rounded. `one` becomes it, and `other` is used up."""
    one *= weight
    other *= rest
    one += other
    one += _HALVES
    one >>= _EIGHT
    one &= _CHANNELS
    return one
