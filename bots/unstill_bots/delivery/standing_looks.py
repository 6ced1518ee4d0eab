"""Remembers which early look stands in which message, in this process or over restarts too."""

from __future__ import annotations

from collections import OrderedDict

from redis.asyncio import Redis

from unstill_queue.ledger.pseudonyms import Pseudonyms

MOST_STANDING = 200
"""Messages of which is remembered which picture stands in them."""
RECORDED_SECONDS = 2 * 24 * 3600
"""Seconds for which it is on record that a message shows a picture: longer than any clip is waited for."""


class StandingLooks:
    """Remembers which picture this process has put into which message, so that it is not sent with each edit."""

    def __init__(self) -> None:
        self._stands: OrderedDict[str, bytes] = OrderedDict()

    def __contains__(self, message: str) -> bool:
        return message in self._stands

    def shows(self, message: str, picture: bytes) -> bool:
        """Return whether that picture stands in a message; no empty one does."""
        return picture != b"" and self._stands.get(message) == picture

    def put(self, message: str, picture: bytes) -> None:
        """Note which picture stands in a message now; where it is empty, none of ours does any more."""
        if not picture:
            self._stands.pop(message, None)
            return
        self._stands[message] = picture
        if len(self._stands) > MOST_STANDING:
            self._stands.popitem(last=False)


class RecordedLooks(StandingLooks):
    """Keeps on record, too, which messages of a platform show a picture: where such a message cannot become a text
    again, whoever edits it after a restart has to know. Names in the server tell nobody which messages these are.
    """

    def __init__(self, redis: Redis, names: Pseudonyms, platform: str) -> None:
        super().__init__()
        self._redis = redis
        self._names = names
        self._platform = platform

    async def begin(self, message: str) -> None:
        """Record that a message is about to show a picture. Raises RedisError."""
        await self._redis.set(self._key(message), b"", ex=RECORDED_SECONDS)

    async def known(self, message: str) -> bool:
        """Return whether a message may show one, by whomever it was put there. Raises RedisError."""
        return message in self or bool(await self._redis.exists(self._key(message)))

    async def end(self, message: str) -> None:
        """Record that a clip stands in a message now. Raises RedisError."""
        self.put(message, b"")
        await self._redis.delete(self._key(message))

    def _key(self, message: str) -> str:
        return f"unstill:{self._platform}:look:{self._names.name('message', f'{self._platform}:{message}')}"
