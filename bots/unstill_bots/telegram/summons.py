"""Guest mode: a message that names the bot in a chat that it is not in, in reply to a photo or with one."""

from __future__ import annotations

from telegram import Message, User
from telegram.error import Forbidden, TelegramError

from unstill_bots.intake.media import Unfit
from unstill_bots.telegram.addressing import addressed
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.media import Picture, find
from unstill_bots.telegram.pending import TelegramRequest
from unstill_bots.text.chat_replies import ChatReplies
from unstill_bots.text.chatter import is_chatter
from unstill_queue.contract.errors import TooManyRequests
from unstill_queue.contract.jobs import Request


class Summons:
    """Takes such requests as the person's own: they are answered in their chat with the bot, and shown there too."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._guests = context.chat.guests

    async def take(self, message: Message) -> None:
        """Write it down; what is said there follows. Raises RedisError."""
        query, user, words = message.guest_query_id, message.from_user, addressed(message, self._context.me).words
        if query is None or user is None or user.is_bot or is_chatter(words):
            return
        own, replies = await self._context.own(user)
        found = find(message, self._context.download_limit)
        if found is None and message.reply_to_message is not None:
            found = find(message.reply_to_message, self._context.download_limit)
        if not isinstance(found, Picture):
            name = self._context.me.username or ""
            said = replies.picture_error(found) if isinstance(found, Unfit) else replies.guest_without_picture(name)
            self._context.spawn(self._guests.answer(query, said))
            return
        pending = TelegramRequest(
            chat=str(user.id),
            message="",
            user=str(user.id),
            language=replies.language,
            sent_at=message.date.timestamp(),
            picture=found,
            upload_limit=self._context.upload_limit,
            guest=query,
        )
        try:
            request = await self._context.pipeline.accept(pending, words, own=own, start=False)
        except TooManyRequests as error:
            self._context.spawn(self._guests.answer(query, replies.too_many_requests(error.limit)))
            return
        if request is not None:
            self._context.spawn(self._begin(request, query, user, replies))

    async def _begin(self, request: Request, query: str, user: User, replies: ChatReplies) -> None:
        """Have it prepared once there is a message to show the end in; not for whom the bot may not write to."""
        if await self._may_write(user):
            await self._guests.answer(query, replies.guest_received(), request.id)
            self._context.pipeline.start(request)
        else:
            await self._context.client.ledger.cancel(request.id, "guest")
            await self._guests.answer(query, replies.guest_unknown(self._context.me.username or ""))

    async def _may_write(self, user: User) -> bool:
        try:
            await self._context.bot.send_chat_action(user.id, "upload_video")
        except Forbidden:
            return False
        except TelegramError:
            # whether it may shows when it does
            return True
        return True
