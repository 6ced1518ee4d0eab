"""Deletes everything of a person (/forgetme), also when a process is killed on the way."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol

import msgspec
import structlog

from unstill_bots.actions.preferences import PreferenceStore
from unstill_queue.contract.errors import StorageError
from unstill_queue.ledger.client import Client
from unstill_queue.ledger.ledger import Forgotten
from unstill_queue.redis.connection import may_rewrite
from unstill_queue.redis.wakeup import forget_words
from unstill_queue.storage.base import Storage

log = structlog.get_logger(__name__)

WITHIN = 20.0
"""Seconds that a person waits at most for renders to stop and for what they are shown of that."""
LOOK_EVERY = 0.1
DELETE_AT_ONCE = 8


def cards_key(person: str) -> str:
    """Return the server's key of a person's cards on the page, wherever else they are known: as `Requester.person`."""
    return f"unstill:cards:{person}"


class Memory(Protocol):
    """What a front end keeps of people besides the ledger."""

    async def forget(self, user: str) -> None: ...


class Left(msgspec.Struct, frozen=True):
    """What is not gone yet when the person is told, and goes by itself.

    `jobs` are still being ended; `files`: the storage does not answer; `on_disk`: the server writes its file anew soon,
    which where this is False holds what was deleted for as long as the host's server has it.
    """

    jobs: int = 0
    files: bool = False
    on_disk: bool = False


class Forgetting:
    """Forgets people of one front end: first `begin`, then `finish`."""

    def __init__(self, client: Client, storage: Storage, preferences: PreferenceStore, memory: Memory) -> None:
        self._client = client
        self._storage = storage
        self._preferences = preferences
        self._memory = memory

    async def begin(self, person: str) -> Forgotten:
        """Cancel what waits or runs, and let go of all the rest. It may be repeated.

        When this has returned, everything goes by itself, whoever dies: records vanish as soon as their end is shown,
        and the keys of all files are in the trash. Raises RedisError.
        """
        # what waits for words must not become a request after the requests are forgotten
        await self._memory.forget(person.partition(":")[2])
        await self._client.redis.delete(cards_key(person))
        await self._preferences.forget(person)
        return await self._client.ledger.forget(person)

    async def finish(self, forgotten: Forgotten) -> Left:
        """Wait until renders have stopped and their ends are shown, and delete files. Raises RedisError."""
        ledger = self._client.ledger
        ends = time.monotonic() + WITHIN
        while (open_ids := await ledger.forgetting(forgotten.ids)) and time.monotonic() < ends:
            await asyncio.sleep(LOOK_EVERY)
        deleted = await self._delete(forgotten.files)
        if forgotten.ids:
            await forget_words(self._client.redis, forgotten.ids)
            await ledger.compact_streams({id.partition(":")[0] for id in forgotten.ids})
        return Left(len(open_ids), not deleted, await may_rewrite(self._client.redis))

    async def _delete(self, keys: tuple[str, ...]) -> bool:
        slots = asyncio.Semaphore(DELETE_AT_ONCE)

        async def delete(key: str) -> bool:
            async with slots:
                try:
                    await self._storage.delete(key)
                except StorageError as error:
                    # it stands in the trash, which is emptied when the storage is back
                    log.warning("a file could not be deleted yet", key=key, error=str(error))
                    return False
                return True

        return all(await asyncio.gather(*map(delete, keys)))
