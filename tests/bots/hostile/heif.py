"""HEIC photos as phones write them: a grid of tiles, turned by `irot` and `imir`, with EXIF and alpha beside it.

The encoder writes each tile as a picture of its own, and this module puts them into one file (ISO/IEC 23008-12).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pillow_heif
from PIL import Image

TILE = 512


def heic(image: Image.Image, **options: object) -> bytes:
    """Return the picture as one HEVC item, in the encoder's own file. `options` are those of `pillow_heif`."""
    out = io.BytesIO()
    file = pillow_heif.from_pillow(image)
    file.save(out, **{"quality": 80, **options})
    return out.getvalue()


def several(images: Sequence[Image.Image]) -> bytes:
    """Return a HEIC of several pictures, of which the last is the main one."""
    out, file = io.BytesIO(), pillow_heif.HeifFile()
    for image in images:
        file.add_from_pillow(image)
    file.save(out, quality=80, primary_index=len(images) - 1)
    return out.getvalue()


def boxes(data: bytes, start: int = 0, end: int | None = None) -> Iterator[tuple[bytes, int, int]]:
    """Yield the kind of each box, and where its body begins and ends."""
    at, end = start, len(data) if end is None else end
    while at + 8 <= end:
        length, kind = struct.unpack_from(">I4s", data, at)
        length = length or end - at
        yield kind, at + 8, at + length
        at += max(8, length)


def body(data: bytes, *path: bytes) -> bytes:
    """Return what is in the box at the end of a path of kinds, the first of each."""
    start, end = 0, len(data)
    for kind in path:
        start, end = next((first, last) for found, first, last in boxes(data, start, end) if found == kind)
        start += 4 if kind in (b"meta", b"iinf") else 0
    return data[start:end]


def box(kind: bytes, *parts: bytes) -> bytes:
    inner = b"".join(parts)
    return struct.pack(">I4s", len(inner) + 8, kind) + inner


def full(kind: bytes, version: int, *parts: bytes, flags: int = 0) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *parts)


class Layer(NamedTuple):
    """One grid of a file: its tiles, coded, the configuration of their decoder, and the bits of each channel."""

    setup: bytes
    tiles: list[bytes]
    columns: int
    rows: int
    bits: bytes

    @property
    def layout(self) -> bytes:
        """Return what the item of the grid holds, but for its width and height."""
        return bytes([0, 1, self.rows - 1, self.columns - 1])


@cache
def _coded(raw: bytes, mode: str, side: int, bits: int, chroma: int) -> tuple[bytes, bytes]:
    """Return the configuration of the decoder for one tile, and the tile's coded picture."""
    if bits > 8:
        deep = (np.frombuffer(raw, np.uint8).astype(np.uint16) * np.uint16(257)).tobytes()
        file = pillow_heif.from_bytes(f"{mode};16", (side, side), deep)
    else:
        file = pillow_heif.from_bytes(mode, (side, side), raw)
    out = io.BytesIO()
    file.save(out, quality=70, chroma=chroma, bit_depth=bits if bits > 8 else 16)
    return body(out.getvalue(), b"meta", b"iprp", b"ipco", b"hvcC"), body(out.getvalue(), b"mdat")


