"""What happens when a picture arrives, on any platform: written down, read, made safe, queued or answered."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

import msgspec
import structlog

from unstill_bots import captions
from unstill_bots.chat import Chat, ChatError, ChatUnavailable, FetchError
from unstill_bots.pictures import PictureError, Pictures, make_safe
from unstill_bots.replies import Replies
from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_queue.client import Client
from unstill_queue.errors import OptionError, QuotaExceeded, StorageError
from unstill_queue.fairness import estimated_seconds
from unstill_queue.jobs import Failed, Job, Request, State
from unstill_queue.ledger import Record
from unstill_queue.options import resolve
from unstill_queue.storage import Storage

log = structlog.get_logger(__name__)

AT_ONCE, CHAT_AT_ONCE, READ_AT_ONCE = 24, 4, 4
"""Requests in preparation, those of one chat among them, and pictures being read: what bounds the memory they take.
The others wait their turn, in the ledger's care."""
SAID = "said"
"""The code of a failure whose message is already the sentence for the person, in their language."""


class Terms(msgspec.Struct, frozen=True):
    """A chat's own rules for a request: the sentence that refuses it, or the most that the chat may have in the making.

    `jobs` 0: no rule. `full` is the sentence for one too many.
    """

    refusal: str | None = None
    jobs: int = 0
    full: str = ""


Rule = Callable[[Request], Awaitable[Terms]]
"""May raise ChatError where it cannot tell now; the request is then brought back."""


async def _no_rule(request: Request) -> Terms:
    return Terms()


class Studio:
    """The intake of one front end. With `pictures`, a decoding process stands ready for the next one."""

    def __init__(
        self,
        client: Client,
        storage: Storage,
        catalog: Catalog,
        settings: Settings,
        chat: Chat,
        pictures: Pictures | None = None,
    ) -> None:
        self.client = client
        self.storage = storage
        self.catalog = catalog
        self.settings = settings
        self.chat = chat
        self._make_safe = pictures.make_safe if pictures else make_safe
        self.rule: Rule = _no_rule
        self._messages: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._in_hand: set[str] = set()
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._chats: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._readers = asyncio.Semaphore(READ_AT_ONCE)

    async def receive(self, request: Request) -> bool:
        """Write the request down. When this returns, the platform may be told that it arrived.

        False: it was here before and is being taken care of.
        """
        return await self.client.accept(request)

    async def prepare(self, request: Request) -> bool:
        """Read the caption, fetch the picture, queue the job. True: it is queued; False: it was answered.

        May be repeated at any time, by any process: only an ACCEPTED request is changed by it, or shown anything.
        """
        if request.id in self._in_hand:
            return False
        self._in_hand.add(request.id)
        chat = self._chats.setdefault(request.requester.place, asyncio.Semaphore(CHAT_AT_ONCE))
        try:
            async with chat, self._slots:
                return await self._prepare(request)
        finally:
            self._in_hand.discard(request.id)

    async def _prepare(self, request: Request) -> bool:
        replies = Replies(request.requester.language)
        record = await self.client.ledger.read(request.id)
        if record.state is not State.ACCEPTED:
            return record.job is not None and record.outcome is None
        terms = Terms()
        try:
            terms = await self.rule(request)
            if terms.refusal is not None:
                return await self._answer(request, terms.refusal)
            if terms.jobs and await self.client.ledger.in_hand(request.requester.place) >= terms.jobs:
                return await self._answer(request, terms.full)
            await self.show(request, replies.received())
            async with self._readers:
                job, cost = await self._understand(record)
            await self.client.submit(job, cost=cost, chat_jobs=terms.jobs)
        except OptionError as error:
            return await self._answer(request, replies.option_error(error))
        except PictureError as error:
            return await self._answer(request, replies.picture_error(error))
        except QuotaExceeded as error:
            own = terms.jobs and (error.quota, error.scope, error.limit) == ("jobs", "chat", terms.jobs)
            return await self._answer(request, terms.full if own else replies.quota(error))
        except FetchError as error:
            return await self._answer(request, replies.failed(Failed(error.code, str(error))))
        except (ChatError, StorageError) as error:
            # the ledger brings the request back, and answers it when it cannot be read for long
            log.warning("the picture could not be fetched yet", job=request.id, error=str(error))
            return False
        await self.show_place(request)
        return True

    async def _understand(self, record: Record) -> tuple[Job, float]:
        request = record.request
        caption = captions.parse(request.words, self.catalog, self.settings.engine.model)
        parameters, finish = resolve(
            caption.prompt, caption.given, self.catalog, default_model=self.settings.engine.model
        )
        picture = await self._make_safe(await self.chat.fetch(request))
        aspect = max(picture.width, picture.height) / min(picture.width, picture.height)
        cost = estimated_seconds(parameters, self.catalog.models[parameters.model], aspect)
        key = await self.storage.put(picture.data, kind="pictures", suffix=picture.suffix)
        job = Job(
            id=request.id,
            requester=request.requester,
            reply_to=request.reply_to,
            picture=key,
            parameters=parameters,
            finish=finish,
            upload_limit=request.upload_limit,
            submitted_at=record.accepted_at,
        )
        return job, cost

    async def _answer(self, request: Request, sentence: str) -> bool:
        await self.client.refuse(request.id, Failed(SAID, sentence))
        return False

    async def show_place(self, request: Request) -> None:
        """Say in the status message where the job stands."""
        place = await self.client.ledger.place(request.id)
        if place.state is State.QUEUED:
            await self.show(request, Replies(request.requester.language).queued(place.position, place.eta))

    def message(self, id: str) -> asyncio.Lock:
        """Held by whoever changes a job's status message: progress must not overtake the answer."""
        return self._messages.setdefault(id, asyncio.Lock())

    async def show(self, request: Request, text: str) -> None:
        """Keep the one status message: sent once, edited afterwards. What fails here is only progress."""
        try:
            async with self.message(request.id):
                await self._show(request, text)
        except ChatError as error:
            log.info("the status message could not be shown", job=request.id, error=str(error))

    async def _show(self, request: Request, text: str) -> None:
        ledger = self.client.ledger
        match await ledger.note_begin(request.id):
            case "go":
                await self._first_note(request, text)
            case "note":
                record = await ledger.read(request.id)
                if record.note and record.outcome is None:
                    await self.chat.revise(request.reply_to, record.note, text)
            case "unknown":
                pass

    async def _first_note(self, request: Request, text: str) -> None:
        try:
            note = await self.chat.say(request.reply_to, text)
        except ChatUnavailable:
            await self.client.ledger.note_clear(request.id)
            raise
        await self.client.ledger.note_set(request.id, note)
