"""What stands out in a picture by its colour: a sail on the sea, a flower among leaves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unstill_engine.renderers.gaze.components import components

Boxes = NDArray[np.float64]

_SIDE = 96
_COLOURS = 24
_SPREAD = 0.22
_SHARE_LEAST = 0.45
_AREA_LEAST, _AREA_MOST = 0.002, 0.5
_SPAN_MOST = 0.9
_DISTANCE_LEAST = 45.0
_NEXT_LEAST = 0.5
_THINGS_MOST = 3


def things_in(image: Image.Image) -> Boxes:
    """Left, top, right, bottom and weight, 0 to 1, of each thing, (N, 5), in picture pixels; the strongest first.

    A colour stands out that is far from the others, each by its share of the picture (Cheng and others, "Global
    contrast based salient region detection", 2011), and whose pixels lie together. A thing is connected and compact.
    """
    factor = min(_SIDE / max(image.size), 1.0)
    size = max(round(image.width * factor), 1), max(round(image.height * factor), 1)
    small = image.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    reduced = small.quantize(_COLOURS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    index = np.asarray(reduced)
    count = int(index.max()) + 1
    palette = np.array((reduced.getpalette() or [])[: 3 * count], np.float64).reshape(-1, 3)
    y, x = np.mgrid[0 : size[1], 0 : size[0]] / max(size)
    share = np.bincount(index.ravel(), minlength=count) / index.size
    far = (np.abs(palette[:, None] - palette).mean(axis=2) * share).sum(axis=1)
    spread = np.zeros(count)
    for place in (x, y):
        mean, square = (
            np.bincount(index.ravel(), (place**power).ravel(), count) / np.maximum(share * index.size, 1)
            for power in (1, 2)
        )
        spread += np.maximum(square - mean**2, 0.0)
    stands_out = (far * np.exp(-spread / _SPREAD**2))[index]
    most = float(stands_out.max())
    if most <= 0:
        return np.zeros((0, 5))
    values = np.round(stands_out / most * 255).astype(np.uint8)
    parts = components(stands_out >= _SHARE_LEAST * most, values[..., None])
    boxes = parts.boxes
    across, down = (boxes[:, 2] - boxes[:, 0]) / size[0], (boxes[:, 3] - boxes[:, 1]) / size[1]
    extent = across * down
    force = parts.areas * parts.means[:, 0]
    # What goes from side to side is sky, water or ground.
    fits = (
        (np.maximum(across, down) <= _SPAN_MOST)
        & (extent >= _AREA_LEAST)
        & (extent <= _AREA_MOST)
        & (parts.means[:, 0] / 255 * most >= _DISTANCE_LEAST)
    )
    chosen = [int(i) for i in np.argsort(-force, kind="stable") if fits[i]][:_THINGS_MOST]
    return np.array(
        [
            [*(boxes[i] / factor), force[i] / force[chosen[0]]]
            for i in chosen
            if force[i] >= _NEXT_LEAST * force[chosen[0]]
        ],
        np.float64,
    ).reshape(-1, 5)
