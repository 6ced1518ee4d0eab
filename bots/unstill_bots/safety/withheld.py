"""Clips that are not shown in other chats, as what is seen there is decided there."""

from __future__ import annotations

from unstill_queue.ledger.client import Client


class WithheldClips:
    """Remembers these clips for as long as clips are kept, under names that tell nobody."""

    def __init__(self, client: Client, keep_hours: float) -> None:
        self._redis = client.redis
        self._names = client.ledger.names
        self._seconds = max(1, round(keep_hours * 3600))

    async def add(self, job: str) -> None:
        """Withhold the clip of a job. Raises RedisError."""
        await self._redis.set(self._key(job), 1, ex=self._seconds)

    async def holds(self, job: str) -> bool:
        """Return whether the clip of a job is withheld. Raises RedisError."""
        return bool(await self._redis.exists(self._key(job)))

    def _key(self, job: str) -> str:
        return f"unstill:withheld:{self._names.name('request', job)}"
