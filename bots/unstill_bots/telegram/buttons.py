"""What a press of a button does: once each, and only for whom it belongs to."""

from __future__ import annotations

import structlog
from telegram import CallbackQuery, Message
from telegram.error import TelegramError

from unstill_bots.chat_replies import ChatReplies
from unstill_bots.rerolls import REROLLS, reroll
from unstill_bots.telegram import keyboards
from unstill_bots.telegram.asking import PLATFORM, Ask
from unstill_bots.telegram.desk import Desk
from unstill_bots.telegram.findings import Picture, find
from unstill_bots.telegram.intake import Intake
from unstill_bots.telegram.keyboards import Press
from unstill_bots.telegram.notes import Note
from unstill_bots.telegram.settings_menu import SettingsMenu
from unstill_queue.errors import StorageError
from unstill_queue.ledger import Record

log = structlog.get_logger(__name__)


class Buttons:
    """Those under status messages, clips, questions and settings."""

    def __init__(self, desk: Desk, intake: Intake) -> None:
        self._desk = desk
        self._intake = intake
        self._settings = SettingsMenu(desk)

    async def pressed(self, query: CallbackQuery) -> None:
        """What it starts is written down when this returns."""
        press = Press.of(query.data or "")
        message = query.message
        if message is None:
            self._answer(query, "")
        elif press.action == keyboards.SET:
            self._desk.spawn(self._settings.pressed(query, press.about))
        elif press.action == keyboards.PRESET and isinstance(message, Message):
            await self._preset(query, message, press.about)
        elif press.action in (keyboards.CANCEL, keyboards.DELETE, *REROLLS):
            await self._on_job(query, press)
        else:
            self._answer(query, "")

    def _answer(self, query: CallbackQuery, text: str) -> None:
        self._desk.spawn(self._answer_now(query, text))

    async def _answer_now(self, query: CallbackQuery, text: str) -> None:
        try:
            await self._desk.bot.answer_callback_query(query.id, text or None)
        except TelegramError as error:
            log.info("a press could not be answered", error=str(error))

    async def _on_job(self, query: CallbackQuery, press: Press) -> None:
        assert query.message is not None  # noqa: S101
        replies = await self._desk.replies(query.message.chat, query.from_user)
        record = await self._intake.record(press.job)
        if record is None:
            self._answer(query, replies.unknown_job())
            return
        own = str(query.from_user.id) == record.request.requester.user
        if press.action in REROLLS:
            self._answer(query, await self._reroll(record, press.action, replies) if own else replies.not_your_clip())
        elif own:
            await self._end(query, press, record, replies)
        else:
            self._desk.spawn(self._end_for_admin(query, press, record, replies))

    async def _reroll(self, record: Record, action: str, replies: ChatReplies) -> str:
        intake = self._intake
        return await reroll(record, action, replies, self._desk.catalog, intake.reception, intake.again)

    async def _end_for_admin(self, query: CallbackQuery, press: Press, record: Record, replies: ChatReplies) -> None:
        assert query.message is not None  # noqa: S101
        if await self._desk.is_admin(str(query.message.chat.id), str(query.from_user.id)):
            await self._end(query, press, record, replies)
        else:
            self._answer(query, replies.not_your_clip())

    async def _end(self, query: CallbackQuery, press: Press, record: Record, replies: ChatReplies) -> None:
        if press.action == keyboards.DELETE:
            self._desk.spawn(self._delete(query, record, replies))
            return
        done = await self._desk.client.cancel(record.id, f"{PLATFORM}:{query.from_user.id}")
        texts = {"cancelled": replies.cancelled(""), "cancelling": replies.cancelling()}
        self._answer(query, texts.get(done, replies.cannot_cancel()))
        if done not in texts and query.message is not None:
            self._desk.spawn(self._tidy(Note(str(query.message.chat.id), query.message.message_id), record))

    async def _tidy(self, pressed: Note, record: Record) -> None:
        """A kill may have left a line behind whose answer stands in another message."""
        if record.note is not None and Note.of(record.note) != pressed:
            await self._desk.bot.delete_message(int(pressed.chat), pressed.message)

    async def _delete(self, query: CallbackQuery, record: Record, replies: ChatReplies) -> None:
        message = query.message
        assert message is not None  # noqa: S101
        try:
            await self._desk.bot.delete_message(message.chat.id, message.message_id)
        except TelegramError as error:
            log.info("a clip could not be deleted from its chat", error=str(error))
            await self._answer_now(query, replies.cannot_delete())
            return
        for key in record.clips:
            try:
                await self._desk.studio.storage.delete(key)
            except StorageError as error:
                log.info("a clip could not be deleted from the storage", error=str(error))
        await self._answer_now(query, replies.deleted())

    # -- words by a press

    async def _preset(self, query: CallbackQuery, message: Message, name: str) -> None:
        replies = await self._desk.replies(message.chat, query.from_user)
        user = str(query.from_user.id)
        chat = str(message.chat.id)
        replied = message.reply_to_message
        waiting = await self._desk.memory.waiting(chat, user)
        first = next((ask for ask in waiting if replied and ask.message == str(replied.message_id)), None)
        if first is None:
            first = await self._from_reply(query, message)
        if first is None or name not in self._desk.catalog.presets:
            own = replied is not None and replied.from_user is not None and replied.from_user.id == query.from_user.id
            self._answer(query, replies.no_longer_there() if own or replied is None else replies.not_your_clip())
            return
        asks = [first] + [ask for ask in waiting if first.album and ask.album == first.album and ask.id != first.id]
        note = str(Note(chat, message.message_id))
        new = await self._intake.take(first, f"--preset {name}", note=note)
        for ask in asks[1:]:
            await self._intake.take(ask, f"--preset {name}")
        await self._desk.memory.question(first)
        await self._desk.memory.no_longer(asks)
        self._answer(query, "" if new else replies.already())

    async def _from_reply(self, query: CallbackQuery, message: Message) -> Ask | None:
        """The picture above the question, where we no longer remember that it waits."""
        replied = message.reply_to_message
        if replied is None or replied.from_user is None or replied.from_user.id != query.from_user.id:
            return None
        found = find(replied, self._desk.download_limit)
        return await self._intake.ask_of(replied, found) if isinstance(found, Picture) else None
