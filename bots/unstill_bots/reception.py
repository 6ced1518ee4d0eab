"""Requests on their way in: written down first, then prepared."""

from __future__ import annotations

from unstill_bots.chat_replies import ChatReplies
from unstill_bots.errands import Errands
from unstill_bots.studio import SAID, Rule, Studio
from unstill_queue.client import Client
from unstill_queue.errors import UnknownJob
from unstill_queue.jobs import Failed, Request
from unstill_queue.ledger import Record

DAY = 24 * 3600


class Reception:
    """One front end's. `rule` holds wherever a request is prepared, after a kill too."""

    def __init__(self, client: Client, studio: Studio, errands: Errands, rule: Rule) -> None:
        self._client = client
        self._studio = studio
        self._errands = errands
        studio.rule = rule

    async def write(self, request: Request, *, note: str | None = None) -> bool:
        """Into the ledger: when this returns it will be answered. False: it was here before.

        `note`: a message of ours that becomes the status message.
        """
        new = await self._client.accept(request)
        if note is not None:
            await self.note(request.id, note)
        return new

    async def note(self, id: str, note: str) -> bool:
        """Make a message of ours the status message. False: there is one already."""
        if await self._client.ledger.note_begin(id) != "go":
            return False
        await self._client.ledger.note_set(id, note)
        return True

    def prepare(self, request: Request) -> None:
        """Have it read, beside whatever else happens."""
        self._errands.spawn(self._studio.prepare(request))

    async def accept(self, request: Request, age: float, *, note: str | None = None) -> bool:
        """Write it down, and have it prepared. `age` in seconds: what is older than a day is answered so."""
        if not await self.write(request, note=note):
            return False
        if age > DAY:
            await self._refuse(request, ChatReplies(request.requester.language).too_old())
        else:
            self.prepare(request)
        return True

    async def _refuse(self, request: Request, sentence: str) -> None:
        await self._client.refuse(request.id, Failed(SAID, sentence))

    async def record(self, id: str) -> Record | None:
        try:
            return await self._client.ledger.read(id)
        except UnknownJob:
            return None
