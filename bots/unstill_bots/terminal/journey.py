"""One photo's way through the queue, as a person at a terminal follows it."""

from __future__ import annotations

import asyncio

from unstill_bots.delivery.courier import Courier
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.terminal.chat import TerminalChat
from unstill_bots.terminal.display import Display, Moment
from unstill_bots.terminal.order import Photo
from unstill_bots.terminal.results import Result, near
from unstill_bots.terminal.wording import Wording
from unstill_queue.contract.errors import UnknownJob
from unstill_queue.contract.jobs import Outcome, Request, State, Succeeded
from unstill_queue.ledger.client import Update
from unstill_queue.ledger.ledger import Record

AGAIN_AFTER = 2.0
DELIVERIES = 5


class Journeys:
    """Takes each photo from its request to its file. `words`: the caption of all; `open`: the ids of those on the way.

    `starting`: an engine of ours comes where there is none.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        words: str,
        courier: Courier,
        chat: TerminalChat,
        display: Display,
        wording: Wording,
        *,
        starting: bool,
    ) -> None:
        self._client = pipeline.client
        self._pipeline = pipeline
        self._words = words
        self._courier = courier
        self._chat = chat
        self._display = display
        self._wording = wording
        self._starting = starting
        self._cancelled_by: str | None = None
        self._intake = asyncio.Lock()
        self.open: set[str] = set()

    async def go(self, photo: Photo) -> Result:
        """From the file to the clip, or to the sentence that says why there is none."""
        watching: asyncio.Task[Outcome] | None = None
        try:
            # one after the other, so that a batch keeps its order
            async with self._intake:
                if self._cancelled_by is not None:
                    return Result(photo.label, photo.id)
                self.open.add(photo.id)
                request = await self._pipeline.accept(photo, self._words, start=False)
                if self._cancelled_by is not None:
                    # it came while the request was written down
                    await self._client.cancel(photo.id, self._cancelled_by)
                watching = asyncio.create_task(self._watch(photo))
                if request is not None:
                    await self._prepare(photo, request)
            outcome = await watching
            record = await self._deliver(photo.id)
        finally:
            if watching is not None:
                watching.cancel()
                await asyncio.gather(watching, return_exceptions=True)
            self.open.discard(photo.id)
        if not record.state.final:
            self._chat.said[photo.message] = self._wording.not_fetched()
        return self._result(photo, outcome, record)

    async def put_away(self, left: Record) -> None:
        """See a job of an earlier run, which nobody waits for, to its end: cancelled, or if it is made, saved."""
        await self._client.cancel(left.id, "system")
        async for update in self._client.watch(left.id):
            if update.outcome is not None:
                break
        await self._deliver(left.id)
        if file := self._chat.files.get(left.request.reply_to.message):
            self._display.say(self._wording.kept(str(file)))

    async def cancel(self, by: str) -> None:
        """Everything on its way, and what would still set out."""
        self._cancelled_by = by
        for id in list(self.open):
            await self._client.cancel(id, by)

    async def _prepare(self, photo: Photo, request: Request) -> None:
        while not await self._pipeline.prepare(request):
            if (await self._client.ledger.read(photo.id)).state is not State.ACCEPTED:
                return
            # the storage is away; the ledger ends this when it lasts
            await asyncio.sleep(AGAIN_AFTER)
        place = await self._client.ledger.place(photo.id)
        if place.state is State.QUEUED:
            self._show(photo, Update(place.state, place))

    async def _watch(self, photo: Photo) -> Outcome:
        async for update in self._client.watch(photo.id):
            self._show(photo, update)
            if update.outcome is not None:
                return update.outcome
        raise UnknownJob(photo.id)

    def _show(self, photo: Photo, update: Update) -> None:
        pictures = photo.request("").pictures
        said = self._wording.update(update, starting=self._starting, pictures=pictures)
        self._display.show(photo.label, Moment.of(update), said)

    async def _deliver(self, id: str) -> Record:
        for _ in range(DELIVERIES):
            await self._courier.deliver(id)
            record = await self._client.ledger.read(id)
            if record.state.final:
                break
            await asyncio.sleep(AGAIN_AFTER)
        return record

    def _result(self, photo: Photo, outcome: Outcome, record: Record) -> Result:
        file = self._chat.files.get(photo.message) if isinstance(outcome, Succeeded) else None
        text = self._chat.said.get(photo.message, "")
        result = Result(photo.label, photo.id, record.state, outcome, str(file) if file else None, text, record.notes)
        self._display.end(photo.label, near(result.file) if result.file else text)
        return result
