"""Lines of lettering in a picture: captions, subtitles, titles, signs."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unstill_engine.renderers.gaze.components import Bytes, Floats, Mask, Parts, components

Boxes = NDArray[np.float64]
Box = tuple[float, float, float, float]

#: Long sides at which is looked, in pixels: thin strokes at the larger, thick ones at the smaller.
_SIDES = (640, 256)
#: Ink is thinner than this, in pixels, and differs by this much of 255 from what is around it; a line's by more.
_STROKE_MOST = 11
_CONTRAST_LEAST = 64
_LINE_CONTRAST_LEAST = 110
#: Strokes that a row through a line crosses, in a part of it that is as wide as it is high. Fences have more.
_STROKES = (1.2, 3.5)
_HEIGHT_LEAST, _HEIGHT_MOST = 8, 64
_LETTERS_LEAST = 4
#: Letters of a line: by how much their ink may differ, their heights, and how far they stand apart, in heights.
_INK_DIFFERENCE_MOST = 40
_INK_SPREAD_MOST = 14
#: The same of two or three letters, and their height as a part of the picture's long side.
_SHORT_SPREAD_MOST, _SHORT_CONTRAST_LEAST, _SHORT_HEIGHT_LEAST = 13, 170, 0.04
_HEIGHTS_RATIO_MOST = 2.2
_GAP_MOST = 1.1
#: How far what belongs to a line may reach beyond its letters, in its heights.
_BEYOND = 0.15
_CANDIDATES_MOST = 600


def lettering_in(image: Image.Image) -> Boxes:
    """Left, top, right, bottom of each line, (N, 4), in picture pixels.

    Letters are parts of one ink, thin in stroke, that stand on one line: four at least, alike in height and colour.
    """
    found: list[tuple[int, Box]] = []
    for side in _SIDES:
        factor = min(side / max(image.size), 1.0)
        size = max(round(image.width * factor), 1), max(round(image.height * factor), 1)
        small = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
        colours, grey = np.asarray(small), np.asarray(small.convert("L"))
        for bright in (True, False):
            for count, edges in _lines(colours, _above(grey if bright else 255 - grey)):
                left, top, right, bottom = (edges / factor).tolist()
                found.append((count, (left, top, right, bottom)))
    kept: list[Box] = []
    # The ink, its outline and both sizes may each give the same line, or a part of it: the one of most letters is it,
    # and as long as any of its height.
    for _, box in sorted(found, key=lambda line: -line[0]):
        same = next((number for number, other in enumerate(kept) if _overlap(box, other)), None)
        if same is None:
            kept.append(box)
        elif _alike(box, kept[same]):
            pairs = list(zip(box, kept[same], strict=True))
            kept[same] = min(pairs[0]), min(pairs[1]), max(pairs[2]), max(pairs[3])
    return np.array(kept, np.float64).reshape(-1, 4)


def _above(value: Bytes) -> Bytes:
    """By how much something thin is brighter than what is around it: a top-hat."""
    return value - _extreme(_extreme(value, np.minimum), np.maximum)


def _extreme(value: Bytes, pick: np.ufunc) -> Bytes:
    """The least or the greatest in a square around each pixel."""
    reach = _STROKE_MOST // 2
    for _ in range(2):
        padded = np.pad(value, ((reach, reach), (0, 0)), mode="edge")
        made = padded[: len(value)].copy()
        for at in range(1, 2 * reach + 1):
            pick(made, padded[at : at + len(value)], out=made)
        value = made.T
    return value


def _lines(colours: Bytes, above: Bytes) -> list[tuple[int, Floats]]:
    """How many letters each line has, and its left, top, right and bottom."""
    parts = components(above >= _CONTRAST_LEAST, np.concatenate([colours, above[..., None]], axis=2))
    letters = _letters(parts)
    lines = [letters.chosen(_without_enclosed(group, letters.boxes)) for group in _groups(_together(letters))]
    boxes = [(line, _completed(line, parts)) for line in lines if _is_lettering(line, max(above.shape))]
    return [(len(line.boxes), box) for line, box in boxes if not _is_ground(line, box, colours)]


def _is_ground(line: Parts, box: Floats, colours: Bytes) -> bool:
    """Whether what was taken for ink is what is around the line too: it is what letters enclose, or their outlines."""
    left, top, right, bottom = box.astype(int).tolist()
    reach = max((bottom - top) // 3, 2)
    upper, lower = colours[max(top - reach, 0) : top, left:right], colours[bottom : bottom + reach, left:right]
    around = np.concatenate([upper.reshape(-1, 3), lower.reshape(-1, 3)])
    if not len(around):
        return False
    return bool(np.abs(np.median(around, axis=0) - line.means[:, :3].mean(axis=0)).max() <= _INK_DIFFERENCE_MOST)


def _completed(line: Parts, parts: Parts) -> Floats:
    """The line's box with what else of its ink stands between or beside its letters: dots, dashes and 一."""
    left, top = line.boxes[:, :2].min(axis=0).tolist()
    right, bottom = line.boxes[:, 2:].max(axis=0).tolist()
    tall = bottom - top
    same = (parts.boxes[:, 1] >= top - _BEYOND * tall) & (parts.boxes[:, 3] <= bottom + _BEYOND * tall)
    same &= np.abs(parts.means[:, :3] - line.means[:, :3].mean(axis=0)).max(axis=1) <= _INK_DIFFERENCE_MOST
    beside = parts.boxes[same]
    for box in beside[np.argsort(beside[:, 0], kind="stable")].tolist():
        if box[2] > right and box[0] - right <= _GAP_MOST * tall:
            right = box[2]
    for box in beside[np.argsort(-beside[:, 2], kind="stable")].tolist():
        if box[0] < left and left - box[2] <= _GAP_MOST * tall:
            left = box[0]
    return np.array([left, top, right, bottom], np.float64)


