"""Buttons under status messages and clips; what they send back is all that is needed after any restart."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import discord

from unstill_bots.actions.press_data import ON_JOBS, PressData
from unstill_bots.delivery.message import Message
from unstill_bots.discord.pending import PLATFORM

TEMPLATE = rf"(?:{'|'.join(ON_JOBS)}) \S{{1,80}}"
"""Of a button's custom id, which has at most 100 characters."""


class Press(PressData, frozen=True):
    """A button's custom id on Discord."""

    platform = PLATFORM
    sent: ClassVar[Mapping[str, str]] = {action: action for action in ON_JOBS}


def under(message: Message) -> discord.ui.View | None:
    """Draw a message's buttons."""
    if not message.buttons:
        return None
    view = discord.ui.View(timeout=None)
    for button in message.buttons:
        press = Press.on(button.action, button.job)
        view.add_item(discord.ui.Button(label=button.text, custom_id=press.data, style=discord.ButtonStyle.secondary))
    # presses go by their custom id; discord.py need not remember each message
    view.stop()
    return view
