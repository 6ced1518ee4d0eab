"""What a message holds that could be animated."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from urllib.parse import urlsplit

import discord
import msgspec

from unstill_bots.intake.media import Unfit, unfit
from unstill_queue.contract.fairness import aspect_of

SHOWN_WHOLE = ("image", "gifv")
"""Kinds of embeds that show what is linked itself, and not a preview of a page."""


class Picture(msgspec.Struct, frozen=True, omit_defaults=True):
    """`url` is signed and expires; `message` in `channel` has a fresh one of `file`. `size` in bytes, 0 if unknown.

    `aspect` and `spoiler` as in `Request`.
    """

    url: str
    size: int = 0
    channel: str = ""
    message: str = ""
    file: str = ""
    aspect: float = 1.0
    spoiler: bool = False

    @property
    def source(self) -> str:
        """As `Request.source`; empty for the picture of a message that has none."""
        return msgspec.json.encode(self).decode() if self.url else ""

    @classmethod
    def of(cls, source: str) -> Picture:
        return msgspec.json.decode(source, type=cls) if source else cls("")


def find(message: discord.Message) -> list[Picture] | Unfit | None:
    """Return every picture of a message and of what is forwarded in it, what stands in their place, or None where there
    is no file at all. A link's preview is one where there is no other.
    """
    found: list[Picture | Unfit] = []
    previews: list[Picture] = []
    holding: tuple[discord.Message | discord.MessageSnapshot, ...] = (message, *message.message_snapshots)
    for held in holding:
        found += [of_attachment(attachment, message) for attachment in held.attachments]
        found += [of for shown in _media_of(held.components) if (of := _of_media(*shown, message))]
        for embed in held.embeds:
            if copy := _of_embed(embed, message):
                (found if embed.type in SHOWN_WHOLE else previews).append(copy)
        found += [of_sticker(sticker) for sticker in held.stickers]
    # a file may be shown by a component, too
    pictures = {one.file or one.url: one for one in found if isinstance(one, Picture)}
    return list(pictures.values()) or previews or next((one for one in found if isinstance(one, Unfit)), None)


def of_attachment(attachment: discord.Attachment, message: discord.Message | None = None) -> Picture | Unfit:
    """`message`: the one that it stands in; a command's option stands in none."""
    no_picture = unfit(attachment.content_type or "", attachment.filename)
    if no_picture is not None:
        return no_picture
    aspect = aspect_of(attachment.width or 0, attachment.height or 0)
    where = {"channel": str(message.channel.id), "message": str(message.id)} if message else {}
    covered = attachment.is_spoiler()
    return Picture(attachment.url, attachment.size, file=str(attachment.id), aspect=aspect, spoiler=covered, **where)


def _of_embed(embed: discord.Embed, message: discord.Message) -> Picture | None:
    """Return a linked picture, by Discord's own copy of it: no other server is ever asked."""
    for shown in (embed.image, embed.thumbnail):
        if shown and shown.proxy_url:
            aspect = aspect_of(shown.width or 0, shown.height or 0)
            # a link that is written as a spoiler covers what it shows
            covered = bool(embed.url and re.search(rf"\|\|[^|]*{re.escape(embed.url)}[^|]*\|\|", message.content))
            place = str(message.channel.id), str(message.id)
            return Picture(shown.proxy_url, 0, *place, aspect=aspect, spoiler=covered)
    return None


def _media_of(components: Iterable[discord.Component]) -> Iterator[tuple[discord.UnfurledMediaItem, bool]]:
    """Yield what galleries, files and thumbnails show, in containers and sections too, and whether it is covered."""
    for component in components:
        match component:
            case discord.MediaGalleryComponent():
                yield from ((item.media, item.spoiler) for item in component.items)
            case discord.FileComponent() | discord.ThumbnailComponent():
                yield component.media, component.spoiler
            case discord.SectionComponent():
                yield from _media_of((*component.children, component.accessory))
            case discord.Container():
                yield from ((media, covered or component.spoiler) for media, covered in _media_of(component.children))


def _of_media(shown: discord.UnfurledMediaItem, covered: bool, message: discord.Message) -> Picture | Unfit | None:
    url = shown.url if shown.attachment_id else shown.proxy_url
    if not url:
        return None
    file = str(shown.attachment_id or "")
    aspect = aspect_of(shown.width or 0, shown.height or 0)
    name = PurePath(urlsplit(shown.url).path).name
    return unfit(shown.content_type or "", name) or Picture(
        url, 0, str(message.channel.id), str(message.id), file, aspect, covered
    )


def of_sticker(sticker: discord.StickerItem) -> Picture | Unfit:
    """A still one is a picture."""
    if sticker.format in (discord.StickerFormatType.png, discord.StickerFormatType.apng):
        return Picture(sticker.url)
    return Unfit("picture_sticker")
