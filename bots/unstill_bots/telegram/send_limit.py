"""Telegram's flood limits.

Limits of the FAQ and of python-telegram-bot's FloodLimit: 30 messages a second overall, one a second in a chat, 20 a
minute in a group, edits included. We stay a little below, as calls bunch up on their way.
"""

from __future__ import annotations

from unstill_bots.delivery.message import Urgency
from unstill_bots.delivery.rate_limit import Rate, RateLimit

OVERALL = 1 / 26
CHAT = 1.05
GROUP_MOST, GROUP_WINDOW = 19, 61.0
REFUSALS_MOST = 3

# An answer that would wait longer goes back to the ledger, so that it holds up no other chat's.
WAITS = {
    Urgency.ANSWER: 4.0,
    Urgency.REFUSAL: 1.2,
    Urgency.NOTE: 10.0,
    Urgency.TALK: 60.0,
    Urgency.CALL: 3.0,
    Urgency.PLACE: 1.1,
    Urgency.PROGRESS: 0.05,
}
RATE = Rate(
    overall=OVERALL,
    chat=CHAT,
    group_most=GROUP_MOST,
    group_window=GROUP_WINDOW,
    group_progress=6,
    group_places=9,
    progress_every=3.0,
    refusals_most=REFUSALS_MOST,
    waits=WAITS,
)


class SendLimit(RateLimit):
    """The turns of one bot's calls. The ids of groups and channels begin with a minus."""

    def __init__(self) -> None:
        super().__init__(RATE, lambda chat: chat.startswith("-"))
