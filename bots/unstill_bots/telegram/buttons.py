"""Buttons, and what they send back: short enough for 64 bytes, and of use after any restart."""

from __future__ import annotations

import msgspec
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from unstill_bots.actions.presses import CANCEL, DELETE, PRESET, SETTINGS
from unstill_bots.actions.variations import AGAIN, BETTER, VARIATIONS
from unstill_bots.delivery.message import Message
from unstill_bots.telegram.pending import PLATFORM
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog

DATA_MOST = 64

SENT = {CANCEL: "cancel", DELETE: "del", PRESET: "p", SETTINGS: "s", **{action: action for action in VARIATIONS}}
"""Actions, as buttons in chats send them."""
ON_JOBS = (CANCEL, DELETE, *VARIATIONS)
_ACTIONS = {sent: action for action, sent in SENT.items()}


class Press(msgspec.Struct, frozen=True):
    """A button's data: what to do, and to which job, or with which value. `action` is empty where we know of none."""

    action: str
    about: str = ""

    @property
    def data(self) -> str:
        return f"{SENT[self.action]} {self.about}"

    @classmethod
    def of(cls, data: str) -> Press:
        sent, _, about = data.partition(" ")
        return cls(_ACTIONS.get(sent, ""), about)

    @classmethod
    def on(cls, action: str, job: str) -> Press:
        return cls(action, job.removeprefix(f"{PLATFORM}:"))

    @property
    def job(self) -> str:
        return f"{PLATFORM}:{self.about}"


def under(message: Message) -> InlineKeyboardMarkup | None:
    """Draw a message's buttons: those that ask for the same clip again stand above the others."""
    if not message.buttons:
        return None
    buttons = {button.action: _button(button.text, Press.on(button.action, button.job)) for button in message.buttons}
    first = [buttons.pop(action) for action in (AGAIN, BETTER) if action in buttons]
    return InlineKeyboardMarkup([row for row in (first, list(buttons.values())) if row])


def presets(replies: ChatReplies, catalog: Catalog) -> InlineKeyboardMarkup:
    """Under the question for words: a press is an answer too."""
    buttons = [
        _button(replies.translated(preset.title), Press(PRESET, name))
        for name, preset in catalog.presets.items()
        if len(Press(PRESET, name).data.encode()) <= DATA_MOST
    ]
    return rows(buttons, 3)


def rows(buttons: list[InlineKeyboardButton], across: int) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([buttons[i : i + across] for i in range(0, len(buttons), across)])


def _button(text: str, press: Press) -> InlineKeyboardButton:
    return InlineKeyboardButton(text, callback_data=press.data)
