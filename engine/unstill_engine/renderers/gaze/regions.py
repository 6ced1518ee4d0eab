"""What matters in a picture, and the crop that keeps it."""

from __future__ import annotations

from enum import StrEnum

import msgspec
import numpy as np
from numpy.typing import NDArray

from unstill_engine.renderers.framing import Box, Size, crop_size

Map = NDArray[np.float32]

_CENTRE_PULL = 0.25
"""How much of all detail a window at the picture's edge has to have more than the one in its middle."""
_REGION_PULL = 3.0
"""How much more all regions together count than all detail does."""
_WHOLE = 0.7
"""How much of a region's weight only a crop has that holds all of the region."""


class Kind(StrEnum):
    """What a region is."""

    FACE = "face"
    TEXT = "text"
    DETAIL = "detail"


class Region(msgspec.Struct, frozen=True):
    """A part of the picture that matters, in picture pixels. `weight` is 1 for the one that matters most."""

    left: float
    top: float
    right: float
    bottom: float
    weight: float
    kind: Kind


class Gaze(msgspec.Struct, frozen=True, eq=False):
    """What matters in one picture of `size` pixels. `detail` is how much there is to see, (H, W), coarse."""

    size: Size
    regions: tuple[Region, ...]
    detail: Map

    @classmethod
    def nowhere(cls, size: Size) -> Gaze:
        """Return the gaze of a picture in which nothing stands out: crops and zooms go to its middle."""
        return cls(size, (), np.zeros((1, 1), np.float32))

    @property
    def target(self) -> tuple[float, float]:
        """Where a zoom goes, in picture pixels: the faces, else the things, each by its weight, else the middle.

        Lettering is kept in the frame, but draws no zoom.
        """
        faces, things = (
            [region for region in self.regions if region.kind is kind] for kind in (Kind.FACE, Kind.DETAIL)
        )
        chosen = faces or things
        total = sum(region.weight for region in chosen)
        if not total:
            return self.size[0] / 2, self.size[1] / 2
        return (
            sum(region.weight * (region.left + region.right) / 2 for region in chosen) / total,
            sum(region.weight * (region.top + region.bottom) / 2 for region in chosen) / total,
        )

    def crop_box(self, frame: Size) -> Box:
        """The largest part of the picture in the frame's shape: left, top, right, bottom, in pixels.

        It slides along the one side that is too long to where it holds most of what matters, whole where that
        can be, and most detail; among equals, and nearly equals, to the middle.
        """
        width, height = crop_size(self.size, frame)
        if width == self.size[0]:
            top = self._offset(1, height)
            return 0, top, width, top + height
        left = self._offset(0, width)
        return left, 0, left + width, height

    def share_in(self, box: Box) -> float:
        """How much of what matters is wholly inside a box, 0 to 1, by weight; 1 where nothing stands out."""
        total = sum(region.weight for region in self.regions)
        if not total:
            return 1.0
        left, top, right, bottom = box
        return (
            sum(
                region.weight
                for region in self.regions
                if left <= region.left and top <= region.top and region.right <= right and region.bottom <= bottom
            )
            / total
        )

    def _offset(self, axis: int, window: int) -> int:
        """Where on an axis of (width, height) the window begins."""
        side = self.size[axis]
        spare = side - window
        if spare <= 0:
            return 0
        starts = np.arange(spare + 1)
        along = self.detail.sum(axis=axis)
        held = np.interp(
            np.linspace(0, len(along), side + 1), np.arange(len(along) + 1), np.append(0, np.cumsum(along))
        )
        value = (held[starts + window] - held[starts]) / max(float(held[-1]), 1e-9)
        total = sum(region.weight for region in self.regions)
        for region in self.regions:
            low, high = (region.left, region.right) if axis == 0 else (region.top, region.bottom)
            inside = np.minimum(high, starts + window) - np.maximum(low, starts)
            part = np.clip(inside / max(high - low, 1e-9), 0.0, 1.0)
            held_part = np.where(part > 1 - 1e-9, 1.0, (1 - _WHOLE) * part)
            value = value + _REGION_PULL * region.weight / total * held_part
        from_centre = np.abs(starts - spare / 2) / max(spare / 2, 1)
        return int(np.argmax(value - _CENTRE_PULL * from_centre))
