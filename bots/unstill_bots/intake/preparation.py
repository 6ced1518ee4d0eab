"""Prepares what is written down: words read, the picture made safe and stored, the job queued, or a refusal filed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import structlog
from msgspec.structs import replace

from unstill_bots.actions.preferences import PreferenceStore
from unstill_bots.delivery.chat import Chat, ChatError, FetchError
from unstill_bots.delivery.status_message import StatusMessages
from unstill_bots.host.gate import FairGate
from unstill_bots.intake import captions
from unstill_bots.intake.extending import Base, Extending
from unstill_bots.intake.inputs import ONE_TOO_MANY, Inputs, closed
from unstill_bots.intake.objection import Objection
from unstill_bots.intake.older_picture import (
    LAST_REFUSED,
    REFUSED,
    WORDS_REFUSED,
    discard,
    each_picture,
    is_stored_for,
    stored_picture,
)
from unstill_bots.intake.pictures import PictureError, Pictures, SafePicture, make_safe
from unstill_bots.intake.prompts import Prompts
from unstill_bots.intake.rewriter import PromptRewriter
from unstill_bots.intake.rules import Rules, Terms
from unstill_bots.intake.served import Serving
from unstill_bots.intake.wish import Wish
from unstill_bots.safety.checks import Safety
from unstill_bots.safety.consent import Consent
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog
from unstill_queue.contract.codes import SAID
from unstill_queue.contract.errors import OptionError, QuotaExceeded, StorageError, UnknownJob
from unstill_queue.contract.fairness import LEAST, aspect_of, estimated_seconds
from unstill_queue.contract.jobs import Failed, Finish, Job, Parameters, Request, Requester, State
from unstill_queue.contract.resolving import resolve
from unstill_queue.contract.sizing import Size, imagined, sized
from unstill_queue.ledger.client import Client
from unstill_queue.storage.base import Storage

log = structlog.get_logger(__name__)

AT_ONCE, CHAT_AT_ONCE, ACCOUNT_AT_ONCE = 24, 4, 2
"""Requests in preparation, those of one chat among them, and of one account: the others wait their turn, in the
ledger's care. An account's are few, so that no more of its pictures are fetched than its quotas then hold, but one."""
READ_AT_ONCE = 4
"""Pictures being read: what bounds the memory that they take."""


class Ended(Exception):
    """The request was cancelled, forgotten or queued by another process, while its picture was fetched."""


class Objecting(Protocol):
    """Says what `Pipeline.objection` says."""

    async def __call__(
        self, who: Requester, words: str | None, terms: Terms | None = None, inputs: Inputs = ..., beside: int = 0
    ) -> Objection | None: ...


class Preparation:
    """Prepares what is written down. With `pictures`, a decoding process stands ready for the next one."""

    def __init__(
        self,
        client: Client,
        storage: Storage,
        catalog: Catalog,
        serving: Serving,
        chat: Chat,
        status: StatusMessages,
        rules: Rules,
        objection: Objecting,
        pictures: Pictures | None,
        safety: Safety,
        rewriter: PromptRewriter,
        extending: Extending,
    ) -> None:
        self._client = client
        self._storage = storage
        self._catalog = catalog
        self._serving = serving
        self._chat = chat
        self._status = status
        self._rules = rules
        self._objection = objection
        self._make_safe = pictures.make_safe if pictures else make_safe
        self._safety = safety
        self._prompts = Prompts(rewriter, catalog, safety, PreferenceStore(client.redis))
        self._extending = extending
        self._consent = Consent(client.redis, client.ledger.names)
        self._in_hand: set[str] = set()
        self._preparing = FairGate(AT_ONCE, CHAT_AT_ONCE, ACCOUNT_AT_ONCE)
        self._reading = FairGate(READ_AT_ONCE, READ_AT_ONCE, ACCOUNT_AT_ONCE)

    async def prepare(self, request: Request, *, fresh: bool = False) -> bool:
        """Read the caption, fetch the picture, queue the job. Return whether it is queued; else it was answered.

        May be repeated at any time, by any process: only an ACCEPTED request is changed by it, or shown anything.
        `fresh`: it was written down just now, by this process, so that its record need not be read.
        """
        if request.id in self._in_hand:
            return False
        self._in_hand.add(request.id)
        who = request.requester
        try:
            if not self._preparing.is_free(who.place, who.account):
                fresh = False
                # what is over a quota does not wait for a slot; the ledger refuses only what is not queued yet
                refusal = await self._objection(who, request.words, inputs=Inputs.of(request))
                if refusal is not None:
                    return await self._answer(request, refusal.said, self._blame(request.words, refusal))
            async with self._preparing.slot(who.place, who.account):
                return await self._prepare(request, fresh)
        finally:
            self._in_hand.discard(request.id)

    def estimate(self, words: str | None, inputs: Inputs, replies: Replies) -> tuple[float, Objection | None]:
        """Return the estimated seconds of a caption's clip, and why its model makes none of these `inputs`, or None.

        `words` None: they are not known yet. Raises OptionError.
        """
        if words is None:
            return LEAST, None
        caption, parameters, finish = self._read(words)
        model = self._catalog.models[parameters.model]
        objection = inputs.objection(model, caption, replies)
        return self._cost(self._sized(caption, parameters, finish, imagined(inputs.aspect)), inputs.aspect), objection

    def is_wrong(self, words: str) -> bool:
        """Return whether a caption cannot be made as it is."""
        try:
            self._read(words)
        except OptionError:
            return True
        return False

    def _blame(self, words: str, refusal: Objection, terms: Terms | None = None) -> dict[str, str]:
        """Return the details of a refusal: by a chat's rules, else by the pictures, by the words, by quotas."""
        if refusal.code == ONE_TOO_MANY:
            return LAST_REFUSED
        return WORDS_REFUSED if (terms is None or terms.refusal is None) and self.is_wrong(words) else {}

    async def _prepare(self, request: Request, fresh: bool) -> bool:
        replies, who = Replies(request.requester.language), request.requester
        if not fresh:
            record = await self._client.ledger.read(request.id)
            if record.state is not State.ACCEPTED:
                return record.job is not None and record.outcome is None
        terms = Terms()
        try:
            await self._serving.hear()
            terms = await self._rules(request)
            unwilling = await self._consent.objection(request.author, terms.rules, replies)
            if unwilling is not None:
                return await self._answer(request, unwilling, REFUSED)
            base = await self._extending.base(request.older, who) if request.older else None
            if isinstance(base, Objection):
                return await self._answer(request, base.said)
            refusal = await self._objection(who, request.words, terms, Inputs.of(request))
            if refusal is not None:
                return await self._answer(request, refusal.said, self._blame(request.words, refusal, terms))
            await self._status.received(request, quiet=terms.quiet)
            async with self._reading.slot(who.place, who.account):
                job, cost, wish = await self._understand(request, terms, base)
            await self._submit(await self._prompts.fulfilled(job, wish), cost, terms)
        except (Ended, UnknownJob):
            return False
        except PictureError as error:
            if error.code == "picture_refused":
                await self._delete(request)
            return await self._answer(request, replies.picture_error(error), REFUSED)
        except QuotaExceeded as error:
            return await self._answer(request, terms.too_much(error, replies))
        except FetchError as error:
            return await self._answer(request, replies.failed(Failed(error.code)), REFUSED)
        except (ChatError, StorageError) as error:
            if isinstance(error, StorageError) and error.lasting:
                log.error("the picture cannot be stored", job=request.id, error=str(error))
                return await self._answer(request, replies.failed(error.failed))
            # the ledger brings the request back, and answers it when it cannot be read for long
            log.warning("the picture could not be fetched yet", job=request.id, error=str(error))
            return False
        await self._status.queued(request)
        return True

    async def _understand(self, request: Request, terms: Terms, base: Base | None) -> tuple[Job, float, Wish | None]:
        """Return the job, what it costs, and what a language model is to be asked for it."""
        caption, parameters, finish = self._read(request.words)
        if base is not None:
            request = replace(request, stored=base.frame)
        # the first one, by which the frame is made, and the last; none where words are all there is
        pictures = [await self._picture(each, terms) for each in each_picture(request)]
        size = (pictures[0].width, pictures[0].height) if pictures else None
        # the pieces after the first have its frame, whatever the whole is given
        shown = finish if base is None else replace(finish, shape="original")
        parameters = self._sized(caption, parameters, shown, size)
        first, last = (*await self._store(request, pictures), "", "")[:2]
        notes = (*(note for picture in pictures for note in picture.notes), *caption.notes)
        job = Job(
            id=request.id,
            requester=request.requester,
            reply_to=request.reply_to,
            picture=first,
            parameters=parameters,
            finish=finish,
            upload_limit=request.upload_limit,
            notes=tuple(dict.fromkeys(notes)),
            last_picture=last,
            look=self._status.wants_look(request, terms.rules),
        )
        job = closed(job if base is None else base.onto(job, size, self._catalog), self._catalog)
        cost = self._cost(job.parameters, aspect_of(*size) if size else request.aspect)
        job, wish = await self._prompts.wish(job, caption, terms.rules, pictures, request.rewritten)
        return job, cost, wish

    async def _picture(self, request: Request, terms: Terms) -> SafePicture:
        """Return the first picture of a request, which is stored already or comes from its platform.

        Raises:
            PictureError, FetchError, ChatError, StorageError: there is none that can be used.
        """
        stored = await stored_picture(self._storage, request)
        if stored is None and request.older:
            raise FetchError("piece_gone", f"{request.stored} cannot be read")
        picture = stored or await self._make_safe(await self._chat.fetch(request))
        return await self._safety.admitted(picture, self._safety.policy(terms.rules, request.reply_to))

    async def _delete(self, request: Request) -> None:
        """Delete what was stored for a request alone; by the trash, too, as its key is then on record."""
        own = [key for key in (request.stored, request.last_stored) if key and is_stored_for(request)]
        if own:
            await self._client.ledger.picture(request.id, *own)
            await discard(self._storage, *own)

    def _read(self, words: str) -> tuple[captions.Caption, Parameters, Finish]:
        """Return a caption and what it asks for. Raises OptionError."""
        model = self._serving.model
        try:
            caption = captions.parse(words, self._catalog, model)
            self._safety.words.check(caption)
            return caption, *resolve(caption.prompt, caption.given, self._catalog, default_model=model)
        except OptionError as error:
            self._safety.words.check_refusal(error)
            raise

    def _sized(
        self, caption: captions.Caption, parameters: Parameters, finish: Finish, photo: Size | None
    ) -> Parameters:
        return sized(parameters, finish, caption.given, self._catalog, photo)

    def _cost(self, parameters: Parameters, aspect: float) -> float:
        return estimated_seconds(parameters, self._catalog.models[parameters.model], aspect)

    async def _submit(self, job: Job, cost: float, terms: Terms) -> None:
        """Queue it. Where it is not, by a quota or because it was ended meanwhile, its picture does not stay.

        Raises:
            QuotaExceeded: others were queued while the picture was fetched.
        """
        try:
            queued = await self._client.submit(job, cost=cost, chat_jobs=terms.jobs)
        except (QuotaExceeded, UnknownJob):
            await discard(self._storage, *job.pictures)
            raise
        if not queued and await self._pictures_of(job.id) != job.pictures:
            await discard(self._storage, *job.pictures)

    async def _pictures_of(self, id: str) -> tuple[str, ...]:
        """By the record: after an answer that was lost on its way, what seems to be queued before is this very job."""
        record = await self._client.ledger.find(id)
        return record.job.pictures if record and record.job else ()

    async def _store(self, request: Request, pictures: Sequence[SafePicture]) -> list[str]:
        """Store a request's pictures under keys that are on record before. Return the keys. Raises Ended."""
        if not pictures:
            return []
        owns = [each.stored if is_stored_for(request) else "" for each in each_picture(request)]
        new = [
            own or self._storage.new_key("pictures", picture.suffix)
            for own, picture in zip(owns, pictures, strict=True)
        ]
        keys = await self._client.ledger.picture(request.id, *new)
        if keys is None:
            raise Ended(request.id)
        for key, own, picture in zip(keys, owns, pictures, strict=True):
            if key != own:
                await self._storage.put(picture.data, key=key)
        return keys

    async def _answer(self, request: Request, sentence: str, details: dict[str, str] | None = None) -> bool:
        await self._client.refuse(request.id, Failed(SAID, sentence, details or {}))
        return False
