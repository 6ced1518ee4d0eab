"""Whose turn it is to send: Telegram's flood limits, kept chat by chat.

Limits of the FAQ and of python-telegram-bot's FloodLimit: 30 messages a second overall, one a second in a chat, 20 a
minute in a group, edits included. We stay a little below, as calls bunch up on their way.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque

from unstill_bots.delivery.chat import ChatUnavailable, Dropped
from unstill_bots.delivery.message import DROPPABLE, Urgency
from unstill_bots.delivery.send_limit import CallsInFlight

OVERALL = 1 / 26
CHAT = 1.05
GROUP_MOST, GROUP_WINDOW = 19, 61.0
GROUP_PROGRESS = 9
"""Messages within the window from which on a group's room is kept for answers."""
PROGRESS_EVERY = 3.0
REFUSALS_MOST = 3
"""Refusals of one account's requests that are begun in a group within the window; each takes a message and an edit."""
ACCOUNTS_MOST = 100


WAITS = {
    Urgency.ANSWER: 4.0,
    Urgency.REFUSAL: 1.2,
    Urgency.NOTE: 10.0,
    Urgency.TALK: 60.0,
    Urgency.CALL: 3.0,
    Urgency.PLACE: 1.1,
    Urgency.PROGRESS: 0.05,
}
"""Seconds that each may wait for its turn. An answer that would wait longer goes back to the ledger, so that it holds
up no other chat's."""


class _Line:
    """One chat's sending times, on the monotonic clock."""

    def __init__(self, *, group: bool, most: int = GROUP_MOST) -> None:
        self.group = group
        self.most = most
        self.times: deque[float] = deque(maxlen=most)
        self._refusals: dict[str, _Line] = {}
        self.blocked_until = 0.0
        self.progress_at = 0.0
        self.horizon = 0.0

    def next_at(self, now: float) -> float:
        at = max(now, self.blocked_until)
        if self.times:
            at = max(at, self.times[-1] + CHAT)
        if self.group and len(self.times) == self.most:
            at = max(at, self.times[0] + GROUP_WINDOW)
        return at

    def refusals(self, account: str, now: float) -> _Line:
        """Those of one account, within this chat's."""
        if len(self._refusals) > ACCOUNTS_MOST:
            long_ago = now - GROUP_WINDOW
            self._refusals = {
                name: line for name, line in self._refusals.items() if line.times and line.times[-1] > long_ago
            }
        return self._refusals.setdefault(account, _Line(group=self.group, most=REFUSALS_MOST))

    def crowded(self, now: float) -> bool:
        recent = sum(1 for at in self.times if at > now - GROUP_WINDOW)
        return self.group and recent >= GROUP_PROGRESS

    def postpone(self, now: float, at: float) -> float:
        """Seconds until a try makes sense, another for each that is told to come back."""
        busy = self.group and len(self.times) == self.most
        self.horizon = max(self.horizon, at)
        wait = self.horizon - now
        self.horizon += GROUP_WINDOW / self.most if busy else CHAT
        return wait


class SendLimit(CallsInFlight):
    """One bot's. `turn` before every message that is sent or edited; `flood` when Telegram says so."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: dict[str, _Line] = {}
        self._next_at = 0.0
        self._one_by_one = asyncio.Lock()
        self._began = 0.0

    def has_room(self, chat: str, urgency: Urgency) -> bool:
        """Tell whether something droppable of that urgency would be sent now. Reserves nothing."""
        line, now = self._line(chat), time.monotonic()
        wait = max(line.next_at(now), self._next_at) - now
        return not (self.closing or wait > WAITS[urgency] or self._too_much(line, urgency, now))

    async def turn(self, chat: str, urgency: Urgency, account: str = "") -> None:
        """Returns when it may be sent. `account`: whose request is refused, for REFUSAL: many refusals of one account
        leave the others in its groups their room.

        Raises:
            ChatUnavailable: not soon; nothing is reserved.
            Dropped: the same, for progress and calls.
        """
        line = self._line(chat)
        now = time.monotonic()
        refusals = line.refusals(account, now) if urgency is Urgency.REFUSAL else None
        at = max(line.next_at(now), refusals.next_at(now) if refusals else now)
        wait = max(at, self._next_at) - now
        droppable = urgency in DROPPABLE
        if self.closing or wait > WAITS[urgency] or (droppable and self._too_much(line, urgency, now)):
            if droppable:
                raise Dropped
            later = 1.0 if self.closing else (refusals or line).postpone(now, at)
            raise ChatUnavailable("the chat's flood limit", later)
        line.times.append(at)
        if refusals:
            refusals.times.append(at)
        if droppable:
            line.progress_at = at
        await _until(at)
        while (left := line.blocked_until - time.monotonic()) > 0:
            if droppable or left > WAITS[urgency]:
                raise Dropped if droppable else ChatUnavailable("the chat's flood limit", left)
            await asyncio.sleep(left)
        mine = self._next_at = max(time.monotonic(), self._next_at + OVERALL)
        await _until(mine)
        # a loop that was held up finds many turns due at once: what counts is when the last one really began
        async with self._one_by_one:
            await _until(self._began + OVERALL)
            self._began = time.monotonic()

    def _too_much(self, line: _Line, urgency: Urgency, now: float) -> bool:
        if line.crowded(now):
            return True
        return urgency is Urgency.PROGRESS and now - line.progress_at < PROGRESS_EVERY

    def flood(self, chat: str, seconds: float) -> None:
        """Telegram asked for silence in this chat."""
        line = self._line(chat)
        line.blocked_until = max(line.blocked_until, time.monotonic() + seconds)

    def _line(self, chat: str) -> _Line:
        if len(self._lines) > 5000:
            long_ago = time.monotonic() - 2 * GROUP_WINDOW
            self._lines = {
                name: line
                for name, line in self._lines.items()
                if line.blocked_until > long_ago or (line.times and line.times[-1] > long_ago)
            }
        return self._lines.setdefault(chat, _Line(group=chat.startswith("-")))


async def _until(at: float) -> None:
    left = at - time.monotonic()
    if left > 0:
        await asyncio.sleep(left)
