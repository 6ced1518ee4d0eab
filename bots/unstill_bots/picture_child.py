"""Decodes one picture from stdin and ends: `python -m unstill_bots.picture_child`. Started by `pictures`.

In: one line of JSON, then the file's bytes. Out: one line of JSON, then the safe picture's bytes. Before a byte of the
file is looked at, the process gives up what it does not need: it cannot open a file or a socket, write to disk, start
a process, or use more memory and time than it was given. The bounds hold on Linux; where a system lacks one, the
parent's deadline remains.
"""

from __future__ import annotations

import contextlib
import gc
import io
import json
import os
import resource
import signal
import sys
import warnings
from typing import Any

from PIL import GifImagePlugin, Image, ImageCms, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL import TiffImagePlugin as _exif_reader

_PLUGINS = (GifImagePlugin, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin, _exif_reader)

LOSSLESS_PIXELS = 1_000_000
"""PNG up to here when the source was lossless; above, PNG takes 0.3 s and more, and JPEG 95 4:4:4 shows no loss."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ORIENTATION = 0x0112


class Refused(Exception):
    """The picture is sound, and yet not one we take."""

    def __init__(self, code: str, **details: object) -> None:
        self.code = code
        self.details = {name: str(value) for name, value in details.items()}
        super().__init__(code)


def confine(memory: int, cpu: int, wall: int) -> None:
    """Give up what decoding needs not. Bytes, seconds of CPU, seconds."""
    signal.alarm(wall)
    bounds = {
        "RLIMIT_AS": memory,
        "RLIMIT_CPU": cpu,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
        "RLIMIT_NPROC": 0,
        "RLIMIT_NOFILE": 3,  # stdin, stdout and stderr are open: nothing else can be
    }
    for name, bound in bounds.items():
        if hasattr(resource, name):
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(getattr(resource, name), (bound, bound))


def open_picture(data: bytes, kind: str, limits: dict[str, int]) -> Image.Image:
    """Open and decode the first frame, at a size not far above the one we keep.

    Raises:
        Refused: too large, too small or too narrow. Anything else: the file is broken.
    """
    Image.MAX_IMAGE_PIXELS = limits["pixels"]
    image = Image.open(io.BytesIO(data), formats=[kind])
    width, height = image.size
    if max(width, height) > limits["side"] or width * height > limits["pixels"]:
        raise Refused("picture_too_many_pixels", width=width, height=height, megapixels=limits["pixels"] // 10**6)
    if min(width, height) < limits["short_side"]:
        raise Refused("picture_too_small", width=width, height=height, least=limits["short_side"])
    if max(width, height) > limits["aspect"] * min(width, height):
        raise Refused("picture_too_narrow", width=width, height=height, most=limits["aspect"])
    if kind == "JPEG":
        # libjpeg halves in the same pass. A little under `longest` will do: the usual 4032 px become 2016 so.
        image.draft(None, reduced(image.size, limits["longest"] * 9 // 10))
    image.load()
    return image


def reduced(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """The size with its long side at most `longest`, in its own shape, never smaller than a pixel."""
    scale = min(1.0, longest / max(size))
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def orientation(image: Image.Image) -> int:
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # whatever is wrong with the EXIF, the pixels are still good
        return 1


def animated(image: Image.Image, kind: str) -> bool:
    try:
        return kind != "JPEG" and bool(getattr(image, "is_animated", False))
    except Exception:
        return False


def eight_bit(image: Image.Image) -> Image.Image:
    """L, RGB, RGBA, CMYK or LAB with 8 bits a channel, from whatever the file holds."""
    if image.mode == "I;16":  # `convert` alone would clip at 255
        return image.point(lambda value: value / 256).convert("L")
    if image.mode in ("I", "F", "I;16B", "I;16L", "I;16N"):
        return image.convert("F").point(lambda value: value / 256).convert("L")
    if image.has_transparency_data:
        return image.convert("RGBA")
    if image.mode == "1":
        return image.convert("L")
    return image if image.mode in ("L", "RGB", "CMYK", "LAB") else image.convert("RGB")


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """RGB or RGBA in sRGB; False where the file's colour profile could not be used."""
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    if profile is None:
        return image.convert(mode), True
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if image.mode in ("RGB", "RGBA") and "srgb" in ImageCms.getProfileDescription(source).lower():
            return image, True
        converted = ImageCms.profileToProfile(
            image,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode=mode,
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except MemoryError:
        raise
    except Exception:
        return image.convert(mode), False
    return (converted if converted is not None else image.convert(mode)), True


def on_white(image: Image.Image) -> Image.Image:
    if image.mode != "RGBA":
        return image
    white = Image.new("RGB", image.size, "white")
    white.paste(image, mask=image.getchannel("A"))
    return white


def make_safe(data: bytes, kind: str, limits: dict[str, int]) -> tuple[dict[str, Any], bytes]:
    """Upright, sRGB, 8 bits, opaque, at most `longest` px, nothing of the file but its pixels."""
    image = open_picture(data, kind, limits)
    turn = _UPRIGHT.get(orientation(image))
    profile = image.info.get("icc_profile")
    notes = ["picture_first_frame"] if animated(image, kind) else []
    plain = eight_bit(image)
    size = reduced(plain.size, limits["longest"])
    if size != plain.size:
        plain = plain.resize(size, Image.Resampling.LANCZOS)
    plain, profiled = to_srgb(plain, profile if isinstance(profile, bytes) else None)
    if not profiled:
        notes.append("picture_profile_ignored")
    plain = on_white(plain)
    if turn is not None:
        plain = plain.transpose(turn)
    fresh = Image.frombytes("RGB", plain.size, plain.tobytes())  # pixels alone cross over: no EXIF, no GPS, no comment
    out = io.BytesIO()
    lossless = kind in ("PNG", "GIF") and fresh.width * fresh.height <= LOSSLESS_PIXELS
    if lossless:
        fresh.save(out, "PNG", compress_level=1)
    else:
        fresh.save(out, "JPEG", quality=95, subsampling=0)
    return {"format": "png" if lossless else "jpg", "width": fresh.width, "height": fresh.height, "notes": notes}, (
        out.getvalue()
    )


def answer(data: bytes, kind: str, limits: dict[str, int]) -> tuple[dict[str, Any], bytes]:
    """What `make_safe` gives, or the code of what is wrong; never raises."""
    try:
        return make_safe(data, kind, limits)
    except Refused as refusal:
        return {"code": refusal.code, "details": refusal.details}, b""
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return {"code": "picture_too_many_pixels", "details": {"megapixels": str(limits["pixels"] // 10**6)}}, b""
    except MemoryError:
        return {"code": "picture_too_heavy", "details": {"reason": "memory"}}, b""
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        return {"code": "picture_broken", "details": {"reason": reason}}, b""


def rehearse(limits: dict[str, int]) -> None:
    """Decode small pictures of our own, so that all that Pillow imports late is there before nothing can be opened."""
    exif = Image.Exif()
    exif[_ORIENTATION] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    size = (limits["short_side"],) * 2
    for kind, mode in (
        ("JPEG", "CMYK"),
        ("JPEG", "RGB"),
        ("PNG", "LA"),
        ("PNG", "I;16"),
        ("WEBP", "RGBA"),
        ("GIF", "P"),
    ):
        out = io.BytesIO()
        image = Image.new(mode, size)
        image.save(out, kind, exif=exif, icc_profile=profile, **({"transparency": 0} if mode == "P" else {}))
        make_safe(out.getvalue(), kind, limits)


def main() -> None:
    Image.preinit()
    gc.disable()
    rehearse({"pixels": 10_000, "side": 1000, "short_side": 16, "aspect": 8, "longest": 16})
    # A photo whose EXIF or MPO index is odd is still a photo: only a bomb's warning is an error.
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    head = sys.stdin.buffer.readline()
    if not head:  # the parent closed or died
        return
    task = json.loads(head)
    limits: dict[str, int] = task["limits"]
    confine(limits["memory"], limits["cpu"], limits["wall"])
    reply, picture = answer(sys.stdin.buffer.read(), task["format"], limits)
    sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n" + picture)
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
