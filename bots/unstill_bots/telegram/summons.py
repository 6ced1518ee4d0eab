"""Guest mode: a message that names the bot in a chat that it is not in, in reply to a photo or with one."""

from __future__ import annotations

from telegram import Message, User
from telegram.error import TelegramError

from unstill_bots.actions.commands import is_wish
from unstill_bots.delivery.chat import ChatGone
from unstill_bots.intake.guest_requests import GuestRequests
from unstill_bots.intake.media import Unfit
from unstill_bots.telegram.addressing import addressed
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.errors import chat_error
from unstill_bots.telegram.media import Picture, find
from unstill_bots.telegram.pending import TelegramRequest, user_of


class Summons:
    """Reads such messages, which are said by the person in their own name."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._requests = GuestRequests(context.pipeline, context.me.username or "")

    async def take(self, message: Message) -> None:
        """Write it down; what is said there follows. Raises RedisError."""
        query, user, replied = message.guest_query_id, message.from_user, message.reply_to_message
        if query is None or user is None or user.is_bot:
            return
        found, sender = find(message, self._context.download_limit), str(user.id)
        if found is None and replied is not None:
            found, sender = find(replied, self._context.download_limit), user_of(replied)
        said, (own, replies) = addressed(message, self._context.me), await self._context.own(user)
        picture = found if isinstance(found, Picture) else Picture("")
        pending = TelegramRequest(
            chat=str(user.id),
            message="",
            user=str(user.id),
            language=replies.language,
            sent_at=message.date.timestamp(),
            picture=picture,
            upload_limit=self._context.upload_limit,
            guest=query,
        )
        await self._requests.take(
            pending,
            said.words if is_wish(said.command) else "",
            own,
            _Summoner(self._context, query, user),
            unfit=found if isinstance(found, Unfit) else None,
            sender=sender,
        )


class _Summoner:
    """The message of one guest query."""

    def __init__(self, context: Context, query: str, user: User) -> None:
        self._context = context
        self._query = query
        self._user = user

    async def answer(self, text: str, job: str = "") -> None:
        await self._context.chat.guests.answer(self._query, text, job)

    async def may_write(self) -> bool:
        try:
            await self._context.bot.send_chat_action(self._user.id, "upload_video")
        except TelegramError as error:
            # of anything else than a chat that is closed to us shows only later whether it may
            return not isinstance(chat_error(error), ChatGone)
        return True
