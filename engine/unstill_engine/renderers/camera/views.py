"""What part of the picture each frame shows."""

from __future__ import annotations

import math

import msgspec
import numpy as np

from unstill_engine.renderers.camera.path import Path
from unstill_engine.renderers.framing import Size

Row = tuple[float, float, float]

_HAIR = 1e-6


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


def lay(path: Path, picture: Size, frame: Size) -> list[View]:
    """Lay the path over the picture so that no frame shows anything outside it, as wide as that can be.

    With z the zoom of a frame and p its place on one axis, the frame reaches from p - r/z to p + r/z, where r
    is half the turned frame's extent. Over all frames that is one interval an axis; the widest view is the one
    in which the larger of the two intervals, against the picture's side, just fills the picture.
    """
    widest = min(picture[0] / frame[0], picture[1] / frame[1])
    width, height = frame[0] * widest, frame[1] * widest
    turn = np.radians(path.turn)
    cosine, sine = np.abs(np.cos(turn)), np.abs(np.sin(turn))
    reach_x = (width * cosine + height * sine) / (2 * path.zoom)
    reach_y = (width * sine + height * cosine) / (2 * path.zoom)
    x, y = path.x * width, path.y * height
    left, right = float(np.min(x - reach_x)), float(np.max(x + reach_x))
    top, bottom = float(np.min(y - reach_y)), float(np.max(y + reach_y))
    base = max((right - left) / picture[0], (bottom - top) / picture[1]) * (1 + _HAIR)
    centre_x = picture[0] / 2 + (x - (left + right) / 2) / base
    centre_y = picture[1] / 2 + (y - (top + bottom) / 2) / base
    return [
        View(float(cx), float(cy), widest / (base * float(zoom)), float(degrees))
        for cx, cy, zoom, degrees in zip(centre_x, centre_y, path.zoom, path.turn, strict=True)
    ]
