"""MP4 boxes (ISO/IEC 14496-12): finding them, reading a clip's tags, and writing tags into it.

Tags are text items of `moov/udta/meta/ilst`, as iTunes and ffmpeg keep them. A tag's name is its
four-character code, such as "©cmt", or for a free-form item the name that stands in it.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from unstill_queue.contract.errors import QueueError

MOOV_MAX = 64 * 2**20
BOXES_MAX = 100_000
COPY = 2**20
FREEFORM_MEAN = b"org.unstill"
UTF8 = 1


class Mp4Error(QueueError):
    """The bytes are no MP4 that we can read."""

    def __init__(self, what: str) -> None:
        super().__init__(f"This is not an MP4 file that can be read: {what}. Send the clip as it was made.")


class Box(NamedTuple):
    """Offsets in bytes; `body` is where the content starts, `end` one past it."""

    kind: bytes
    start: int
    body: int
    end: int


def walk(data: bytes | bytearray, start: int, end: int) -> Iterator[Box]:
    """The boxes side by side in data[start:end].

    Raises:
        Mp4Error: a box is larger than what holds it, or smaller than its own header.
    """
    for _ in range(BOXES_MAX):
        if start + 8 > end:
            return
        box = _header(bytes(data[start : min(start + 16, end)]), start, end)
        yield box
        start = box.end
    raise Mp4Error("too many boxes")


def find(data: bytes | bytearray, within: Box, *path: bytes) -> Box | None:
    """The first box at that path below `within`."""
    box: Box | None = within
    for kind in path:
        if box is None:
            return None
        body = box.body + (4 if box.kind == b"meta" else 0)
        box = next((inner for inner in walk(data, body, box.end) if inner.kind == kind), None)
    return box


def top_level(file: BinaryIO) -> list[Box]:
    """A file's outermost boxes, in order. Raises Mp4Error."""
    end = file.seek(0, 2)
    start = 0
    boxes: list[Box] = []
    while start + 8 <= end:
        if len(boxes) >= BOXES_MAX:
            raise Mp4Error("too many boxes")
        file.seek(start)
        boxes.append(_header(file.read(16), start, end))
        start = boxes[-1].end
    if not any(box.kind == b"moov" for box in boxes):
        raise Mp4Error("it has no index")
    return boxes


def read_moov(file: BinaryIO, boxes: list[Box]) -> tuple[bytes, Box]:
    """The index with its header, and its box in those bytes. Raises Mp4Error."""
    moov = next(box for box in boxes if box.kind == b"moov")
    size = moov.end - moov.start
    if size > MOOV_MAX:
        raise Mp4Error("its index is too large")
    file.seek(moov.start)
    data = file.read(size)
    if len(data) != size:
        raise Mp4Error("it ends too early")
    return data, Box(b"moov", 0, moov.body - moov.start, size)


def tags_in(data: bytes, moov: Box) -> dict[str, str]:
    """The text tags of an index. Raises Mp4Error."""
    tags: dict[str, str] = {}
    ilst = find(data, moov, b"udta", b"meta", b"ilst")
    for item in walk(data, ilst.body, ilst.end) if ilst else ():
        parts = {box.kind: data[box.body : box.end] for box in walk(data, item.body, item.end)}
        value = parts.get(b"data", b"")
        if len(value) < 8 or value[:4] != struct.pack(">I", UTF8):
            continue
        name = parts.get(b"name", b"\0\0\0\0")[4:].decode("utf-8", "replace")
        key = name if item.kind == b"----" else item.kind.decode("latin-1")
        tags[key] = value[8:].decode("utf-8", "replace")
    return tags


