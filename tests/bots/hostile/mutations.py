"""Damage to a sound file: blind to its format, and by its own parts with lengths and checksums set right again."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Iterator
from typing import TypeVar

from tests.bots.hostile.heif import box, boxes
from tests.bots.hostile.sources import NAMES, PNG_MAGIC, chunk, source

Part = TypeVar("Part")

ODD = (
    b"\xff\xff\xff\xff",
    bytes(4),
    b"\x7f\xff\xff\xff",
    b"\x80\x00\x00\x00",
    b"\x00\x00\x00\x01",
    b"\xff\xff",
    b"\x00",
)


def place(data: bytes, chance: random.Random) -> int:
    """Anywhere, half of the time near the beginning, where headers are."""
    return chance.randrange(len(data) if chance.random() < 0.5 else min(200, len(data)))


def truncate(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data))]


def flip_bits(data: bytes, chance: random.Random) -> bytes:
    flipped = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        flipped[place(data, chance)] ^= 1 << chance.randrange(8)
    return bytes(flipped)


def edit(data: bytes, chance: random.Random) -> bytes:
    """Bytes replaced, taken out and put in."""
    edited = bytearray(data)
    for _ in range(chance.choice((1, 2, 5, 30))):
        at = place(bytes(edited) or b"\0", chance)
        match chance.randrange(4):
            case 0:
                edited[at : at + 1] = chance.randbytes(1)
            case 1:
                edited[at : at + chance.randrange(1, 9)] = b""
            case 2:
                edited[at:at] = chance.randbytes(chance.randrange(1, 9))
            case _:
                odd = chance.choice(ODD)
                edited[at : at + len(odd)] = odd
    return bytes(edited)


def repeat(data: bytes, chance: random.Random) -> bytes:
    """A piece of the file many times over."""
    start = place(data, chance)
    end = min(len(data), start + chance.randrange(1, 400))
    return data[:end] + data[start:end] * chance.choice((1, 3, 200)) + data[end:]


def swap(data: bytes, chance: random.Random) -> bytes:
    """Two pieces in each other's place."""
    a, b, c, d = sorted(chance.randrange(len(data) + 1) for _ in range(4))
    return data[:a] + data[c:d] + data[b:c] + data[a:b] + data[d:]


def splice(data: bytes, chance: random.Random) -> bytes:
    """The head of one file on the tail of another, of any format."""
    other = source(*chance.choice(NAMES))
    return data[: place(data, chance)] + other[place(other, chance) :]


def blank(data: bytes, chance: random.Random) -> bytes:
    """A stretch of it overwritten, as by a broken card."""
    at = place(data, chance)
    end = min(len(data), at + chance.randrange(1, 4096))
    return data[:at] + bytes([chance.choice((0, 255, 170))]) * (end - at) + data[end:]


def png_parts(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(PNG_MAGIC)
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        yield data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        at += length + 12


def jpeg_parts(data: bytes) -> Iterator[bytes]:
    """Marker segments with their marker; from the first scan on, the rest in one."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, at + 2)
        yield data[at : at + 2 + length]
        at += 2 + length
    yield data[at:]


def webp_parts(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        yield data[at : at + 4], data[at + 8 : at + 8 + length]
        at += 8 + length + length % 2


def webp(parts: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(kind + struct.pack("<I", len(part)) + part + bytes(len(part) % 2) for kind, part in parts)
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def box_parts(data: bytes) -> list[tuple[bytes, bytes]]:
    """The boxes of a HEIC or AVIF with their kinds, at the outermost level."""
    return [(kind, data[start:end]) for kind, start, end in boxes(data)]


CONTAINERS = frozenset({b"meta", b"iprp", b"ipco", b"iinf", b"iref"})


def rebox(parts: list[tuple[bytes, bytes]], chance: random.Random, harm: Callable[[bytes], bytes]) -> bytes:
    """Boxes in disorder, some of what is in them too, each with a length that is right."""

    def within(part: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        kind, inner = part
        if kind in CONTAINERS and chance.random() < 0.8:
            skip = 6 if kind == b"iinf" else 4 if kind in (b"meta", b"iref") else 0
            return kind, inner[:skip] + rebox(box_parts(inner[skip:]), chance, harm)
        return kind, harm(inner)

    return b"".join(box(kind, inner) for kind, inner in shuffle(parts, chance, within))


def shuffle(parts: list[Part], chance: random.Random, harm: Callable[[Part], Part]) -> list[Part]:
    """One to three of: a part gone, twice, elsewhere, or harmed inside."""
    parts = list(parts)
    for _ in range(chance.choice((1, 1, 2, 3))):
        if not parts:
            return parts
        at = chance.randrange(len(parts))
        match chance.randrange(4):
            case 0:
                del parts[at]
            case 1:
                parts[at:at] = [parts[at]] * chance.choice((1, 2, 300))
            case 2:
                parts.insert(chance.randrange(len(parts)), parts.pop(at))
            case _:
                parts[at] = harm(parts[at])
    return parts


def rebuild(data: bytes, chance: random.Random) -> bytes:
    """The file's own parts in disorder, each with a length and a checksum that are right."""
    harm = chance.choice((flip_bits, edit, truncate))

    def within(part: tuple[bytes, bytes]) -> tuple[bytes, bytes]:
        return part[0], harm(part[1], chance) if part[1] else chance.randbytes(5)

    def segment(part: bytes) -> bytes:
        body = harm(part[4:], chance) if len(part) > 4 else b"\0"
        return part[:2] + struct.pack(">H", min(65_535, len(body) + 2)) + body

    if data.startswith(PNG_MAGIC):
        return PNG_MAGIC + b"".join(chunk(*part) for part in shuffle(list(png_parts(data)), chance, within))
    if data.startswith(b"RIFF"):
        return webp(shuffle(list(webp_parts(data)), chance, within))
    if data.startswith(b"\xff\xd8"):
        segments = shuffle(list(jpeg_parts(data)), chance, segment)
        return b"\xff\xd8" + b"".join(segments)
    if data[4:8] == b"ftyp":
        return rebox(box_parts(data), chance, lambda inner: harm(inner, chance) if inner else chance.randbytes(5))
    return edit(data, chance)


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    truncate,
    flip_bits,
    edit,
    repeat,
    swap,
    splice,
    blank,
    rebuild,
    rebuild,
)


def mutate(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 1, 2))):
        data = chance.choice(MUTATIONS)(data, chance) if data else b""
    return data
