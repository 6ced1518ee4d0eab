"""What the handlers of updates share."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from telegram import Bot, Chat, ForceReply, InlineKeyboardMarkup, Message, User
from telegram.constants import ChatType

from unstill_bots.actions.preferences import InForce, Preferences
from unstill_bots.delivery.message import Message as Shown
from unstill_bots.intake.context import SharedContext
from unstill_bots.intake.conversation import Question
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.telegram import buttons as keyboards
from unstill_bots.telegram.api import LOCAL_UPLOAD_LIMIT
from unstill_bots.telegram.chat import TelegramChat
from unstill_bots.telegram.media import Picture
from unstill_bots.telegram.members import Members
from unstill_bots.telegram.memory import Memory
from unstill_bots.telegram.pending import PLATFORM, TelegramRequest, pending_of, scope_of, thread_of, user_of
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.pages import Answer
from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_queue.contract.jobs import ReplyAddress

PLACEHOLDER_MOST = 64
"""Characters of what stands in an empty field for an answer."""


class Context(SharedContext[TelegramRequest]):
    """The means of one front end. `me` is the bot itself."""

    def __init__(
        self,
        me: User,
        chat: TelegramChat,
        pipeline: Pipeline,
        memory: Memory,
        members: Members,
    ) -> None:
        super().__init__(chat, pipeline, memory)
        self.me = me
        self.chat = chat
        self.memory = memory
        self.members = members
        self.upload_limit = upload_limit(self.catalog, self.settings)
        self.download_limit = self.catalog.platforms[PLATFORM].download_limit

    @property
    def bot(self) -> Bot:
        return self.chat.bot

    # -- people and chats

    def in_force(self, message: Message) -> Coroutine[Any, Any, InForce]:
        """Return what its sender and its chat have set, to be awaited. Raises RedisError."""
        return self.preferences.of(f"{PLATFORM}:{user_of(message)}", scope_of(message.chat))

    def language(self, in_force: InForce, chat: Chat, user: User | None) -> str:
        """Return the language to answer in; `user` None where they write in the name of a channel or group."""
        own = in_force.own if user else Preferences()
        place = own if chat.type == ChatType.PRIVATE else in_force.chat
        return self.language_of(own, place, user.language_code if user else None)

    async def replies(self, chat: Chat, user: User | None) -> ChatReplies:
        scope = scope_of(chat)
        in_force = await self.preferences.of(f"{PLATFORM}:{user.id}" if user else scope, scope)
        return ChatReplies(self.language(in_force, chat, user))

    async def own(self, user: User) -> tuple[Preferences, ChatReplies]:
        """Return what a person has set, and the sentences for them, where the chat is none that the bot is told of."""
        own = await self.preferences.get(f"{PLATFORM}:{user.id}")
        return own, ChatReplies(self.language_of(own, own, user.language_code))

    # -- talk that is no job's

    async def reply(self, message: Message, text: Answer, buttons: Any = None) -> None:
        """Raises nothing: who cannot be told is not told."""
        await self.chat.tell(address_of(message), text, buttons)

    def refuse(self, message: Message, text: str) -> None:
        """Reply with what is not done, as `Pipeline.refuse` does."""
        self.pipeline.refuse(address_of(message), text, user_of(message))

    async def answer(self, message: Message, work: Coroutine[Any, Any, Answer]) -> None:
        """Reply with what `work` returns, if that is anything."""
        if text := await work:
            await self.reply(message, text)

    async def answer_shortly(self, message: Message, work: Coroutine[Any, Any, str]) -> None:
        """Do as `answer`, for what a group need not keep."""
        if text := await work:
            self.refuse(message, text)

    # -- pictures

    def pending_of(self, message: Message, picture: Picture, in_force: InForce) -> TelegramRequest:
        """Return the request that a message with a picture is, before there are words for it."""
        user = message.from_user if message.sender_chat is None else None
        language = self.language(in_force, message.chat, user)
        return pending_of(message, picture, language, self.upload_limit)

    async def _ask(self, pending: TelegramRequest, question: Question) -> str | None:
        to, presets = pending.address(), keyboards.presets(pending.replies, self.catalog)
        if not self.chat.is_public(to):
            return await self.chat.tell(to, question.text, presets)
        # what is said in a group reaches us in an answer, which a message with buttons cannot make of it
        asked = await self.chat.tell(to, question.to_answer, ForceReply(selective=True))
        choice = await self.chat.tell(to, question.to_choose, presets)
        return " ".join(filter(None, (asked, choice)))

    async def ask_anew(self, to: ReplyAddress, text: Answer, words: str) -> str | None:
        """Ask for an answer to a message, which the person's app begins with a part of `words` as an example."""
        answer = ForceReply(selective=True, input_field_placeholder=words[:PLACEHOLDER_MOST] or None)
        return await self.chat.tell(to, text, answer)

    def _under(self, message: Shown) -> InlineKeyboardMarkup | None:
        return keyboards.under(message)


def upload_limit(catalog: Catalog, settings: Settings) -> int:
    """Bytes of a clip."""
    platform = catalog.platforms[PLATFORM]
    most = LOCAL_UPLOAD_LIMIT if settings.telegram.local_mode else platform.upload_limit
    return most - platform.multipart_overhead


def address_of(message: Message) -> ReplyAddress:
    return ReplyAddress(PLATFORM, str(message.chat.id), str(message.message_id), thread_of(message))
