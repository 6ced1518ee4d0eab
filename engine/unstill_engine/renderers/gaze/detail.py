"""How much there is to see in each part of a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image

from unstill_engine.renderers.gaze.regions import Map

_SIDE = 128


def detail_of(image: Image.Image) -> Map:
    """Differences between neighbouring pixels of the grey picture at up to 128 pixels a side, (H, W)."""
    small = image.convert("L")
    small.thumbnail((_SIDE, _SIDE), Image.Resampling.BOX)
    grey = np.asarray(small, dtype=np.float32)
    down, across = (np.abs(np.diff(grey, axis=along, append=np.take(grey, [-1], along))) for along in (0, 1))
    return np.asarray(down + across, dtype=np.float32)
