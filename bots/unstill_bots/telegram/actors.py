"""Who pressed a button or sent a command, and what stands in a message, as `presses.judge` wants to know it."""

from __future__ import annotations

import structlog
from telegram import CallbackQuery, InlineKeyboardMarkup, Message
from telegram.constants import ChatType

from unstill_bots.actions.press_data import jobs_named
from unstill_bots.actions.presses import Thing
from unstill_bots.delivery.chat import ChatError
from unstill_bots.telegram.buttons import Press
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.message_ref import MessageRef
from unstill_bots.telegram.pending import PLATFORM, user_of
from unstill_queue.ledger.ledger import Record

log = structlog.get_logger(__name__)


class TelegramActor:
    """Whoever pressed a button or sent a command. `user` is a person, or the channel or group in whose name a message
    was sent; `chat` the chat's id of today.

    `about` is the message that shows a job, where its text and buttons can be read.
    """

    def __init__(
        self, context: Context, user: str, chat: str, message: str, about: Message | None = None, press: str = ""
    ) -> None:
        self._context = context
        self._about = about
        self.user = user
        self.person = f"{PLATFORM}:{user}"
        self.chat = chat
        self.message = message
        self.press = press

    @classmethod
    async def of_press(cls, context: Context, query: CallbackQuery) -> TelegramActor:
        """A press comes from the person, in whosever name they write."""
        assert query.message is not None  # noqa: S101
        about = query.message if isinstance(query.message, Message) else None
        chat = str(query.message.chat.id)
        note = str(MessageRef(chat, query.message.message_id))
        return cls(context, str(query.from_user.id), await context.memory.current(chat), note, about, query.id)

    @classmethod
    async def of_reply(cls, context: Context, message: Message, replied: Message) -> TelegramActor:
        """A command about the message that it replies to."""
        chat = str(message.chat.id)
        note = str(MessageRef(chat, replied.message_id))
        return cls(context, user_of(message), await context.memory.current(chat), note, replied)

    async def owns(self, user: str) -> bool | None:
        if not user.startswith("-"):
            return user == self.user
        # a channel or group, in whose name somebody wrote
        persona = await self._context.memory.current(user)
        return persona == self.user or await self._context.members.speaks_for(persona, self.user)

    async def moderates(self) -> bool:
        return await self._context.members.is_admin(self.chat, self.user)

    async def manages(self) -> bool:
        return await self.moderates()

    async def thing_of(self, record: Record) -> Thing:
        """A job, where its answer stands; as long as there is none, in the chat where it will."""
        note = MessageRef.of(record.note) if record.note else None
        chat = note.chat if note else record.request.reply_to.chat
        return Thing(record.request.requester.user, await self._context.memory.current(chat), str(note or ""))

    async def shown(self) -> Thing | None:
        """Return the message, which belongs to whoever it answers, and in a private chat to the person there. A message
        that somebody else's message carries along as its reply target does not say what it answers.
        """
        if self._about is None:
            return None
        if self._about.chat.type == ChatType.PRIVATE:
            return Thing(str(self._about.chat.id), self.chat, self.message)
        replied = self._about.reply_to_message
        return Thing(user_of(replied) if replied else "", self.chat, self.message)

    async def remove(self) -> bool:
        try:
            await self._context.chat.remove(self.message)
        except ChatError as error:
            log.info("a message could not be deleted from its chat", error=str(error))
            return False
        return True


def presses_of(message: Message) -> list[Press]:
    """What the buttons under a message send: those of the message itself, whatever a client claims."""
    markup: InlineKeyboardMarkup | None = message.reply_markup
    buttons = [button for row in (markup.inline_keyboard if markup else ()) for button in row]
    return [Press.of(button.callback_data) for button in buttons if isinstance(button.callback_data, str)]


def jobs_of(message: Message) -> tuple[str, ...]:
    """Return the ids of the jobs that the buttons under a message are about."""
    return jobs_named(presses_of(message))
