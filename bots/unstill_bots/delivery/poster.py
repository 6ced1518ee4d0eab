"""The still that a platform shows before a clip is loaded: the picture that it was made of, as it fills the clip."""

from __future__ import annotations

import asyncio
import io

import msgspec
from PIL import Image, ImageFilter, ImageOps

from unstill_bots.delivery.message import Clip
from unstill_queue.contract.errors import StorageError
from unstill_queue.storage.base import Storage

BACKING_LIGHT = 0.65
"""How light the blurred copy is, as in the clip."""

PLAIN = (38, 38, 44)


class Bounds(msgspec.Struct, frozen=True):
    """The bounds of a platform's posters: `side` in pixels, `size` in bytes."""

    side: int
    size: int


async def poster(storage: Storage, clip: Clip, bounds: Bounds) -> bytes | None:
    """Return a JPEG for `clip` within `bounds`; None where its picture is gone or cannot be read."""
    if clip.poster is None:
        return None
    try:
        picture = await storage.get(clip.poster)
    except StorageError:
        return None
    return await asyncio.to_thread(_jpeg, picture, clip, bounds)


def plain(clip: Clip, bounds: Bounds) -> bytes:
    """Return a JPEG of a clip's shape that shows nothing, for one that was made of words alone."""
    scale = bounds.side / max(clip.width, clip.height)
    return blank(max(1, round(clip.width * scale)), max(1, round(clip.height * scale)))


def blank(width: int, height: int) -> bytes:
    """Return a JPEG of that size in pixels that shows nothing."""
    out = io.BytesIO()
    Image.new("RGB", (width, height), PLAIN).save(out, "JPEG")
    return out.getvalue()


def _jpeg(picture: bytes, clip: Clip, bounds: Bounds) -> bytes | None:
    """Make the poster of a picture that was made safe."""
    scale = bounds.side / max(clip.width, clip.height)
    size = (max(1, round(clip.width * scale)), max(1, round(clip.height * scale)))
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            opened.draft("RGB", (2 * bounds.side, 2 * bounds.side))
            small = _filled(opened.convert("RGB"), size, clip.fill)
    except OSError:
        return None
    for quality in (82, 60, 30):
        out = io.BytesIO()
        small.save(out, "JPEG", quality=quality)
        if out.tell() < bounds.size:
            return out.getvalue()
    return None


def _filled(picture: Image.Image, size: tuple[int, int], fill: str) -> Image.Image:
    """Bring a picture to a size as the engine's finish does: by a crop, or whole before a copy of itself or black."""
    covering = ImageOps.fit(picture, size, Image.Resampling.BILINEAR)
    if fill == "crop":
        return covering
    whole = ImageOps.contain(picture, size, Image.Resampling.BILINEAR)
    behind = Image.new("RGB", size)
    if fill == "blur":
        behind = covering.filter(ImageFilter.GaussianBlur(max(size) / 10)).point(lambda value: value * BACKING_LIGHT)
    behind.paste(whole, ((size[0] - whole.width) // 2, (size[1] - whole.height) // 2))
    return behind
