"""Runs one claimed job in an engine.

A run never fails: whatever happens becomes an outcome, or one more try.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import structlog

from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_config.version import VERSION
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.credentials import Signer
from unstill_engine.clip.errors import ClipError, EncoderKilled
from unstill_engine.device.models import Models
from unstill_engine.worker import workdir as scratch
from unstill_engine.worker.lease import Lease
from unstill_queue.contract.errors import NotFound, StorageError
from unstill_queue.contract.jobs import Cancelled, Failed, Outcome, Progress
from unstill_queue.ledger.ledger import Claim, Ledger
from unstill_queue.storage.base import Storage
from unstill_queue.storage.folder import code_of, why

log = structlog.get_logger(__name__)

SOFTWARE = f"Unstill {VERSION}"
STORAGE_PATIENCE = 30.0
"""Seconds that storage may be away before it costs a try; no other job could be worked on meanwhile."""
STORAGE_AGAIN = 1.0

T = TypeVar("T")


class Retry(msgspec.Struct, frozen=True):
    """The try was lost through no fault of the job.

    `failure` is the job's answer when it was the last one; None: that its engine was lost.
    """

    failure: Failed | None = None


class Services(msgspec.Struct, frozen=True):
    """Holds what every run of an engine works with. `draining` is set when the engine is to end.

    `signer` gives clips their content credentials, where the host has a certificate.
    """

    settings: Settings
    catalog: Catalog
    ffmpeg: Ffmpeg
    storage: Storage
    ledger: Ledger
    models: Models
    draining: asyncio.Event
    signer: Signer | None = None


class JobRun(ABC):
    """`device_free` is set as soon as the next job of this kind may begin."""

    def __init__(self, services: Services, claim: Claim) -> None:
        self.job = claim.job
        self.lease = Lease(services.ledger, claim, self._end)
        self.device_free = asyncio.Event()
        self.seconds = 0.0
        self._services = services
        self._claim = claim
        self._making: asyncio.Task[Outcome] | None = None

    async def run(self) -> bool:
        """True: an outcome was filed; False: the job is tried again, or is another's."""
        services = self._services
        try:
            async with self.lease:
                return await self._settle(await self._in_folder())
        except Exception as error:
            log.error("a job ended in an unforeseen way; it will be tried again", job=self.job.id, exc_info=error)
            # what is wrong here may well be wrong with the next job too: it must not eat the queue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(services.settings.queue.lease):
                    await services.draining.wait()
            return False
        finally:
            self.device_free.set()

    async def _in_folder(self) -> Outcome | Retry:
        """Do the work in a folder of its own. Where that cannot be had, or goes away, the work was not to blame."""
        try:
            with scratch.folder(self._services.settings.engine.scratch) as folder:
                outcome = await self._outcome(folder)
                if isinstance(outcome, Failed) and not folder.is_dir():
                    raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
                return outcome
        except OSError as error:
            if why(error) == "away":
                raise
            log.error("a job's folder cannot be used", job=self.job.id, error=str(error))
            return Retry(Failed(code_of(error)))

    @abstractmethod
    async def _outcome(self, folder: Path) -> Outcome | Retry:
        """Do the work; `folder` is its own and is gone afterwards. Sets `seconds` to what the queue learns from."""

    def _end(self) -> None:
        if self._making is not None:
            self._making.cancel()

    def _tell_share(self, share: float) -> None:
        self.lease.tell(Progress("encoding", round(share * 100), 100))

    async def _made(self, making: Coroutine[Any, Any, Outcome]) -> Outcome | Retry:
        """What comes of making and storing the clip, which ends when the lease does."""
        self.lease.tell(Progress("encoding"))
        self._making = asyncio.create_task(making)
        if self.lease.ended:
            self._making.cancel()
        try:
            return await self._making
        except asyncio.CancelledError:
            if self._making.cancelled():
                return Cancelled("system")
            self._making.cancel()
            raise
        except EncoderKilled as error:
            log.warning("ffmpeg was killed again and again", job=self.job.id, reason=str(error))
            return Retry(error.failed)
        except ClipError as error:
            log.warning("the clip could not be made", job=self.job.id, code=error.code, reason=str(error))
            return error.failed
        except StorageError as error:
            return self._not_stored("the clip could not be stored", error)

    async def _stored(self, *files: Path) -> list[str]:
        """The keys that they are stored under, which are on record first: what ends up unwanted is found by them."""
        storage = self._services.storage
        keys = [storage.new_key("clips", file.suffix) for file in files]
        await self.lease.record(*keys)
        # where the job is no longer ours or wanted, this task was cancelled, and ends here
        await asyncio.sleep(0)

        async def put(file: Path, key: str) -> str:
            return await self._patiently(lambda: storage.put(file, key=key))

        return [await put(file, key) for file, key in zip(files, keys, strict=True)]

    async def _patiently(self, do: Callable[[], Awaitable[T]]) -> T:
        """Try again and again while storage is away, but not for a job that is not wanted here any more."""
        ends = time.monotonic() + STORAGE_PATIENCE
        while True:
            try:
                return await do()
            except NotFound:
                raise
            except StorageError as error:
                if time.monotonic() > ends or self.lease.ended or self._services.draining.is_set():
                    raise
                log.warning("storage is away", job=self.job.id, error=str(error))
                await asyncio.sleep(STORAGE_AGAIN)

    def _not_stored(self, what: str, error: StorageError) -> Outcome | Retry:
        """What follows when storage has tried our patience."""
        log.error(what, job=self.job.id, error=str(error))
        if self.lease.ended or self._services.draining.is_set():
            return Cancelled("system")
        if error.lasting and error.code not in ("disk_refused", "disk_missing"):
            # another engine would meet the same, and render it again for nothing
            return error.failed
        return Retry(error.failed)

    async def _settle(self, outcome: Outcome | Retry) -> bool:
        lease, ledger = self.lease, self._services.ledger
        if lease.lost:
            return False
        if isinstance(outcome, Cancelled) and not lease.cancelled:
            # nobody cancelled it: we are stopping, and hand it back
            await ledger.release(self._claim)
        elif isinstance(outcome, Retry):
            await ledger.retry(self._claim, outcome.failure)
        else:
            filed = await ledger.finish(self._claim, outcome, seconds=self.seconds)
            log.info("job ended", job=self.job.id, outcome=type(outcome).__name__.lower(), filed=filed)
            return filed
        return False
