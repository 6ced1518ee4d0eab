"""An early look: a small still of what a renderer sees, once a quarter of its steps are done."""

from __future__ import annotations

import io
import traceback

from PIL import Image

from unstill_engine.device.messages import LOOK_MOST
from unstill_engine.renderers.base import Frames, Renderer, Seeing

FROM = 0.25
"""The share of the steps from which on a renderer is asked. Before that the clip has no shape yet."""
SIDE = 320
"""Pixels of the longer side."""


class Looks:
    """Asks one renderer what it sees in one render, until it has said it once. `wanted` False: it is not asked."""

    def __init__(self, renderer: Renderer, *, wanted: bool) -> None:
        self._renderer = renderer if wanted and isinstance(renderer, Seeing) else None

    def after(self, step: int, steps: int) -> bytes | None:
        """Return the look as a JPEG, where there is one after this step.

        What goes wrong is logged, and costs the look and not the render.
        """
        if self._renderer is None or step < FROM * steps or step >= steps:
            return None
        try:
            frame = self._renderer.sees()
            look = None if frame is None else still(frame)
        except Exception:
            traceback.print_exc()
            self._renderer = None
            return None
        if frame is not None:
            self._renderer = None
        return look


def still(frame: Frames) -> bytes | None:
    """Return one frame, (1, H, W, 3), as a JPEG of at most SIDE pixels a side and LOOK_MOST bytes; None where it
    cannot be made so small.
    """
    image = Image.fromarray(frame[0])
    scale = SIDE / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    image = image.resize(size, Image.Resampling.BICUBIC)
    for quality in (80, 50):
        out = io.BytesIO()
        image.save(out, "JPEG", quality=quality)
        if out.tell() <= LOOK_MOST:
            return out.getvalue()
    return None
