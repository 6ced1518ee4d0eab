"""Early looks on Telegram: a message that shows one is a photo, and has a caption in place of a text from then on."""

from __future__ import annotations

import io

from PIL import Image
from telegram import Bot, InlineKeyboardMarkup, InputFile, InputMediaPhoto
from telegram.error import TelegramError

from unstill_bots.delivery.looks import StandingLooks
from unstill_bots.delivery.message import Look
from unstill_bots.delivery.poster import PLAIN
from unstill_bots.telegram.errors import is_unchanged
from unstill_bots.telegram.memory import Memory
from unstill_bots.telegram.message_ref import MessageRef
from unstill_bots.text.parts import cut
from unstill_bots.text.replies import CAPTION_LENGTH

EMPTY = (64, 16)
"""Pixels of the picture that shows nothing: a photo cannot become a text again."""


class Looks:
    """Puts early looks into messages, and takes them out again.

    That a message became a photo is on record before it does, so that whoever edits it after a kill knows.
    """

    def __init__(self, bot: Bot, memory: Memory) -> None:
        self._bot = bot
        self._memory = memory
        self._standing = StandingLooks()

    def stands(self, at: MessageRef) -> bool:
        """Return whether this process has made a message a photo."""
        return str(at) in self._standing

    async def known(self, at: MessageRef) -> bool:
        """Return whether anybody has, and no clip took its place."""
        return self.stands(at) or await self._memory.has_look(str(at))

    async def show(
        self, chat: str, at: MessageRef, look: Look | None, text: str, keyboard: InlineKeyboardMarkup | None
    ) -> None:
        """Make a message a photo with a caption: the look, or one that shows nothing. Raises TelegramError."""
        picture = look.picture if look else _empty()
        words = cut(text, CAPTION_LENGTH)
        id, message = int(chat), at.within(chat)
        try:
            if self._standing.shows(str(at), picture):
                await self._bot.edit_message_caption(id, message, caption=words, reply_markup=keyboard)
                return
            await self._memory.put_look(str(at))
            file = InputFile(picture, filename="look.jpg", attach=True)
            media = InputMediaPhoto(file, caption=words, has_spoiler=look.spoiler if look else None)
            await self._bot.edit_message_media(media, id, message, reply_markup=keyboard)
        except TelegramError as error:
            if not is_unchanged(error):
                raise
        self._standing.put(str(at), picture)

    async def gave_way(self, at: MessageRef) -> None:
        """Note that a clip stands in a message now."""
        self._standing.gone(str(at))
        await self._memory.drop_look(str(at))


def _empty() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", EMPTY, PLAIN).save(out, "JPEG")
    return out.getvalue()
