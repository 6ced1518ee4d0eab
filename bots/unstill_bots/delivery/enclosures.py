"""Clips that go along with news for a host: covered, and left out where they are gone or cannot be shown there."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import structlog
from msgspec.structs import replace

from unstill_bots.delivery.chat import Chat, ClipForbidden, ClipTooLarge
from unstill_bots.delivery.clip_answers import PREFIX
from unstill_bots.delivery.message import NOTICE, Clip, Message
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.errors import NotFound
from unstill_queue.contract.jobs import Request, Succeeded
from unstill_queue.storage import temporary
from unstill_queue.storage.base import Storage

log = structlog.get_logger(__name__)


def enclosed(made: Succeeded) -> dict[str, str]:
    """Return the details of news to which a clip belongs."""
    sizes = {"size": made.size, "width": made.width, "height": made.height, "duration": made.duration}
    return {"clip": made.clip, **{name: str(value) for name, value in sizes.items()}}


async def show_with_enclosure(
    chat: Chat, storage: Storage, request: Request, ref: str, message: Message, details: Mapping[str, str]
) -> str:
    """Edit `message` in, with the clip that `details` name where it is news. Returns its ref.

    Raises ChatError, and StorageError where the storage is away.
    """
    if NOTICE not in request.reply_to.extra or "clip" not in details:
        return await chat.edit(request.reply_to, ref, message)
    try:
        if int(details["size"]) > request.upload_limit:
            raise ClipTooLarge(details["clip"])
        with temporary.folder(PREFIX) as folder:
            file = folder / "clip.mp4"
            await storage.fetch(details["clip"], file)
            return await chat.edit(request.reply_to, ref, replace(message, clip=_clip(file, details)))
    except (NotFound, ClipTooLarge, ClipForbidden) as error:
        log.info("a reported clip cannot be shown to the host", error=repr(error))
    without = ChatReplies(message.language).report_without_clip()
    text = replace(message.text, notes=(*message.text.notes, without))
    return await chat.edit(request.reply_to, ref, replace(message, text=text))


def _clip(file: Path, details: Mapping[str, str]) -> Clip:
    return Clip(
        file,
        int(details["size"]),
        int(details["width"]),
        int(details["height"]),
        float(details["duration"]),
        spoiler=True,
        key=details["clip"],
    )
