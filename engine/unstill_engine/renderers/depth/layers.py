"""Takes a picture apart where near meets far, into sheets behind each other, each filled in where it was hidden."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unstill_engine.renderers.depth.inpainting import filled
from unstill_engine.renderers.depth.network import Nearness
from unstill_engine.renderers.framing import Box

Map = NDArray[np.float32]
Mask = NDArray[np.bool_]
Lanes = NDArray[np.uint64]

#: So many sheets a picture is taken apart into at most.
_LAYERS_MOST = 4
#: A step of nearness that is an edge, and no slope: below it, what is stretched is not seen.
_STEP = 0.06
#: Pixels of the network's picture over which it blurs an edge.
_BLUR = 3
#: A wider blur takes more than one sharpening.
_SHARPENINGS = 2
#: Pixels of it beside an edge whose colour is of both sides: behind it, and before it.
_FRINGE_BEHIND, _FRINGE = 2, 1
_THIN = 3
#: An edge is cut that is as long as this part of the sum of the sides.
_EDGE_LEAST = 0.01
_LEVELS = np.linspace(0.02, 0.98, 97)
_PLATEAU = 0.98
#: Pixels of the network's picture to both sides over which a sheet's nearness is smoothed, twice.
_SMOOTH = 3
#: Transparent pixels around a sheet, which are found beyond its edges.
_BORDER = 2


class Layer(msgspec.Struct, frozen=True, eq=False):
    """A sheet: its pixels, and how near it is, (h, w), over all of the picture.

    `pixels`, (height, width): red, green, blue and alpha of 8 bits, premultiplied, each in 16 bits of the number from
    the lowest on. They begin at the pixel (`left`, `top`) of the fine copy of the picture.
    """

    pixels: Lanes
    left: int
    top: int
    nearness: Map


def taken_apart(image: Image.Image, nearness: Nearness, part: Box, fine: Image.Image) -> list[Layer]:
    """Return the sheets of a picture, the farthest first, which covers all of the `part` that `fine` is a copy of."""
    sharp = sharpened(nearness)
    levels = [-np.inf, *levels_of(sharp), np.inf]
    height, width = sharp.shape
    small = np.asarray(image.resize((width, height), Image.Resampling.BOX, reducing_gap=2.0), np.float32)
    scale = width / image.width, height / image.height
    box = part[0] * scale[0], part[1] * scale[1], part[2] * scale[0], part[3] * scale[1]
    colours = np.asarray(fine, np.float32)
    edges = _highest(sharp, 1) + _highest(-sharp, 1) > _STEP
    layers: list[Layer] = []
    for low, high in pairwise(levels):
        before, behind = sharp > high, sharp < low
        known = _surely(~(before | behind), before & edges, behind & edges)
        if not known.any():
            continue
        values = filled(np.concatenate([small, sharp[..., None]], 2), known.astype(np.float32))
        alpha = None if not layers else _alpha(before, behind)
        sheet = _sheet(values[..., :3], known, alpha, colours, box)
        if sheet is not None:
            pixels, left, top = sheet
            layers.append(Layer(pixels, left, top, _smoothed(_smoothed(values[..., 3]))))
    return layers


def sharpened(nearness: Nearness) -> Map:
    """Return the nearness with steps where the network has blurred them: each pixel is of its nearer side."""
    for _ in range(_SHARPENINGS):
        near, far = _highest(nearness, _BLUR), -_highest(-nearness, _BLUR)
        steep = near - far > _STEP
        nearness = np.where(steep, np.where(2 * nearness > near + far, near, far), nearness).astype(np.float32)
    return nearness


def levels_of(sharp: Map) -> list[float]:
    """Return the nearnesses by which most edges are cut, each with near on its one side and far on the other."""
    lows, highs = [], []
    for one, other in ((sharp[:, 1:], sharp[:, :-1]), (sharp[1:], sharp[:-1])):
        low, high = np.minimum(one, other), np.maximum(one, other)
        steps = high - low > _STEP
        lows.append(low[steps])
        highs.append(high[steps])
    low, high = np.concatenate(lows), np.concatenate(highs)
    levels: list[float] = []
    while len(levels) < _LAYERS_MOST - 1:
        first, last = np.searchsorted(_LEVELS, low), np.searchsorted(_LEVELS, high)
        between = np.bincount(first, minlength=len(_LEVELS) + 1) - np.bincount(last, minlength=len(_LEVELS) + 1)
        cut = np.cumsum(between)[:-1]
        if cut.max() < _EDGE_LEAST * sum(sharp.shape):
            break
        best = np.flatnonzero(cut >= _PLATEAU * cut.max())
        level = float(_LEVELS[best[len(best) // 2]])
        levels.append(level)
        left = (low >= level) | (high <= level)
        low, high = low[left], high[left]
    return sorted(levels)


def _surely(inside: Mask, before: Mask, behind: Mask) -> Mask:
    """Return what is of a sheet and has its colour alone; of what is too thin for that, all.

    `before` and `behind` are what the edges of others are; a slope that is cut has its own colour on both sides.
    """
    known = inside & ~_grown(before, _FRINGE_BEHIND) & ~_grown(behind, _FRINGE)
    return known | (inside & ~_grown(known, _THIN))


def _alpha(before: Mask, behind: Mask) -> Map:
    """Return where a sheet is, 0 or 1; where nobody sees it, as around that."""
    seen = (~before).astype(np.float32)
    around = filled((~behind).astype(np.float32)[..., None], seen)[..., 0]
    return np.asarray(around > 0.5, np.float32)


def _sheet(
    around: Map, known: Mask, alpha: Map | None, colours: Map, box: tuple[float, float, float, float]
) -> tuple[Lanes, int, int] | None:
    """The pixels of a sheet, and where they begin; None: it has none. `box` is its part of the network's picture."""
    height, width = colours.shape[:2]
    left, top, right, bottom = 0, 0, width, height
    finer = width / (box[2] - box[0]), height / (box[3] - box[1])
    if alpha is not None:
        # the edge of the network's picture is as soft as one of its pixels, that of a frame's no softer
        shown = _enlarged(_in_bytes(255 * alpha), (width, height), box) / 255
        opaque = np.clip((shown - 0.5) * max(finer[0] / 2, 1) + 0.5, 0, 1)
        rows, columns = np.flatnonzero(opaque.any(1)), np.flatnonzero(opaque.any(0))
        if not len(rows):
            return None
        left, top, right, bottom = int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
        box = (
            box[0] + left / finer[0], box[1] + top / finer[1], box[0] + right / finer[0], box[1] + bottom / finer[1],
        )  # fmt: skip
    size = right - left, bottom - top
    filling = _enlarged(_in_bytes(around), size, box)
    sure = _enlarged(_in_bytes(255 * known), size, box)[..., None] / 255
    pixels = np.full((bottom - top, right - left, 4), 255, np.float32)
    pixels[..., :3] = filling + sure * (colours[top:bottom, left:right] - filling)
    if alpha is not None:
        pixels *= opaque[top:bottom, left:right, None]
        pixels = np.pad(pixels, ((_BORDER, _BORDER), (_BORDER, _BORDER), (0, 0)))
        left, top = left - _BORDER, top - _BORDER
    lanes = np.rint(np.clip(pixels, 0, 255)).astype("<u2")
    return np.ascontiguousarray(lanes).view("<u8")[..., 0], left, top


