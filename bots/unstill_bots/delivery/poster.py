"""The still that a platform shows before a clip is loaded: the picture that it was made of, in the clip's shape."""

from __future__ import annotations

import asyncio
import io

import msgspec
from PIL import Image, ImageOps

from unstill_bots.delivery.message import Clip
from unstill_queue.contract.errors import StorageError
from unstill_queue.storage.base import Storage


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
    return await asyncio.to_thread(_jpeg, picture, clip.width, clip.height, bounds)


def _jpeg(picture: bytes, width: int, height: int, bounds: Bounds) -> bytes | None:
    """Make the poster of a picture that was made safe. `width` and `height` are the clip's."""
    scale = bounds.side / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            opened.draft("RGB", (2 * bounds.side, 2 * bounds.side))
            small = ImageOps.pad(opened.convert("RGB"), size, Image.Resampling.BILINEAR)
    except OSError:
        return None
    for quality in (82, 60, 30):
        out = io.BytesIO()
        small.save(out, "JPEG", quality=quality)
        if out.tell() < bounds.size:
            return out.getvalue()
    return None
