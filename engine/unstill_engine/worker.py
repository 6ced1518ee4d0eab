"""The engine's side of the queue: takes the jobs whose turn it is, as many as one device can serve.

The device goes to the next job as soon as the frames of the last one stand in their spool file; clips
are made and stored beside that.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Coroutine
from typing import Any

import msgspec
import structlog
from redis.exceptions import RedisError

from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_engine import scratch
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.errand import Errand, Means
from unstill_engine.process import EngineProcess
from unstill_queue.codec import encode
from unstill_queue.connection import connect
from unstill_queue.errors import StorageError
from unstill_queue.jobs import EngineInfo
from unstill_queue.ledger import Claim, Ledger
from unstill_queue.reaper import Reaper
from unstill_queue.storage import Storage
from unstill_queue.wakeup import Listener, Wakeups

log = structlog.get_logger(__name__)

IN_HAND = 3
"""Jobs at a time, one on the device and the others becoming clips: bounds the spool files on disk."""
ANNOUNCE_EVERY = 3.0
SWEEP_EVERY = 3600.0
LOOK_EVERY = 5.0
"""Seconds after which an idle engine looks for work without a word of it: an engine may have died with the word."""
HAND_BACK_WITHIN = 10.0


class Worker:
    """One engine: one model on one device, on the queue at `url`."""

    def __init__(self, settings: Settings, catalog: Catalog, url: str, ffmpeg: Ffmpeg, storage: Storage) -> None:
        engine = settings.engine
        self._settings = settings
        self._storage = storage
        self._redis = connect(url)
        wakeups = Wakeups(url)
        self._listener = Listener(url, engine.model, self._on_wake)
        # until we are idle, the words are for others
        self._listener.ready = False
        # a reaper must see that the server is away, so its connection does not wait
        self._reaping = connect(url, patience=0)
        self._reaper = Reaper(Ledger(self._reaping, settings.queue), wakeups)
        self._process = EngineProcess(
            model_name=engine.model,
            model=catalog.models[engine.model],
            device=engine.device,
            state=engine.state,
            log=log,
        )
        self._draining = asyncio.Event()
        ledger = Ledger(self._redis, settings.queue)
        self._means = Means(settings, catalog, ffmpeg, storage, ledger, wakeups, self._process, self._draining)
        self._name = engine.name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self._info = EngineInfo(self._name, engine.model, engine.device, socket.gethostname(), os.getpid(), time.time())
        self._woken = asyncio.Event()
        self._hands = asyncio.Semaphore(IN_HAND)
        self._errands: dict[asyncio.Task[bool], Errand] = {}

    def drain(self) -> None:
        """Take no more jobs; `run` returns when those in hand have ended, or were handed back."""
        self._draining.set()

    async def run(self) -> None:
        """Serve until `drain`.

        Raises:
            ConfigError: the scratch folder cannot be used.
            EngineError: the model cannot be loaded.
            RedisError: the queue's server refuses us, or was away for longer than its clients wait.
        """
        await asyncio.to_thread(scratch.prepare, self._settings.engine.scratch)
        await self._process.start()
        log.info("engine ready", engine=self._name, model=self._info.model, device=self._info.device)
        background = [
            asyncio.create_task(run())
            for run in (self._listener.run, self._reaper.run, self._announce, self._hear_cancels, self._sweep)
        ]
        serving = asyncio.create_task(self._serve())
        try:
            await asyncio.wait([serving, *background], return_when=asyncio.FIRST_COMPLETED)
            for task in (serving, *background):
                if task.done():
                    task.result()
            await self._end_errands(self._settings.engine.drain)
        finally:
            for task in (serving, *background):
                task.cancel()
            await asyncio.gather(serving, *background, return_exceptions=True)
            await self._end_errands(0)
            await self._process.stop()
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await self._means.ledger.engine_gone(self._name, self._info.model)
            await self._means.wakeups.close()
            await self._reaping.aclose()
            await self._redis.aclose()

    # -- taking jobs

    async def _on_wake(self) -> None:
        self._woken.set()

    async def _serve(self) -> None:
        while not self._draining.is_set():
            await self._or_draining(self._hands.acquire())
            claim = await self._next()
            if claim is None:
                return
            errand = Errand(self._means, claim)
            self._show(job=claim.job.id)
            task = asyncio.create_task(errand.run())
            self._errands[task] = errand
            task.add_done_callback(self._errand_done)
            await self._or_draining(errand.device_free.wait())
            if errand.device_free.is_set():
                self._show(job=None)

    def _errand_done(self, task: asyncio.Task[bool]) -> None:
        del self._errands[task]
        self._hands.release()
        if not task.cancelled() and task.result():
            self._show(done=self._info.done + 1)

    async def _next(self) -> Claim | None:
        """The job whose turn it is, as soon as there is one and a device for it; None when draining."""
        while not self._draining.is_set():
            await self._or_draining(self._process.ready())
            if self._draining.is_set():
                return None
            self._woken.clear()
            claim = await self._means.ledger.claim(self._info.model, secrets.token_hex(8), self._name)
            if claim is not None:
                return claim
            self._listener.ready = True
            await self._or_draining(self._woken.wait(), within=LOOK_EVERY)
            self._listener.ready = False
        return None

    async def _or_draining(self, waiting: Coroutine[Any, Any, object], within: float | None = None) -> None:
        """Wait for that, or for the end of our service, whichever comes first, or for `within` seconds."""
        first = asyncio.create_task(waiting)
        second = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait([first, second], timeout=within, return_when=asyncio.FIRST_COMPLETED)
            if first.done():
                first.result()
        finally:
            first.cancel()
            second.cancel()

    async def _end_errands(self, within: float) -> None:
        """Wait for the jobs in hand; hand back what has not ended in time."""
        await self._errands_end(within)
        for errand in self._errands.values():
            log.info("handing a job back", job=errand.job.id)
            errand.lease.stop()
        await self._errands_end(HAND_BACK_WITHIN)
        for task in self._errands:
            task.cancel()
        await self._errands_end(HAND_BACK_WITHIN)

    async def _errands_end(self, within: float) -> None:
        if self._errands:
            await asyncio.wait(self._errands, timeout=within)

    # -- in the background

    def _show(self, **changes: Any) -> None:
        """What is told of us with the next announcement."""
        self._info = msgspec.structs.replace(self._info, **changes)

    async def _announce(self) -> None:
        while True:
            await self._means.ledger.engine(self._name, self._info.model, encode(self._info))
            await asyncio.sleep(ANNOUNCE_EVERY)

    async def _hear_cancels(self) -> None:
        """A cancel is heard at once here, and with the next beat at the latest."""
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe("unstill:cancel")
                    while True:
                        message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=2.0)
                        for errand in self._errands.values() if message else ():
                            if errand.job.id == message["data"].decode():
                                errand.lease.cancel()
            except (RedisError, OSError):
                await asyncio.sleep(0.5)

    async def _sweep(self) -> None:
        while True:
            try:
                removed = await self._storage.sweep(self._settings.storage.keep_hours * 3600)
                log.debug("storage swept", removed=removed)
            except StorageError as error:
                log.warning("storage could not be swept", error=str(error))
            await asyncio.sleep(SWEEP_EVERY)
