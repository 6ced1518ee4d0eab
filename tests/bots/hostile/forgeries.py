"""Files built to do harm, each with numbers of its own: bombs, false headers, loops, polyglots, other formats."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import cache

from PIL import Image, PngImagePlugin
from tests.bots.hostile.heif import grid
from tests.bots.hostile.mutations import ODD, jpeg_parts, mutate, png_parts, webp, webp_parts
from tests.bots.hostile.sources import NAMES, OTHERS, PNG_MAGIC, chunk, encoded, exif, photo, source, srgb

SIDES = (0, 1, 15, 16, 17, 100, 129, 257, 2047, 2049, 6000, 11_999, 12_001, 16_383, 40_000, 65_535)


def side(chance: random.Random) -> int:
    return chance.choice(SIDES) if chance.random() < 0.6 else chance.randrange(1, 9000)


@cache
def zeros(count: int) -> bytes:
    return zlib.compress(bytes(count), 9)


def png(width: int, height: int, depth: int, colour: int, body: bytes, *before: bytes, passes: int = 0) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, passes))
    return PNG_MAGIC + head + b"".join(before) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def png_of_any_size(chance: random.Random) -> bytes:
    """A header that promises what it likes, on data that are too few, enough, or far too many."""
    width, height = chance.choice((side(chance), 2**31, 2**32 - 1)), side(chance)
    depth, colour = chance.choice((1, 2, 3, 4, 8, 16)), chance.choice((0, 2, 3, 4, 5, 6))
    palette = [chunk(b"PLTE", chance.randbytes(3 * chance.choice((0, 1, 5, 256, 300))))] if colour == 3 else []
    body = zeros(chance.choice((0, 1000, 10**6, 10**8)))
    return png(width, height, depth, colour, body, *palette, passes=chance.choice((0, 0, 1, 7)))


def png_of_many_bits(chance: random.Random) -> bytes:
    """Up to 60 megapixels of one bit each, in some KB: some are within the limits."""
    width, height = chance.randrange(3000, 8000), chance.randrange(3000, 8000)
    return png(width, height, 1, 0, zeros((width // 8 + 1) * height))


def png_with_much_text(chance: random.Random) -> bytes:
    body = zeros(65 * 64)
    size = chance.choice((10, 10**6, 10**7, 10**8))
    kinds: dict[bytes, Callable[[], bytes]] = {
        b"zTXt": lambda: b"c\x00\x00" + zeros(size),
        b"iTXt": lambda: b"c\x00\x01\x00\x00\x00" + zeros(size),
        b"tEXt": lambda: b"c\x00" + bytes(min(size, 2 * 10**6)),
        b"iCCP": lambda: b"c\x00\x00" + zeros(size),
        b"eXIf": lambda: b"Exif\x00\x00" + bytes(min(size, 2 * 10**6)),
    }
    kind = chance.choice(list(kinds))
    return png(64, 64, 8, 0, body, *[chunk(kind, kinds[kind]())] * chance.choice((1, 3)))


def png_with_odd_chunks(chance: random.Random) -> bytes:
    """A sound PNG with false or forbidden chunks put in, its frame control among them."""
    _, name = chance.choice([one for one in NAMES if one[0] == "PNG"])
    parts = list(png_parts(source("PNG", name)))
    control = struct.pack(">IIIIIHHBB", *(chance.choice((0, 1, 64, 2**31, 2**32 - 1)) for _ in range(5)), 1, 1, 9, 9)
    odd = (
        (b"acTL", struct.pack(">II", chance.choice((0, 1, 2**31, 2**32 - 1)), 0)),
        (b"fcTL", control),
        (b"fdAT", chance.randbytes(9)),
        (b"tRNS", chance.randbytes(chance.choice((0, 1, 2, 6, 400)))),
        (b"PLTE", chance.randbytes(chance.choice((0, 1, 3, 768, 900)))),
        (b"IDAT", b""),
        (b"gAMA", bytes(4)),
        (b"pHYs", bytes(9)),
        (b"cHRM", chance.randbytes(32)),
        (b"sBIT", b""),
        (b"CgBI", bytes(4)),
        (b"\x00\xff\x00\xff", b"x"),
    )
    for _ in range(chance.choice((1, 2, 2000))):
        parts.insert(chance.randrange(1, len(parts)), chance.choice(odd))
    return PNG_MAGIC + b"".join(chunk(*part) for part in parts)


def png_with_any_colours(chance: random.Random) -> bytes:
    """Chunks that say colours, true and false, alone and against each other, before 1 to 4 channels of 8 or 16 bits."""
    depth, (colour, channels) = chance.choice((8, 16)), chance.choice(((0, 1), (2, 3), (4, 2), (6, 4)))
    rows = b"".join(b"\x00" + chance.randbytes(48 * channels * depth // 8) for _ in range(40))
    codes = bytes(
        (chance.choice((1, 9, 12, 2, 0, 255)), chance.choice((16, 18, 8, 13, 1, 3, 255)), 0, chance.choice((0, 1)))
    )
    number = struct.Struct(">I").pack
    said = [
        (b"cICP", chance.choice((codes, codes[:2], b"", bytes(4)))),
        (b"gAMA", number(chance.choice((0, 1, 45_455, 100_000, 2**31, 2**32 - 1)))),
        (b"cHRM", b"".join(number(chance.choice((0, 31_270, 64_000, 100_000, 2**32 - 1))) for _ in range(8))),
        (b"sRGB", b"\x00"),
        (b"iCCP", b"c\x00\x00" + zlib.compress(mutate(srgb(), chance))),
        (b"tRNS", chance.randbytes(chance.choice((2, 6)))),
    ]
    chosen = chance.sample(said, chance.randrange(1, 4))
    return png(48, 40, depth, colour, zlib.compress(rows), *(chunk(*one) for one in chosen))


def jpeg_with_false_frame(chance: random.Random) -> bytes:
    """Sizes, precision, components or sampling that its data do not have."""
    _, name = chance.choice([one for one in NAMES if one[0] == "JPEG"])
    parts = list(jpeg_parts(source("JPEG", name)))
    for number, part in enumerate(parts):
        if part[1] in (0xC0, 0xC1, 0xC2):
            frame = bytearray(part)
            match chance.randrange(4):
                case 0:
                    struct.pack_into(">HH", frame, 5, side(chance), side(chance))
                case 1:
                    frame[chance.randrange(10, len(frame))] = chance.choice((0x00, 0x44, 0x14, 0xFF))
                case 2:
                    frame[4] = chance.choice((0, 2, 12, 16))
                case _:
                    frame[1] = chance.choice((0xC0, 0xC2, 0xC3, 0xC5, 0xC9, 0xCA, 0xCF))
            parts[number] = bytes(frame)
    return b"\xff\xd8" + b"".join(parts)


def jpeg_of_many_scans(chance: random.Random) -> bytes:
    """A progressive picture whose last scans come hundreds of times."""
    whole = encoded(photo(size=(640, 480)), "JPEG", progressive=True)
    *before, rest = jpeg_parts(whole)
    at = rest.rindex(b"\xff\xda")
    return b"\xff\xd8" + b"".join(before) + rest[:at] + rest[at:-2] * chance.choice((2, 50, 1500)) + b"\xff\xd9"


def jpeg_with_many_segments(chance: random.Random) -> bytes:
    kind = chance.choice((b"\xff\xe1", b"\xff\xe2", b"\xff\xed", b"\xff\xee", b"\xff\xfe", b"\xff\xdb", b"\xff\xc4"))
    body = chance.choice(
        (b"", b"ICC_PROFILE\x00\x09\x02", b"Exif\x00\x00", b"MPF\x00", b"Adobe\x00d\x00\x00\x00\x00\x00\x05")
    )
    body += chance.randbytes(chance.choice((0, 20, 60_000)))
    return (
        b"\xff\xd8"
        + (kind + struct.pack(">H", len(body) + 2) + body) * chance.choice((1, 40))
        + source("JPEG", "baseline")[2:]
    )


def exif_that_loops(chance: random.Random) -> bytes:
    """Directories that point at themselves and at each other, with counts and offsets far outside."""
    order = chance.choice("<>")
    count = chance.choice((0, 1, 3, 2000))
    entries = b"".join(
        struct.pack(
            order + "HHII",
            chance.choice((0x0112, 0x8769, 0x8825, 0xA005, 0x010F, 0x0201)),
            chance.choice((0, 1, 3, 4, 5, 13, 99)),
            chance.choice((1, 9, 2**31, 2**32 - 1)),
            chance.choice((8, 14, 0, 2**32 - 1)),
        )
        for _ in range(count)
    )
    tiff = (b"II*\x00" if order == "<" else b"MM\x00*") + struct.pack(order + "I", 8)
    tiff += struct.pack(order + "H", chance.choice((count, 65_535))) + entries + struct.pack(order + "I", 8)
    kind = chance.choice(("JPEG", "PNG", "WEBP"))
    return encoded(photo(), kind, exif=b"Exif\x00\x00" + tiff[:65_000])


def gif_of_any_size(chance: random.Random) -> bytes:
    """A screen and frames that do not fit each other."""
    gif = bytearray(source("GIF", chance.choice(("still", "straight", "animated"))))
    if chance.random() < 0.6:
        struct.pack_into("<HH", gif, 6, side(chance), side(chance))
    at = gif.index(b",")
    if chance.random() < 0.7:
        struct.pack_into("<HHHH", gif, at + 1, *(side(chance) if chance.random() < 0.5 else 0 for _ in range(4)))
    if chance.random() < 0.3:
        gif[at + 9] = chance.randrange(256)
    return bytes(gif)


def gif_of_many_frames(chance: random.Random) -> bytes:
    gif = source("GIF", "still")
    at = gif.index(b",")
    part = chance.choice(
        (gif[at:-1], b"!\xf9\x04\x0c\x00\x00\x00\x00", b"!\xfe\x01x\x00", b"!\xff\x0bNETSCAPE2.0\x03\x01\x00\x00")
    )
    return gif[:at] + part * chance.choice((100, 3000)) + gif[at:-1] + chance.choice((b";", b""))


def webp_of_any_size(chance: random.Random) -> bytes:
    """A canvas, frames and flags that do not fit the data."""
    name = chance.choice(("lossy", "alpha", "animated", "clear"))
    parts = list(webp_parts(source("WEBP", name)))
    width, height = max(1, min(side(chance), 2**24)), max(1, min(side(chance), 2**24))
    canvas = (
        bytes([chance.choice((0, 2, 16, 32, 62))])
        + bytes(3)
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    )
    if parts[0][0] == b"VP8X":
        parts[0] = (b"VP8X", canvas)
    else:
        parts.insert(0, (b"VP8X", canvas))
    if chance.random() < 0.3:
        parts += [part for part in parts if part[0] == b"ANMF"] * chance.choice((1, 400))
    return webp(parts)


def of_any_shape(chance: random.Random) -> bytes:
    """A sound picture, in shapes and modes that may be refused for their size alone."""
    shape = chance.choice(
        ((1, 1), (16, 16), (15, 400), (16, 128), (16, 129), (3000, 400), (2500, 1700), (12_001, 1600))
    )
    kind, mode = chance.choice(
        (("JPEG", "L"), ("JPEG", "RGB"), ("PNG", "1"), ("PNG", "RGBA"), ("GIF", "P"), ("WEBP", "RGB"))
    )
    return encoded(Image.new(mode, shape if chance.random() < 0.5 else shape[::-1]), kind)


def with_a_profile(chance: random.Random) -> bytes:
    """Colour profiles that are junk, broken, huge, or of another colour space."""
    profile = chance.choice((srgb(), b"", b"junk" * 99, srgb()[:200], srgb() * 100, srgb().replace(b"RGB ", b"CMYK")))
    profile = mutate(profile, chance) if chance.random() < 0.6 else profile
    kind, mode = chance.choice((("JPEG", "RGB"), ("JPEG", "CMYK"), ("JPEG", "L"), ("PNG", "RGBA"), ("WEBP", "RGB")))
    return encoded(photo(mode), kind, icc_profile=profile)


def with_a_direction(chance: random.Random) -> bytes:
    kind = chance.choice(("JPEG", "PNG", "WEBP"))
    return encoded(photo(), kind, exif=exif(chance.choice((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 65_535))))


def polyglot(chance: random.Random) -> bytes:
    """A picture that is something else as well, or wears another's first bytes."""
    data, other = source(*chance.choice(NAMES)), source(*chance.choice(NAMES))
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr(zipfile.ZipInfo("SECRET.html"), "<script>SECRET</script>")
    text = PngImagePlugin.PngInfo()
    text.add_text("SECRET", "<?php system('id') ?>")
    return chance.choice(
        (
            data + archive.getvalue(),
            data + b"<svg onload=alert(1)>SECRET</svg>",
            other[:12] + data,
            other[:8] + data[8:],
            b"%PDF-1.7\n" + data,
            b"GIF89a/*" + b"*/=1;alert(1)//" + data,
            chance.randbytes(3) + data,
            encoded(photo(), "PNG", pnginfo=text),
        )
    )


