"""Turns to send, where a platform takes so many messages in a time: overall, in a chat, and in a group."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping

import msgspec

from unstill_bots.delivery.chat import ChatUnavailable, Dropped
from unstill_bots.delivery.message import DROPPABLE, Urgency
from unstill_bots.delivery.send_limit import CallsInFlight

ACCOUNTS_MOST = 100


class Rate(msgspec.Struct, frozen=True):
    """The rate of messages that a platform takes, edits included. Times are in seconds.

    `overall` and `chat` are between two messages. A group takes `group_most` within `group_window`; from
    `group_places` of them on its room is kept for answers, and from `group_progress` on for those and for places in the
    line. `progress_every` is between two messages of progress in a chat. `refusals_most` of one account's requests are
    refused in a group within the window; each takes a message and an edit. `waits` is what each urgency may wait for
    its turn.
    """

    overall: float
    chat: float
    group_most: int
    group_window: float
    group_progress: int
    group_places: int
    progress_every: float
    refusals_most: int
    waits: Mapping[Urgency, float]


class _Line:
    """One chat's sending times, on the monotonic clock."""

    def __init__(self, rate: Rate, most: int, *, group: bool) -> None:
        self.rate = rate
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
            at = max(at, self.times[-1] + self.rate.chat)
        if self.group and len(self.times) == self.most:
            at = max(at, self.times[0] + self.rate.group_window)
        return at

    def refusals(self, account: str, now: float) -> _Line:
        """Return the line of one account's refusals in this chat."""
        if len(self._refusals) > ACCOUNTS_MOST:
            long_ago = now - self.rate.group_window
            self._refusals = {
                name: line for name, line in self._refusals.items() if line.times and line.times[-1] > long_ago
            }
        return self._refusals.setdefault(account, _Line(self.rate, self.rate.refusals_most, group=self.group))

    def crowded(self, now: float, urgency: Urgency) -> bool:
        recent = sum(1 for at in self.times if at > now - self.rate.group_window)
        most = self.rate.group_progress if urgency is Urgency.PROGRESS else self.rate.group_places
        return self.group and recent >= most

    def postpone(self, now: float, at: float) -> float:
        """Return the seconds until a try makes sense: later ones for each that is told to come back."""
        busy = self.group and len(self.times) == self.most
        self.horizon = max(self.horizon, at)
        wait = self.horizon - now
        self.horizon += self.rate.group_window / self.most if busy else self.rate.chat
        return wait


class RateLimit(CallsInFlight):
    """Gives one bot its turns: `turn` before every message that is sent or edited, `flood` when the platform says so.

    `is_group` tells by a chat's id whether the group's window holds for it.
    """

    def __init__(self, rate: Rate, is_group: Callable[[str], bool]) -> None:
        super().__init__()
        self._rate = rate
        self._is_group = is_group
        self._lines: dict[str, _Line] = {}
        self._next_at = 0.0
        self._one_by_one = asyncio.Lock()
        self._began = 0.0

    def has_room(self, chat: str, urgency: Urgency) -> bool:
        """Tell whether something droppable of that urgency would be sent now. Reserves nothing."""
        line, now = self._line(chat), time.monotonic()
        wait = max(line.next_at(now), self._next_at) - now
        return not (self.closing or wait > self._rate.waits[urgency] or self._too_much(line, urgency, now))

    async def turn(self, chat: str, urgency: Urgency, account: str = "") -> None:
        """Wait until it may be sent. `account`, for REFUSAL, is whose request is refused: in a group few are told
        to one account, so that the others have room.

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
        if self.closing or wait > self._rate.waits[urgency] or (droppable and self._too_much(line, urgency, now)):
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
            if droppable or left > self._rate.waits[urgency]:
                raise Dropped if droppable else ChatUnavailable("the chat's flood limit", left)
            await asyncio.sleep(left)
        mine = self._next_at = max(time.monotonic(), self._next_at + self._rate.overall)
        await _until(mine)
        # a loop that was held up finds many turns due at once: what counts is when the last one really began
        async with self._one_by_one:
            await _until(self._began + self._rate.overall)
            self._began = time.monotonic()

    def _too_much(self, line: _Line, urgency: Urgency, now: float) -> bool:
        if line.crowded(now, urgency):
            return True
        return urgency is Urgency.PROGRESS and now - line.progress_at < self._rate.progress_every

    def flood(self, chat: str, seconds: float) -> None:
        """Send nothing into a chat for so many seconds, as the platform asked."""
        line = self._line(chat)
        line.blocked_until = max(line.blocked_until, time.monotonic() + seconds)

    def _line(self, chat: str) -> _Line:
        if len(self._lines) > 5000:
            long_ago = time.monotonic() - 2 * self._rate.group_window
            self._lines = {
                name: line
                for name, line in self._lines.items()
                if line.blocked_until > long_ago or (line.times and line.times[-1] > long_ago)
            }
        return self._lines.setdefault(chat, _Line(self._rate, self._rate.group_most, group=self._is_group(chat)))


async def _until(at: float) -> None:
    left = at - time.monotonic()
    if left > 0:
        await asyncio.sleep(left)