def _layer(image: Image.Image, side: int, bits: int, chroma: int) -> Layer:
    columns, rows = -(-image.width // side), -(-image.height // side)
    coded = [
        _coded(image.crop((x, y, x + side, y + side)).tobytes(), image.mode, side, bits, chroma)
        for y in range(0, rows * side, side)
        for x in range(0, columns * side, side)
    ]
    channels = len(image.getbands())
    return Layer(coded[0][0], [tile for _, tile in coded], columns, rows, bytes([channels, *[bits] * channels]))


def grid(
    image: Image.Image,
    *,
    tile: int = TILE,
    turns: int = 0,
    mirror: int | None = None,
    exif: bytes = b"",
    icc: bytes = b"",
    bits: int = 8,
    chroma: int = 420,
    claim: tuple[int, int] | None = None,
) -> bytes:
    """Return a HEIC whose picture is a grid of tiles, as it is stored.

    Args:
        image: RGB, or RGBA for one with a second grid of its alpha.
        tile: the side of a tile in pixels; the last ones are padded.
        turns: `irot`, in quarters against the clock.
        mirror: `imir`, done after it: 0 for top and bottom in each other's place, 1 for left and right; None for none.
        exif: TIFF bytes of EXIF, with or without "Exif\\0\\0" before them.
        icc: a colour profile.
        bits: of each channel, 8, 10 or 12.
        chroma: 420, 422 or 444.
        claim: a width and height that the file says it has instead of its own.
    """
    layers = [_layer(image.convert("RGB"), tile, bits, chroma)]
    if image.mode == "RGBA":
        layers.append(_layer(image.getchannel("A"), tile, bits, chroma))
    size = struct.pack(">II", *(claim or image.size))
    properties, kinds, associations, references = [full(b"ispe", 0, struct.pack(">II", tile, tile))], [], [], []
    places: list[tuple[int, bytes, int]] = []  # item, its bytes, and 1 where they stand in `idat`
    for number, layer in enumerate(layers):
        first = 1 + sum(1 + len(one.tiles) for one in layers[:number])
        tiles = range(first + 1, first + 1 + len(layer.tiles))
        of_grid = _numbers(properties, full(b"ispe", 0, size), full(b"pixi", 0, layer.bits))
        if number:
            of_grid += _numbers(properties, full(b"auxC", 0, b"urn:mpeg:mpegB:cicp:systems:auxiliary:alpha\0"))
            references.append(box(b"auxl", struct.pack(">HHH", first, 1, 1)))
        elif icc:
            of_grid += _numbers(properties, box(b"colr", b"prof", icc))
        if turns:
            of_grid += _numbers(properties, box(b"irot", bytes([turns])), essential=True)
        if mirror is not None:
            of_grid += _numbers(properties, box(b"imir", bytes([mirror])), essential=True)
        setup = _numbers(properties, box(b"hvcC", layer.setup), essential=True)
        kinds += [(first, b"grid", number), *((one, b"hvc1", 1) for one in tiles)]
        associations += [(first, of_grid), *((one, [*setup, 1]) for one in tiles)]
        references.append(box(b"dimg", struct.pack(f">{2 + len(tiles)}H", first, len(tiles), *tiles)))
        places += [
            (first, layer.layout + size, 1),
            *((one, coded, 0) for one, coded in zip(tiles, layer.tiles, strict=True)),
        ]
    if exif:
        last = places[-1][0] + 1
        kinds.append((last, b"Exif", 1))
        references.append(box(b"cdsc", struct.pack(">HHH", last, 1, 1)))
        places.append((last, struct.pack(">I", 6) + b"Exif\0\0" + exif.removeprefix(b"Exif\0\0"), 0))

    def meta(offset: int) -> bytes:
        """Return the whole description of the file, where its data begin at `offset`."""
        at, found = {0: offset, 1: 0}, []
        for item, data, inside in places:
            found.append(struct.pack(">HHHHII", item, inside, 0, 1, at[inside], len(data)))
            at[inside] += len(data)
        said = [struct.pack(">HB", item, len(of)) + bytes(of) for item, of in associations]
        return full(
            b"meta",
            0,
            full(b"hdlr", 0, bytes(4) + b"pict" + bytes(13)),
            full(b"pitm", 0, struct.pack(">H", 1)),
            full(
                b"iinf",
                0,
                struct.pack(">H", len(kinds)),
                *(full(b"infe", 2, struct.pack(">HH4sx", item, 0, kind), flags=hidden) for item, kind, hidden in kinds),
            ),
            full(b"iref", 0, *references),
            box(b"iprp", box(b"ipco", *properties), full(b"ipma", 0, struct.pack(">I", len(said)), *said)),
            box(b"idat", *(data for _, data, inside in places if inside)),
            full(b"iloc", 1, b"\x44\x00", struct.pack(">H", len(found)), *found),
        )

    head = box(b"ftyp", b"heic" + bytes(4) + b"mif1heic")
    return head + meta(len(head) + len(meta(0)) + 8) + box(b"mdat", *(data for _, data, inside in places if not inside))


def _numbers(properties: list[bytes], *more: bytes, essential: bool = False) -> list[int]:
    """Add properties of items, and return the numbers by which an item names them."""
    properties += more
    last = len(properties)
    return [number | (0x80 if essential else 0) for number in range(last - len(more) + 1, last + 1)]
