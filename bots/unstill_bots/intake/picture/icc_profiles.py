"""ICC profiles made of the numbers of a space, and read for the numbers in them."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from unstill_bots.intake.picture.colour_spaces import D50_XYZ, Curve, Point, Space, by_code, to_xyz

_MOST_TAGS = 200


def profile(space: Space) -> bytes:
    """The space as an ICC profile of matrix and curves. Raises ValueError where it is no space, or has no curve."""
    if not isinstance(space.curve, Curve):
        raise ValueError("no curve")
    columns = zip(*to_xyz(space), strict=True)
    curve = b"para" + bytes(4) + struct.pack(">HH", 3, 0) + b"".join(_fixed(value) for value in space.curve)
    tags = [(b"wtpt", _xyz_tag(D50_XYZ))]
    tags += [(name, _xyz_tag(column)) for name, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns, strict=True)]
    tags += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    at = 128 + 4 + 12 * len(tags)
    index, body = struct.pack(">I", len(tags)), b""
    for name, value in tags:
        index += name + struct.pack(">II", at + len(body), len(value))
        body += value
    size = at + len(body)
    head = struct.pack(">I4sI4s4s4s12x4s28x", size, b"", 0x04300000, b"mntr", b"RGB ", b"XYZ ", b"acsp")
    head += b"".join(_fixed(value) for value in D50_XYZ)
    return head.ljust(128, b"\x00") + index + body


def icc_tags(icc: bytes) -> dict[bytes, bytes]:
    """The first 64 bytes of each tag of a profile, by its name; of anything else, whatever is found."""
    (count,) = struct.unpack_from(">I", icc.ljust(132, b"\x00"), 128)
    tags = {}
    for at in range(132, min(len(icc) - 11, 132 + 12 * min(count, _MOST_TAGS)), 12):
        name, offset, size = struct.unpack_from(">4sII", icc, at)
        tags[name] = icc[offset : offset + min(size, 64)]
    return tags


def hdr_of(icc: bytes) -> Space | None:
    """The space of PQ or HLG that a profile names by codes (ICC.1:2022, 9.2.17): its tables are for bright screens."""
    if (tag := icc_tags(icc).get(b"cicp")) is None:
        return None
    primaries, transfer, _, full_range = tag[8:12].ljust(4, b"\x02")
    space = by_code(primaries, transfer, bool(full_range))
    return space if space is not None and not isinstance(space.curve, Curve) else None


def space_of(icc: bytes) -> Space | None:
    """Return the space of a profile of matrix and curves, where all curves are one exponent; else None."""
    tags = icc_tags(icc)
    exponents = {_exponent(tags.get(name, b"")) for name in (b"rTRC", b"gTRC", b"bTRC")}
    columns = [tags.get(name, b"") for name in (b"rXYZ", b"gXYZ", b"bXYZ")]
    gamma = exponents.pop()
    if exponents or gamma is None or not 0.1 <= gamma <= 10:
        return None
    if b"A2B0" in tags or any(len(column) < 20 for column in columns):
        return None
    try:
        red, green, blue = (_point(struct.unpack_from(">3i", column, 8)) for column in columns)
        space = Space(red, green, blue, _point(D50_XYZ), Curve(gamma))
        to_xyz(space)
    except (ValueError, ZeroDivisionError):
        return None
    return space


def _exponent(tag: bytes) -> float | None:
    if len(tag) < 12:
        return None
    (count,) = struct.unpack_from(">I", tag, 8)
    if tag.startswith(b"curv") and count == 0:
        return 1.0
    if tag.startswith(b"curv") and count == 1 and len(tag) >= 14:
        return float(struct.unpack_from(">H", tag, 12)[0]) / 256
    if tag.startswith(b"para") and count >> 16 == 0 and len(tag) >= 16:
        return float(struct.unpack_from(">i", tag, 12)[0]) / 65536
    return None


def _point(xyz: Sequence[float]) -> Point:
    return xyz[0] / sum(xyz), xyz[1] / sum(xyz)


def _fixed(value: float) -> bytes:
    if not abs(value) < 2**15:
        raise ValueError("out of range")
    return struct.pack(">i", round(value * 65536))


def _xyz_tag(value: Sequence[float]) -> bytes:
    return b"XYZ " + bytes(4) + b"".join(_fixed(part) for part in value)
