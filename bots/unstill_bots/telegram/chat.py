"""Telegram as the studio and the courier see it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TypeGuard

from telegram import (
    Bot,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    Message,
)
from telegram.error import BadRequest, InvalidToken, NetworkError, RetryAfter, TelegramError

from unstill_bots.actions.preferences import PreferenceStore
from unstill_bots.delivery.chat import ChatError, ChatUnavailable, ClipTooLarge, FetchError
from unstill_bots.telegram import buttons as keyboards
from unstill_bots.telegram.api import MEDIA_WITHIN
from unstill_bots.telegram.calls import Calls, Place
from unstill_bots.telegram.clip import file_in, kind_of, make_thumbnail, media
from unstill_bots.telegram.errors import (
    MediaForbidden,
    ThreadGone,
    is_media_already,
    is_unchanged,
    retry_after,
)
from unstill_bots.telegram.media import Picture
from unstill_bots.telegram.memory import Memory
from unstill_bots.telegram.message_ref import REVISED, Note, Receipt
from unstill_bots.telegram.pending import PLATFORM
from unstill_bots.telegram.send_limit import Dropped, Outbound, Urgency
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.catalog import Catalog
from unstill_queue.contract.errors import StorageError, UnknownJob
from unstill_queue.contract.jobs import Cancelled, Failed, Finish, ReplyAddress, Request, State, Succeeded
from unstill_queue.ledger.ledger import Ledger, Record
from unstill_queue.storage.base import Storage

PLAIN = LinkPreviewOptions(is_disabled=True)


class TelegramChat:
    """The port's Telegram side. What is asked of it waits for its turn in its chat."""

    platform = PLATFORM

    def __init__(
        self,
        bot: Bot,
        ledger: Ledger,
        storage: Storage,
        catalog: Catalog,
        memory: Memory,
        outbound: Outbound,
        preferences: PreferenceStore,
    ) -> None:
        self.bot = bot
        self._calls = Calls(memory, outbound, preferences)
        self._ledger = ledger
        self._storage = storage
        self._catalog = catalog
        self._preferences = preferences
        self._download_limit = catalog.platforms[PLATFORM].download_limit

    # -- the port

    async def fetch(self, request: Request) -> bytes:
        """The picture's bytes as they were sent. Raises FetchError, ChatUnavailable."""
        picture = Picture.of(request.source)
        if picture.size > self._download_limit:
            raise FetchError("picture_too_big", "larger than may be downloaded")
        try:
            file = await self.bot.get_file(picture.file)
            if (file.file_size or 0) > self._download_limit:
                raise FetchError("picture_too_big", "larger than may be downloaded")
            return bytes(await file.download_as_bytearray())
        except RetryAfter as error:
            raise ChatUnavailable("flood limit", retry_after(error)) from error
        except BadRequest as error:
            large = "file is too big" in error.message.lower()
            raise FetchError("picture_too_big" if large else "picture_gone", error.message) from error
        except InvalidToken as error:
            # python-telegram-bot says so of every 404, a file's included
            raise FetchError("picture_gone", "not found") from error
        except (NetworkError, OSError) as error:
            raise ChatUnavailable(str(error), 2.0) from error

    async def say(self, to: ReplyAddress, text: str) -> str:
        """A new message, a reply to the request's; returns its note."""
        record = await self._record(to)
        if _is_replaced(record):
            return record.note or ""
        waits = record is not None and record.outcome is None
        buttons = self._buttons(record) if waits else None
        urgency, account = Urgency.NOTE if waits else Urgency.ANSWER, ""
        if record is not None and record.refused:
            urgency, account = Urgency.REFUSAL, record.request.requester.account
        message = await self.send(to, text, urgency, buttons, account)
        return str(Note(str(message.chat.id), message.message_id))

    async def revise(self, to: ReplyAddress, note: str, text: str) -> None:
        """Change what the note says; progress that finds no room is dropped."""
        record = await self._record(to)
        if _is_replaced(record):
            return
        urgency = Urgency.ANSWER
        if record is not None and record.outcome is None:
            urgency = Urgency.PROGRESS if record.state is State.RUNNING else Urgency.PLACE
        try:
            await self.edit(to, Note.of(note), text, urgency, self._buttons(record))
        except Dropped:
            return

    async def deliver(self, to: ReplyAddress, note: str, clip: Path, about: Succeeded, text: str) -> str:
        """Turn the note into the clip. Returns the receipt to keep."""
        record = await self._record(to)
        finish = record.job.finish if record and record.job else Finish()
        kind = kind_of(about, finish)
        cover = await self._thumbnail(record, about)

        async def edit(chat: str) -> Message | bool:
            with clip.open("rb") as file:
                return await self.bot.edit_message_media(
                    media(file, kind, about, text, cover),
                    chat_id=int(chat),
                    message_id=Note.of(note).within(chat),
                    reply_markup=self._buttons(record),
                    read_timeout=MEDIA_WITHIN,
                    write_timeout=MEDIA_WITHIN,
                )

        try:
            shown = await self._calls.do(to.chat, Urgency.ANSWER, edit)
        except MediaForbidden:
            language = record.request.requester.language if record else "en"
            said = ChatReplies(language).failed(Failed("undeliverable", ""))
            await self.edit(to, Note.of(note), said, Urgency.ANSWER, None)
            return note
        except ChatError as error:
            if isinstance(error.__cause__, TelegramError) and is_unchanged(error.__cause__):
                return note
            raise
        file = file_in(shown) if isinstance(shown, Message) else None
        return str(Receipt(Note.of(note), kind, file)) if file else note

    async def call(self, to: ReplyAddress, text: str) -> None:
        """A reply to the request's message notifies who sent it."""
        if (await self._preferences.get(f"{PLATFORM}:{to.chat}")).quiet:
            return
        try:
            await self.send(to, text, Urgency.CALL)
        except (Dropped, ThreadGone, MediaForbidden, ClipTooLarge):
            return

    # -- what commands and buttons use besides

    async def send(
        self,
        to: ReplyAddress,
        text: str,
        urgency: Urgency,
        buttons: InlineKeyboardMarkup | None = None,
        account: str = "",
    ) -> Message:
        """A reply. `account` as in `Outbound.turn`. Raises ChatError."""

        async def send(chat: str, place: Place) -> Message:
            return await self.bot.send_message(
                int(chat),
                text,
                reply_markup=buttons,
                link_preview_options=PLAIN,
                reply_parameters=place.reply,
                message_thread_id=place.thread,
            )

        return await self._calls.reply(to, urgency, send, account)

    async def edit(
        self, to: ReplyAddress, note: Note, text: str, urgency: Urgency, buttons: InlineKeyboardMarkup | None
    ) -> None:
        """What stands there as it should, or a clip instead of a text, needs no edit. Raises ChatError, Dropped."""

        async def edit(chat: str) -> None:
            try:
                await self.bot.edit_message_text(
                    text,
                    chat_id=int(chat),
                    message_id=note.within(chat),
                    reply_markup=buttons,
                    link_preview_options=PLAIN,
                )
            except BadRequest as error:
                if not (is_unchanged(error) or is_media_already(error)):
                    raise

        await self._calls.do(to.chat, urgency, edit)

    # -- below

    async def _record(self, to: ReplyAddress) -> Record | None:
        try:
            return await self._ledger.read(to.extra["job"]) if "job" in to.extra else None
        except UnknownJob:
            return None

    def _buttons(self, record: Record | None) -> InlineKeyboardMarkup | None:
        if record is None:
            return None
        replies = ChatReplies(record.request.requester.language)
        match record.outcome:
            case None:
                return keyboards.waiting(record.id, replies)
            case Succeeded() if record.job is not None:
                return keyboards.clip(record.job, replies, self._catalog)
        return None

    async def _thumbnail(self, record: Record | None, about: Succeeded) -> bytes | None:
        if record is None or record.job is None:
            return None
        try:
            picture = await self._storage.get(record.job.picture)
        except StorageError:
            return None
        return await asyncio.to_thread(make_thumbnail, picture, about.width, about.height)

    async def moved(self, old: str, new: str) -> None:
        """A group became a supergroup, under another id."""
        await self._calls.moved(old, new)


def _is_replaced(record: Record | None) -> TypeGuard[Record]:
    """Cancelled because new words came: the job of those shows itself in the same message."""
    return record is not None and isinstance(record.outcome, Cancelled) and record.outcome.by == REVISED
