"""Computes what a camera sees of a picture with depth, where over a flat one it sees a row of views."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from unstill_engine.renderers.camera.views import View
from unstill_engine.renderers.framing import Size

Floats = NDArray[np.float64]

STRENGTH = 0.45
"""The most by which the nearest moves more than the farthest, in parts of what the picture's subject moves, at most."""
REACH_MOST = 0.045
"""The most by which the nearest and the farthest part from each other, as a part of the frame's long side."""
_AS_WIDE = 0.995


class Eye(msgspec.Struct, frozen=True, eq=False):
    """A pinhole camera that moves without turning, so that what is at the subject's depth is seen as in the flat views.

    Let d be how much nearer something is than the subject, in parts of the subject's inverse depth. A frame point
    that shows the picture point F of the flat picture, shows F + d (F - P - W) of what is d nearer. P is the picture
    point (`x`, `y`) that the camera looks at when it sees the most, at `scale`, and W how far from the frame's middle
    that frame point then is; it all follows from x' = (x - t_x / z) / (1 - t_z / z).
    `strength` is d between the farthest and the nearest of the picture.
    """

    x: float
    y: float
    scale: float
    strength: float

    @classmethod
    def of(cls, views: Sequence[View], frame: Size) -> Eye:
        """Return the camera that sees the picture as it is where the views are widest, in the middle of these."""
        scale = max(view.scale for view in views)
        widest = [view for view in views if view.scale >= _AS_WIDE * scale]
        across, down = [view.x for view in widest], [view.y for view in widest]
        eye = cls((min(across) + max(across)) / 2, (min(down) + max(down)) / 2, scale, 1.0)
        far = max(float(np.hypot(*eye.shift(view, *_corners(view, frame))).max()) / view.scale for view in views)
        most = REACH_MOST * max(frame) / far if far > 0 else STRENGTH
        return cls(eye.x, eye.y, scale, min(STRENGTH, most))

    def shift(self, view: View, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Return F - P - W for the points F of a view, in picture pixels; the last dimensions are theirs."""
        wide = self.scale / view.scale
        return x - self.x - (x - view.x) * wide, y - self.y - (y - view.y) * wide


def kept_inside(views: Sequence[View], picture: Size, frame: Size, *, each: bool = False) -> list[View]:
    """Return the views nearer to the picture's middle, so much that nothing outside of it is seen at any depth.

    What is nearer moves more, so that at the frame's edge a moving camera would see beyond the picture's. `each`: every
    view by as much as it needs itself, so that one which sees the picture as it is stays.
    """
    eye = Eye.of(views, frame)
    middle = picture[0] / 2, picture[1] / 2
    parts = [_part_inside(eye, view, picture, frame) for view in views]
    return [
        View(
            middle[0] + (view.x - middle[0]) * part, middle[1] + (view.y - middle[1]) * part,
            view.scale * part, view.turn,
        )
        for view, part in zip(views, parts if each else [min(parts)] * len(parts), strict=True)
    ]  # fmt: skip


def _part_inside(eye: Eye, view: View, picture: Size, frame: Size) -> float:
    """Return the part of a view's distances from the picture's middle at which it sees nothing outside."""
    part = 1.0
    x, y = _corners(view, frame)
    for at, shift, side in zip((x, y), eye.shift(view, x, y), picture, strict=True):
        farthest = float(np.max(np.abs(at - side / 2) + eye.strength * np.abs(shift)))
        part = min(part, side / 2 / max(farthest, side / 2))
    return part


def seen(eye: Eye, views: Sequence[View], frame: Size) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of what any view shows at any depth, in picture pixels."""
    low_x, low_y, high_x, high_y = [], [], [], []
    for view in views:
        x, y = _corners(view, frame)
        dx, dy = (eye.strength * np.abs(shift) for shift in eye.shift(view, x, y))
        low_x.append(float(np.min(x - dx)))
        low_y.append(float(np.min(y - dy)))
        high_x.append(float(np.max(x + dx)))
        high_y.append(float(np.max(y + dy)))
    return min(low_x), min(low_y), max(high_x), max(high_y)


def _corners(view: View, frame: Size) -> tuple[Floats, Floats]:
    points = np.array(view.corners(frame))
    return points[:, 0], points[:, 1]
