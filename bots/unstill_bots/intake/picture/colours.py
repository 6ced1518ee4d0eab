"""Pixels brought into sRGB by what their file says of its colours. Runs in the process that decodes it."""

from __future__ import annotations

import io

from PIL import Image, ImageChops, ImageCms

from unstill_bots.intake.picture.colour_spaces import Curve, Space
from unstill_bots.intake.picture.icc_profiles import profile
from unstill_bots.intake.picture.light import ToSrgb

_DATA = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}
"""What an ICC profile calls the data of Pillow's modes."""


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
