"""Sound pictures at the limit: as many pixels as their format may have, in the ways that cost a decoder the most."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image
from tests.bots.hostile.heif import TILE, grid
from tests.bots.hostile.mutations import webp, webp_parts
from tests.bots.hostile.sources import chunk, encoded, interlaced

from unstill_bots.intake.picture.sixteen import PIXELS
from unstill_bots.intake.pictures import Limits

LIMITS = Limits()
MUCH = 27 * 1024**2
"""Bytes of metadata that leave room for the picture in the most bytes that a file may have."""


def shape(kind: str) -> tuple[int, int]:
    """Height and width: a square of the most pixels."""
    side = int(LIMITS.format_pixels.get(kind, LIMITS.pixels) ** 0.5)
    return side, side


def gradient(size: tuple[int, int], channels: int) -> npt.NDArray[np.uint8]:
    height, width = size
    y = np.linspace(0, 255, height, dtype=np.uint8)[:, None]
    x = np.linspace(0, 255, width, dtype=np.uint8)[None, :]
    return np.stack([y // (k + 1) + x // 2 for k in range(channels)], axis=-1)


def large(mode: str, kind: str = "PNG", size: tuple[int, int] | None = None) -> Image.Image:
    channels = {"LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    return Image.fromarray(gradient(size or shape(kind), channels), mode)


def paletted(kind: str) -> Image.Image:
    image = Image.fromarray(gradient(shape(kind), 1)[:, :, 0], "P")
    image.putpalette(bytes(range(256)) * 3)
    return image


def png(mode: str, **options: object) -> bytes:
    return encoded(large(mode), "PNG", compress_level=1, **options)


def sixteen_bit(side: int = shape("PNG")[0]) -> bytes:
    pixels = gradient((side, side), 4).astype(np.uint16) * np.uint16(257)
    return bytes(cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])[1].tobytes())


def in_pq(picture: bytes) -> bytes:
    """The same PNG, said to be HDR."""
    return picture[:33] + chunk(b"cICP", bytes((9, 16, 0, 1))) + picture[33:]


def with_much_exif(picture: bytes) -> bytes:
    """The same WebP with a chunk of metadata as large as a file has room for."""
    head, *rest = webp_parts(picture)
    assert head[0] == b"VP8X"
    flags = bytes([head[1][0] | 8])
    return webp([(head[0], flags + head[1][1:]), *rest, (b"EXIF", bytes(MUCH))])


def tiled(mode: str, size: tuple[int, int]) -> Image.Image:
    """A picture of the same tile many times over, which costs an encoder as little as one."""
    tile = large("RGBA", size=(TILE, TILE)).convert(mode)
    whole = Image.new(mode, size)
    for y in range(0, size[1], TILE):
        for x in range(0, size[0], TILE):
            whole.paste(tile, (x, y))
    return whole


def progressive(mode: str, samples: float, **options: object) -> bytes:
    """As many coefficients as a decoder may hold."""
    side = int((LIMITS.coefficients / samples) ** 0.5)
    return encoded(large(mode, size=(side, side)), "JPEG", progressive=True, **options)


def noisy(kind: str) -> Image.Image:
    """Waves with a little noise, for a file of many bytes."""
    pixels = gradient(shape(kind), 4)
    noise = np.random.default_rng(7).integers(0, 8, (256, 256, 1), dtype=np.uint8)
    height, width = pixels.shape[:2]
    pixels ^= np.tile(noise, (height // 256 + 1, width // 256 + 1, 1))[:height, :width]
    return Image.fromarray(pixels, "RGBA")


LARGEST: Mapping[str, tuple[str, Callable[[], bytes]]] = {
    "alpha": ("PNG", lambda: png("RGBA")),
    "key colour": ("PNG", lambda: png("RGB", transparency=(1, 2, 3))),
    "grey and alpha": ("PNG", lambda: png("LA")),
    "palette with alpha": (
        "PNG",
        lambda: encoded(paletted("PNG"), "PNG", compress_level=1, transparency=bytes(range(256))),
    ),
    "16 bits of HDR": ("PNG", lambda: in_pq(sixteen_bit())),
    "16 bits of HDR, all of them read": ("PNG", lambda: in_pq(sixteen_bit(int(PIXELS**0.5)))),
    "interlaced": ("PNG", lambda: interlaced(gradient(shape("PNG"), 4))),
    "animated": ("PNG", lambda: png("RGBA", save_all=True, append_images=[Image.new("RGBA", large("RGBA").size)])),
    "baseline": ("JPEG", lambda: encoded(tiled("L", shape("JPEG")), "JPEG", quality=50)),
    "progressive": ("JPEG", lambda: progressive("RGB", 3, subsampling=0)),
    "progressive CMYK with a large profile": (
        "JPEG",
        lambda: progressive("CMYK", 4, subsampling=0, icc_profile=bytes(MUCH)),
    ),
    "longest side": (
        "JPEG",
        lambda: encoded(large("CMYK", "JPEG", (2500, 20_000)), "JPEG", progressive=True, subsampling=0),
    ),
    "HEIC": ("HEIC", lambda: grid(tiled("RGB", (16 * TILE, 15 * TILE)))),
    "HEIC 10-bit": ("HEIC 10-bit", lambda: grid(tiled("RGB", (19 * TILE, 10 * TILE)), bits=10)),
    "HEIC 4:2:2": ("HEIC 4:2:2", lambda: grid(tiled("RGB", (9 * TILE, 8 * TILE)), bits=10, chroma=422)),
    "HEIC 4:4:4": ("HEIC 4:4:4", lambda: grid(tiled("RGB", (9 * TILE, 8 * TILE)), bits=10, chroma=444)),
    "HEIC RGBA": ("HEIC RGBA", lambda: grid(tiled("RGBA", (9 * TILE, 8 * TILE)), bits=10, chroma=444)),
    "AVIF": ("AVIF", lambda: encoded(large("RGBA", "AVIF"), "AVIF", speed=10, subsampling="4:4:4")),
    "GIF": (
        "GIF",
        lambda: encoded(paletted("GIF"), "GIF", save_all=True, append_images=[Image.new("P", paletted("GIF").size)]),
    ),
    "lossy": ("WEBP", lambda: encoded(large("RGBA", "WEBP"), "WEBP", method=0)),
    "lossless": ("WEBP", lambda: encoded(noisy("WEBP"), "WEBP", method=0, quality=0, lossless=True)),
    "lossless with much EXIF": (
        "WEBP",
        lambda: with_much_exif(
            encoded(large("RGBA", "WEBP"), "WEBP", method=0, quality=0, lossless=True, exif=b"Exif\x00\x00x")
        ),
    ),
    "animated WEBP": (
        "WEBP",
        lambda: encoded(
            large("RGBA", "WEBP"),
            "WEBP",
            method=0,
            quality=0,
            lossless=True,
            save_all=True,
            append_images=[Image.new("RGBA", large("RGBA", "WEBP").size)],
        ),
    ),
}
