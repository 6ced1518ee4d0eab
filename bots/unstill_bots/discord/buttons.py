"""Buttons under status messages and clips; what they send back is all that is needed after any restart."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import discord

from unstill_bots.actions.press_data import ON_JOBS, PressData, jobs_named
from unstill_bots.actions.presses import EDIT, LAST_PICTURE, PRESET, WORDS_ALONE
from unstill_bots.delivery.message import Message
from unstill_bots.discord.pending import PLATFORM
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog

SENT = (*ON_JOBS, PRESET, LAST_PICTURE, WORDS_ALONE)
TEMPLATE = rf"(?:{'|'.join(SENT)}) \S{{1,80}}"
"""Of a button's custom id, which has at most 100 characters."""


BUTTONS_MOST = 25
"""Buttons of a message."""


class Press(PressData, frozen=True):
    """A button's custom id on Discord."""

    platform = PLATFORM
    sent: ClassVar[Mapping[str, str]] = {action: action for action in SENT}


def under(message: Message) -> discord.ui.View | None:
    """Draw a message's buttons."""
    if not message.buttons:
        return None
    return view_of(button(shown.text, Press.on(shown.action, shown.job).data) for shown in message.buttons)


def jobs_of(message: discord.Message) -> tuple[str, ...]:
    """Return the ids of the jobs that the buttons under a message are about."""
    rows = [row.children for row in message.components if isinstance(row, discord.ActionRow)]
    return jobs_named(Press.of(str(item.custom_id or "")) for row in rows for item in row)


def presets(replies: ChatReplies, catalog: Catalog) -> discord.ui.View:
    """Draw those under the question for words: a press is an answer too."""
    presses = {name: Press(PRESET, name).data for name in catalog.presets_for()}
    named = ((catalog.presets[name].title, data) for name, data in presses.items() if re.fullmatch(TEMPLATE, data))
    return view_of(button(replies.translated(title), data) for title, data in list(named)[:BUTTONS_MOST])


def edit(channel: str, event: int, replies: ChatReplies) -> discord.ui.View:
    """Draw the button under a refusal of words, which opens the form of that event again."""
    return view_of([button(replies.button_edit(), Press(EDIT, f"{channel}:{event}").data)])


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
