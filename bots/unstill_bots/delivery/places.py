"""Keeps true what people are told while they wait: position and time move, those near the front first."""

from __future__ import annotations

import asyncio
import time
from functools import partial

import structlog
from redis.exceptions import RedisError

from unstill_bots.delivery.chat_turns import ChatTurns
from unstill_bots.delivery.known_jobs import Waiting
from unstill_bots.delivery.status_message import StatusMessages
from unstill_queue.contract.errors import UnknownJob
from unstill_queue.contract.jobs import State
from unstill_queue.ledger.ledger import Ledger, Place

log = structlog.get_logger(__name__)

LOOK_EVERY = 2.0
LATEST = 15.0
"""Seconds between two looks at those near the front, and at those far behind it."""
NEAR = 3
LOOKED_AT_ONCE = 20
A_PLACE = 15.0
"""Seconds without a word that count as much as one place in the line, so that nobody's message stands still."""
TAKEN_UP = 200
"""Jobs that waited before the start and are looked at again, those nearest to the front."""


class Places:
    """Looks where the waiting jobs of one front end stand, by one command for many; by none while nobody waits.

    `turns` are those of chats for progress.
    """

    def __init__(self, ledger: Ledger, platform: str, status: StatusMessages, turns: ChatTurns) -> None:
        self._turns = turns
        self._ledger = ledger
        self._prefix = f"{platform}:"
        self._status = status

    async def run(self) -> None:
        """Run until cancelled."""
        taken_up = False
        while True:
            try:
                if not taken_up:
                    await self._take_up()
                    taken_up = True
                await self._status.waits.wait()
                await self._look()
            except (RedisError, OSError) as error:
                log.warning("nobody can be told of their place", error=str(error))
            await asyncio.sleep(LOOK_EVERY)

    async def _take_up(self) -> None:
        """Take up the jobs of which another process told."""
        ids = [id for id in await self._ledger.open_ids() if id.startswith(self._prefix)]
        found: list[tuple[int, str, Place]] = []
        for first in range(0, len(ids), LOOKED_AT_ONCE):
            some = ids[first : first + LOOKED_AT_ONCE]
            for id, place in zip(some, await self._ledger.places(some), strict=True):
                if place is not None and place.state is State.QUEUED:
                    found.append((place.position, id, place))
        for _, id, place in sorted(found, key=lambda one: one[0])[:TAKEN_UP]:
            try:
                record = await self._ledger.read(id)
            except UnknownJob:
                continue
            if record.note is not None and not record.refits:
                self._status.take_up(record.request, record.note, place.position)

    async def _look(self) -> None:
        now = time.monotonic()
        due = [one for one in self._status.waiting_jobs.values() if one.look_at <= now]
        due.sort(key=lambda one: one.position - (now - one.told_at) / A_PLACE)
        due = due[:LOOKED_AT_ONCE]
        chats: set[str] = set()
        for waiting, place in zip(due, await self._ledger.places([one.request.id for one in due]), strict=True):
            try:
                await self._tell(waiting, place, now, chats)
            except UnknownJob:
                # its person had it forgotten since
                self._status.no_longer_waits(waiting.request.id)

    async def _tell(self, waiting: Waiting, place: Place | None, now: float, chats: set[str]) -> None:
        """Tell where a job stands; `chats` are those that were told of one at this look. Raises UnknownJob."""
        if place is None or place.state not in (State.QUEUED, State.RUNNING):
            self._status.no_longer_waits(waiting.request.id)
            return
        if place.state is State.RUNNING:
            name = self._ledger.names.name("place", waiting.request.requester.place)
            await self._status.begun(waiting, partial(self._turns.take, name))
            return
        waiting.position = place.position
        # a chat takes few edits: one at a look
        if (chat := waiting.request.requester.place) not in chats:
            before = waiting.told_at
            await self._status.move(waiting, place)
            if waiting.told_at != before:
                chats.add(chat)
            waiting.look_at = now + _pause(waiting, place)


def _pause(waiting: Waiting, place: Place) -> float:
    """Return the seconds until somebody is looked at again: fewer near the front, or while nobody can tell a time."""
    if waiting.position <= NEAR or place.eta is None:
        return LOOK_EVERY
    return min(LATEST, max(LOOK_EVERY, place.eta / 20))
