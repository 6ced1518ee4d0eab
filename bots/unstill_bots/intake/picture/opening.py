"""A picture of any format that is taken, opened, judged by its limits and decoded. Runs in the confined process."""

from __future__ import annotations

import io
from typing import Any, NamedTuple

from PIL import (
    AvifImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)
from PIL import TiffImagePlugin as _exif_reader

from unstill_bots.intake.picture import heif_file, jpeg_file
from unstill_bots.intake.picture.heif_boxes import is_film
from unstill_bots.intake.picture.pixels import reduced
from unstill_bots.intake.picture.png_file import without_texts

# Pillow would import them when it first needs them, and the confined process cannot open a file.
_PLUGINS = (
    AvifImagePlugin,
    GifImagePlugin,
    JpegImagePlugin,
    MpoImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
    _exif_reader,
)
AvifImagePlugin.DEFAULT_MAX_THREADS = 1  # each of more would hold a part of the picture
PngImagePlugin.MAX_TEXT_CHUNK = 8 << 20  # of colour profiles too, of which scanners' and printers' have megabytes


class Refused(Exception):
    """The picture is sound, and yet not one we take."""

    def __init__(self, code: str, **details: object) -> None:
        self.reply = {"code": code, "details": {name: str(value) for name, value in details.items()}}
        super().__init__(code)


class Opened(NamedTuple):
    """A decoded picture. `upright`: it is turned already, whatever EXIF says. `notes` are codes for `replies`."""

    image: Image.Image
    upright: bool
    notes: list[str]


def open_picture(data: bytes, kind: str, limits: dict[str, Any]) -> Opened:
    """Open and decode the first or main picture of a file, at a size not far above the one we keep.

    Raises:
        Refused: too large, too small or too narrow. Anything else: the file is broken.
    """
    Image.MAX_IMAGE_PIXELS = most_pixels(kind, limits)
    match kind:
        case "JPEG":
            return _jpeg(data, limits)
        case "HEIC":
            return _heic(data, limits)
        case "PNG":
            data = without_texts(data)
    image = Image.open(io.BytesIO(data), formats=[kind])
    judge(image.size, kind, most_pixels(kind, limits), limits)
    if kind == "AVIF":
        image.info.pop("xmp", None)  # `irot` and `imir` alone say how it is turned; Pillow put them into its EXIF
    # asked before the first frame is decoded: to look for a second one throws it away
    notes = ["picture_first_frame"] if _is_animated(image) else []
    image.load()
    return Opened(image, False, notes)


def _jpeg(data: bytes, limits: dict[str, Any]) -> Opened:
    said = jpeg_file.read(data)
    name, most = "JPEG", most_pixels("JPEG", limits)
    if said.progressive and (held := int(limits["coefficients"] / max(1.0, said.samples))) < most:
        name, most = "progressive JPEG", held
    if not said.whole:
        if not said.usable:
            raise ValueError("the file ends before there is a picture")
        data = jpeg_file.ended(data)
    image = Image.open(io.BytesIO(data), formats=["JPEG"])
    judge(image.size, name, most, limits)
    # libjpeg halves in the same pass. Seven tenths of the area will do: the usual 4032 x 3024 px are halved so.
    image.draft(None, reduced(image.size, limits["area"] * 0.7, limits["longest"] * 0.84))
    image.load()
    if said.whole:
        return Opened(image, False, [])
    return Opened(jpeg_file.without_gray(image), False, ["picture_truncated"])


def _heic(data: bytes, limits: dict[str, Any]) -> Opened:
    if is_film(data):
        raise Refused("picture_video")
    heic = heif_file.opened(data)
    judge(heic.size, heic.name, most_pixels(heic.name, limits), limits)
    image = heif_file.decoded(heic, reduced(heic.size, limits["area"], limits["longest"]))
    return Opened(image, True, ["picture_main"] if heic.pictures > 1 else [])


def judge(size: tuple[int, int], name: str, most: int, limits: dict[str, Any]) -> None:
    """Raises Refused for a size in pixels that is not taken; `most` is what `name`, the file's format, may have."""
    width, height = size
    if width * height > most:
        raise too_many_pixels(name, most, limits)
    if max(size) > limits["side"]:
        raise Refused("picture_too_long", width=width, height=height, most=limits["side"])
    if min(size) < limits["short_side"]:
        raise Refused("picture_too_small", width=width, height=height, least=limits["short_side"])
    if max(size) > limits["aspect"] * min(size):
        raise Refused("picture_too_narrow", width=width, height=height, most=limits["aspect"])


def most_pixels(name: str, limits: dict[str, Any]) -> int:
    most: int = limits["format_pixels"].get(name, limits["pixels"])
    return most


def too_many_pixels(name: str, most: int, limits: dict[str, Any]) -> Refused:
    """Return the refusal that names the limit which holds for this format, and that of a JPEG where it is another."""
    megapixels = f"{most_pixels('JPEG', limits) // 10**6:g}"
    if name == "JPEG":
        return Refused("picture_too_many_pixels", megapixels=megapixels)
    return Refused("picture_too_many_for_format", format=name, own=f"{most // 10**6:g}", megapixels=megapixels)


def _is_animated(image: Image.Image) -> bool:
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:
        return False
