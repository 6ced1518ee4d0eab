"""Deletes the files that nobody may need any more. Any process may run one; all of them may."""

from __future__ import annotations

import asyncio

import structlog
from redis.exceptions import RedisError

from unstill_queue.contract.errors import StorageError
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.storage.base import Storage, is_key

log = structlog.get_logger(__name__)

LOOK_EVERY = 2.0


class Trash:
    """The ledger's list of files to delete. Their keys are random and name nobody."""

    def __init__(self, ledger: Ledger, storage: Storage) -> None:
        self._ledger = ledger
        self._storage = storage

    async def run(self) -> None:
        """Empty it until cancelled."""
        while True:
            try:
                await self.empty()
            except (RedisError, OSError, StorageError) as error:
                log.warning("files that are not needed any more could not be deleted yet", error=str(error))
            await asyncio.sleep(LOOK_EVERY)

    async def empty(self) -> None:
        """Delete what is due. Raises StorageError and RedisError; what is left comes again after a minute."""
        while keys := await self._ledger.trash():
            # what is no key was never stored, and must not hold up the others
            for key in filter(is_key, keys):
                await self._storage.delete(key)
            await self._ledger.trashed(keys)
