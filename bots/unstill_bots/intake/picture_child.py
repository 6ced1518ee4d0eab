"""Decodes one picture from stdin and ends: `python -m unstill_bots.intake.picture_child`. Started by `pictures`.

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
import math
import os
import resource
import signal
import sys
import time
import warnings
from typing import Any

from PIL import GifImagePlugin, Image, ImageCms, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin
from PIL import TiffImagePlugin as _exif_reader

from unstill_bots.intake.backing import on_backing, shows_something
from unstill_bots.intake.colour_signals import said
from unstill_bots.intake.colours import to_srgb
from unstill_bots.intake.pixels import ORIENTATION, UPRIGHT, bands, orientation, reduced
from unstill_bots.intake.sixteen import sixteen_bit

_PLUGINS = (GifImagePlugin, JpegImagePlugin, MpoImagePlugin, PngImagePlugin, WebPImagePlugin, _exif_reader)

LOSSLESS_PIXELS = 1_000_000
"""PNG up to here when the source was lossless; above, PNG takes 0.3 s and more, and JPEG 95 4:4:4 shows no loss."""

_LIBRARIES = 16 * 1024**2
"""Of what `untouched` counts, this much may be touched later: the unread parts of Python and of the decoders."""
_UNANSWERED = 2
"""The status after an error that nobody foresaw. Python's own is 1, where the process could not even be started."""


class Refused(Exception):
    """The picture is sound, and yet not one we take."""

    def __init__(self, code: str, **details: object) -> None:
        self.reply = {"code": code, "details": {name: str(value) for name, value in details.items()}}
        super().__init__(code)


def untouched() -> int:
    """The bytes of address space that are mapped and not in memory, such as unread parts of libraries; 0 if unknown."""
    try:
        with open("/proc/self/statm") as file:  # noqa: PTH123  pathlib would take a tenth of the time to start
            size, resident = file.read().split()[:2]
    except (OSError, ValueError):
        return 0
    return (int(size) - int(resident)) * resource.getpagesize()


def confine(memory: int, cpu: float, wall: float) -> None:
    """Give up what decoding needs not.

    Args:
        memory: the most bytes that the process may ever have in memory, what it has already included.
        cpu: seconds of computing from here on.
        wall: seconds from here on by the clock, for a process that waits instead of computing.
    """
    signal.setitimer(signal.ITIMER_REAL, wall)
    signal.setitimer(signal.ITIMER_PROF, cpu)
    overspent = math.ceil(time.process_time() + cpu) + 1  # in whole seconds, for a decoder that undoes its timer
    bounds = {
        "RLIMIT_AS": memory - _LIBRARIES + untouched(),
        "RLIMIT_CPU": overspent,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_CORE": 0,
        "RLIMIT_NPROC": 0,
        "RLIMIT_NOFILE": 3,  # stdin, stdout and stderr are open: nothing else can be
    }
    for name, bound in bounds.items():
        if hasattr(resource, name):
            with contextlib.suppress(OSError, ValueError):
                resource.setrlimit(getattr(resource, name), (bound, bound))


def open_picture(data: bytes, kind: str, limits: dict[str, Any]) -> tuple[Image.Image, bool]:
    """Open and decode the first frame, at a size not far above the one we keep; and say whether there are more.

    Raises:
        Refused: too large, too small or too narrow. Anything else: the file is broken.
    """
    most = limits["format_pixels"].get(kind, limits["pixels"])
    Image.MAX_IMAGE_PIXELS = most
    image = Image.open(io.BytesIO(data), formats=[kind])
    width, height = image.size
    if width * height > most:
        raise too_many_pixels(kind, limits)
    if max(width, height) > limits["side"]:
        raise Refused("picture_too_long", width=width, height=height, most=limits["side"])
    if min(width, height) < limits["short_side"]:
        raise Refused("picture_too_small", width=width, height=height, least=limits["short_side"])
    if max(width, height) > limits["aspect"] * min(width, height):
        raise Refused("picture_too_narrow", width=width, height=height, most=limits["aspect"])
    if kind == "JPEG":
        # libjpeg halves in the same pass. Seven tenths of the area will do: the usual 4032 x 3024 px are halved so.
        image.draft(None, reduced(image.size, limits["area"] * 0.7, limits["longest"] * 0.84))
    more = animated(image, kind)  # before the first frame is decoded: to look for a second one throws it away
    image.load()
    return image, more


def too_many_pixels(kind: str, limits: dict[str, Any]) -> Refused:
    """The refusal that names the limit which holds for this format, and the one for all where they differ."""
    megapixels = f"{limits['pixels'] / 10**6:g}"
    if (own := limits["format_pixels"].get(kind)) is None:
        return Refused("picture_too_many_pixels", megapixels=megapixels)
    return Refused("picture_too_many_for_format", format=kind, own=f"{own / 10**6:g}", megapixels=megapixels)


def animated(image: Image.Image, kind: str) -> bool:
    try:
        return kind != "JPEG" and bool(getattr(image, "is_animated", False))
    except Exception:
        return False


def make_safe(data: bytes, kind: str, limits: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Upright, sRGB, 8 bits, opaque, at most `area` and `longest`, nothing of the file but its pixels."""
    image, more = open_picture(data, kind, limits)
    turn = UPRIGHT.get(orientation(image))
    colours = said(image, data)
    notes = ["picture_first_frame"] if more else []
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
    """What `make_safe` gives, or the code of what is wrong; never raises."""
    try:
        return make_safe(data, kind, limits)
    except Refused as refusal:
        return refusal.reply, b""
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return too_many_pixels(kind, limits).reply, b""
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
    untouched()


def main() -> None:
    Image.preinit()
    gc.disable()
    small = {"pixels": 10_000, "format_pixels": {}, "side": 1000, "short_side": 16, "aspect": 8}
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
