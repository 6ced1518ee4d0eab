"""What a message holds that could be animated."""

from __future__ import annotations

import msgspec
from telegram import Document, Message, Sticker

from unstill_bots.intake.media import Unfit, unfit
from unstill_queue.contract.fairness import aspect_of


class Picture(msgspec.Struct, frozen=True):
    """`file` is the platform's id; `size` in bytes, 0 where it was not told; `aspect` and `spoiler` as in `Request`."""

    file: str
    size: int = 0
    aspect: float = 1.0
    spoiler: bool = False

    @property
    def source(self) -> str:
        """As `Request.source`."""
        return f"{self.file} {self.size}"

    @classmethod
    def of(cls, source: str) -> Picture:
        file, _, size = source.partition(" ")
        return cls(file, int(size or 0))


def find(message: Message, download_limit: int) -> Picture | Unfit | None:
    """The picture to animate, what stands in its place, or None where there is no file at all."""
    if message.photo:
        small_enough = [size for size in message.photo if (size.file_size or 0) <= download_limit]
        best = max(small_enough or message.photo, key=lambda size: size.width * size.height)
        covered = bool(message.has_media_spoiler)
        return Picture(best.file_id, best.file_size or 0, aspect_of(best.width, best.height), covered)
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
    return Picture(sticker.file_id, sticker.file_size or 0, aspect_of(sticker.width, sticker.height))


def _document(document: Document) -> Picture | Unfit:
    # of a file nothing is told but how its thumbnail looks
    shown = document.thumbnail
    picture = Picture(document.file_id, document.file_size or 0, aspect_of(shown.width, shown.height) if shown else 1.0)
    return unfit(document.mime_type or "", document.file_name or "") or picture
