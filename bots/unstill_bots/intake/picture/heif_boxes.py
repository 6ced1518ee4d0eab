"""What the boxes of a HEIC or AVIF say of its main picture, which its decoder does not tell."""

from __future__ import annotations

import struct
from collections.abc import Iterator

_MOST_BOXES = 10_000


def nclx(data: bytes) -> tuple[int, int] | None:
    """Return the codes of primaries and transfer of the main picture (ISO/IEC 23008-12, 6.5.5), or None.

    A picture in tiles may leave them to these, so where it has none, those of any item count.
    """
    if data[4:8] != b"ftyp":
        return None
    try:
        return _of_main(data)
    except (struct.error, IndexError):  # whatever is wrong with the boxes, the pixels were decoded
        return None


def is_film(data: bytes) -> bool:
    """Return whether a file has tracks and no picture beside them, whatever its brand says."""
    names = {name for name, _, _ in _boxes(data, 0, len(data))}
    return b"moov" in names and b"meta" not in names


def _of_main(data: bytes) -> tuple[int, int] | None:
    properties: list[tuple[bytes, int]] = []
    main: int | None = None
    of_items: dict[int, tuple[int, int, int]] = {}
    for name, start, end in _within(data, 0, len(data), (b"meta", b"iprp")):
        if name == b"pitm":
            main = _number(data, start + 4, 4 if data[start] else 2)
        elif name == b"ipco":
            properties = [(kind, at) for kind, at, _ in _boxes(data, start, end)]
        elif name == b"ipma":
            of_items.update(_associations(data, start))
    colours = {n: at for n, (kind, at) in enumerate(properties, 1) if kind == b"colr" and data[at : at + 4] == b"nclx"}
    first, many, size = of_items.get(main or 0, (0, 0, 1))
    numbers = [_number(data, first + size * n, size) & (0x7FFF if size == 2 else 0x7F) for n in range(many)]
    for at in [colours[n] for n in numbers if n in colours] or colours.values():
        primaries, transfer = struct.unpack_from(">HH", data, at + 4)
        return primaries, transfer
    return None


def _boxes(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Each box's name, and where its content begins and ends."""
    for _ in range(_MOST_BOXES):
        if at + 8 > end:
            return
        size, name = struct.unpack_from(">I4s", data, at)
        start = at + 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, start)
            start += 8
        last = end if size == 0 else min(end, at + size)
        if last < start:
            return
        yield name, start, last
        at = last


def _within(data: bytes, at: int, end: int, into: tuple[bytes, ...]) -> Iterator[tuple[bytes, int, int]]:
    """The boxes, and after each of those named first in `into`, the boxes in it by the rest of `into`."""
    for name, start, last in _boxes(data, at, end):
        yield name, start, last
        if into and name == into[0]:
            yield from _within(data, start + (4 if name == b"meta" else 0), last, into[1:])


def _number(data: bytes, at: int, size: int) -> int:
    return int.from_bytes(data[at : at + size], "big")


def _associations(data: bytes, at: int) -> Iterator[tuple[int, tuple[int, int, int]]]:
    """Each item's id, and where the numbers of its properties begin, how many they are and the bytes of each."""
    id_size, size = (4 if data[at] else 2), (2 if data[at + 3] & 1 else 1)
    count, at = _number(data, at + 4, 4), at + 8
    for _ in range(min(count, _MOST_BOXES)):
        item, many = _number(data, at, id_size), data[at + id_size]
        yield item, (at + id_size + 1, many, size)
        at += id_size + 1 + size * many
