"""Sound pictures of each kind that the intake takes, made by real encoders: what `mutations` begins with."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Mapping
from functools import cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageCms
from tests.bots.hostile.heif import grid, heic, several

SIZE = (72, 56)
PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


@cache
def photo(mode: str = "RGB", size: tuple[int, int] = SIZE, turn: int = 0) -> Image.Image:
    """A gradient with fine waves on it, in any mode of Pillow; `turn` makes another frame of it."""
    width, height = size
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    planes = [(x / width + np.sin(x * 0.7 + k + turn) * 0.2 + y / height * (k + 1) / 4) * 140 % 256 for k in range(3)]
    alpha = (x + y + turn) * 255 / (width + height) % 256
    rgba = Image.fromarray(np.stack([*planes, alpha], axis=-1).astype(np.uint8), "RGBA")
    if mode == "I;16":
        return Image.fromarray((planes[0] * 256).astype(np.uint16))
    return rgba if mode == "RGBA" else rgba.convert(mode)


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def frames(mode: str = "RGB", count: int = 3, size: tuple[int, int] = SIZE) -> dict[str, object]:
    """Options of `save` for a picture that moves."""
    return {
        "save_all": True,
        "append_images": [photo(mode, size, turn) for turn in range(1, count)],
        "duration": 40,
        "loop": 0,
    }


def opencv(suffix: str, *flags: int, depth: type[np.generic] = np.uint8, channels: int = 3) -> bytes:
    """The same picture out of another encoder."""
    pixels = np.asarray(photo("RGBA")).astype(depth)[:, :, :channels]
    if depth is np.uint16:
        pixels = pixels * np.uint16(257)
    done, coded = cv2.imencode(suffix, np.ascontiguousarray(pixels), list(flags))
    assert done
    return bytes(coded.tobytes())


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG with its length and its checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def interlaced(pixels: npt.NDArray[np.uint8]) -> bytes:
    """A PNG in the seven passes of Adam7, which neither Pillow nor OpenCV writes. Takes height x width x 3 or 4."""
    height, width, channels = pixels.shape
    packer, packed = zlib.compressobj(1), []
    for x, y, dx, dy in (
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ):
        part = pixels[y::dy, x::dx]
        if part.size:
            rows = part.reshape(part.shape[0], -1)
            packed.append(packer.compress(np.insert(rows, 0, 0, axis=1).tobytes()))
    packed.append(packer.flush())
    head = struct.pack(">IIBBBBB", width, height, 8, {3: 2, 4: 6}[channels], 0, 0, 1)
    return PNG_MAGIC + chunk(b"IHDR", head) + chunk(b"IDAT", b"".join(packed)) + chunk(b"IEND", b"")


def srgb() -> bytes:
    """A colour profile that does not hold the second in which it was made."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return profile[:24] + struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + profile[36:]


def timeless(data: bytes) -> bytes:
    """An animated AVIF that does not hold the second in which it was made."""
    for kind in (b"mvhd", b"tkhd", b"mdhd"):
        at = data.index(kind) + 8
        data = data[:at] + bytes(16) + data[at + 16 :]
    return data


def exif(turn: int = 6) -> bytes:
    """EXIF with a direction, a maker, a place on the globe and a thumbnail's directory."""
    made = Image.Exif()
    made[0x0112] = turn
    made[0x010F] = "SECRET-MAKER"
    made.get_ifd(0x8825).update({1: "N", 2: (48.0, 12.0, 30.0)})
    return made.tobytes()


