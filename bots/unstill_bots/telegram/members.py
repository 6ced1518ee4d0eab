"""Admins of chats, as Telegram tells of them."""

from __future__ import annotations

import structlog
from telegram import Bot, User
from telegram.constants import ChatMemberStatus
from telegram.error import BadRequest, Forbidden, TelegramError

from unstill_bots.delivery.chat import ChatUnavailable
from unstill_bots.telegram.memory import Memory

log = structlog.get_logger(__name__)


class Members:
    """Asks Telegram about people in groups and channels, by the ids that chats have today."""

    def __init__(self, bot: Bot, memory: Memory) -> None:
        self._bot = bot
        self.current = memory.current

    def is_group(self, chat: str) -> bool:
        """Return whether a chat can have rules of its own."""
        return chat.startswith("-")

    async def is_admin(self, chat: str, user: str) -> bool:
        """Return what `admin` does, and False for who cannot be looked up."""
        try:
            return await self.admin(chat, user)
        except ChatUnavailable:
            return False

    async def admin(self, chat: str, user: str) -> bool:
        """Return whether `user` is an admin of a group or channel; whoever writes in its own name is one. Nobody is of
        a private chat. Raises ChatUnavailable where Telegram cannot say now.
        """
        if not self.is_group(chat):
            return False
        return user == chat or bool(await self._is_admin_member(chat, user))

    async def sees_all(self, chat: str, me: User) -> bool:
        """Return whether the bot is shown every message of a group: its privacy mode is off, or it is an admin."""
        return bool(me.can_read_all_group_messages) or await self.is_admin(chat, str(me.id))

    async def speaks_for(self, channel: str, user: str) -> bool | None:
        """Return whether `user` may write as `channel`; None where the bot is not shown its members."""
        try:
            return await self._is_admin_member(channel, user)
        except ChatUnavailable:
            return None

    async def _is_admin_member(self, chat: str, user: str) -> bool | None:
        """Return whether `user` is an admin; None where Telegram refuses to say. Raises ChatUnavailable."""
        try:
            member = await self._bot.get_chat_member(int(chat), int(user))
        except TelegramError as error:
            log.info("a member could not be looked up", error=str(error))
            if isinstance(error, BadRequest | Forbidden):
                return None
            raise ChatUnavailable(error.message, 2.0) from error
        return member.status in (ChatMemberStatus.ADMINISTRATOR, ChatMemberStatus.OWNER)
