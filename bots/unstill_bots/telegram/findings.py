"""What a message holds that could be animated."""

from __future__ import annotations

from pathlib import PurePath

import msgspec
from telegram import Document, Message, Sticker

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".heic", ".avif"})

VIDEO_SUFFIXES = frozenset({".mp4", ".mov", ".webm", ".mkv", ".avi", ".m4v", ".3gp"})


class Picture(msgspec.Struct, frozen=True):
    """`file` is the platform's id; `size` in bytes, 0 where it was not told."""

    file: str
    size: int = 0

    @property
    def source(self) -> str:
        """As `Request.source`."""
        return f"{self.file} {self.size}"

    @classmethod
    def of(cls, source: str) -> Picture:
        file, _, size = source.partition(" ")
        return cls(file, int(size or 0))


class Unfit(msgspec.Struct, frozen=True):
    """Something else; `code` is one of replies' for pictures."""

    code: str
    format: str = ""


def find(message: Message, download_limit: int) -> Picture | Unfit | None:
    """The picture to animate, what stands in its place, or None where there is no file at all."""
    if message.photo:
        small_enough = [size for size in message.photo if (size.file_size or 0) <= download_limit]
        best = max(small_enough or message.photo, key=lambda size: size.width * size.height)
        return Picture(best.file_id, best.file_size or 0)
    if message.sticker:
        return _sticker(message.sticker)
    # a GIF comes as both
    if message.animation or message.video or message.video_note or message.story:
        return Unfit("picture_video")
    if message.document:
        return _document(message.document)
    if message.audio or message.voice or message.paid_media:
        return Unfit("picture_unknown")
    return None


def _sticker(sticker: Sticker) -> Picture | Unfit:
    if sticker.is_animated or sticker.is_video:
        return Unfit("picture_sticker")
    return Picture(sticker.file_id, sticker.file_size or 0)


def _document(document: Document) -> Picture | Unfit:
    kind = document.mime_type or ""
    suffix = PurePath(document.file_name or "").suffix.lower()
    if kind.startswith("image/") or suffix in PICTURE_SUFFIXES:
        # what it truly is, its bytes say later
        return Picture(document.file_id, document.file_size or 0)
    if kind.startswith("video/") or suffix in VIDEO_SUFFIXES:
        return Unfit("picture_video")
    return Unfit("picture_unknown")
