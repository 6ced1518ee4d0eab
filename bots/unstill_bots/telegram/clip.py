"""A clip as Telegram wants it: a looping animation where it is short and silent, else a video that streams."""

from __future__ import annotations

from typing import BinaryIO, Literal

from telegram import InputFile, InputMediaAnimation, InputMediaVideo, Message

from unstill_bots.delivery.message import Clip
from unstill_bots.delivery.poster import Bounds

ANIMATION_SECONDS = 15.0
THUMBNAIL = Bounds(side=320, size=200_000)
"""The Bot API's bounds for a thumbnail, a JPEG."""

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
