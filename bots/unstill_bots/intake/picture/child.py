"""Decodes one picture from stdin and ends: `python -m unstill_bots.intake.picture.child`. Started by `pictures`.

In: one line of JSON, then the file's bytes. Out: one line of JSON, then the safe picture's bytes. Before a byte of the
file is looked at, the process gives up what it does not need: it cannot open a file or a socket, write to disk, start
a process, or use more memory and time than it was given. The bounds hold on Linux; where a system lacks one, the
parent's deadline remains.
"""

from __future__ import annotations

import gc
import io
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

from PIL import Image, ImageCms

from unstill_bots.intake.picture.backing import on_backing, shows_something
from unstill_bots.intake.picture.colour_signals import said
from unstill_bots.intake.picture.colours import to_srgb
from unstill_bots.intake.picture.confinement import confine, share_one_arena, untouched
from unstill_bots.intake.picture.opening import Refused, most_pixels, open_picture, too_many_pixels
from unstill_bots.intake.picture.pixels import ORIENTATION, UPRIGHT, bands, orientation, reduced
from unstill_bots.intake.picture.sixteen import sixteen_bit

LOSSLESS_PIXELS = 1_000_000
"""PNG up to here when the source was lossless; above, PNG takes 0.3 s and more, and JPEG 95 4:4:4 shows no loss."""

_SAMPLES = ("sample.heic", "sample.avif")
_UNANSWERED = 2
"""The status after an error that nobody foresaw. Python's own is 1, where the process could not even be started."""


def make_safe(data: bytes, kind: str, limits: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Upright, sRGB, 8 bits, opaque, at most `area` and `longest`, nothing of the file but its pixels."""
    image, upright, notes = open_picture(data, kind, limits)
    turn = None if upright else UPRIGHT.get(orientation(image))
    colours = said(image, data)
    size, used = reduced(image.size, limits["area"], limits["longest"]), True
    plain = sixteen_bit(image, data, colours.meaning, size)
    if plain is None:
        plain, used = to_srgb(bands(image, size), colours.meaning)
    if colours.damaged or not used:
        notes.append("picture_profile_ignored")
    if not shows_something(plain):
        raise Refused("picture_transparent")
    plain = on_backing(plain)
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


def answer(data: bytes, kind: str, limits: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return what `make_safe` returns, or the code of what is wrong and no bytes. Raises nothing."""
    try:
        return make_safe(data, kind, limits)
    except Refused as refusal:
        return refusal.reply, b""
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return too_many_pixels(kind, most_pixels(kind, limits), limits).reply, b""
    except MemoryError:
        return {"code": "picture_too_heavy", "details": {"reason": "memory"}}, b""
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"[:200]
        return {"code": "picture_broken", "details": {"reason": reason}}, b""


def rehearse(limits: dict[str, Any]) -> None:
    """Decode small pictures of our own, so that all that Pillow imports late is there before nothing can be opened."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    size = (limits["short_side"],) * 2
    seen: dict[str, float | tuple[int, ...]] = {"LA": (9, 99), "RGBA": (9, 9, 9, 99), "P": 1}
    for kind, mode in (
        ("JPEG", "CMYK"),
        ("JPEG", "RGB"),
        ("PNG", "LA"),
        ("PNG", "I;16"),
        ("WEBP", "RGBA"),
        ("GIF", "P"),
    ):
        out = io.BytesIO()
        image = Image.new(mode, size, seen.get(mode, 0))
        image.save(out, kind, exif=exif, icc_profile=profile, **({"transparency": 0} if mode == "P" else {}))
        make_safe(out.getvalue(), kind, limits)
    for sample in _SAMPLES:  # of formats that have no encoder here, or a slow one
        make_safe(Path(__file__).with_name(sample).read_bytes(), sample[-4:].upper(), limits)
    untouched()


def main() -> None:
    Image.preinit()
    gc.disable()
    share_one_arena()
    small = {"pixels": 10_000, "format_pixels": {}, "coefficients": 10_000, "side": 1000, "short_side": 16, "aspect": 8}
    rehearse({**small, "area": 64, "longest": 8})
    # A photo whose EXIF or MPO index is odd is still a photo: only a bomb's warning is an error.
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    head = sys.stdin.buffer.readline()
    if not head:  # the parent closed or died
        return
    task = json.loads(head)
    limits: dict[str, Any] = task["limits"]
    confine(limits["memory"], limits["cpu"], limits["wall"])
    try:
        reply, picture = answer(sys.stdin.buffer.read(), task["format"], limits)
        sys.stdout.buffer.write(json.dumps(reply).encode() + b"\n" + picture)
        sys.stdout.buffer.flush()
    except Exception:
        os._exit(_UNANSWERED)
    os._exit(0)


if __name__ == "__main__":
    main()
