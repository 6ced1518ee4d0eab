"""Buttons under status messages and clips; what they send back is all that is needed after any restart."""

from __future__ import annotations

import discord
import msgspec

from unstill_bots.actions import variations
from unstill_bots.actions.presses import CANCEL, DELETE
from unstill_bots.delivery.message import Message
from unstill_bots.discord.pending import PLATFORM

TEMPLATE = rf"(?:{'|'.join((CANCEL, DELETE, *variations.VARIATIONS))}) \S{{1,80}}"
"""Of a button's custom id, which has at most 100 characters."""


class Press(msgspec.Struct, frozen=True):
    """What to do, as in `presses.ACTIONS`, and to which job, whose id goes without the platform."""

    action: str
    about: str

    @property
    def custom_id(self) -> str:
        return f"{self.action} {self.about}"

    @property
    def job(self) -> str:
        return f"{PLATFORM}:{self.about}"

    @classmethod
    def of(cls, custom_id: str) -> Press:
        action, _, about = custom_id.partition(" ")
        return cls(action, about)

    @classmethod
    def on(cls, action: str, job: str) -> Press:
        return cls(action, job.removeprefix(f"{PLATFORM}:"))


def under(message: Message) -> discord.ui.View | None:
    """Draw a message's buttons."""
    if not message.buttons:
        return None
    view = discord.ui.View(timeout=None)
    for button in message.buttons:
        press = Press.on(button.action, button.job)
        view.add_item(
            discord.ui.Button(label=button.text, custom_id=press.custom_id, style=discord.ButtonStyle.secondary)
        )
    # presses go by their custom id; discord.py need not remember each message
    view.stop()
    return view
