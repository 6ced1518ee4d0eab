"""Where over a picture a path is laid: into what the zoom goes, and what stays in all frames."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import numpy as np
from numpy.typing import NDArray

from unstill_engine.renderers.camera.path import Path
from unstill_engine.renderers.framing import Size
from unstill_engine.renderers.gaze import Gaze, Kind, Region

Floats = NDArray[np.float64]

#: What rounding may add to a length, or take from it, as a part of it.
_EPSILON = 1e-6
#: Points between the picture's middle and its edges, and beyond, that a zoom may keep in place.
_POINTS = np.linspace(-1.0, 1.0, 41)
#: Places of the crop, where the frame's shape leaves parts of the picture out, from one end to the other.
_PLACES = np.linspace(-1.0, 1.0, 33)
#: A region may be cut by this part of the frame's side: it is found no more exactly than that.
_TOLERANCE = 0.005
#: A region stands well where it has this part of the frame's side around it.
_ROOM = 0.04
_ONE_AXIS_WORTH = 0.3
_ROOM_WORTH = 0.2
_TARGET_WORTH = 0.25
_CROP_WORTH = 0.2
_FACTORS = (0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1, 0.05, 0.0)
#: So much of a zoom that was asked for is made, whatever it cuts off.
_ASKED_LEAST = 0.5
#: The same of a move that Again chose.
_OFFERED_LEAST = 0.1


class Laid(msgspec.Struct, frozen=True):
    """A path over a picture: the frame's centre at each frame, arrays of shape (T,), and the widest view.

    `scale` is picture pixels a frame pixel at zoom 1.
    """

    path: Path
    x: Floats
    y: Floats
    scale: float


class _Axis(msgspec.Struct, frozen=True):
    """Candidates on one axis, each a point of `centre` (points, T) with a `shift` of it (points, places), in pixels.

    The other arrays are of shape (points x places,): from `low` to `high` is seen in all frames, from `widest_low` to
    `widest_high` in the first of those that see most. `side` is the least that a frame sees.
    """

    centre: Floats
    shift: Floats
    low: Floats
    high: Floats
    widest_low: Floats
    widest_high: Floats
    worth: Floats
    side: float

    def place(self, candidate: int) -> Floats:
        """The frame's centre at each frame, (T,)."""
        return np.asarray(self.centre[candidate // self.shift.shape[1]] + self.shift.flat[candidate])


class _Extent(msgspec.Struct, frozen=True):
    """One axis of a path in picture pixels of the widest view: where it looks and half of what it sees, (T,).

    `outer` holds all of the turned frame, `inner` is the level part within it.
    """

    at: Floats
    outer: Floats
    inner: Floats
    side: float
    width: float


def aimed(path: Path, picture: Size, frame: Size, gaze: Gaze) -> Laid:
    """Lay a path so that most of what matters stays in all frames, and a zoom goes to it.

    Where no place keeps all that the widest frame shows of it, the path goes less far: down to nothing where
    nobody asked for it; to a tenth of what Again chose, its zoom last; to half of a zoom that was asked for without a
    number, and only for faces. What cannot be helped so goes its whole way.
    """
    whole = _laid(path, picture, frame, gaze)
    if _holds(whole, path, gaze.regions):
        return whole[0]
    if path.asked and not path.offered and (path.exact or not _only_zooms(path)):
        return whole[0]
    if path.offered:
        ways: tuple[Callable[[float], Path], ...] = (path.calmed, path.scaled)
        least = _OFFERED_LEAST
    else:
        ways, least = (path.scaled,), _ASKED_LEAST if path.asked else 0.0
    for way in ways:
        held = _held_back(way, least, picture, frame, gaze)
        if held is not None:
            return held
    return whole[0]


def _held_back(way: Callable[[float], Path], least: float, picture: Size, frame: Size, gaze: Gaze) -> Laid | None:
    """The farthest that keeps what matters, or None: what holds at one factor holds at all that are less, or nearly."""
    factors = [factor for factor in _FACTORS if factor >= least]
    found = None
    low, high = 0, len(factors)
    while low < high:
        middle = (low + high) // 2
        shorter = way(factors[middle])
        tried = _laid(shorter, picture, frame, gaze)
        if _holds(tried, shorter, gaze.regions):
            found, high = tried[0], middle
        else:
            low = middle + 1
    return found


_Judged = tuple[Laid, list[bool], list[bool]]


def _only_zooms(path: Path) -> bool:
    return bool(np.ptp(path.zoom) > 0 and not (np.ptp(path.x) or np.ptp(path.y) or np.ptp(path.turn)))


def _holds(judged: _Judged, path: Path, regions: tuple[Region, ...]) -> bool:
    """Whether all that matters in the widest frame is in all frames; of what was asked for, only faces count."""
    _, widest_has, always = judged
    return all(
        stays
        for region, seen, stays in zip(regions, widest_has, always, strict=True)
        if seen and (region.kind is Kind.FACE or path.offered or not path.asked)
    )


def _laid(path: Path, picture: Size, frame: Size, gaze: Gaze) -> _Judged:
    widest = min(picture[0] / frame[0], picture[1] / frame[1])
    across, down = _extents(path, picture, frame, widest)
    base = max(_span(across) / across.side, _span(down) / down.side) * (1 + _EPSILON)
    crop = gaze.crop_box(frame)
    target = gaze.target
    nearest = int(np.argmax(path.zoom))
    x = _candidates(across, path, base, nearest, target[0], (crop[0] + crop[2]) / 2)
    y = _candidates(down, path, base, nearest, target[1], (crop[1] + crop[3]) / 2)
    value = x.worth[:, None] + y.worth[None, :]
    for room, worth in ((0.0, 1.0), (_ROOM, _ROOM_WORTH)):
        for region in gaze.regions:
            in_x = _inside(x.low, x.high, region.left, region.right, x.side, room)
            in_y = _inside(y.low, y.high, region.top, region.bottom, y.side, room)
            both = in_x[:, None] & in_y[None, :]
            value = value + worth * region.weight * (both + _ONE_AXIS_WORTH * (in_x[:, None] * 1.0 + in_y[None, :]))
    at_x, at_y = np.unravel_index(int(np.argmax(value)), value.shape)
    widest_has: list[bool] = []
    always: list[bool] = []
    for region in gaze.regions:
        for found, low_x, high_x, low_y, high_y in (
            (always, x.low, x.high, y.low, y.high),
            (widest_has, x.widest_low, x.widest_high, y.widest_low, y.widest_high),
        ):
            in_x = _inside(low_x[at_x], high_x[at_x], region.left, region.right, x.side, 0.0)
            in_y = _inside(low_y[at_y], high_y[at_y], region.top, region.bottom, y.side, 0.0)
            found.append(bool(in_x and in_y))
    return Laid(path, x.place(int(at_x)), y.place(int(at_y)), widest / base), widest_has, always


def _extents(path: Path, picture: Size, frame: Size, widest: float) -> tuple[_Extent, _Extent]:
    width, height = frame[0] * widest, frame[1] * widest
    turn = np.radians(path.turn)
    cosine, sine = np.abs(np.cos(turn)), np.abs(np.sin(turn))
    outer_x, outer_y = width * cosine + height * sine, width * sine + height * cosine
    #: The largest level part of a turned frame that has the frame's shape.
    level = np.minimum(width / outer_x, height / outer_y)
    return (
        _Extent(path.x * width, outer_x / (2 * path.zoom), level * width / (2 * path.zoom), picture[0], width),
        _Extent(path.y * height, outer_y / (2 * path.zoom), level * height / (2 * path.zoom), picture[1], height),
    )


def _span(extent: _Extent) -> float:
    return float(np.max(extent.at + extent.outer) - np.min(extent.at - extent.outer))


def _candidates(extent: _Extent, path: Path, base: float, nearest: int, target: float, crop: float) -> _Axis:
    """Every point that the zoom may keep in place, at every place where all views then are inside the picture.

    A zoom around a point at the part f of the frame's side looks farther towards it the nearer it is: by
    f (1/z' - 1/z) of the side, z' being the zoom of the widest view.
    """
    nearer = 1 / float(np.min(path.zoom)) - 1 / path.zoom
    points = _POINTS if np.ptp(nearer) > _EPSILON else np.zeros(1)
    at = extent.at + points[:, None] * extent.width * nearer
    low, high = np.min(at - extent.outer, axis=1), np.max(at + extent.outer, axis=1)
    spare = extent.side - (high - low) / base
    fits = spare >= -_EPSILON * extent.side
    if _span(extent) > (1 - _EPSILON) * base * extent.side / (1 + _EPSILON):
        # This axis decides how wide the camera is: a point by which its views span less would waste a part of it.
        fits &= spare <= 2 * _EPSILON * extent.side
    at, middle, spare = at[fits], (low + high)[fits] / 2, np.maximum(spare[fits], 0.0)
    places = _PLACES if np.max(spare) > 2 * _EPSILON * extent.side else np.zeros(1)
    centre = extent.side / 2 + (at - middle[:, None]) / base
    seen = extent.inner / base
    # A move begins at it, or a zoom out ends there: what is seen then is cut off in no frame.
    widest = int(np.argmin(path.zoom))
    shift = places[None, :] * spare[:, None] / 2

    def placed(edges: Floats) -> Floats:
        return np.asarray((edges[:, None] + shift).ravel())

    worth = -_TARGET_WORTH * np.abs(placed(centre[:, nearest]) - target) / extent.side
    worth -= _CROP_WORTH * np.abs(placed(np.full(len(centre), extent.side / 2)) - crop) / extent.side
    return _Axis(
        centre,
        shift,
        placed(np.max(centre - seen, axis=1)),
        placed(np.min(centre + seen, axis=1)),
        placed(centre[:, widest] - seen[widest]),
        placed(centre[:, widest] + seen[widest]),
        worth,
        2 * float(np.min(seen)),
    )


def _inside(low: Floats, high: Floats, left: float, right: float, side: float, room: float) -> NDArray[np.bool_]:
    margin = (room - _TOLERANCE) * side
    return np.asarray((left - margin >= low) & (right + margin <= high))
