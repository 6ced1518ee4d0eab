"""What people type after a slash."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from telegram import ChatMemberUpdated, Message
from telegram.constants import ChatType

from unstill_bots.actions.commands import Caller, misplaced
from unstill_bots.actions.presses import CANCEL, DELETE, REPORT, SETTINGS, TELEGRAM, commands_of
from unstill_bots.actions.replied import Replied, RepliedCommands
from unstill_bots.telegram.actors import TelegramActor, jobs_of
from unstill_bots.telegram.addressing import Addressed, is_by
from unstill_bots.telegram.context import Context, address_of
from unstill_bots.telegram.pending import PLATFORM, scope_of, user_of
from unstill_bots.telegram.settings_menu import SettingsMenu
from unstill_bots.text.pages import Answer
from unstill_queue.contract.jobs import ReplyAddress


class Commands:
    """All but /animate, which asks for a clip."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._settings = SettingsMenu(context)
        self._about_replied = RepliedCommands(context.pipeline)
        me = context.me
        self._answers = context.answers(me.username or "", sees_all=bool(me.can_read_all_group_messages))

    async def run(self, said: Addressed, message: Message) -> None:
        """What changes something is done when this returns; what is said follows."""
        private, name = message.chat.type == ChatType.PRIVATE, said.command
        known = name in commands_of(TELEGRAM)
        if not (known or private or said.named):
            # it may be another bot's
            return
        caller = Caller(
            f"{PLATFORM}:{user_of(message)}",
            await self._context.replies(message.chat, message.from_user),
            None if private else scope_of(message.chat),
        )
        if await self._context.host_command(name, caller, said.words, address_of(message)):
            return
        if not known:
            self._context.refuse(message, misplaced(name, caller.replies, TELEGRAM))
        elif name == SETTINGS:
            self._context.spawn(self._settings.show(message))
        elif name in (DELETE, REPORT) or (name == CANCEL and message.reply_to_message is not None):
            replied = await self._replied(message)
            self._act(message, await self._about_replied.begin(name, caller, replied, said.words))
        else:
            self._say(message, await self._answers.run(name, caller, said.words))

    def _say(self, message: Message, work: Coroutine[Any, Any, Answer]) -> None:
        self._context.spawn(self._context.answer(message, work))

    def _act(self, message: Message, work: Coroutine[Any, Any, str]) -> None:
        self._context.spawn(self._context.answer_shortly(message, work))

    async def greet_group(self, change: ChatMemberUpdated) -> None:
        """On being added."""
        replies = await self._context.replies(change.chat, change.from_user)
        to = ReplyAddress(PLATFORM, str(change.chat.id), "")
        me = self._context.me
        sees_all = await self._context.members.sees_all(to.chat, me)
        await self._context.chat.tell(to, replies.welcome_group(me.username or "", sees_all=sees_all))

    async def _replied(self, message: Message) -> Replied | None:
        """The message that a command replies to."""
        about = message.reply_to_message
        if about is None:
            return None
        actor = await TelegramActor.of_reply(self._context, message, about)
        return Replied(actor, address_of(about), is_by(about, self._context.me), jobs_of(about))
