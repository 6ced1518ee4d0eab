"""Buttons, and what they send back: short enough for 64 bytes, and of use after any restart."""

from __future__ import annotations

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from unstill_bots.actions.press_data import ON_JOBS, PressData
from unstill_bots.actions.presses import DELETE, LAST_PICTURE, PRESET, SETTINGS, SHARE, WORDS_ALONE
from unstill_bots.actions.variations import AGAIN, BETTER
from unstill_bots.delivery.message import Button, Message
from unstill_bots.telegram.pending import PLATFORM
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog
from unstill_queue.contract.options import EXTEND

DATA_MOST = 64
ONE_CLIP = "#"
"""The beginning of an inline query that asks for one clip, by its job; all others are words."""

SENT = {
    **{action: action for action in ON_JOBS},
    **{DELETE: "del", PRESET: "p", SETTINGS: "s", LAST_PICTURE: "last", WORDS_ALONE: "alone"},
}
"""Actions, as buttons in chats send them."""


class Press(PressData, frozen=True):
    """A button's data on Telegram, within DATA_MOST bytes."""

    platform = PLATFORM
    sent = SENT


def under(message: Message, *, inline: bool = True) -> InlineKeyboardMarkup | None:
    """Draw a message's buttons: those that ask for the same clip again stand above the others. `inline`: the bot may be
    asked in inline mode, by which clips are shared.
    """
    if not message.buttons:
        return None
    buttons = {shown.action: _under(shown) for shown in message.buttons if inline or shown.action != SHARE}
    first = [buttons.pop(action) for action in (AGAIN, BETTER, EXTEND) if action in buttons]
    return InlineKeyboardMarkup([row for row in (first, list(buttons.values())) if row])


def _under(button: Button) -> InlineKeyboardButton:
    if button.action == SHARE:
        return InlineKeyboardButton(button.text, switch_inline_query=ONE_CLIP + Press.on(SHARE, button.job).about)
    return _button(button.text, Press.on(button.action, button.job))


def presets(replies: ChatReplies, catalog: Catalog) -> InlineKeyboardMarkup:
    """Under the question for words: a press is an answer too."""
    buttons = [
        _button(replies.translated(preset.title), Press(PRESET, name))
        for name, preset in catalog.presets_for().items()
        if len(Press(PRESET, name).data.encode()) <= DATA_MOST
    ]
    return rows(buttons, 3)


def rows(buttons: list[InlineKeyboardButton], across: int) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([buttons[i : i + across] for i in range(0, len(buttons), across)])


def _button(text: str, press: Press) -> InlineKeyboardButton:
    return InlineKeyboardButton(text, callback_data=press.data)