def read_tags(path: Path) -> dict[str, str]:
    """The text tags of a file.

    Raises:
        Mp4Error: no MP4.
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return tags_in(*read_moov(file, top_level(file)))


def box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def tag_box(tags: Mapping[str, str]) -> bytes:
    """The `udta` box that holds these tags."""
    handler = box(b"hdlr", bytes(8), b"mdirappl", bytes(9))
    return box(b"udta", box(b"meta", bytes(4), handler, box(b"ilst", *(_item(*tag) for tag in tags.items()))))


def write_tagged(source: Path, target: Path, udta: bytes, trailer: bytes = b"") -> None:
    """Copy a clip with `udta` for its user data, its index in front of its media, and `trailer` at the end.

    The copy is no larger than the source by more than len(udta) + len(trailer). `trailer` holds
    whole boxes. Memory does not grow with the media.

    Raises:
        Mp4Error: the source is no MP4.
        OSError: reading or writing failed.
    """
    with source.open("rb") as old, target.open("wb") as new:
        boxes = top_level(old)
        moov = _with_udta(*read_moov(old, boxes), udta)
        kept = [box for box in boxes if box.kind not in (b"moov", b"free")]
        front = [box for box in kept if box.kind == b"ftyp"]
        order = front + [box for box in kept if box.kind != b"ftyp"]
        moves: list[tuple[Box, int]] = []
        position = len(moov) if not front else 0
        for kept_box in order:
            moves.append((kept_box, position - kept_box.start))
            position += kept_box.end - kept_box.start + (len(moov) if kept_box in front[-1:] else 0)
        _move_chunks(moov, moves)
        if not front:
            new.write(moov)
        for kept_box in order:
            _copy(old, new, kept_box)
            if kept_box in front[-1:]:
                new.write(moov)
        new.write(trailer)


def _header(head: bytes, start: int, end: int) -> Box:
    if len(head) < 8:
        raise Mp4Error("it ends too early")
    size, kind = struct.unpack(">I4s", head[:8])
    length = 8
    if size == 1:
        if len(head) < 16:
            raise Mp4Error("it ends too early")
        size, length = struct.unpack(">Q", head[8:16])[0], 16
    elif size == 0:
        size = end - start
    if size < length or start + size > end:
        raise Mp4Error("a box does not fit into the one around it")
    return Box(kind, start, start + length, start + size)


def _item(name: str, text: str) -> bytes:
    data = box(b"data", struct.pack(">II", UTF8, 0), text.encode())
    code = name.encode("latin-1")
    if len(code) == 4:
        return box(code, data)
    return box(b"----", box(b"mean", bytes(4), FREEFORM_MEAN), box(b"name", bytes(4), code), data)


def _with_udta(data: bytes, moov: Box, udta: bytes) -> bytearray:
    kept = [data[inner.start : inner.end] for inner in walk(data, moov.body, moov.end) if inner.kind != b"udta"]
    return bytearray(box(b"moov", *kept, udta))


def _move_chunks(moov: bytearray, moves: list[tuple[Box, int]]) -> None:
    whole = Box(b"moov", 0, 8, len(moov))
    for trak in walk(moov, whole.body, whole.end):
        stbl = find(moov, trak, b"mdia", b"minf", b"stbl") if trak.kind == b"trak" else None
        for table in walk(moov, stbl.body, stbl.end) if stbl else ():
            if table.kind not in (b"stco", b"co64"):
                continue
            start = table.body + 8
            offsets = big_endian("I" if table.kind == b"stco" else "Q", bytes(moov[start : table.end]))
            try:
                moved = array(offsets.typecode, (offset + _shift(offset, moves) for offset in offsets))
            except OverflowError:
                raise Mp4Error("its index points outside the file") from None
            if sys.byteorder == "little":
                moved.byteswap()
            moov[start : start + len(moved) * moved.itemsize] = moved.tobytes()


def big_endian(typecode: str, data: bytes) -> array[int]:
    """Big-endian unsigned numbers ("I": 32 bits, "Q": 64 bits); bytes left over at the end are ignored."""
    numbers: array[int] = array(typecode)
    numbers.frombytes(data[: len(data) // numbers.itemsize * numbers.itemsize])
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers


def _shift(offset: int, moves: list[tuple[Box, int]]) -> int:
    for moved, by in moves:
        if moved.start <= offset < moved.end:
            return by
    raise Mp4Error("its index points outside the file")


def _copy(old: BinaryIO, new: BinaryIO, piece: Box) -> None:
    old.seek(piece.start)
    left = piece.end - piece.start
    while left:
        data = old.read(min(left, COPY))
        if not data:
            raise Mp4Error("it ends too early")
        new.write(data)
        left -= len(data)
