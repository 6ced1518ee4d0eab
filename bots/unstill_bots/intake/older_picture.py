"""The picture of an older request, for a new one: what is stored of it, else what its platform still has."""

from __future__ import annotations

import asyncio
import io
from typing import Self

import msgspec
import structlog
from msgspec.structs import replace
from PIL import Image

from unstill_bots.intake.pictures import SafePicture
from unstill_queue.contract.codes import of_picture
from unstill_queue.contract.errors import NotFound, StorageError
from unstill_queue.contract.jobs import Failed, Request, Succeeded
from unstill_queue.ledger.ledger import Record
from unstill_queue.storage.base import Storage

log = structlog.get_logger(__name__)

REFUSED = {"refused": "picture"}
"""The details of a failure by which the picture was refused, and not its words: nothing new can be made of that."""

LAST_REFUSED = {"refused": "last_picture"}
"""The details of a failure by which a second picture was refused: the first one is good for other words."""

WORDS_REFUSED = {"refused": "words"}
"""The details of a failure by which words were refused that can be mended: the picture is good for others."""


STORED_FOR = "stored_for"
"""The key of `ReplyAddress.extra` under which a request says by its id that its picture was stored for it alone, before
it was written down. What is derived of it has another id, and gets a copy.
"""


def is_stored_for(request: Request) -> bool:
    """Return whether what a request has stored is its own, and need not be copied."""
    return bool(request.stored) and request.reply_to.extra.get(STORED_FOR) == request.id


def each_picture(request: Request) -> list[Request]:
    """Return a request once for each of its pictures, as if that were its only one."""
    first = replace(request, last_source="", last_stored="")
    last = replace(first, source=request.last_source, stored=request.last_stored, notes=())
    return [one for one in (first, last) if one.source or one.stored]


async def with_own_copy(storage: Storage, request: Request) -> Request:
    """Return a request whose pictures are stored for it alone, so that they stay where the older request ends; the same
    where nothing can be copied.
    """
    pictures = [await stored_picture(storage, each) for each in each_picture(request)]
    keys: list[str] = []
    try:
        for picture in pictures:
            keys.append("" if picture is None else await storage.put(picture.data, suffix=picture.suffix))
    except StorageError as error:
        log.info("a stored picture could not be copied", key=request.stored, error=str(error))
        await discard(storage, *keys)
        return request
    if not any(keys):
        return request
    to = replace(request.reply_to, extra={**request.reply_to.extra, STORED_FOR: request.id})
    first, last = (*keys, "", "")[:2]
    return replace(request, stored=first, last_stored=last, reply_to=to)


async def discard(storage: Storage, *keys: str) -> None:
    """Delete stored pictures that nobody needs; what cannot be deleted now goes by the trash, or with its age."""
    for key in filter(None, keys):
        try:
            await storage.delete(key)
        except StorageError as error:
            log.info("a picture could not be deleted", key=key, error=str(error))


class OlderPicture(msgspec.Struct, frozen=True):
    """The picture that an older request was made of, and its last one; all as in `Request`. `job`: the older request's
    id, by which a clip may go on from its end.
    """

    source: str
    aspect: float = 1.0
    stored: str = ""
    spoiler: bool = False
    notes: tuple[str, ...] = ()
    last_source: str = ""
    last_stored: str = ""
    author: str = ""
    job: str = ""

    @classmethod
    def of(cls, record: Record) -> Self | None:
        """Return the picture of a record; None where it was refused itself, or its person had it forgotten."""
        failed = record.outcome
        if record.forgotten or (isinstance(failed, Failed) and failed.details == REFUSED):
            return None
        request = record.request
        kept = kept_of(record)
        alone = isinstance(failed, Failed) and failed.details == LAST_REFUSED
        return cls(
            request.source,
            request.aspect,
            kept.stored,
            request.spoiler,
            kept.notes,
            "" if alone else request.last_source,
            "" if alone else kept.last_stored,
            request.author,
            record.id,
        )


def kept_of(record: Record) -> Request:
    """Return a record's request with the storage keys of its pictures, empty where there are none yet, and the notes on
    them.
    """
    job, request = record.job, record.request
    if job is None:
        return request
    if job.extends:
        # what is stored is the end of an older clip, and no picture of theirs
        return replace(request, stored="", notes=())
    return replace(request, stored=job.picture, last_stored=job.last_picture, notes=of_picture(job.notes))


async def is_deleted(storage: Storage, record: Record) -> bool:
    """Return whether the clip of a record was deleted, or is too old to be kept; what has no clip was not."""
    if not isinstance(record.outcome, Succeeded):
        return False
    try:
        await storage.size(record.outcome.clip)
    except NotFound:
        return True
    except StorageError:
        return False
    return False


async def stored_picture(storage: Storage, request: Request) -> SafePicture | None:
    """Return what an older request has stored, which was made safe then; None where there is nothing, or it is gone, or
    the storage does not answer.
    """
    if not request.stored:
        return None
    try:
        data = await storage.get(request.stored)
        return await asyncio.to_thread(_measured, data, request.notes)
    except (StorageError, OSError) as error:
        log.info("a stored picture could not be used again", key=request.stored, error=str(error))
        return None


def _measured(data: bytes, notes: tuple[str, ...]) -> SafePicture:
    """Read the sides out of the file's head. Raises OSError for what is no picture."""
    with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as opened:
        width, height = opened.size
        return SafePicture(data, "png" if opened.format == "PNG" else "jpg", width, height, notes)
