"""What a message holds that could be animated."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from telegram import (
    Document,
    ExternalReplyInfo,
    Message,
    PaidMediaInfo,
    PaidMediaLivePhoto,
    PaidMediaPhoto,
    PaidMediaPreview,
    PhotoSize,
    Sticker,
)

from unstill_bots.intake.media import Unfit, is_named_picture, unfit
from unstill_queue.contract.fairness import aspect_of


class Picture(msgspec.Struct, frozen=True):
    """`file` is the platform's id; `size` in bytes, 0 where it was not told; `aspect` and `spoiler` as in `Request`.

    `named`: it is said to be a picture, which its bytes will show of another.
    """

    file: str
    size: int = 0
    aspect: float = 1.0
    spoiler: bool = False
    named: bool = True

    @property
    def source(self) -> str:
        """As `Request.source`; empty for the picture of a message that has none."""
        return f"{self.file} {self.size}" if self.file else ""

    @classmethod
    def of(cls, source: str) -> Picture:
        file, _, size = source.partition(" ")
        return cls(file, int(size or 0))


def find(message: Message | ExternalReplyInfo, download_limit: int) -> Picture | Unfit | None:
    """Return the picture to animate, what stands in its place, or None where there is no file at all."""
    if message.photo:
        # a live photo's too
        return _largest(message.photo, download_limit, spoiler=bool(message.has_media_spoiler))
    if message.sticker:
        return _sticker(message.sticker)
    # a GIF comes as both
    if message.animation or message.video or message.video_note:
        return Unfit("picture_video")
    if message.story:
        return Unfit("picture_story")
    if message.paid_media:
        return _paid(message.paid_media, download_limit)
    if message.document:
        return _document(message.document)
    if message.audio or message.voice:
        return Unfit("picture_unknown")
    return None


def _largest(sizes: Sequence[PhotoSize], download_limit: int, *, spoiler: bool = False) -> Picture:
    """Return the largest that may be fetched, or where none may the largest."""
    small_enough = [size for size in sizes if (size.file_size or 0) <= download_limit]
    best = max(small_enough or sizes, key=lambda size: size.width * size.height)
    return Picture(best.file_id, best.file_size or 0, aspect_of(best.width, best.height), spoiler)


def _paid(info: PaidMediaInfo, download_limit: int) -> Picture | Unfit:
    """Return the first photo of what was paid for. What was not, a bot is not shown."""
    for one in info.paid_media:
        if isinstance(one, PaidMediaPhoto):
            return _largest(one.photo, download_limit)
        if isinstance(one, PaidMediaLivePhoto) and one.live_photo.photo:
            return _largest(one.live_photo.photo, download_limit)
    hidden = any(isinstance(one, PaidMediaPreview) for one in info.paid_media)
    return Unfit("picture_unpaid" if hidden else "picture_video")


def _sticker(sticker: Sticker) -> Picture | Unfit:
    if sticker.is_animated or sticker.is_video:
        return Unfit("picture_sticker")
    return Picture(sticker.file_id, sticker.file_size or 0, aspect_of(sticker.width, sticker.height))


def _document(document: Document) -> Picture | Unfit:
    # of a file nothing is told but how its thumbnail looks
    shown, said = document.thumbnail, (document.mime_type or "", document.file_name or "")
    aspect = aspect_of(shown.width, shown.height) if shown else 1.0
    return unfit(*said) or Picture(
        document.file_id, document.file_size or 0, aspect, named=is_named_picture(*said) or shown is not None
    )
