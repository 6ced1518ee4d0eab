"""Keeps what outlives a restart besides the ledger: pictures that wait for words, albums that gather, moved chats."""

from __future__ import annotations

from redis.asyncio import Redis

from unstill_bots.delivery.standing_looks import RecordedLooks
from unstill_bots.intake.albums import GatheringPictures
from unstill_bots.intake.waiting import DAY
from unstill_bots.telegram.pending import PLATFORM, TelegramRequest
from unstill_queue.ledger.pseudonyms import Pseudonyms

_MOVED = "unstill:telegram:moved"


class Memory(GatheringPictures[TelegramRequest]):
    """Telegram's memory, on the queue's Redis. All of it goes by itself after days, except where chats moved to."""

    def __init__(self, redis: Redis, names: Pseudonyms | None = None) -> None:
        super().__init__(redis, PLATFORM, TelegramRequest)
        self.looks = RecordedLooks(redis, names or Pseudonyms(), PLATFORM)
        self._moved: dict[str, str] = {}

    # -- updates seen

    async def seen(self, update: int) -> bool:
        return bool(await self._redis.exists(f"unstill:telegram:update:{update}"))

    async def saw(self, update: int) -> None:
        await self._redis.set(f"unstill:telegram:update:{update}", b"", ex=2 * DAY)

    # -- messages in chats that the bot is not in

    async def put_guest(self, job: str, message: str) -> None:
        """Remember the message there of a job."""
        await self._redis.set(f"unstill:telegram:guest:{job}", message, ex=2 * DAY)

    async def guest(self, job: str) -> str | None:
        """Return the message there of a job."""
        message = await self._redis.get(f"unstill:telegram:guest:{job}")
        return None if message is None else message.decode()

    # -- groups that became supergroups

    async def current(self, chat: str) -> str:
        """The id that a chat has today."""
        if chat not in self._moved and chat.startswith("-") and not chat.startswith("-100"):
            new = await self._redis.hget(_MOVED, chat)  # type: ignore[misc]
            if new is not None:
                self._moved[chat] = new.decode()
        return self.known(chat)

    def known(self, chat: str) -> str:
        """The id that a chat has today, as far as this process knows."""
        return self._moved.get(chat, chat)

    async def moved(self, old: str, new: str) -> None:
        self._moved[old] = new
        await self._redis.hset(_MOVED, old, new)  # type: ignore[misc]
