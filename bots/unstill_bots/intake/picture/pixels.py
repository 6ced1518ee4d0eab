"""A decoded picture made plain: reduced, 8 bits a channel. Runs in the process that decodes it."""

from __future__ import annotations

import math
from collections.abc import Callable

from PIL import Image

UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ORIENTATION = 0x0112
BAND = 4_000_000
"""Pixels of the file that are converted at a time, at up to 12 bytes each: the whole would need three copies of it."""
SUPPORT = 3
"""LANCZOS reads three pixels of the result's size on each side."""
_TO_EIGHT = [(value * 255 + 32767) // 65535 for value in range(65536)]


def orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(ORIENTATION, 1))
    except Exception:  # whatever is wrong with the EXIF, the pixels are still good
        return 1


def reduced(size: tuple[int, int], area: float, longest: float) -> tuple[int, int]:
    """Return the size with at most `area` pixels and its long side at most `longest`, in its own shape.

    What is kept is the area, so that a panorama has as many pixels as a square. No side is smaller than a pixel.
    """
    scale = min(1.0, math.sqrt(area / (size[0] * size[1])), longest / max(size))
    return max(1, int(size[0] * scale)), max(1, int(size[1] * scale))


def eight_bit(image: Image.Image) -> Image.Image:
    """L, LA, RGB, RGBA or CMYK with 8 bits a channel, from whatever the file holds."""
    if image.mode in ("I", "F", "I;16", "I;16B", "I;16L", "I;16N"):
        return _from_sixteen(image)
    if image.has_transparency_data:
        return image.convert("LA" if image.mode in ("1", "L", "LA", "La") else "RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB")


def _from_sixteen(image: Image.Image) -> Image.Image:
    codes = image.convert("I")  # `point` knows no other mode with so many values
    plain = codes.point(_TO_EIGHT, "L")
    key = image.info.get("transparency")
    if not isinstance(key, int):
        return plain
    clear = [255] * 65536
    clear[min(key, 65535)] = 0
    return Image.merge("LA", (plain, codes.point(clear, "L")))


Box = tuple[int, int, int, int]


def bands(image: Image.Image, size: tuple[int, int], read: Callable[[Box], Image.Image] | None = None) -> Image.Image:
    """The picture with 8 bits a channel, reduced to `size`, worked on in bands that each need little memory.

    `read` makes a part of the picture into 8 bits, where that is more than `eight_bit`.

    A band is cut with the rows around it that the filter reads, so the result is the same as that of the whole.
    """
    if read is None:
        read = lambda box: eight_bit(image.crop(box))  # noqa: E731
    if size == image.size:
        return read((0, 0, *size))
    scale = image.height / size[1]
    rows = max(1, int(BAND / image.width / scale))
    whole: Image.Image | None = None
    for top in range(0, size[1], rows):
        bottom = min(size[1], top + rows)
        first = max(0, math.floor((top - SUPPORT) * scale))
        last = min(image.height, math.ceil((bottom + SUPPORT) * scale))
        band = read((0, first, image.width, last))
        box = (0.0, top * scale - first, float(image.width), min(bottom * scale - first, float(band.height)))
        band = band.resize((size[0], bottom - top), Image.Resampling.LANCZOS, box)
        if whole is None:
            whole = Image.new(band.mode, size)
        whole.paste(band, (0, top))
    assert whole is not None  # noqa: S101  a size has at least one row
    return whole
