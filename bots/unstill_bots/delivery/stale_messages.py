"""Status messages that could not become an answer, as the bot was shut out of their chat: mended when it is back."""

from __future__ import annotations

import msgspec
import structlog
from redis.asyncio import Redis

from unstill_bots.delivery import presentation
from unstill_bots.delivery.chat import Chat, ChatError, MessageGone
from unstill_queue.contract.codec import decode_or, encode
from unstill_queue.contract.jobs import Request
from unstill_queue.ledger.ledger import Record

log = structlog.get_logger(__name__)

KEPT = 3 * 24 * 3600
"""Seconds for which such a message is known."""


class Stale(msgspec.Struct, frozen=True):
    """A message at `ref` that says how far `request` is, though it has ended."""

    request: Request
    ref: str


class StaleMessages:
    """Keeps which messages of one platform were left behind, on the queue's Redis, by chat and person."""

    def __init__(self, redis: Redis, chat: Chat) -> None:
        self._redis = redis
        self._chat = chat
        self._prefix = f"unstill:{chat.platform}:stale:"
        self._places: dict[str, str] | None = None
        """The keys that there are, each with the place that it is about."""

    async def left(self, record: Record) -> None:
        """Keep the message of a job whose end could not be shown. Raises RedisError."""
        if record.note is None or record.forgotten:
            return
        who = record.request.requester
        bare = msgspec.structs.replace(record.request, words="", source="")
        key = f"{self._prefix}{record.request.reply_to.chat}:{who.user}"
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.rpush(key, encode(Stale(bare, record.note)))
            pipe.expire(key, KEPT)
            await pipe.execute()
        (await self._known())[key] = who.place

    async def back(self, place: str) -> None:
        """Mend what was left in a place, as `Requester.place`, to which the bot has come back. Raises RedisError."""
        for key in [key for key, its in (await self._known()).items() if its == place]:
            await self._mend(key)

    async def reached(self, chat: str) -> None:
        """Mend what was left in a chat, by its id, which takes something from us again. Raises RedisError."""
        for key in [key for key in await self._known() if key.startswith(f"{self._prefix}{chat}:")]:
            await self._mend(key)

    async def _known(self) -> dict[str, str]:
        if self._places is None:
            found: dict[str, str] = {}
            async for key in self._redis.scan_iter(f"{self._prefix}*", count=1000):
                for stale in await self._kept(key.decode()):
                    found[key.decode()] = stale.request.requester.place
            # another may have been faster
            self._places = found if self._places is None else self._places
        return self._places

    async def _kept(self, key: str) -> list[Stale]:
        raw: list[bytes] = await self._redis.lrange(key, 0, -1)  # type: ignore[misc]  # redis-py's types leave async open
        found: list[Stale | None] = [decode_or(data, Stale, None) for data in raw]
        return [*filter(None, found)]

    async def _mend(self, key: str) -> None:
        for stale in await self._kept(key):
            try:
                await self._chat.edit(stale.request.reply_to, stale.ref, presentation.shut_out(stale.request))
            except MessageGone:
                continue
            except ChatError as error:
                log.info("a message that was left behind could not be mended yet", error=str(error))
                return
        await self._redis.delete(key)
        (await self._known()).pop(key, None)
