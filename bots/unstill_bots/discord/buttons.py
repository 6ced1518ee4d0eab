"""Buttons under status messages and clips; what they send back is all that is needed after any restart."""

from __future__ import annotations

import discord
import msgspec

from unstill_bots.actions import variations
from unstill_bots.actions.presses import CANCEL, DELETE
from unstill_bots.discord.pending import PLATFORM
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog
from unstill_queue.contract.jobs import Job, Succeeded
from unstill_queue.ledger.ledger import Record

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


def view_for(record: Record, catalog: Catalog) -> discord.ui.View | None:
    """What goes under a job's message as it stands now; None, and nothing, under a plain "no"."""
    if record.outcome is None:
        return waiting(record.id, record.request.requester.language)
    if record.job is None or not isinstance(record.outcome, Succeeded):
        return None
    return clip(record.job, catalog)


def waiting(job: str, language: str) -> discord.ui.View:
    """Under a status message, while the job waits or runs."""
    return _view([_button(ChatReplies(language).button_cancel(), Press.on(CANCEL, job))])


def clip(job: Job, catalog: Catalog) -> discord.ui.View:
    """Under a clip: what would change nothing is left out."""
    replies = ChatReplies(job.requester.language)
    texts = {
        variations.AGAIN: replies.button_again(),
        variations.BETTER: replies.button_better(),
        variations.REELS: replies.button_reels(),
        variations.LOOP: replies.button_loop(),
    }
    buttons = [_button(texts[action], Press.on(action, job.id)) for action in variations.offered(job, catalog)]
    return _view([*buttons, _button(replies.button_delete(), Press.on(DELETE, job.id))])


def _button(text: str, press: Press) -> discord.ui.Button[discord.ui.View]:
    return discord.ui.Button(label=text, custom_id=press.custom_id, style=discord.ButtonStyle.secondary)


def _view(buttons: list[discord.ui.Button[discord.ui.View]]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for button in buttons:
        view.add_item(button)
    # presses go by their custom id; discord.py need not remember each message
    view.stop()
    return view
