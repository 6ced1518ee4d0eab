"""Faces in a picture: BlazeFace, full range, by MediaPipe (Apache-2.0)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from unstill_engine.renderers.gaze.network import Floats, Network

#: Long sides at which the network looks, in pixels. It has learnt 192; the larger finds faces of a 30th of the picture,
#: and of a panorama's height it sees as much as of another picture's.
_SIDES = (192, 384)
_SHORT_SIDE, _LONG_SIDE_MOST = 256, 1024
_MULTIPLE = 32
_STRIDE = 4
_SCORE_LEAST = 0.65
_OVERLAP_MOST = 0.3


def faces_in(image: Image.Image) -> Floats:
    """Left, top, right, bottom of each face from brows to chin, and how sure it is, 0 to 1: (N, 5), surest first.

    In pixels of the picture, which is of mode RGB. Nothing is told apart, and no one recognised.
    """
    long = round(_SHORT_SIDE * max(image.size) / min(image.size))
    sides = _SIDES[0], min(max(long, _SIDES[1]), _LONG_SIDE_MOST)
    found = np.concatenate([_at(image, side) for side in sides])
    return _without_doubles(found[np.argsort(-found[:, 4], kind="stable")])


@cache
def _network() -> Network:
    return Network(Path(__file__).with_name("blazeface.npz"))


def _at(image: Image.Image, side: int) -> Floats:
    factor = side / max(image.size)
    width, height = (max(round(length * factor), 1) for length in image.size)
    small = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0), np.float32)
    padded = np.full((-(-height // _MULTIPLE) * _MULTIPLE, -(-width // _MULTIPLE) * _MULTIPLE, 3), -1.0, np.float32)
    padded[:height, :width] = small / 127.5 - 1.0
    boxes, scores = _network()(padded)
    sure = 1 / (1 + np.exp(-np.clip(scores[..., 0], -80.0, 80.0)))
    rows, columns = np.nonzero(sure >= _SCORE_LEAST)
    x, y, wide, tall = boxes[rows, columns, :4].T
    x, y = x + (columns + 0.5) * _STRIDE, y + (rows + 0.5) * _STRIDE
    edges = np.stack([x - wide / 2, y - tall / 2, x + wide / 2, y + tall / 2], axis=1) / factor
    return np.concatenate([edges, sure[rows, columns, None]], axis=1).astype(np.float32)


def _without_doubles(found: Floats) -> Floats:
    """Of boxes that overlap only the first."""
    kept: list[Floats] = []
    for box in found:
        if all(_overlap(box, other) <= _OVERLAP_MOST for other in kept):
            kept.append(box)
    return np.stack(kept) if kept else np.zeros((0, 5), np.float32)


def _overlap(one: Floats, other: Floats) -> float:
    """Intersection over union."""
    both = np.clip(np.minimum(one[2:4], other[2:4]) - np.maximum(one[:2], other[:2]), 0.0, None).prod()
    areas = (one[2:4] - one[:2]).prod() + (other[2:4] - other[:2]).prod()
    return float(both / max(areas - both, 1e-9))