def _in_bytes(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(values, 0, 255)), np.uint8)


def _enlarged(values: NDArray[np.uint8], size: tuple[int, int], box: tuple[float, float, float, float]) -> Map:
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BILINEAR, box), np.float32)


def _grown(mask: Mask, by: int) -> Mask:
    return np.asarray(_highest(mask, by), np.bool_)


def _highest(values: NDArray[Any], by: int) -> NDArray[Any]:
    """The largest within `by` pixels on both axes, (H, W)."""
    for axis in (0, 1):
        padded = np.pad(values, [(by, by) if each == axis else (0, 0) for each in (0, 1)], mode="edge")
        length = values.shape[axis]
        values = np.maximum.reduce([np.take(padded, range(at, at + length), axis) for at in range(2 * by + 1)])
    return values


def _smoothed(values: Map) -> Map:
    """The mean within `_SMOOTH` pixels on both axes, (H, W)."""
    for axis in (0, 1):
        padded = np.pad(values, [(_SMOOTH + 1, _SMOOTH) if each == axis else (0, 0) for each in (0, 1)], mode="edge")
        sums = np.cumsum(padded, axis, dtype=np.float64)
        length = values.shape[axis]
        width = 2 * _SMOOTH + 1
        high, low = (np.take(sums, range(at, at + length), axis) for at in (width, 0))
        values = np.asarray((high - low) / width, np.float32)
    return values


def layers_bytes(fine: Sequence[int], judged: Sequence[int]) -> int:
    """Return the bytes that sheets of a fine copy of that size take at most, and what makes them."""
    return fine[0] * fine[1] * (8 * _LAYERS_MOST + 40) + judged[0] * judged[1] * (4 * _LAYERS_MOST + 100)
