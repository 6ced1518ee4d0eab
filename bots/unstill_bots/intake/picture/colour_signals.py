"""Reads what a file says of its colours. Runs in the process that decodes it."""

from __future__ import annotations

import struct
from typing import NamedTuple

from PIL import Image

from unstill_bots.intake.picture.colour_spaces import ADOBE_RGB, SRGB, SRGB_CURVE, Curve, Space, by_code, to_xyz
from unstill_bots.intake.picture.heif_boxes import nclx
from unstill_bots.intake.picture.icc_profiles import hdr_of

_EXIF_IFD, _INTEROP_IFD, _COLOR_SPACE, _INTEROP_INDEX = 0x8769, 0xA005, 0xA001, 1
_SRGB_GAMMA = 0.45455
_SRGB_CHROMATICITY = (0.3127, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06)
"""The gAMA and cHRM that encoders write beside sRGB, for decoders that do not know it (PNG specification, 11.3.2.5)."""
UNSPECIFIED = (2, 2)
"""Codes of primaries and transfer that say nothing."""


class Said(NamedTuple):
    """The meaning of a file's numbers: an ICC profile, a space, or None for sRGB. `damaged`: not all was usable."""

    meaning: bytes | Space | None = None
    damaged: bool = False


def said(image: Image.Image, data: bytes) -> Said:
    """Return what counts of all that a file says of its colours; `image` is what `data` holds.

    A PNG's chunks count in the order of its specification (third edition, 4.3): cICP, iCCP, sRGB, then gAMA and cHRM.
    In HEIC and AVIF a profile counts before their codes. EXIF is asked last: a camera names Adobe RGB nowhere else (DCF
    2.0).
    """
    damaged = False
    if image.format == "PNG" and (chunk := png_chunk(data, b"cICP")) is not None:
        primaries, transfer, matrix, full_range = chunk.ljust(4, b"\xff")[:4]
        space = by_code(primaries, transfer, bool(full_range)) if matrix == 0 else None
        if space is not None and (primaries, transfer) != UNSPECIFIED:
            return Said(space)
        damaged = space is None
    if isinstance(icc := image.info.get("icc_profile"), bytes):
        return Said(hdr_of(icc) or icc, damaged)
    if (codes := nclx(data)) is not None and codes != UNSPECIFIED:
        space = by_code(*codes, full_range=True)  # the range is that of the stored YCbCr, which the decoder undoes
        return Said(space, damaged=space is None)
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


def _of_chunks(gamma: float | None, chromaticity: tuple[float, ...] | None) -> Space | None:
    """The space of gAMA and cHRM, None for sRGB. Raises ValueError where they are no colour space."""
    curve = SRGB_CURVE
    if gamma == _SRGB_GAMMA and chromaticity in (None, _SRGB_CHROMATICITY):
        return None
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