SOURCES: Mapping[str, Mapping[str, Callable[[], bytes]]] = {
    "JPEG": {
        "baseline": lambda: encoded(photo(), "JPEG", quality=85),
        "progressive": lambda: encoded(photo(), "JPEG", progressive=True, subsampling=0),
        "grey": lambda: encoded(photo("L"), "JPEG"),
        "cmyk": lambda: encoded(photo("CMYK"), "JPEG", progressive=True),
        "exif": lambda: encoded(photo(), "JPEG", exif=exif(), icc_profile=srgb(), comment=b"SECRET", xmp=b"SECRET"),
        "restarts": lambda: encoded(photo(), "JPEG", restart_marker_blocks=2, subsampling=2),
        "opencv": lambda: opencv(".jpg", cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x411111, cv2.IMWRITE_JPEG_RST_INTERVAL, 3),
        "several": lambda: encoded(photo(), "MPO", **frames()),
    },
    "PNG": {
        "rgb": lambda: encoded(photo(), "PNG"),
        "rgba": lambda: encoded(photo("RGBA"), "PNG", exif=exif(3), icc_profile=srgb()),
        "bit": lambda: encoded(photo("1"), "PNG"),
        "grey": lambda: encoded(photo("L"), "PNG", transparency=7),
        "grey_alpha": lambda: encoded(photo("LA"), "PNG"),
        "palette": lambda: encoded(photo("P"), "PNG", transparency=bytes(range(200)), bits=8),
        "few_colours": lambda: encoded(photo().quantize(7), "PNG"),
        "sixteen": lambda: encoded(photo("I;16"), "PNG"),
        "sixteen_rgba": lambda: opencv(".png", depth=np.uint16, channels=4),
        "keyed": lambda: encoded(photo(), "PNG", transparency=(1, 2, 3)),
        "interlaced": lambda: interlaced(np.asarray(photo("RGBA"))),
        "animated": lambda: encoded(photo("RGBA"), "PNG", **frames("RGBA")),
    },
    "GIF": {
        "still": lambda: encoded(photo(), "GIF"),
        "straight": lambda: encoded(photo("P"), "GIF", interlace=0, transparency=3),
        "animated": lambda: encoded(photo(), "GIF", disposal=2, comment=b"SECRET", **frames(count=5)),
    },
    "WEBP": {
        "lossy": lambda: encoded(photo(), "WEBP", exif=exif(8), icc_profile=srgb(), xmp=b"SECRET"),
        "lossless": lambda: encoded(photo(), "WEBP", lossless=True),
        "alpha": lambda: encoded(photo("RGBA"), "WEBP"),
        "clear": lambda: encoded(photo("RGBA"), "WEBP", lossless=True, exact=True),
        "animated": lambda: encoded(photo("RGBA"), "WEBP", **frames("RGBA", 4)),
        "opencv": lambda: opencv(".webp", cv2.IMWRITE_WEBP_QUALITY, 60, channels=4),
    },
    "HEIC": {
        "one": lambda: heic(photo(), exif=exif(6)),
        "grid": lambda: grid(photo(size=(120, 90)), tile=64, turns=1, mirror=0, exif=exif(6), icc=srgb()),
        "alpha": lambda: grid(photo("RGBA", (64, 64)), tile=64, bits=10, chroma=444),
        "several": lambda: several([photo(), photo(turn=1)]),
    },
    "AVIF": {
        "lossy": lambda: encoded(photo(), "AVIF", speed=10, exif=exif(8), icc_profile=srgb(), xmp=b"SECRET"),
        "alpha": lambda: encoded(photo("RGBA"), "AVIF", speed=10, subsampling="4:4:4"),
        "grey": lambda: encoded(photo("L"), "AVIF", speed=10),
        "animated": lambda: timeless(encoded(photo(), "AVIF", speed=10, **frames())),
    },
}

OTHERS: Mapping[str, Callable[[], bytes]] = {
    "tiff": lambda: encoded(photo(), "TIFF", compression="tiff_lzw"),
    "bmp": lambda: encoded(photo(), "BMP"),
    "ico": lambda: encoded(photo("RGBA"), "ICO"),
    "jpeg2000": lambda: encoded(photo(), "JPEG2000"),
    "eps": lambda: encoded(photo(), "EPS"),
    "dds": lambda: encoded(photo("RGBA"), "DDS"),
    "tga": lambda: encoded(photo(), "TGA"),
    "pcx": lambda: encoded(photo(), "PCX"),
    "ppm": lambda: encoded(photo(), "PPM"),
}


@cache
def source(kind: str, name: str) -> bytes:
    return SOURCES[kind][name]() if kind in SOURCES else OTHERS[name]()


NAMES = [(kind, name) for kind, made in SOURCES.items() for name in made]
