"""The one status message of each request: sent once, edited afterwards, locked while it changes."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary

import structlog

from unstill_bots.delivery.chat import Chat, ChatError, ChatUnavailable
from unstill_bots.text.replies import Replies
from unstill_queue.contract.jobs import Request, State
from unstill_queue.ledger.ledger import Ledger

log = structlog.get_logger(__name__)


class StatusMessages:
    """Shows in one chat platform how far each request is. Intake and courier of a front end share one instance."""

    def __init__(self, ledger: Ledger, chat: Chat) -> None:
        self._ledger = ledger
        self._chat = chat
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def lock(self, id: str) -> asyncio.Lock:
        """The lock that whoever changes a job's status message holds: progress must not overtake the answer."""
        return self._locks.setdefault(id, asyncio.Lock())

    async def show_place(self, request: Request) -> None:
        """Say in the status message where the job stands."""
        place = await self._ledger.place(request.id)
        if place.state is State.QUEUED:
            await self.show(request, Replies(request.requester.language).waiting(place))

    async def show(self, request: Request, text: str) -> None:
        """Send the status message, or edit the one that stands there. A chat that refuses is logged, not raised."""
        try:
            async with self.lock(request.id):
                await self._show(request, text)
        except ChatError as error:
            log.info("the status message could not be shown", job=request.id, error=str(error))

    async def _show(self, request: Request, text: str) -> None:
        match await self._ledger.note_begin(request.id):
            case "go":
                await self._first(request, text)
            case "note":
                record = await self._ledger.read(request.id)
                if record.note and record.outcome is None:
                    await self._chat.revise(request.reply_to, record.note, text)
            case "unknown":
                pass

    async def _first(self, request: Request, text: str) -> None:
        try:
            note = await self._chat.say(request.reply_to, text)
        except ChatUnavailable:
            await self._ledger.note_clear(request.id)
            raise
        await self._ledger.note_set(request.id, note)
