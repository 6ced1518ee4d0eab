"""Early looks on Telegram: a message that shows one is a photo, and has a caption in place of a text from then on."""

from __future__ import annotations

from telegram import Bot, InlineKeyboardMarkup, InputFile, InputMediaPhoto
from telegram.error import TelegramError

from unstill_bots.delivery.message import EarlyLook
from unstill_bots.delivery.poster import blank
from unstill_bots.delivery.standing_looks import RecordedLooks
from unstill_bots.telegram.errors import is_unchanged
from unstill_bots.telegram.message_ref import MessageRef
from unstill_bots.text.parts import cut
from unstill_bots.text.replies import CAPTION_LENGTH

EMPTY = (64, 16)
"""Pixels of the picture that shows nothing: a photo cannot become a text again."""


class Looks:
    """Puts early looks into messages, and takes them out again.

    That a message became a photo is on record before it does, so that whoever edits it after a kill knows.
    """

    def __init__(self, bot: Bot, kept: RecordedLooks) -> None:
        self._bot = bot
        self.kept = kept

    async def show(
        self, chat: str, at: MessageRef, look: EarlyLook | None, text: str, keyboard: InlineKeyboardMarkup | None
    ) -> None:
        """Make a message a photo with a caption: the look, or one that shows nothing. Raises TelegramError."""
        picture = look.picture if look else blank(*EMPTY)
        words = cut(text, CAPTION_LENGTH)
        id, message = int(chat), at.within(chat)
        try:
            if self.kept.shows(str(at), picture):
                await self._bot.edit_message_caption(id, message, caption=words, reply_markup=keyboard)
                return
            await self.kept.begin(str(at))
            file = InputFile(picture, filename="look.jpg", attach=True)
            media = InputMediaPhoto(file, caption=words, has_spoiler=look.spoiler if look else None)
            await self._bot.edit_message_media(media, id, message, reply_markup=keyboard)
        except TelegramError as error:
            if not is_unchanged(error):
                raise
        self.kept.put(str(at), picture)
