"""HEIC by pi-heif, decoded upright. Runs in the process that decodes it."""

from __future__ import annotations

import io
from typing import NamedTuple

from pi_heif import HeifFile, options
from PIL import Image

# Tiles one after another, in less memory; other pictures in the file are not looked at.
options.DECODE_THREADS = 0
options.THUMBNAILS = options.DEPTH_IMAGES = options.AUX_IMAGES = False

_ROWS = 4_000_000
_OPAQUE = {"RGBa": "RGBA", "La": "LA"}


class Heic(NamedTuple):
    """An open file, not yet decoded. `size` is that of its main picture, upright; `pictures` is how many it has."""

    file: HeifFile
    size: tuple[int, int]
    name: str
    pictures: int


def opened(data: bytes) -> Heic:
    """Open a file. `name` of it says what of its form makes a decoder hold more. Raises what pi-heif raises."""
    file = HeifFile(io.BytesIO(data), convert_hdr_to_8bit=True, hdr_to_16bit=True, remove_stride=False)
    main = file[file.primary_index]
    chroma = main.info.get("chroma", 420)
    if main.has_alpha:
        name = "HEIC RGBA"
    elif chroma != 420:
        name = "HEIC 4:2:2" if chroma == 422 else "HEIC 4:4:4"
    else:
        name = "HEIC" if main.info["bit_depth"] == 8 else "HEIC 10-bit"
    return Heic(file, main.size, name, len(file))


def decoded(heic: Heic, kept: tuple[int, int]) -> Image.Image:
    """Decode the main picture, turned as `irot` and `imir` say, at a size not under `kept` and not far above it.

    Its `info` has what the file says of its colours. Pillow's copy of the whole would need four bytes a pixel more, so
    rows are reduced a strip at a time.
    """
    main = heic.file[heic.file.primary_index]
    raw, stride = memoryview(main.data), main.stride
    (width, height), mode = main.size, main.mode
    factor = max(1, min(width // kept[0], height // kept[1]))
    whole = Image.new(_OPAQUE.get(mode, mode), (-(-width // factor), -(-height // factor)))
    rows = max(1, _ROWS // width // factor) * factor
    for top in range(0, height, rows):
        some = min(rows, height - top)
        strip = Image.frombytes(mode, (width, some), raw[top * stride : (top + some) * stride], "raw", mode, stride)
        whole.paste(strip.convert(whole.mode).reduce(factor), (0, top // factor))
    whole.info = {name: main.info[name] for name in ("icc_profile", "nclx_profile", "exif") if main.info.get(name)}
    return whole
