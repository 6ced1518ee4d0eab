"""Clips that go on from the end of an older one: which one that is, whether it can be, what is taken over from it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import msgspec
from msgspec.structs import replace

from unstill_bots.intake import captions
from unstill_bots.intake.inputs import Inputs
from unstill_bots.intake.objection import Objection
from unstill_bots.intake.older_picture import is_deleted
from unstill_bots.intake.pending import PendingRequest
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.errors import NotFound, OptionError, StorageError
from unstill_queue.contract.jobs import PIECES_MOST, Job, Parameters, Request, Requester, Succeeded
from unstill_queue.contract.sizing import Size
from unstill_queue.ledger.ledger import Ledger, Record
from unstill_queue.storage.base import Storage

LOOKED_AT = 20
"""A person's newest requests among which their newest clip is sought."""
KEPT = ("preset", "model", "shape", "fill", "output_fps", "loop", "fade", "audio")
"""Options of the older clip that hold for the longer one, where its words do not say otherwise."""


class Base(msgspec.Struct, frozen=True):
    """A clip that another one goes on from: storage keys as in `Succeeded`, and the parameters of all its pieces."""

    frame: str
    reel: str
    pieces: tuple[Parameters, ...]

    def onto(self, job: Job, size: Size | None, catalog: Catalog) -> Job:
        """Return the job of the next piece, whose first frame has that `size`. What the same model makes is rendered
        in the frames of the pieces before.
        """
        parameters, last = job.parameters, self.pieces[-1]
        if size is not None and parameters.model == last.model:
            multiple = catalog.models[parameters.model].size_multiple
            if not (size[0] % multiple or size[1] % multiple):
                parameters = replace(parameters, width=size[0], height=size[1], resolution=last.resolution)
        return replace(job, parameters=parameters, extends=self.reel, before=self.pieces, last_picture="")


class Extending:
    """Finds what a request goes on from, where its words have the option EXTEND."""

    def __init__(self, ledger: Ledger, storage: Storage, catalog: Catalog) -> None:
        self._ledger = ledger
        self._storage = storage
        self._catalog = catalog

    async def request(
        self, pending: PendingRequest, words: str, options: Mapping[str, str], *, id: str | None = None
    ) -> Request:
        """Return the queue's request, with the `options` before words that do not say otherwise, and before them those
        of the older clip. Raises RedisError.
        """
        older = await self._older(pending)
        if older is not None:
            words, options = self._taken_over(older, words, options)
        request = pending.request(captions.with_defaults(words, options, self._catalog), id=id)
        if older is None:
            return request
        # what was covered stays so, and whoever is shown may say no to this one, too
        covered, author = request.spoiler or older.request.spoiler, request.author or older.request.author
        return replace(request, older=older.id, last_source="", last_stored="", spoiler=covered, author=author)

    async def inputs(self, pending: PendingRequest) -> Inputs | Objection:
        """Return what a clip will be made of, or why it cannot go on from what it would. Raises RedisError."""
        inputs = Inputs.to_come(pending)
        older = await self._older(pending)
        if older is None:
            return inputs
        found = await self.base(older.id, pending.who)
        return found if isinstance(found, Objection) else Inputs(extends=True, aspect=inputs.aspect)

    async def base(self, older: str, who: Requester) -> Base | Objection:
        """Return what a person's clip goes on from, by the id of the older request, or why it cannot.

        Raises RedisError.
        """
        record = await self._ledger.find(older)
        code = "piece_gone" if record is None or record.forgotten else _fault(record, who)
        made = record.outcome if record else None
        if not code and isinstance(made, Succeeded) and made.frame and made.reel:
            if await self._is_kept(made.frame) and await self._is_kept(made.reel):
                return Base(made.frame, made.reel, (*made.before, made.parameters))
            code = "piece_gone"
        return Objection(Replies(who.language).input_error(code, ""), code)

    async def _is_kept(self, key: str) -> bool:
        """Return whether a file is there, as far as the storage answers."""
        try:
            await self._storage.size(key)
        except NotFound:
            return False
        except StorageError:
            return True
        return True

    async def _older(self, pending: PendingRequest) -> Record | None:
        """Return the request that a clip is to go on from: the one that was pointed at, or where there is no picture
        the newest of that person's in that chat that has a clip which was not deleted.
        """
        if pending.older is not None and pending.older.job:
            return await self._ledger.find(pending.older.job)
        if pending.request("").pictures:
            return None
        async for record in self._newest(pending):
            if isinstance(record.outcome, Succeeded) and not await is_deleted(self._storage, record):
                return record
        return None

    async def _newest(self, pending: PendingRequest) -> AsyncIterator[Record]:
        chat = pending.address().chat
        for id in (await self._ledger.ids_of(pending.who.person))[:LOOKED_AT]:
            record = await self._ledger.find(id)
            if record is not None and not record.forgotten and record.request.reply_to.chat == chat:
                yield record

    def _taken_over(self, older: Record, words: str, options: Mapping[str, str]) -> tuple[str, Mapping[str, str]]:
        """Return words that only set options with those of the older clip, and the options with those of it."""
        if older.job is None:
            return words, options
        model = older.job.parameters.model
        completed = captions.completed(words, older.request.words, self._catalog, model)
        try:
            given = captions.parse(older.request.words, self._catalog, model).given
        except OptionError:
            # by a catalogue that has changed since
            given = {}
        kept: dict[str, Value] = {"model": model, **{name: given[name] for name in KEPT if name in given}}
        return completed, {**options, **{name: str(captions.Caption("", {name: kept[name]})) for name in kept}}


def _fault(record: Record, who: Requester) -> str:
    """Return the code of why a person's clip cannot go on from a record's; empty where it can."""
    made = record.outcome
    if record.request.requester.person != who.person:
        return "clip_not_yours"
    if made is None:
        return "clip_not_there"
    if not isinstance(made, Succeeded):
        return "no_clip"
    if made.pieces >= PIECES_MOST:
        return "clip_whole"
    return "" if made.frame and made.reel else "end_not_kept"
