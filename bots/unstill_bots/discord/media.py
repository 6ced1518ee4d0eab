"""What a message holds that could be animated."""

from __future__ import annotations

import discord
import msgspec

from unstill_bots.intake.media import Unfit, unfit
from unstill_queue.contract.fairness import aspect_of


class Picture(msgspec.Struct, frozen=True, omit_defaults=True):
    """`url` is signed and expires; `message` in `channel` has a fresh one of `file`. `size` in bytes, 0 if unknown.

    `aspect` as in `Request`.
    """

    url: str
    size: int = 0
    channel: str = ""
    message: str = ""
    file: str = ""
    aspect: float = 1.0

    @property
    def source(self) -> str:
        """As `Request.source`."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def of(cls, source: str) -> Picture:
        return msgspec.json.decode(source, type=cls)


def find(message: discord.Message) -> list[Picture] | Unfit | None:
    """Every picture of a message, what stands in their place, or None where there is no file at all."""
    other: Unfit | None = None
    pictures: list[Picture] = []
    for attachment in message.attachments:
        found = of_attachment(attachment, message)
        if isinstance(found, Picture):
            pictures.append(found)
        else:
            other = other or found
    pictures += [copy for embed in message.embeds if (copy := _of_embed(embed, message))]
    for sticker in message.stickers:
        shown = of_sticker(sticker)
        if isinstance(shown, Picture):
            pictures.append(shown)
        else:
            other = other or shown
    return pictures or other


def of_attachment(attachment: discord.Attachment, message: discord.Message | None = None) -> Picture | Unfit:
    """`message`: the one that it stands in; a command's option stands in none."""
    no_picture = unfit(attachment.content_type or "", attachment.filename)
    if no_picture is not None:
        return no_picture
    aspect = aspect_of(attachment.width or 0, attachment.height or 0)
    where = {"channel": str(message.channel.id), "message": str(message.id)} if message else {}
    return Picture(attachment.url, attachment.size, file=str(attachment.id), aspect=aspect, **where)


def _of_embed(embed: discord.Embed, message: discord.Message) -> Picture | None:
    """A linked picture, by Discord's own copy of it: no other server is ever asked."""
    for shown in (embed.image, embed.thumbnail if embed.type == "image" else None):
        if shown and shown.proxy_url:
            aspect = aspect_of(shown.width or 0, shown.height or 0)
            return Picture(shown.proxy_url, 0, str(message.channel.id), str(message.id), aspect=aspect)
    return None


def of_sticker(sticker: discord.StickerItem) -> Picture | Unfit:
    """A still one is a picture."""
    if sticker.format in (discord.StickerFormatType.png, discord.StickerFormatType.apng):
        return Picture(sticker.url)
    return Unfit("picture_sticker")
