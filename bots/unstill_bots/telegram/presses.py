"""What a press of a button does: once each, and only for whom it belongs to."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import structlog
from telegram import CallbackQuery, Message
from telegram.error import TelegramError

from unstill_bots.actions.job_actions import Attempt, JobActions
from unstill_bots.actions.press_data import ON_JOBS
from unstill_bots.actions.presses import EDIT, LAST_PICTURE, PRESET, SETTINGS, WORDS_ALONE, Thing
from unstill_bots.telegram.actors import TelegramActor, presses_of
from unstill_bots.telegram.buttons import Press
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.media import Picture, find
from unstill_bots.telegram.pending import TelegramRequest, id_of, user_of
from unstill_bots.telegram.settings_menu import SettingsMenu
from unstill_bots.text.chat_replies import ChatReplies

log = structlog.get_logger(__name__)


class Buttons:
    """Those under status messages, clips, questions and settings.

    Clients can send any data with a press: it names the job at most. Who pressed, and on which message of which chat,
    is what Telegram says.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._jobs = JobActions(context.pipeline)
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
        elif press.action in (LAST_PICTURE, WORDS_ALONE):
            await self._offer(query, message, press)

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
        actor = await TelegramActor.of_press(self._context, query)
        attempt = await self._jobs.look(press.action, await self._context.pipeline.record(press.job), actor)
        await self._start(self._try(query, attempt, replies), attempt.thing, actor, later=attempt.deletes)

    async def _start(
        self, work: Coroutine[Any, Any, None], thing: Thing | None, actor: TelegramActor, *, later: bool = False
    ) -> None:
        """Do `work` before this returns; in the background where it is for `later`, or somebody's right has to be asked
        of Telegram first.
        """
        if later or not (thing is None or thing.user == actor.user):
            self._context.spawn(work)
        else:
            await work

    async def _try(self, query: CallbackQuery, attempt: Attempt, replies: ChatReplies) -> None:
        if attempt.action.name == EDIT:
            refused, words = await self._jobs.to_edit(attempt, replies)
            self._answer(query, refused or "")
            if refused is None and attempt.record is not None:
                ask = self._context.ask_anew
                self._context.spawn(self._context.follow_ups.ask_anew(attempt.record, words, replies, ask))
            return
        done = await self._jobs.attempt(attempt, replies)
        self._answer(query, done.said)
        message = query.message
        # it has this job's button; what has not is somebody else's message, whatever the press said
        shows = isinstance(message, Message) and Press.of(query.data or "") in presses_of(message)
        if shows and attempt.is_left_behind(done):
            self._context.spawn(attempt.actor.remove())

    # -- pictures and words by a press

    async def _offer(self, query: CallbackQuery, message: Message, press: Press) -> None:
        replies = await self._context.replies(message.chat, query.from_user)
        actor = await TelegramActor.of_press(self._context, query)
        self._answer(query, await self._context.follow_ups.offer_taken(press.job, press.action, actor, replies))

    async def _preset(self, query: CallbackQuery, message: Message, name: str) -> None:
        """`message` is the question, and a reply to the first of the pictures that wait for words."""
        replies = await self._context.replies(message.chat, query.from_user)
        actor = await TelegramActor.of_press(self._context, query)
        picture = message.reply_to_message
        thing = Thing(user_of(picture), actor.chat, actor.message) if picture else None
        await self._start(self._words(query, picture, name, actor, thing, replies), thing, actor)

    async def _words(
        self,
        query: CallbackQuery,
        picture: Message | None,
        name: str,
        actor: TelegramActor,
        thing: Thing | None,
        replies: ChatReplies,
    ) -> None:
        id = id_of(picture) if picture else ""
        said = await self._context.conversation.preset_pressed(
            name, actor, thing, id, replies, lambda: self._forgotten(picture)
        )
        self._answer(query, said)

    async def _forgotten(self, picture: Message | None) -> TelegramRequest | None:
        """The picture above the question, where we no longer remember that it waits."""
        found = find(picture, self._context.download_limit) if picture else None
        if picture is None or not isinstance(found, Picture):
            return None
        return self._context.pending_of(picture, found, await self._context.in_force(picture))
