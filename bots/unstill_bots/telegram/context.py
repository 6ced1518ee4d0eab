"""What the handlers of updates share."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import structlog
from telegram import Bot, Chat, Message, User
from telegram.constants import ChatMemberStatus, ChatType
from telegram.error import BadRequest, Forbidden, TelegramError

from unstill_bots.actions.preferences import Preferences, PreferenceStore, language_of
from unstill_bots.delivery.chat import ChatError, ChatUnavailable
from unstill_bots.delivery.message import Urgency
from unstill_bots.host.background import BackgroundTasks
from unstill_bots.intake.studio import Studio
from unstill_bots.telegram.api import LOCAL_UPLOAD_LIMIT
from unstill_bots.telegram.chat import TelegramChat
from unstill_bots.telegram.memory import Memory
from unstill_bots.telegram.pending import PLATFORM, scope_of, thread_of
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.splitting import split
from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_queue.contract.jobs import ReplyAddress
from unstill_queue.ledger.client import Client

log = structlog.get_logger(__name__)


class Context:
    """One front end's means. `me` is the bot itself."""

    def __init__(
        self,
        me: User,
        chat: TelegramChat,
        studio: Studio,
        client: Client,
        memory: Memory,
        preferences: PreferenceStore,
        catalog: Catalog,
        settings: Settings,
    ) -> None:
        self.me = me
        self.chat = chat
        self.studio = studio
        self.client = client
        self.memory = memory
        self.preferences = preferences
        self.catalog = catalog
        self.settings = settings
        self.upload_limit = upload_limit(catalog, settings)
        self.download_limit = catalog.platforms[PLATFORM].download_limit
        self.errands = BackgroundTasks()

    @property
    def bot(self) -> Bot:
        return self.chat.bot

    # -- errands: what may take its time, and is no longer held against the update

    def spawn(self, errand: Coroutine[Any, Any, Any]) -> None:
        self.errands.spawn(errand)

    async def drain(self, within: float) -> None:
        await self.errands.drain(within)

    # -- people and chats

    async def language(self, chat: Chat, user: User | None) -> str:
        """The person's own choice, the group's, their app's, the host's."""
        own = await self.preferences.get(f"{PLATFORM}:{user.id}") if user else Preferences()
        place = own if chat.type == ChatType.PRIVATE else await self.preferences.get(scope_of(chat))
        app = user.language_code if user else None
        return language_of(own, place, app, self.settings.bots.language)

    async def replies(self, chat: Chat, user: User | None) -> ChatReplies:
        return ChatReplies(await self.language(chat, user))

    async def is_admin(self, chat: str, user: str) -> bool:
        """As `admin`; who cannot be looked up is none."""
        try:
            return await self.admin(chat, user)
        except ChatUnavailable:
            return False

    async def admin(self, chat: str, user: str) -> bool:
        """Whether `user` is an admin of a group or channel; whoever writes in its own name is one. Nobody is of a
        private chat. Raises ChatUnavailable where Telegram cannot say now.
        """
        if not chat.startswith("-"):
            return False
        return user == chat or bool(await self._is_admin_member(chat, user))

    async def speaks_for(self, channel: str, user: str) -> bool | None:
        """Whether `user` may write as `channel`; None where the bot is not shown its members."""
        try:
            return await self._is_admin_member(channel, user)
        except ChatUnavailable:
            return None

    async def _is_admin_member(self, chat: str, user: str) -> bool | None:
        """None where Telegram refuses to say. Raises ChatUnavailable."""
        try:
            member = await self.bot.get_chat_member(int(chat), int(user))
        except TelegramError as error:
            log.info("a member could not be looked up", error=str(error))
            if isinstance(error, BadRequest | Forbidden):
                return None
            raise ChatUnavailable(error.message, 2.0) from error
        return member.status in (ChatMemberStatus.ADMINISTRATOR, ChatMemberStatus.OWNER)

    # -- talk that is no job's

    async def reply(self, message: Message, text: str, buttons: Any = None) -> Message | None:
        """Raises nothing: who cannot be told is not told."""
        return await self.tell(address_of(message), text, buttons)

    async def answer(self, message: Message, work: Coroutine[Any, Any, str]) -> None:
        """Say what `work` comes to, if anything."""
        if text := await work:
            await self.reply(message, text)

    async def tell(self, to: ReplyAddress, text: str, buttons: Any = None) -> Message | None:
        most = self.catalog.platforms[PLATFORM].text_length
        shown = None
        parts = split(text, most)
        for part in parts:
            try:
                shown = await self.chat.send(to, part, Urgency.TALK, buttons if part is parts[-1] else None)
            except ChatError as error:
                log.info("a reply could not be sent", error=str(error))
        return shown


def upload_limit(catalog: Catalog, settings: Settings) -> int:
    """Bytes of a clip."""
    platform = catalog.platforms[PLATFORM]
    most = LOCAL_UPLOAD_LIMIT if settings.telegram.local_mode else platform.upload_limit
    return most - platform.multipart_overhead


def address_of(message: Message) -> ReplyAddress:
    return ReplyAddress(PLATFORM, str(message.chat.id), str(message.message_id), thread_of(message))
