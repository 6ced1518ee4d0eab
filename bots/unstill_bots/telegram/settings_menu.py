"""`/settings`: a message whose buttons each go on to their next value, or open a list where there are many."""

from __future__ import annotations

from typing import Any

import structlog
from telegram import CallbackQuery, Chat, InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.constants import ChatType
from telegram.error import TelegramError

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_bots.actions.presses import CHAT_SETTINGS, SETTINGS
from unstill_bots.actions.settings_form import SettingsForm
from unstill_bots.delivery.chat import ChatError
from unstill_bots.delivery.message import Urgency
from unstill_bots.telegram import buttons as keyboards
from unstill_bots.telegram.actors import TelegramActor
from unstill_bots.telegram.buttons import Press
from unstill_bots.telegram.context import Context, address_of
from unstill_bots.telegram.message_ref import MessageRef
from unstill_bots.telegram.pending import PLATFORM, scope_of, thread_of, user_of
from unstill_bots.text.chat_replies import ChatReplies

log = structlog.get_logger(__name__)

DONE = "done"
OPENS, IS = "?", "="
"""After a setting's name: its press opens the list of its values; what stands behind is the one that was chosen."""


class SettingsMenu:
    """A person's in a private chat, a group's elsewhere. Which value comes next is decided by what is kept."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._form = SettingsForm.of(PLATFORM, context.pipeline)

    async def show(self, message: Message) -> None:
        """A group's to its admins only."""
        preferences = await self._form.read(*self._whose(message.chat, user_of(message)))
        replies = await self._context.replies(message.chat, message.from_user)
        if preferences is None:
            self._context.refuse(message, replies.settings_for_admins())
        else:
            sees_all = await self._sees_all(message.chat)
            await self._context.reply(message, *self._drawn(preferences, replies, message, sees_all=sees_all))

    async def pressed(self, query: CallbackQuery, about: str) -> None:
        """Go one step on, or to the value that `about` names; or open a list of values."""
        message = query.message
        if not isinstance(message, Message):
            return
        whose = self._whose(message.chat, str(query.from_user.id))
        sees_all = await self._sees_all(message.chat)
        name, chosen, value = about.partition(IS)
        values = [value] if chosen else None
        preferences = await self._form.change(*whose, name, values, thread_of(message) or "", sees_all=sees_all)
        replies = await self._context.replies(message.chat, query.from_user)
        refused = replies.settings_for_admins() if preferences is None else None
        await self._quietly(self._context.bot.answer_callback_query(query.id, refused))
        if preferences is None:
            return
        if name == DONE:
            await self._quietly(self._context.bot.delete_message(message.chat.id, message.message_id))
            return
        text, buttons = self._drawn(preferences, replies, message, sees_all=sees_all, opened=about)
        note = MessageRef(str(message.chat.id), message.message_id)
        await self._quietly(self._context.chat.change(address_of(message), note, text, Urgency.TALK, buttons))

    def _whose(self, chat: Chat, user: str) -> tuple[PreferenceStore, str, TelegramActor, str]:
        page = SETTINGS if chat.type == ChatType.PRIVATE else CHAT_SETTINGS
        return self._context.preferences, page, TelegramActor(self._context, user, str(chat.id), ""), scope_of(chat)

    async def _sees_all(self, chat: Chat) -> bool:
        private = chat.type == ChatType.PRIVATE
        return private or await self._context.members.sees_all(str(chat.id), self._context.me)

    def _drawn(
        self, now: Preferences, replies: ChatReplies, message: Message, *, sees_all: bool, opened: str = ""
    ) -> tuple[str, InlineKeyboardMarkup]:
        group = message.chat.type != ChatType.PRIVATE
        rows = self._form.rows(CHAT_SETTINGS if group else SETTINGS, now, replies, thread_of(message) or "")
        shown = [(row.text, f"{row.name}{OPENS}" if row.long else row.name) for row in rows]
        for row in rows:
            if opened == f"{row.name}{OPENS}":
                shown = [(text, f"{row.name}{IS}{value}") for value, text in row.choices]
        presses = [(text, Press(SETTINGS, about).data) for text, about in (*shown, (replies.button_done(), DONE))]
        buttons = [
            InlineKeyboardButton(text, callback_data=data)
            for text, data in presses
            if len(data.encode()) <= keyboards.DATA_MOST
        ]
        return replies.settings(group=group, sees_all=sees_all), keyboards.rows(buttons, 2)

    async def _quietly(self, call: Any) -> None:
        try:
            await call
        except (TelegramError, ChatError) as error:
            log.info("the settings could not be shown", error=str(error))