def hardly_anything(chance: random.Random) -> bytes:
    """No bytes, a few, or only a beginning."""
    heads = (
        b"",
        b"\xff\xd8\xff",
        PNG_MAGIC,
        b"GIF89a",
        b"RIFF\x00\x00\x00\x00WEBPVP8 ",
        b"RIFF\xff\xff\xff\xffWEBPVP8L",
        b"BM",
        b"II*\x00",
    )
    return chance.choice(heads) + chance.randbytes(chance.choice((0, 0, 1, 5, 30, 3000)))


def another_format(chance: random.Random) -> bytes:
    """Formats that the intake names and does not take, whole and damaged, and texts that open files elsewhere."""
    texts = (
        b"ffconcat version 1.0\nfile /etc/passwd\n",
        b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg>&b;</svg>',
        b"push graphic-context\nimage over 0,0 0,0 'https://example.invalid/x'\n",
        b"%PDF-1.7 ",
        gzip.compress(b'{"tgs": 1}', mtime=0),
    )
    if chance.random() < 0.2:
        return chance.choice(texts)
    whole = source("other", chance.choice(list(OTHERS)))
    return mutate(whole, chance) if chance.random() < 0.6 else whole


def heif_of_any_size(chance: random.Random) -> bytes:
    """A grid that promises what it likes, of tiles that are too few, enough, or far too many."""
    shape = chance.choice(((64, 64), (120, 90), (300, 20), (20, 300)))
    claim = (max(1, side(chance)), max(1, side(chance))) if chance.random() < 0.7 else None
    image, mirror = photo(chance.choice(("RGB", "RGBA")), shape), chance.choice((None, 0, 1))
    bits, chroma = chance.choice(((8, 420), (8, 420), (10, 420), (8, 444)))
    return grid(image, tile=64, turns=chance.randrange(4), mirror=mirror, claim=claim, bits=bits, chroma=chroma)


