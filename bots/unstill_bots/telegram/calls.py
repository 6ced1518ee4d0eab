"""A call into a chat: when it is its turn, to the id that the chat has today, into a topic that still is there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from telegram import ReplyParameters
from telegram.error import ChatMigrated, RetryAfter, TelegramError

from unstill_bots.actions.preferences import PreferenceStore
from unstill_bots.delivery.chat import ChatGone, ChatUnavailable
from unstill_bots.delivery.message import Urgency
from unstill_bots.telegram.errors import ThreadGone, chat_error, retry_after
from unstill_bots.telegram.memory import Memory
from unstill_bots.telegram.pending import PLATFORM
from unstill_bots.telegram.send_limit import SendLimit
from unstill_queue.contract.jobs import ReplyAddress

T = TypeVar("T")
MOVES_MOST = 3


class Place(NamedTuple):
    """Where a new message goes within its chat."""

    reply: ReplyParameters | None
    thread: int | None


class Calls:
    """The calls of one bot."""

    def __init__(self, memory: Memory, send_limit: SendLimit, preferences: PreferenceStore) -> None:
        self._memory = memory
        self._send_limit = send_limit
        self._preferences = preferences

    def has_room(self, chat: str, urgency: Urgency) -> bool:
        """Tell whether something droppable would be sent there now."""
        return self._send_limit.has_room(self._memory.known(chat), urgency)

    async def reply(
        self, to: ReplyAddress, urgency: Urgency, send: Callable[[str, Place], Awaitable[T]], account: str = ""
    ) -> T:
        """`send` into the request's topic, as a reply to it; beside it where they are gone. `account` as in `turn`."""
        thread = int(to.thread) if to.thread else None

        async def send_there(chat: str) -> T:
            # in a group that moved, that number is another message's
            known = bool(to.message) and chat == to.chat
            parameters = ReplyParameters(int(to.message), allow_sending_without_reply=True) if known else None
            return await send(chat, Place(parameters, thread))

        try:
            return await self.do(to.chat, urgency, send_there, account)
        except ThreadGone:
            thread = None
        try:
            return await self.do(to.chat, urgency, send_there, account)
        except ThreadGone as error:
            raise ChatGone(str(error)) from error

    async def do(self, chat: str, urgency: Urgency, call: Callable[[str], Awaitable[T]], account: str = "") -> T:
        """`call` with the chat's id of today, when it is its turn. Raises ChatError, and Dropped."""
        for _ in range(MOVES_MOST):
            today = await self._memory.current(chat)
            await self._send_limit.turn(today, urgency, account)
            try:
                with self._send_limit.flying():
                    return await call(today)
            except ChatMigrated as error:
                await self.moved(today, str(error.new_chat_id))
            except RetryAfter as error:
                self._send_limit.flood(today, retry_after(error))
                raise chat_error(error) from error
            except TelegramError as error:
                raise chat_error(error) from error
        raise ChatUnavailable("the chat moves on and on", 60.0)

    async def moved(self, old: str, new: str) -> None:
        """A group became a supergroup: what is kept of it goes along."""
        await self._memory.moved(old, new)
        await self._preferences.move(f"{PLATFORM}:{old}", f"{PLATFORM}:{new}")
