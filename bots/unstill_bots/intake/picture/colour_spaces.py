"""Colour spaces as numbers: primaries, white and curve; those that files name; and the matrices between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

Row = tuple[float, float, float]
Matrix = tuple[Row, Row, Row]
Point = tuple[float, float]
"""CIE 1931 x and y."""


class Curve(NamedTuple):
    """From a code in 0 to 1 to light in 0 to 1: (a * code + b) ** gamma from `start` on, c * code below it."""

    gamma: float
    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    start: float = 0.0


class Space(NamedTuple):
    """An RGB colour space. PQ and HLG (ITU-R BT.2100) say more than a curve can, so they are named."""

    red: Point
    green: Point
    blue: Point
    white: Point
    curve: Curve | Literal["PQ", "HLG"]
    narrow: bool = False
    """Whether black is 16 and white 235 of 255, as in video."""


D65 = (0.3127, 0.3290)
D50_XYZ = (0.9642, 1.0, 0.8249)  # the white of every ICC profile
SRGB_CURVE = Curve(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)  # IEC 61966-2-1
SRGB = Space((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65, SRGB_CURVE)
ADOBE_RGB = Space((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65, Curve(563 / 256))  # Adobe RGB (1998), 4.3.4

# ITU-T H.273, tables 2 and 3: the codes of PNG's cICP and of HEIF's nclx
_PRIMARIES: dict[int, tuple[Point, Point, Point, Point]] = {
    1: SRGB[:4],
    4: ((0.67, 0.33), (0.21, 0.71), (0.14, 0.08), (0.310, 0.316)),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), D65),
    6: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    7: ((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), D65),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    11: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), D65),
    22: ((0.630, 0.340), (0.295, 0.605), (0.155, 0.077), D65),
}
_CURVES: dict[int, Curve | Literal["PQ", "HLG"]] = {
    # Video's curve is that of a camera, which nothing undoes: pictures that are called so are shown as sRGB everywhere.
    **dict.fromkeys((1, 6, 14, 15), SRGB_CURVE),
    4: Curve(2.2),
    5: Curve(2.8),
    7: Curve(1 / 0.45, 1 / 1.1115, 0.1115 / 1.1115, 1 / 4.0, 0.0912),
    8: Curve(1.0),
    13: SRGB_CURVE,
    16: "PQ",
    17: Curve(2.6),
    18: "HLG",
}


def by_code(primaries: int, transfer: int, full_range: bool) -> Space | None:
    """Return the space that ITU-T H.273 numbers so, what is unspecified being sRGB's; None for reserved numbers."""
    primaries, transfer = (1 if primaries == 2 else primaries), (13 if transfer == 2 else transfer)
    if primaries not in _PRIMARIES or transfer not in _CURVES:
        return None
    return Space(*_PRIMARIES[primaries], _CURVES[transfer], not full_range)


# -- matrices


def times(one: Matrix, other: Matrix) -> Matrix:
    columns = tuple(zip(*other, strict=True))
    return _matrix([[sum(x * y for x, y in zip(row, column, strict=True)) for column in columns] for row in one])


def inverse(m: Matrix) -> Matrix:
    """Raises ValueError where there is none, as with primaries on one line."""
    (a, b, c), (d, e, f), (g, h, i) = m
    determinant = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)
    if not abs(determinant) > 1e-6:
        raise ValueError("no inverse")
    adjugate = (
        (e * i - f * h, c * h - b * i, b * f - c * e),
        (f * g - d * i, a * i - c * g, c * d - a * f),
        (d * h - e * g, b * g - a * h, a * e - b * d),
    )
    return _matrix([[value / determinant for value in row] for row in adjugate])


def _matrix(rows: Sequence[Sequence[float]]) -> Matrix:
    (a, b, c), (d, e, f), (g, h, i) = rows
    return (a, b, c), (d, e, f), (g, h, i)


def _apply(m: Matrix, v: Sequence[float]) -> Row:
    x, y, z = (sum(a * b for a, b in zip(row, v, strict=True)) for row in m)
    return x, y, z


def _scaled(columns: Matrix, factors: Sequence[float]) -> Matrix:
    return _matrix([[value * factor for value, factor in zip(row, factors, strict=True)] for row in columns])


def _xyz(point: Point) -> Row:
    """XYZ with Y = 1. Raises ValueError where the point is no colour."""
    x, y = point
    if not (0 < y <= 1 and 0 <= x <= 1):
        raise ValueError("no colour")
    return x / y, 1.0, (1 - x - y) / y


_BRADFORD: Matrix = ((0.8951, 0.2664, -0.1614), (-0.7502, 1.7135, 0.0367), (0.0389, -0.0685, 1.0296))


def adapted(white: Sequence[float], to: Sequence[float]) -> Matrix:
    """The matrix that makes one white, in XYZ, into another: Bradford's, as in the ICC's specification."""
    gains = [b / a for a, b in zip(_apply(_BRADFORD, white), _apply(_BRADFORD, to), strict=True)]
    return times(inverse(_BRADFORD), times(_scaled(((1, 0, 0), (0, 1, 0), (0, 0, 1)), gains), _BRADFORD))


def to_xyz(space: Space, white: Sequence[float] = D50_XYZ) -> Matrix:
    """From light in the space's RGB to XYZ under `white`. Raises ValueError where the space's points are no space."""
    red, green, blue = (_light(point) for point in (space.red, space.green, space.blue))
    columns = _matrix(list(zip(red, green, blue, strict=True)))
    own = _xyz(space.white)
    return times(adapted(own, white), _scaled(columns, _apply(inverse(columns), own)))


def to_light_of_srgb(space: Space) -> Matrix:
    """From light in the space's RGB to light in sRGB's. Raises ValueError where the space's points are no space."""
    return times(inverse(to_xyz(SRGB)), to_xyz(space))


def luminance(space: Space) -> Row:
    """How much of the luminance each of red, green and blue gives. Raises ValueError as `to_xyz` does."""
    return to_xyz(space, _xyz(space.white))[1]


def _light(point: Point) -> Row:
    """The direction of a primary in XYZ; one with y = 0, such as ProPhoto's blue almost is, has one too."""
    x, y = point
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise ValueError("no colour")
    return x, y, 1 - x - y
