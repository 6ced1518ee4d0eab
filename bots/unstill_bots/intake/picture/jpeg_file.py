"""What the markers of a JPEG say, and one that ends too early. Runs in the process that decodes it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from PIL import Image

LEAST_SHARE = 0.75
"""The share of the rows that must be there where a file ends too early: with less, sending it again helps more."""
_SOI, _EOI, _SOS, _TEM = 0xD8, 0xD9, 0xDA, 0x01
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")  # not a stuffed byte, a restart or a filler
_FILLER = frozenset({127, 128})  # libjpeg's gray where data are missing; 127 in the inverse of CMYK


class Jpeg(NamedTuple):
    """What the markers say.

    `samples` is the mean number of values a pixel, from 1 for gray to 4. `progressive`: a decoder holds all of them, in
    two bytes each. `whole`: it has its end. `usable`: without its end, the scans that came hold a picture with detail
    in all its colours.
    """

    samples: float
    progressive: bool
    whole: bool
    usable: bool


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 2
    while found := _MARKER.search(data, at):
        marker, at = data[found.start() + 1], found.end()
        if marker in (_SOI, _TEM):
            continue
        length = int.from_bytes(data[at : at + 2], "big")
        yield marker, data[at + 2 : at + length]
        if marker == _EOI:
            return
        at += length


def read(data: bytes) -> Jpeg:
    """Return what the markers of a file say, up to its end or where it is cut off."""
    components: dict[int, int] = {}
    most, progressive, whole = 1, False, False
    scans: list[tuple[frozenset[int], int]] = []  # whose values, from which coefficient on
    for marker, body in _segments(data):
        if marker in _FRAMES and len(body) >= 6 and not components:
            parts = [body[at : at + 3] for at in range(6, len(body) - 2, 3)]
            components = {one[0]: (one[1] >> 4) * (one[1] & 15) for one in parts}
            most = max([(one[1] >> 4) for one in parts] or [1]) * max([(one[1] & 15) for one in parts] or [1])
            progressive = marker in _PROGRESSIVE
        elif marker == _SOS and body:
            named = frozenset(body[1 : 1 + 2 * body[0] : 2])
            scans.append((named, body[1 + 2 * body[0]] if len(body) > 1 + 2 * body[0] else 0))
        whole = marker == _EOI
    seen = frozenset().union(*(named for named, first in scans if first == 0))
    detailed = not progressive or any(first > 0 and min(components, default=0) in named for named, first in scans[:-1])
    usable = bool(components) and seen >= components.keys() and detailed
    return Jpeg(sum(components.values()) / max(1, most), progressive, whole, usable)


def ended(data: bytes) -> bytes:
    """Return a file that ends too early with an end: what is missing is then decoded as gray.

    Zeros at its end stand for what a card or a download has lost.
    """
    return data.rstrip(b"\x00") + bytes([0xFF, _EOI])


def without_gray(image: Image.Image) -> Image.Image:
    """Return a decoded picture without the rows at its bottom that were missing in whole or in part.

    Raises:
        ValueError: too little of it is there.
    """
    width, height = image.size
    edge = image.crop((width - 1, 0, width, height)).tobytes()
    bands, there = len(image.getbands()), height
    while there and _FILLER.issuperset(edge[(there - 1) * bands : there * bands]):
        there -= 1
    if there < height:
        there -= 1  # the row above is mixed with the gray one where colours are stored at half the size
    if there < height * LEAST_SHARE:
        raise ValueError(f"{there} of {height} rows are there")
    return image if there == height else image.crop((0, 0, width, there))
