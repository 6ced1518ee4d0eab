"""What the ledger tells the front ends: answers and re-intakes to deliver, and progress to show.

Both are Redis streams, one a platform. They carry job ids for speed; the truth stays in the ledger,
so an entry that is trimmed or lost is said again by the reaper, or was only progress.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Literal

import msgspec
from redis.asyncio import Redis
from redis.exceptions import ResponseError

GROUP = "courier"
BLOCK_MS = 1000

Kind = Literal["intake", "answer", "state", "progress", "look"]


class Event(msgspec.Struct, frozen=True):
    """`body` is an encoded Progress for 'progress', a state's name for 'state', and empty otherwise.

    `place` is where the job's chat is, and `account` whose quotas it counts on, both by the ledger's names; progress
    and states have no account.
    """

    id: str
    kind: Kind
    body: bytes = b""
    place: str = ""
    account: str = ""


async def stream_keys(redis: Redis) -> list[str]:
    """The server's keys of all platforms' streams."""
    platforms: Any = await redis.smembers("unstill:platforms")  # type: ignore[misc]  # redis-py's types leave async open
    return [f"unstill:{name}:{one.decode()}" for one in sorted(platforms) for name in ("outbox", "progress")]


class Outbox:
    """The streams of one platform."""

    def __init__(self, redis: Redis, platform: str) -> None:
        self._redis = redis
        self.answers_key = f"unstill:outbox:{platform}"
        self.progress_key = f"unstill:progress:{platform}"

    async def deliveries(self, consumer: str) -> AsyncIterator[Event]:
        """Answers and intakes, each to one consumer of the platform's, those from before the start included."""
        await self._make_group()
        while True:
            try:
                # NOACK: who dies with an entry in hand leaves the job in the due index, which brings it back
                batches = await self._redis.xreadgroup(
                    GROUP, consumer, {self.answers_key: ">"}, count=100, block=BLOCK_MS, noack=True
                )
            except ResponseError as error:
                if "NOGROUP" not in str(error):
                    raise
                await self._make_group()
                continue
            for event in _events(batches):
                yield event

    async def news(self) -> AsyncIterator[Event | None]:
        """Everything from now on, progress too, to every reader; None after each second of silence."""
        since: dict[Any, Any] = {key: await self._last_id(key) for key in (self.answers_key, self.progress_key)}
        while True:
            batches = await self._redis.xread(since, count=500, block=BLOCK_MS)
            if not batches:
                yield None
            for key, entries in batches:
                since[key.decode()] = entries[-1][0]
            for event in _events(batches):
                yield event

    async def _last_id(self, key: str) -> bytes:
        last = await self._redis.xrevrange(key, count=1)
        return last[0][0] if last else b"0-0"

    async def _make_group(self) -> None:
        try:
            await self._redis.xgroup_create(self.answers_key, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise


def _events(batches: list[Any]) -> list[Event]:
    return [
        Event(
            fields[b"id"].decode(),
            fields[b"kind"].decode(),
            fields.get(b"body", b""),
            fields.get(b"place", b"").decode(),
            fields.get(b"account", b"").decode(),
        )
        for _, entries in batches
        for _, fields in entries
    ]
