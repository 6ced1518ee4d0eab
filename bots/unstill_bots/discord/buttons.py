"""Buttons under status messages and clips; what they send back is all that is needed after any restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

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
    return view_of(button(shown.text, Press.on(shown.action, shown.job).data) for shown in message.buttons)


def button(text: str, custom_id: str) -> discord.ui.Button[Any]:
    return discord.ui.Button(label=text, custom_id=custom_id, style=discord.ButtonStyle.secondary)


def view_of(items: Iterable[discord.ui.Item[Any]]) -> discord.ui.View:
    """Put buttons and menus under a message."""
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    # uses go by the item's custom id; discord.py need not remember each message
    view.stop()
    return view
