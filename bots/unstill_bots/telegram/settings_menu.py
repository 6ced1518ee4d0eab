"""`/settings`: a message whose buttons each go on to their next value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog
from msgspec.structs import replace
from telegram import CallbackQuery, Chat, InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.constants import ChatType
from telegram.error import TelegramError

from unstill_bots.actions.preferences import Preferences
from unstill_bots.actions.presses import ACTIONS, CHAT_SETTINGS, SETTINGS, Verdict, judge
from unstill_bots.delivery.chat import ChatError
from unstill_bots.telegram import buttons as keyboards
from unstill_bots.telegram.actors import TelegramActor
from unstill_bots.telegram.buttons import Press
from unstill_bots.telegram.context import Context, address_of
from unstill_bots.telegram.message_ref import Note
from unstill_bots.telegram.pending import scope_of, thread_of, user_of
from unstill_bots.telegram.send_limit import Dropped, Urgency
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.translations import LANGUAGES

log = structlog.get_logger(__name__)

DONE = "done"
JOBS = (0, 1, 3, 10)


class SettingsMenu:
    """A person's in a private chat, a group's elsewhere. Which value comes next is decided by what is kept."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def choices(self, chat: Chat, thread: str | None) -> Mapping[str, Sequence[Any]]:
        """Each setting of such a chat, with its values in order."""
        languages = ("", *LANGUAGES)
        if chat.type == ChatType.PRIVATE:
            catalog, model = self._context.catalog, self._context.settings.engine.model
            sizes = catalog.models[model].resolutions if model in catalog.models else ()
            return {
                "preset": ("", *catalog.presets),
                "shape": ("", *(name for name in catalog.finishes if name != "original")),
                "resolution": (0, *sizes),
                "language": languages,
            }
        group: dict[str, Sequence[Any]] = {
            "when": ("addressed", "photos", "off"),
            "who": ("all", "admins"),
            "jobs": JOBS,
            "quiet": (False, True),
            "language": languages,
        }
        return {**group, "thread": ("", thread)} if thread else group

    async def show(self, message: Message) -> None:
        """A group's to its admins only."""
        chat = message.chat
        if not await self._may(chat, user_of(message)):
            replies = await self._context.replies(chat, message.from_user)
            await self._context.reply(message, replies.settings_for_admins())
            return
        preferences = await self._context.preferences.get(scope_of(chat))
        replies = await self._context.replies(chat, message.from_user)
        group = chat.type != ChatType.PRIVATE
        buttons = self._buttons(preferences, replies, chat, thread_of(message))
        await self._context.reply(message, replies.settings(group=group), buttons)

    async def pressed(self, query: CallbackQuery, name: str) -> None:
        """One step on."""
        message = query.message
        if not isinstance(message, Message):
            return
        if not await self._may(message.chat, str(query.from_user.id)):
            replies = await self._context.replies(message.chat, query.from_user)
            await self._quietly(self._context.bot.answer_callback_query(query.id, replies.settings_for_admins()))
            return
        await self._quietly(self._context.bot.answer_callback_query(query.id))
        if name == DONE:
            await self._quietly(self._context.bot.delete_message(message.chat.id, message.message_id))
            return
        scope, thread = scope_of(message.chat), thread_of(message)
        preferences = await self._context.preferences.get(scope)
        values = self.choices(message.chat, thread).get(name)
        if values is None:
            return
        now = getattr(preferences, name)
        following = values[(values.index(now) + 1) % len(values)] if now in values else values[0]
        preferences = replace(preferences, **{name: following})
        await self._context.preferences.set(scope, preferences)
        replies = await self._context.replies(message.chat, query.from_user)
        buttons = self._buttons(preferences, replies, message.chat, thread)
        text = replies.settings(group=message.chat.type != ChatType.PRIVATE)
        note = Note(str(message.chat.id), message.message_id)
        await self._quietly(self._context.chat.edit(address_of(message), note, text, Urgency.TALK, buttons))

    def _buttons(
        self, preferences: Preferences, replies: ChatReplies, chat: Chat, thread: str | None
    ) -> InlineKeyboardMarkup:
        buttons = [
            InlineKeyboardButton(
                replies.setting(name, self._value(name, getattr(preferences, name), replies)),
                callback_data=Press(SETTINGS, name).data,
            )
            for name in self.choices(chat, thread)
        ]
        done = InlineKeyboardButton(replies.button_done(), callback_data=Press(SETTINGS, DONE).data)
        return keyboards.rows([*buttons, done], 2)

    def _value(self, name: str, value: Any, replies: ChatReplies) -> str:
        if name == "preset" and value in self._context.catalog.presets:
            return replies.gettext(self._context.catalog.presets[value].title)
        if name == "shape" and value in self._context.catalog.finishes:
            return self._context.catalog.finishes[value].title
        return replies.setting_value(name, value)

    async def _may(self, chat: Chat, user: str) -> bool:
        action = ACTIONS[SETTINGS if chat.type == ChatType.PRIVATE else CHAT_SETTINGS]
        return await judge(action, TelegramActor(self._context, user, str(chat.id), "")) is Verdict.ALLOWED

    async def _quietly(self, call: Any) -> None:
        try:
            await call
        except (TelegramError, ChatError, Dropped) as error:
            log.info("the settings could not be shown", error=str(error))
