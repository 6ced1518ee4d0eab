"""A clip as Telegram wants it: a looping animation where it is short and silent, else a video that streams."""

from __future__ import annotations

from typing import Any, BinaryIO, Literal

from telegram import InputFile, InputMediaAnimation, InputMediaVideo, Message, MessageEntity

from unstill_bots.delivery.message import Clip
from unstill_bots.delivery.poster import Bounds
from unstill_bots.text.parts import Text, units
from unstill_bots.text.replies import CAPTION_LENGTH

ANIMATION_SECONDS = 15.0
THUMBNAIL = Bounds(side=320, size=200_000)
"""The Bot API's bounds for a thumbnail, a JPEG."""

Kind = Literal["animation", "video"]


def kinds_of(clip: Clip) -> tuple[Kind, ...]:
    """Return what it may be shown as, the best first: chats allow animations and videos by rights of their own."""
    if clip.audio:
        return ("video",)
    return ("animation", "video") if clip.duration <= ANIMATION_SECONDS else ("video", "animation")


def media(
    opened: BinaryIO | str, kind: str, clip: Clip, text: Text, thumbnail: bytes | None
) -> InputMediaAnimation | InputMediaVideo:
    """Make what is sent of `clip` while its file is `opened`: that is read as it goes out, not before. An id is that of
    the same file, sent before.
    """
    known = isinstance(opened, str)
    file = opened if known else InputFile(opened, filename=clip.name, attach=True, read_file_handle=False)
    cover = InputFile(thumbnail, filename="cover.jpg", attach=True) if thumbnail else None
    words, marked = caption(text)
    shape: dict[str, Any] = {"width": clip.width, "height": clip.height, "duration": max(1, round(clip.duration))}
    looks: dict[str, Any] = {"caption": words, "caption_entities": marked, "has_spoiler": clip.spoiler}
    if kind == "animation":
        return InputMediaAnimation(file, thumbnail=cover, **shape, **looks)
    return InputMediaVideo(file, thumbnail=cover, supports_streaming=True, **shape, **looks)


def caption(text: Text) -> tuple[str, list[MessageEntity]]:
    """Return the caption of a clip, and its marks: what is folded away stands in a quote that unfolds."""
    shown, folded = text.folded(CAPTION_LENGTH)
    cover = [MessageEntity(MessageEntity.SPOILER, offset=0, length=units(shown))] if text.covered else []
    if not folded:
        return shown, cover
    fold = MessageEntity(MessageEntity.EXPANDABLE_BLOCKQUOTE, offset=units(shown) + 1, length=units(folded))
    return f"{shown}\n{folded}", [*cover, fold]


def file_in(message: Message) -> str | None:
    """The platform's id of the clip that stands there."""
    shown = message.animation or message.video or message.document
    return shown.file_id if shown else None