_BOXES = (
    *(b"ftyp", b"meta", b"pitm", b"iloc", b"iinf", b"infe", b"iref", b"dimg", b"auxl", b"iprp", b"ipco", b"ipma"),
    *(b"ispe", b"pixi", b"irot", b"imir", b"colr", b"hvcC", b"av1C", b"idat", b"mdat", b"moov", b"stsz", b"stco"),
)


def heif_with_false_boxes(chance: random.Random) -> bytes:
    """Boxes with other lengths, items elsewhere, grids of themselves, other turns, sizes and decoders' settings."""
    name = chance.choice([one for one in NAMES if one[0] in ("HEIC", "AVIF")])
    data = bytearray(source(*name))
    for kind in chance.sample(_BOXES, chance.choice((1, 2, 6))):
        at = data.find(kind)
        if at < 4:
            continue
        odd = chance.choice(ODD)
        where = chance.choice((at - 4, at, at + 4 + chance.randrange(30)))
        data[where : where + len(odd)] = odd
    if chance.random() < 0.2:
        deep = chance.choice((50, 5000))
        for _ in range(deep):
            data += struct.pack(">I4s", 8, chance.choice((b"meta", b"free", b"moov")))
    return bytes(data)


FORGERIES: tuple[Callable[[random.Random], bytes], ...] = (
    png_of_any_size,
    png_of_many_bits,
    png_with_much_text,
    png_with_odd_chunks,
    png_with_any_colours,
    jpeg_with_false_frame,
    jpeg_of_many_scans,
    jpeg_with_many_segments,
    exif_that_loops,
    gif_of_any_size,
    gif_of_many_frames,
    webp_of_any_size,
    heif_of_any_size,
    heif_with_false_boxes,
    of_any_shape,
    with_a_profile,
    with_a_direction,
    polyglot,
    hardly_anything,
    another_format,
)
