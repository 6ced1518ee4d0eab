"""Files that are sent to be animated and are no pictures, as far as they say so themselves."""

from __future__ import annotations

from pathlib import PurePath

import msgspec

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif"})
VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v", ".3gp"})


class Unfit(msgspec.Struct, frozen=True):
    """Something else; `code` is one of replies' for pictures."""

    code: str
    format: str = ""


def unfit(media_type: str, name: str) -> Unfit | None:
    """None for a picture; what it truly is, its bytes say later."""
    kind = media_type.partition(";")[0].strip().lower()
    suffix = PurePath(name).suffix.lower()
    if kind.startswith("image/") or suffix in PICTURE_SUFFIXES:
        return None
    if kind.startswith("video/") or suffix in VIDEO_SUFFIXES:
        return Unfit("picture_video")
    return Unfit("picture_unknown")