def _letters(parts: Parts) -> Parts:
    """What is as large and as full as a letter, or as some that touch."""
    wide, tall = parts.boxes[:, 2] - parts.boxes[:, 0], parts.boxes[:, 3] - parts.boxes[:, 1]
    fill = parts.areas / (wide * tall)
    fits = (tall >= _HEIGHT_LEAST) & (tall <= _HEIGHT_MOST) & (wide <= 12 * tall) & (tall <= 12 * wide) & (fill > 0.12)
    # A bar is no letter, but "l" and the like, which stand upright.
    fits &= (fill < 0.85) | (wide < 0.6 * tall)
    largest = np.argsort(np.where(fits, -parts.areas, 1), kind="stable")
    return parts.chosen(largest[: min(int(fits.sum()), _CANDIDATES_MOST)])


def _together(letters: Parts) -> Mask:
    """Which stand side by side, alike in height, ink and stroke, (N, N)."""
    left, top, right, bottom = letters.boxes.T
    tall = bottom - top
    less, more = np.minimum(tall[:, None], tall), np.maximum(tall[:, None], tall)
    together = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top) >= 0.5 * less
    together &= more <= _HEIGHTS_RATIO_MOST * less
    together &= np.maximum(left[:, None], left) - np.minimum(right[:, None], right) <= _GAP_MOST * more
    together &= np.abs(letters.means[:, None, :3] - letters.means[:, :3]).max(axis=2) <= _INK_DIFFERENCE_MOST
    together &= np.maximum(letters.runs[:, None], letters.runs) <= 2.2 * np.minimum(letters.runs[:, None], letters.runs)
    return np.asarray(together)


def _without_enclosed(group: NDArray[np.int64], boxes: NDArray[np.int64]) -> NDArray[np.int64]:
    """A group, of which few are letters, without what is inside of another, such as what an O encloses."""
    left, top, right, bottom = boxes[group].T
    inside = (left > left[:, None]) & (top > top[:, None]) & (right < right[:, None]) & (bottom < bottom[:, None])
    outer = group[~inside.any(axis=0)]
    return outer if len(outer) < _LETTERS_LEAST else group


def _is_lettering(line: Parts, side: int) -> bool:
    """Whether there are letters enough, close together, of one ink that stands out, of one height, on one line.

    Fewer are enough where they are large in the picture, whose long side is `side`, and exact: "LOL".
    """
    left, top, right, bottom = line.boxes.T
    tall, wide = float(np.median(bottom - top)), right - left
    length = float(right.max() - left.min())
    off = [np.abs(edge - np.median(edge)) for edge in (top, bottom)]
    strokes = float((line.areas / line.runs).sum()) / length
    spread = float(np.std(line.means[:, :3], axis=0).max())
    contrast = float(line.means[:, 3].mean())
    if not (float(wide.sum()) >= 0.5 * length and strokes <= _STROKES[1]):
        return False
    if len(line.boxes) >= _LETTERS_LEAST:
        level = max(float(np.mean(edge <= 0.12 * tall + 1)) for edge in off)
        return (
            length >= 2 * tall
            and level >= 0.65
            and strokes >= _STROKES[0]
            and spread <= _INK_SPREAD_MOST
            and contrast >= _LINE_CONTRAST_LEAST
        )
    exact = all(bool((edge <= 0.05 * tall + 1).all()) for edge in off)
    large = len(line.boxes) > 1 and tall >= _SHORT_HEIGHT_LEAST * side and length >= 1.2 * tall
    return large and exact and spread <= _SHORT_SPREAD_MOST and contrast >= _SHORT_CONTRAST_LEAST


def _groups(together: Mask) -> list[NDArray[np.int64]]:
    """Members of each group of those that are together, directly or through others."""
    if not len(together):
        return []
    labels = np.arange(len(together))
    while True:
        joined = np.where(together, labels[None], len(labels)).min(axis=1)
        joined = np.minimum(joined, labels)[joined]
        if np.array_equal(joined, labels):
            break
        labels = joined
    return [np.flatnonzero(labels == label) for label in np.unique(labels)]


def _overlap(box: Box, other: Box) -> bool:
    """Whether half of the smaller box lies in the other."""
    wide = min(box[2], other[2]) - max(box[0], other[0])
    tall = min(box[3], other[3]) - max(box[1], other[1])
    least = min((edges[2] - edges[0]) * (edges[3] - edges[1]) for edges in (box, other))
    return wide > 0 and tall > 0 and wide * tall >= 0.5 * least


def _alike(box: Box, other: Box) -> bool:
    """Whether two boxes are of nearly one height."""
    heights = sorted((box[3] - box[1], other[3] - other[1]))
    return heights[1] <= 1.3 * heights[0]
