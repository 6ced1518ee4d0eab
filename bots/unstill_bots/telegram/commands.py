"""What people type after a slash."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from telegram import ChatMemberUpdated, Message
from telegram.constants import ChatType

from unstill_bots.actions.commands import Answers, Caller
from unstill_bots.actions.forgetting import Forgetting
from unstill_bots.actions.job_actions import JobActions
from unstill_bots.actions.presses import CANCEL, DELETE, SETTINGS, TELEGRAM, commands_of
from unstill_bots.actions.user_jobs import UserJobs
from unstill_bots.telegram.actors import TelegramActor, presses_of
from unstill_bots.telegram.buttons import ON_JOBS
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.message_ref import MessageRef
from unstill_bots.telegram.pending import PLATFORM, scope_of, user_of
from unstill_bots.telegram.settings_menu import SettingsMenu
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.jobs import ReplyAddress
from unstill_queue.ledger.ledger import Record


class Commands:
    """All but /animate, which asks for a clip."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings = SettingsMenu(context)
        self._own = UserJobs(context.pipeline)
        self._jobs = JobActions(context.pipeline)
        self._answers = Answers(
            context.client,
            context.catalog,
            context.settings,
            self._own,
            Forgetting(context.client, context.pipeline.storage, context.preferences, context.memory),
            context.me.username or "",
        )

    async def run(self, name: str, words: str, message: Message) -> None:
        """What changes something is done when this returns; what is said follows."""
        private = message.chat.type == ChatType.PRIVATE
        if name not in commands_of(TELEGRAM):
            if not private:
                return
            name = "help"
        replied = message.reply_to_message
        caller = Caller(
            f"{PLATFORM}:{user_of(message)}",
            await self._context.replies(message.chat, message.from_user),
            None if private else scope_of(message.chat),
        )
        if name == SETTINGS:
            self._context.spawn(self._settings.show(message))
        elif name == DELETE:
            self._say(message, self._on_replied(DELETE, message, caller.replies))
        elif name == CANCEL and replied is not None:
            if not await self._answers.cancel(caller, lambda record: _is_about(record, replied), words):
                self._say(message, self._on_replied(CANCEL, message, caller.replies))
        else:
            self._say(message, await self._answers.run(name, caller, words))

    def _say(self, message: Message, work: Coroutine[Any, Any, str]) -> None:
        self._context.spawn(self._context.answer(message, work))

    async def greet_group(self, change: ChatMemberUpdated) -> None:
        """On being added."""
        replies = await self._context.replies(change.chat, change.from_user)
        to = ReplyAddress(PLATFORM, str(change.chat.id), "")
        await self._context.chat.tell(to, replies.welcome_group(self._context.me.username or ""))

    async def _on_replied(self, action: str, message: Message, replies: ChatReplies) -> str:
        """Do what the button of that name does, and return what to say. For admins, and for who cannot press it: a
        person who writes as a channel sends commands as it, too.
        """
        nothing = replies.nothing_to_cancel() if action == CANCEL else replies.nothing_to_delete()
        replied = message.reply_to_message
        if replied is None or replied.from_user is None or replied.from_user.id != self._context.me.id:
            return nothing
        actor = await TelegramActor.of_reply(self._context, message, replied)
        record = await self._shown_in(replied, actor)
        if record is None and action == CANCEL:
            return nothing
        attempt = await self._jobs.look(action, record, actor)
        done = await self._jobs.attempt(attempt, replies)
        # that a job was cancelled, its own message says
        return "" if done.done and action == CANCEL else done.said

    async def _shown_in(self, replied: Message, actor: TelegramActor) -> Record | None:
        """The job that a message of ours shows: by the buttons that we put there, or as one of the person's own."""
        jobs = {press.job for press in presses_of(replied) if press.action in ON_JOBS}
        known = [await self._context.pipeline.record(job) for job in jobs]
        known += await self._own.records(actor.person)
        shown = (one for one in known if one is not None and one.note and str(MessageRef.of(one.note)) == actor.message)
        return next(shown, None)


def _is_about(record: Record, message: Message) -> bool:
    """Whether that message is the request, or shows how it stands."""
    chat, to = str(message.chat.id), record.request.reply_to
    if (to.chat, to.message) == (chat, str(message.message_id)):
        return True
    return record.note is not None and MessageRef.of(record.note) == MessageRef(chat, message.message_id)
