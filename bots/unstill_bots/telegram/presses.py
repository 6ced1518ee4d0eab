"""What a press of a button does: once each, and only for whom it belongs to."""

from __future__ import annotations

import structlog
from telegram import CallbackQuery, Message
from telegram.error import TelegramError

from unstill_bots.actions import presses
from unstill_bots.actions.presses import ACTIONS, DELETE, PRESET, SETTINGS, Action, Thing, Verdict, judge, refusal
from unstill_bots.actions.variations import VARIATIONS, variation
from unstill_bots.telegram.actors import TelegramActor, presses_of, shown_by, thing_of
from unstill_bots.telegram.buttons import ON_JOBS, Press
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.intake import Intake
from unstill_bots.telegram.media import Picture, find
from unstill_bots.telegram.message_ref import Note
from unstill_bots.telegram.pending import PLATFORM, PendingRequest, user_of
from unstill_bots.telegram.settings_menu import SettingsMenu
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.errors import TooManyRequests
from unstill_queue.ledger.ledger import Record

log = structlog.get_logger(__name__)


class Buttons:
    """Those under status messages, clips, questions and settings.

    Clients can send any data with a press: it names the job at most. Who pressed, and on which message of which chat,
    is what Telegram says.
    """

    def __init__(self, context: Context, intake: Intake) -> None:
        self._context = context
        self._intake = intake
        self._settings = SettingsMenu(context)

    async def pressed(self, query: CallbackQuery) -> None:
        """What it starts is written down when this returns, but for whose right has to be asked of Telegram first."""
        press = Press.of(query.data or "")
        message = query.message
        if message is not None and press.action in ON_JOBS:
            await self._on_job(query, press)
        elif not isinstance(message, Message) or press not in presses_of(message):
            self._answer(query, "")
        elif press.action == SETTINGS:
            self._context.spawn(self._settings.pressed(query, press.about))
        elif press.action == PRESET:
            await self._preset(query, message, press.about)

    def _answer(self, query: CallbackQuery, text: str) -> None:
        self._context.spawn(self._answer_now(query, text))

    async def _answer_now(self, query: CallbackQuery, text: str) -> None:
        try:
            await self._context.bot.answer_callback_query(query.id, text or None)
        except TelegramError as error:
            log.info("a press could not be answered", error=str(error))

    # -- a job's

    async def _on_job(self, query: CallbackQuery, press: Press) -> None:
        assert query.message is not None  # noqa: S101
        replies = await self._context.replies(query.message.chat, query.from_user)
        record = await self._intake.record(press.job)
        actor = await TelegramActor.of_press(self._context, query)
        thing: Thing | None = None
        if record is not None:
            thing = await thing_of(self._context, record)
        elif press.action == DELETE and isinstance(query.message, Message):
            thing = shown_by(query.message, actor)
        attempt = self._attempt(query, ACTIONS[press.action], actor, thing, record, replies)
        if thing is None or thing.user == actor.user:
            await attempt
        else:
            self._context.spawn(attempt)

    async def _attempt(
        self,
        query: CallbackQuery,
        action: Action,
        actor: TelegramActor,
        thing: Thing | None,
        record: Record | None,
        replies: ChatReplies,
    ) -> None:
        verdict = await judge(action, actor, thing)
        if verdict is not Verdict.ALLOWED:
            self._answer(query, refusal(verdict, action, replies))
        elif record is not None and action.name in VARIATIONS:
            self._answer(query, await self._reroll(record, action.name, replies))
        elif action.name == DELETE and (record is None or record.outcome is not None):
            self._context.spawn(self._delete(query, actor, record, replies))
        elif record is not None:
            await self._cancel(query, actor, record, replies)

    async def _reroll(self, record: Record, action: str, replies: ChatReplies) -> str:
        intake = self._intake
        return await variation(record, action, replies, self._context.catalog, intake.reception, intake.again)

    async def _cancel(self, query: CallbackQuery, actor: TelegramActor, record: Record, replies: ChatReplies) -> None:
        done, said = await presses.cancel(self._context.client, record, f"{PLATFORM}:{actor.user}", replies)
        self._answer(query, said)
        if not done:
            self._context.spawn(self._tidy(query, actor, record))

    async def _tidy(self, query: CallbackQuery, actor: TelegramActor, record: Record) -> None:
        """A kill may have left a line behind whose answer stands in another message. It has this job's button; what
        has not is somebody else's message, whatever the press said.
        """
        message = query.message
        if not isinstance(message, Message) or record.note is None or str(Note.of(record.note)) == actor.message:
            return
        if Press.of(query.data or "") in presses_of(message):
            await self._context.bot.delete_message(message.chat.id, message.message_id)

    async def _delete(
        self, query: CallbackQuery, actor: TelegramActor, record: Record | None, replies: ChatReplies
    ) -> None:
        await self._answer_now(query, await delete(self._context, Note.of(actor.message), record, replies))

    # -- words by a press

    async def _preset(self, query: CallbackQuery, message: Message, name: str) -> None:
        replies = await self._context.replies(message.chat, query.from_user)
        actor = await TelegramActor.of_press(self._context, query)
        picture = message.reply_to_message
        thing = Thing(user_of(picture), actor.chat, actor.message) if picture else None
        attempt = self._words(query, message, name, actor, thing, replies)
        if thing is None or thing.user == actor.user:
            await attempt
        else:
            self._context.spawn(attempt)

    async def _words(
        self,
        query: CallbackQuery,
        message: Message,
        name: str,
        actor: TelegramActor,
        thing: Thing | None,
        replies: ChatReplies,
    ) -> None:
        """`message` is the question, and a reply to the first of the pictures that wait for words."""
        verdict = await judge(ACTIONS[PRESET], actor, thing)
        picture = message.reply_to_message
        if verdict is not Verdict.ALLOWED or thing is None or picture is None:
            self._answer(query, refusal(verdict, ACTIONS[PRESET], replies))
            return
        waiting = await self._context.memory.waiting(str(message.chat.id), thing.user)
        first = next((ask for ask in waiting if ask.message == str(picture.message_id)), None)
        if first is None:
            first = await self._forgotten(picture)
        if first is None or name not in self._context.catalog.presets:
            self._answer(query, replies.no_longer_there())
            return
        asks = [first] + [ask for ask in waiting if first.album and ask.album == first.album and ask.id != first.id]
        try:
            new = await self._intake.pressed(first, f"--preset {name}", actor.message)
        except TooManyRequests as error:
            self._answer(query, replies.too_many_requests(error.limit))
            return
        for ask in asks[1:]:
            await self._intake.take(ask, f"--preset {name}")
        await self._context.memory.question(first)
        await self._context.memory.no_longer(asks)
        self._answer(query, "" if new else replies.already())

    async def _forgotten(self, picture: Message) -> PendingRequest | None:
        """The picture above the question, where we no longer remember that it waits."""
        found = find(picture, self._context.download_limit)
        return await self._intake.pending_of(picture, found) if isinstance(found, Picture) else None


async def delete(context: Context, note: Note, record: Record | None, replies: ChatReplies) -> str:
    """Remove a clip that may be deleted from its chat, and its files, as far as they are known, from storage. Returns
    what to say.
    """
    await presses.delete_files(context.studio.storage, record.clips if record else ())
    try:
        await context.bot.delete_message(int(note.chat), note.message)
    except TelegramError as error:
        log.info("a clip could not be deleted from its chat", error=str(error))
        return replies.cannot_delete()
    return replies.deleted()
