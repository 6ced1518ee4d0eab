"""What part of the picture each frame shows."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec
import numpy as np
from PIL import Image, ImageDraw

from unstill_engine.renderers.camera.aiming import aimed
from unstill_engine.renderers.camera.path import Path, smoothstep
from unstill_engine.renderers.framing import Size
from unstill_engine.renderers.gaze import Gaze

Row = tuple[float, float, float]

_MASK_SIDE = 500


class View(msgspec.Struct, frozen=True):
    """A rectangle of the picture, of the frame's shape. Pixels of the picture; `turn` in degrees, 0 being level.

    `scale` is picture pixels a frame pixel.
    """

    x: float
    y: float
    scale: float
    turn: float

    def box(self, frame: Size) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of the level view."""
        half_width, half_height = self.scale * frame[0] / 2, self.scale * frame[1] / 2
        return self.x - half_width, self.y - half_height, self.x + half_width, self.y + half_height

    def affine(self, frame: Size) -> tuple[Row, Row]:
        """(a, b, c) and (d, e, f): frame point (u, v) shows picture point (a u + b v + c, d u + e v + f)."""
        cosine = self.scale * math.cos(math.radians(self.turn))
        sine = self.scale * math.sin(math.radians(self.turn))
        u, v = frame[0] / 2, frame[1] / 2
        return (cosine, sine, self.x - cosine * u - sine * v), (-sine, cosine, self.y + sine * u - cosine * v)

    def corners(self, frame: Size) -> list[tuple[float, float]]:
        """The picture points at the frame's four corners."""
        (a, b, c), (d, e, f) = self.affine(frame)
        return [(a * u + b * v + c, d * u + e * v + f) for u in (0, frame[0]) for v in (0, frame[1])]


def share_shown(views: Sequence[View], picture: Size, frame: Size) -> float:
    """The share of the picture that is seen in any of the views, 0 to 1, exact to a few thousandths."""
    # as fine on either side: of a long picture, a row of a mask of its shape would be a hundredth of it and more
    mask = Image.new("L", (_MASK_SIDE, _MASK_SIDE))
    across, down = _MASK_SIDE / picture[0], _MASK_SIDE / picture[1]
    draw = ImageDraw.Draw(mask)
    for view in views:
        one, two, three, four = ((x * across - 0.5, y * down - 0.5) for x, y in view.corners(frame))
        draw.polygon([one, two, four, three], fill=255)
    return mask.histogram()[255] / _MASK_SIDE**2


def from_whole(views: Sequence[View], picture: Size, frame: Size) -> list[View]:
    """Return views that begin with all of the picture, as what was shown before ended with it, and go over to the given
    ones in the first half of the clip, without a jump.
    """
    widest = min(picture[0] / frame[0], picture[1] / frame[1])
    weights = smoothstep(np.linspace(0.0, 2.0, len(views))) if len(views) > 1 else np.zeros(1)
    return [
        _held(_between(view, picture, widest, float(weight)), picture, frame)
        for view, weight in zip(views, weights, strict=True)
    ]


def _between(view: View, picture: Size, widest: float, weight: float) -> View:
    """Return the view that is by `weight` the given one, and else the middle of the picture."""
    x, y, scale = (
        weight * given + (1.0 - weight) * whole
        for given, whole in ((view.x, picture[0] / 2), (view.y, picture[1] / 2), (view.scale, widest))
    )
    return View(x, y, scale, weight * view.turn)


def _held(view: View, picture: Size, frame: Size) -> View:
    """Return the view, closer where it would else show something outside the picture."""
    corners = View(0.0, 0.0, 1.0, view.turn).corners(frame)
    across, down = (max(abs(corner[axis]) for corner in corners) for axis in (0, 1))
    room = min(min(view.x, picture[0] - view.x) / across, min(view.y, picture[1] - view.y) / down)
    return view if view.scale <= room else msgspec.structs.replace(view, scale=room)


def lay(path: Path, picture: Size, frame: Size, gaze: Gaze | None = None) -> list[View]:
    """Lay the path over the picture so that no frame shows anything outside it, as wide as that can be.

    With z the zoom of a frame and p its place on one axis, the frame reaches from p - r/z to p + r/z, where r
    is half the turned frame's extent. Over all frames that is one interval an axis; the widest view is the one
    in which the larger of the two intervals, against the picture's side, just fills the picture.
    The gaze decides into what a zoom goes, and where on the other axis all of it lies; none: the middle.
    """
    laid = aimed(path, picture, frame, gaze or Gaze.nowhere(picture))
    return [
        View(float(x), float(y), laid.scale / float(zoom), float(degrees))
        for x, y, zoom, degrees in zip(laid.x, laid.y, laid.path.zoom, laid.path.turn, strict=True)
    ]
