"""The one status message of each request: sent once, edited afterwards, locked while it changes."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from weakref import WeakValueDictionary

import msgspec
import structlog

from unstill_bots.actions.preferences import Preferences
from unstill_bots.delivery import presentation
from unstill_bots.delivery.chat import Chat, ChatError, ChatRefused, ChatUnavailable, ClipForbidden, Dropped
from unstill_bots.delivery.known_jobs import ShownJob, Waiting, says
from unstill_bots.delivery.looks import EarlyLooks
from unstill_bots.delivery.message import Message, Urgency
from unstill_bots.host.background import BackgroundTasks
from unstill_bots.intake.served import Served, Serving
from unstill_queue.contract.errors import UnknownJob
from unstill_queue.contract.jobs import Request, State
from unstill_queue.ledger.ledger import Ledger, Place
from unstill_queue.ledger.outbox import Event

log = structlog.get_logger(__name__)

MOST_KNOWN = 10_000
"""Jobs of which is remembered what was shown, the newest."""


class StatusMessages:
    """Shows in one chat platform how far each request is. Intake and courier of a front end share one instance.

    What cannot be shown is logged, not raised: it was only progress. What an answer follows within `pause` seconds is
    not shown at all: an edit in between would take the turn that the answer needs. `serving` says what is offered
    where a job's model is not served; None: nothing is. `looks` says how early looks are shown; None: none is.
    `counts_down` as in `Platform`. `waits` is set while jobs wait,
    and `waiting_jobs` has those, by id.
    """

    def __init__(
        self,
        ledger: Ledger,
        chat: Chat,
        pause: float = 0.0,
        serving: Serving | None = None,
        looks: EarlyLooks | None = None,
        *,
        counts_down: bool = False,
    ) -> None:
        self._ledger = ledger
        self._chat = chat
        self._pause = pause
        self._pauses = BackgroundTasks()
        self._serving = serving
        self._early = looks
        self._counts_down = counts_down
        self.waits = asyncio.Event()
        self.waiting_jobs: dict[str, Waiting] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._shown: OrderedDict[str, ShownJob] = OrderedDict()

    def lock(self, id: str) -> asyncio.Lock:
        """Return the lock that whoever changes a job's message holds: progress must not overtake the answer."""
        return self._locks.setdefault(id, asyncio.Lock())

    def answered(self, id: str) -> None:
        """Forget what was shown of a job, as its answer stands there now."""
        self._shown.pop(id, None)
        self.no_longer_waits(id)
        if self._early is not None:
            self._early.forget(id)

    def wants_look(self, request: Request, rules: Preferences) -> bool:
        """Return whether an early look is to be made for a request whose chat has those rules."""
        return self._early is not None and self._early.wanted(rules, request.reply_to)

    def take_up(self, request: Request, ref: str | None = None, position: int = 0) -> None:
        """Know of a job that waits, and of the message that shows it."""
        if ref is not None:
            self._shown.setdefault(request.id, ShownJob(request.reply_to)).ref = ref
        waiting = self.waiting_jobs.setdefault(request.id, Waiting(request, look_at=time.monotonic() + self._pause))
        waiting.position = position
        self.waits.set()

    def no_longer_waits(self, id: str) -> None:
        """Look no more where a job stands."""
        self.waiting_jobs.pop(id, None)
        if not self.waiting_jobs:
            self.waits.clear()

    async def move(self, waiting: Waiting, place: Place) -> None:
        """Tell where a job stands now, if that is something else than was told last and there is room for it.

        Raises UnknownJob.
        """
        request, known = waiting.request, self._shown.get(waiting.request.id)
        said = presentation.waiting(request, place, await self._offered(place))
        if known is not None and (
            says(known.place, said, counts_down=self._counts_down) or time.monotonic() < known.quiet_until
        ):
            return
        if not self._chat.has_room(request.reply_to, Urgency.PLACE):
            return
        waiting.told_at = time.monotonic()
        async with self._changing(request.id):
            await self._put_place(request, None)

    async def begun(self, waiting: Waiting, takes_turn: Callable[[], bool]) -> None:
        """Show that a job runs, where its message still says where it stands: the first progress may have had no room,
        and the next may be long in coming. `takes_turn` takes its chat's turn for progress, if there is one now.

        Raises UnknownJob.
        """
        id = waiting.request.id
        known = self._shown.get(id)
        if known is None or known.place is None:
            self.no_longer_waits(id)
            return
        if time.monotonic() < known.quiet_until or not self._chat.has_room(known.to, Urgency.PROGRESS):
            return
        if takes_turn():
            await self._show(id)

    def stands(self, request: Request, ref: str) -> None:
        """Note that the message at `ref` is the request's, and says already that it is being looked at."""
        self._remember(request, ref, presentation.received(request))

    async def received(self, request: Request, *, quiet: bool = False) -> None:
        """Say that the request is being looked at, unless a message of it stands there; `quiet`: by a reaction."""
        known = self._shown.get(request.id)
        if known is not None and known.ref is not None:
            return
        async with self._changing(request.id):
            if not (quiet and await self._chat.react(request.reply_to)):
                await self._put(request, None, presentation.received(request))

    async def queued(self, request: Request) -> None:
        """Say where a job that was just queued stands, unless it is answered in a moment."""
        if self._pause:
            self.take_up(request)
            self._show_later(request.id, self._shown.setdefault(request.id, ShownJob(request.reply_to)))
        else:
            await self.waiting(request)

    async def waiting(self, request: Request) -> None:
        """Say where the job stands, as long as it waits."""
        async with self._changing(request.id):
            await self._put_place(request, None)

    def has_room(self, event: Event) -> bool:
        """Return whether an event would be shown at once, as far as is known without asking anybody."""
        if self.lock(event.id).locked():
            return False
        known = self._shown.get(event.id)
        urgency = Urgency.PLACE if event.kind == "state" else Urgency.PROGRESS
        return known is None or (time.monotonic() >= known.quiet_until and self._chat.has_room(known.to, urgency))

    async def tell(self, event: Event) -> None:
        """Show what has become of a job that waits or runs. Costs nothing where it would be dropped.

        Raises UnknownJob.
        """
        if self.has_room(event):
            await self._show(event.id)

    def _show_later(self, id: str, known: ShownJob, *, made: bool = False) -> None:
        """Show after the pause what a job does then. `made`: it was the making of its file that was waited for."""
        known.quiet_until = time.monotonic() + self._pause
        self._pauses.spawn(self._show_after_pause(id, made=made))

    async def _show_after_pause(self, id: str, *, made: bool) -> None:
        await asyncio.sleep(self._pause)
        known = self._shown.get(id)
        if known is not None and self._chat.has_room(known.to, Urgency.PLACE):
            with contextlib.suppress(UnknownJob):
                await self._show(id, made=made)

    async def look_came(self, event: Event, takes_turn: Callable[[], bool]) -> None:
        """Show an early look that came, as soon as its chat has room, where no progress has brought it by then.

        `takes_turn` as in `begun`. Raises UnknownJob.
        """
        if self._early is not None:
            await self._early.show(
                event.id,
                waits=lambda: (known := self._shown.get(event.id)) is not None and not known.looked,
                room=lambda: self.has_room(event) and takes_turn(),
                show=self._show,
            )

    async def close(self) -> None:
        """Show nothing more by itself."""
        await self._pauses.drain(0)
        if self._early is not None:
            await self._early.close()

    async def _show(self, id: str, *, made: bool = False) -> None:
        """Show what a job does now. `made` as in `_show_later`."""
        async with self._changing(id):
            record = await self._ledger.read(id)
            # that a clip is made smaller was said, and takes seconds; what is cancelled for new words has left its
            # message to the job that follows, which may be answered in it already
            if record.outcome is not None or record.refits or record.unwanted:
                return
            if record.state is State.QUEUED:
                await self._put_place(record.request, record.note)
            elif record.state is State.RUNNING and record.progress is not None:
                # another may have shown it first, while this one waited for the lock
                known, progress = self._shown.get(id), record.progress
                if progress.seconds_left is not None and progress.seconds_left < self._pause:
                    return
                if progress.phase == "encoding" and self._pause and known is not None and not made:
                    self._show_later(id, known, made=True)
                    return
                least = known.share if known is not None else 0.0
                look = await self._early.of(record) if self._early is not None else None
                message = presentation.rendering(record, record.progress, least, look)
                await self._put(record.request, record.note, message)
                if (known := self._shown.get(id)) is not None:
                    known.place, known.looked = None, look is not None

    @contextlib.asynccontextmanager
    async def _changing(self, id: str) -> AsyncIterator[None]:
        try:
            async with self.lock(id):
                yield
        except Dropped:
            return
        except ChatRefused as error:
            # not for each progress again: its answer is tried, a few times
            log.warning("the status message was refused", job=id, error=str(error))
            if (known := self._shown.get(id)) is not None:
                known.quiet_until = math.inf
        except ClipForbidden:
            # pictures may not be shown there, and the next progress comes without
            if self._early is not None:
                self._early.withhold(id)
        except ChatError as error:
            log.info("the status message could not be shown", job=id, error=str(error))

    async def _put_place(self, request: Request, ref: str | None) -> None:
        place = await self._ledger.place(request.id)
        # what waits has no answer yet, so that a ref which is known needs no other look at the record
        if place.state is not State.QUEUED:
            self.no_longer_waits(request.id)
            return
        self.take_up(request, ref, place.position)
        known = self._shown.get(request.id)
        message = presentation.waiting(request, place, await self._offered(place))
        await self._put(request, ref or (known.ref if known else None), message)
        if (known := self._shown.get(request.id)) is not None:
            known.place = message

    async def _offered(self, place: Place) -> Served | None:
        """Return what is served, where the model of a job is not."""
        return None if self._serving is None or place.engines else await self._serving.now()

    async def _put(self, request: Request, ref: str | None, message: Message) -> None:
        """Edit the message at `ref`; without one, the message that the record names, or else the first one."""
        if ref is None:
            match await self._ledger.note_begin(request.id):
                case "go":
                    await self._post(request, message)
                    return
                case "note":
                    record = await self._ledger.read(request.id)
                    ref = record.note if record.outcome is None else None
                case "unknown":
                    pass
        if ref is not None:
            self._remember(request, ref, message)
            await self._chat.edit(request.reply_to, ref, message)

    async def _post(self, request: Request, message: Message) -> None:
        try:
            ref = await self._chat.post(request.reply_to, msgspec.structs.replace(message, urgency=Urgency.NOTE))
        except ChatRefused:
            # not for each progress again: the answer tries, and ends
            raise
        except ChatUnavailable:
            await self._ledger.note_clear(request.id)
            raise
        await self._ledger.note_set(request.id, ref)
        self._remember(request, ref, message)

    def _remember(self, request: Request, ref: str, message: Message) -> None:
        shown = self._shown.setdefault(request.id, ShownJob(request.reply_to))
        shown.ref = ref
        shown.share = max(shown.share, message.share or 0.0)
        self._shown.move_to_end(request.id)
        if len(self._shown) > MOST_KNOWN:
            self._shown.popitem(last=False)
