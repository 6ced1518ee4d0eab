"""A clip as Telegram wants it: a looping animation where it is short and silent, else a video that streams."""

from __future__ import annotations

import io
from typing import BinaryIO, Literal

from PIL import Image, ImageOps
from telegram import InputFile, InputMediaAnimation, InputMediaVideo, Message

from unstill_bots.delivery.message import Clip

ANIMATION_SECONDS = 15.0
THUMBNAIL_SIDE, THUMBNAIL_BYTES = 320, 200_000
"""The Bot API's bounds for a thumbnail: JPEG, pixels a side, bytes."""

Kind = Literal["animation", "video"]


def kind_of(clip: Clip) -> Kind:
    return "animation" if clip.duration <= ANIMATION_SECONDS and not clip.audio else "video"


def media(
    opened: BinaryIO, kind: Kind, clip: Clip, text: str, thumbnail: bytes | None
) -> InputMediaAnimation | InputMediaVideo:
    """Make what is sent of `clip` while its file is `opened`: that is read as it goes out, not before."""
    file = InputFile(opened, filename=clip.name, attach=True, read_file_handle=False)
    cover = InputFile(thumbnail, filename="cover.jpg", attach=True) if thumbnail else None
    seconds = max(1, round(clip.duration))
    if kind == "animation":
        return InputMediaAnimation(
            file, caption=text, width=clip.width, height=clip.height, duration=seconds, thumbnail=cover
        )
    return InputMediaVideo(
        file,
        caption=text,
        width=clip.width,
        height=clip.height,
        duration=seconds,
        supports_streaming=True,
        thumbnail=cover,
    )


def file_in(message: Message) -> str | None:
    """The platform's id of the clip that stands there."""
    shown = message.animation or message.video or message.document
    return shown.file_id if shown else None


def make_thumbnail(picture: bytes, width: int, height: int) -> bytes | None:
    """A JPEG of the clip's shape from the picture it was made of; None if that cannot be read.

    `picture` is one that was made safe. `width` and `height` are the clip's.
    """
    scale = THUMBNAIL_SIDE / max(width, height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    try:
        with Image.open(io.BytesIO(picture)) as opened:
            opened.draft("RGB", (2 * THUMBNAIL_SIDE, 2 * THUMBNAIL_SIDE))
            small = ImageOps.pad(opened.convert("RGB"), size, Image.Resampling.BILINEAR)
    except OSError:
        return None
    for quality in (82, 60, 30):
        out = io.BytesIO()
        small.save(out, "JPEG", quality=quality)
        if out.tell() < THUMBNAIL_BYTES:
            return out.getvalue()
    return None
