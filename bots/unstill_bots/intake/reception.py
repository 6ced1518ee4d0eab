"""Requests on their way in: written down first, then prepared."""

from __future__ import annotations

import time
from collections.abc import Callable, Coroutine
from typing import Any

import msgspec

from unstill_bots.host.background import BackgroundTasks
from unstill_bots.intake.studio import Rule, Studio
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.codes import SAID
from unstill_queue.contract.errors import TooManyRequests, UnknownJob
from unstill_queue.contract.jobs import Failed, ReplyAddress, Request
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.ledger import Record

DAY = 24 * 3600
TOLD_EVERY = 60.0
"""Seconds in which an account is told once in each chat that it asks too fast."""
TOLD_MOST = 10_000

Tell = Callable[[ReplyAddress, str], Coroutine[Any, Any, Any]]
"""Says what is no job's, as a reply."""


class Reception:
    """One front end's. `rule` holds wherever a request is prepared, after a kill too.

    The host's limit of requests a minute holds for all that comes in here. What is over it is not in the ledger.
    """

    def __init__(self, client: Client, studio: Studio, errands: BackgroundTasks, rule: Rule, tell: Tell) -> None:
        self._client = client
        self._studio = studio
        self._errands = errands
        self._tell = tell
        self._told: dict[tuple[str, str], float] = {}
        studio.rule = rule

    async def write(self, request: Request, *, note: str | None = None, paced: bool = False) -> bool:
        """Into the ledger: when this returns it will be answered. False: it was here before.

        `note`: a message of ours that becomes the status message. `paced`: `may_ask` has counted it.

        Raises:
            TooManyRequests: it is not taken.
        """
        new = await self._client.accept(request, limited=not paced)
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

    async def take(self, request: Request, age: float, *, note: str | None = None) -> bool:
        """As `accept`, for a message that nobody waits to see answered: who asks too fast is told now and then."""
        try:
            return await self.accept(request, age, note=note)
        except TooManyRequests as error:
            self._decline(request, error)
            return False

    async def may_ask(self, request: Request) -> bool:
        """Count a request that is about to be written down; who asks too fast is told now and then."""
        try:
            await self._client.pace(request.requester)
        except TooManyRequests as error:
            self._decline(request, error)
            return False
        return True

    def _decline(self, request: Request, error: TooManyRequests) -> None:
        now, who = time.monotonic(), (request.requester.account, request.reply_to.chat)
        if now - self._told.get(who, -TOLD_EVERY) < TOLD_EVERY:
            return
        if len(self._told) >= TOLD_MOST:
            self._told = {each: at for each, at in self._told.items() if now - at < TOLD_EVERY}
        self._told[who] = now
        sentence = ChatReplies(request.requester.language).too_many_requests(error.limit)
        # a job's buttons belong to a job
        extra = {name: value for name, value in request.reply_to.extra.items() if name != "job"}
        self._errands.spawn(self._tell(msgspec.structs.replace(request.reply_to, extra=extra), sentence))

    async def accept(self, request: Request, age: float, *, note: str | None = None, paced: bool = False) -> bool:
        """Write it down, and have it prepared. `age` in seconds: what is older than a day is answered so.

        Raises:
            TooManyRequests: it is not taken.
        """
        if not await self.write(request, note=note, paced=paced):
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
