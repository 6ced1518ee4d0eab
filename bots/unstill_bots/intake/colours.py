"""What a file says of its colours, and its pixels brought into sRGB by that. Runs in the process that decodes it."""

from __future__ import annotations

import io
import struct
from typing import NamedTuple

from PIL import Image, ImageChops, ImageCms

from unstill_bots.intake.colour_spaces import ADOBE_RGB, SRGB, SRGB_CURVE, Curve, Space, by_code, profile, to_xyz
from unstill_bots.intake.light import ToSrgb

_EXIF_IFD, _INTEROP_IFD, _COLOR_SPACE, _INTEROP_INDEX = 0x8769, 0xA005, 0xA001, 1
_DATA = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}


class Said(NamedTuple):
    """What a file's numbers mean: an ICC profile, a space, or None for sRGB; `damaged` where something was unusable."""

    meaning: bytes | Space | None = None
    damaged: bool = False


def said(image: Image.Image, data: bytes) -> Said:
    """Return what counts of all that a file says of its colours, before it is decoded.

    A PNG's chunks count in the order of its specification (third edition, 4.3): cICP, iCCP, sRGB, then gAMA and cHRM.
    EXIF is asked last, as a camera names Adobe RGB nowhere else (DCF 2.0).
    """
    damaged = False
    if image.format == "PNG" and (codes := png_chunk(data, b"cICP")) is not None:
        primaries, transfer, matrix, full_range = codes.ljust(4, b"\xff")[:4]
        space = by_code(primaries, transfer, bool(full_range))
        if space is not None and matrix == 0:
            return Said(space)
        damaged = (primaries, transfer) != (2, 2)  # unspecified says nothing
    if isinstance(icc := image.info.get("icc_profile"), bytes):
        return Said(icc, damaged)
    damaged = damaged or "icc_profile" in image.info  # a PNG's that cannot be unpacked
    if image.format == "PNG" and "srgb" in image.info:
        return Said(None, damaged)
    if image.format == "PNG" and ("gamma" in image.info or "chromaticity" in image.info):
        try:
            return Said(_of_chunks(image.info.get("gamma"), image.info.get("chromaticity")), damaged)
        except ValueError:
            return Said(None, damaged=True)
    return Said(ADOBE_RGB if _is_adobe_rgb(image) else None, damaged)


def png_chunk(data: bytes, name: bytes) -> bytes | None:
    """Return the first chunk of that name before a PNG's pixels, of those that Pillow does not read."""
    at = 8
    while at + 12 <= len(data) and (found := data[at + 4 : at + 8]) != b"IDAT":
        (length,) = struct.unpack_from(">I", data, at)
        if found == name:
            return data[at + 8 : at + 8 + min(length, 64)]
        at += 12 + length
    return None


def _of_chunks(gamma: float | None, chromaticity: tuple[float, ...] | None) -> Space:
    """Raises ValueError where they are no colour space."""
    curve = SRGB_CURVE
    if gamma is not None:
        if not 0.1 <= gamma <= 10:
            raise ValueError("no exponent")
        curve = Curve(1 / gamma)
    if chromaticity is None:
        return SRGB._replace(curve=curve)
    wx, wy, rx, ry, gx, gy, bx, by = chromaticity
    space = Space((rx, ry), (gx, gy), (bx, by), (wx, wy), curve)
    to_xyz(space)
    return space


def _is_adobe_rgb(image: Image.Image) -> bool:
    try:
        exif = image.getexif()
        colour_space = exif.get_ifd(_EXIF_IFD).get(_COLOR_SPACE)
        index = str(exif.get_ifd(_INTEROP_IFD).get(_INTEROP_INDEX, ""))
    except Exception:  # whatever is wrong with the EXIF, the pixels are still good
        return False
    return colour_space == 2 or (colour_space != 1 and index.startswith("R03"))


def to_srgb(image: Image.Image, meaning: bytes | Space | None) -> tuple[Image.Image, bool]:
    """RGB, or RGBA of LA and RGBA, in sRGB; False where the file's colour profile could not be used."""
    if image.mode in ("LA", "RGBA"):
        opaque, used = to_srgb(image.convert("L" if image.mode == "LA" else "RGB"), meaning)
        opaque.putalpha(image.getchannel("A"))
        return opaque, used
    try:
        if isinstance(meaning, Space):
            if not isinstance(meaning.curve, Curve):
                channels = image.split() if image.mode == "L" else image.convert("RGB").split()
                largest = max(code for channel in channels for code, count in enumerate(channel.histogram()) if count)
                return ToSrgb(meaning, largest)(channels), True
            if meaning.narrow:
                image = image.point(
                    [min(255, max(0, round((v - 16) * 255 / 219))) for v in range(256)] * len(image.getbands())
                )
            return _by_profile(image.convert("RGB"), profile(meaning)), True
        if meaning is not None:
            return _by_profile(image, meaning), True
    except MemoryError:
        raise
    except Exception:
        return image.convert("RGB"), False
    return image.convert("RGB"), True


def _by_profile(image: Image.Image, icc: bytes) -> Image.Image:
    """Raises ValueError where the profile is for pictures of another kind, and what else Pillow raises."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    data = source.profile.xcolor_space.strip()
    if image.mode == "L" and data == "RGB":
        image = image.convert("RGB")  # gray that is stored short
    if image.mode == "RGB" and data == "GRAY" and _is_gray(image):
        image = image.getchannel(0)  # gray that is stored long, as Pillow reads 16 bits with alpha
    if data != _DATA[image.mode]:
        raise ValueError("a profile for pictures of another kind")
    transform = ImageCms.buildTransform(
        source,
        ImageCms.createProfile("sRGB"),
        image.mode,
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
        ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if image.mode == "RGB" and _changes_nothing(transform):
        return image
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # noqa: S101  only a change in place gives None
    return converted


def _is_gray(image: Image.Image) -> bool:
    red, green, blue = image.split()
    return not any(ImageChops.difference(red, other).getbbox() for other in (green, blue))


_PROBE = bytes(
    value for r in range(0, 256, 17) for g in range(0, 256, 51) for b in range(0, 256, 51) for value in (r, g, b)
)
"""Colours by which a profile that is sRGB's is known; what it is called says nothing."""


def _changes_nothing(transform: ImageCms.ImageCmsTransform) -> bool:
    probe = Image.frombytes("RGB", (len(_PROBE) // 3, 1), _PROBE)
    seen = ImageCms.applyTransform(probe, transform)
    return seen is not None and all(abs(a - b) <= 1 for a, b in zip(seen.tobytes(), _PROBE, strict=True))
