"""What a press of a button does: once each, and only for whom it belongs to."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import structlog
from msgspec.structs import replace
from telegram import CallbackQuery, Message
from telegram.error import TelegramError

from unstill_bots import captions
from unstill_bots.chat_replies import ChatReplies
from unstill_bots.telegram import keyboards
from unstill_bots.telegram.asking import PLATFORM, Ask, derived
from unstill_bots.telegram.desk import Desk
from unstill_bots.telegram.findings import Picture, find
from unstill_bots.telegram.intake import Intake
from unstill_bots.telegram.keyboards import Press
from unstill_bots.telegram.notes import Note
from unstill_bots.telegram.settings_menu import SettingsMenu
from unstill_config.catalog import Value
from unstill_queue.errors import OptionError, StorageError
from unstill_queue.jobs import Cancelled, Failed, Job, Request, Succeeded
from unstill_queue.ledger import Record
from unstill_queue.options import SEED_MAX

log = structlog.get_logger(__name__)

TRIES = 20
SIZES = ("preset", "resolution", "num_inference_steps", "fps")
"""Options that would keep a better preset from being one."""


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
        elif press.action in (keyboards.CANCEL, keyboards.DELETE, *keyboards.REROLLS):
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
        if press.action in keyboards.REROLLS:
            text = await self._reroll(record, press.action, replies) if own else replies.not_your_clip()
            self._answer(query, text)
        elif own:
            await self._end(query, press, record, replies)
        else:
            self._desk.spawn(self._end_for_admin(query, press, record, replies))

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

    async def _delete(self, query: CallbackQuery, record: Record, replies: ChatReplies) -> None:
        message = query.message
        assert message is not None  # noqa: S101
        try:
            await self._desk.bot.delete_message(message.chat.id, message.message_id)
        except TelegramError as error:
            log.info("a clip could not be deleted from its chat", error=str(error))
            await self._answer_now(query, replies.cannot_delete())
            return
        if isinstance(record.outcome, Succeeded):
            try:
                await self._desk.studio.storage.delete(record.outcome.clip)
            except StorageError as error:
                log.info("a clip could not be deleted from the storage", error=str(error))
        await self._answer_now(query, replies.deleted())

    # -- one more

    async def _reroll(self, record: Record, action: str, replies: ChatReplies) -> str:
        """The same press is the same request, unless what came of it failed."""
        if record.job is None:
            return replies.unknown_job()
        words = self._words(record, record.job, action)
        for number in range(TRIES):
            id = derived(record.id, f"{action} {number}")
            earlier = await self._intake.record(id)
            if earlier is None:
                await self._intake.accept(_again(record, id, words), 0.0)
                return replies.on_its_way()
            if not isinstance(earlier.outcome, Failed | Cancelled):
                return replies.already()
        return replies.already()

    def _words(self, record: Record, job: Job, action: str) -> str:
        try:
            caption = captions.parse(record.request.words, self._desk.catalog)
        except OptionError:
            return record.request.words
        given: dict[str, Value] = {**caption.given, "seed": job.parameters.seed, "model": job.parameters.model}
        changes: Mapping[str, dict[str, Value]] = {
            keyboards.AGAIN: {"seed": secrets.randbelow(SEED_MAX + 1)},
            keyboards.BETTER: {"preset": "quality"},
            keyboards.REELS: {"shape": "reels"},
            keyboards.LOOP: {"loop": True},
        }
        if action == keyboards.BETTER:
            given = {name: value for name, value in given.items() if name not in SIZES}
        return str(captions.Caption(caption.prompt, {**given, **changes[action]}))

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


def _again(record: Record, id: str, words: str) -> Request:
    to = replace(record.request.reply_to, extra={**record.request.reply_to.extra, "job": id})
    return replace(record.request, id=id, words=words, reply_to=to)
