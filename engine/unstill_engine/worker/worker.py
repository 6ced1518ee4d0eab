"""The engine's side of the queue: takes the jobs whose turn it is, as many as one device can serve.

The device goes to the next job as soon as the frames of the last one stand in their spool file; clips
are made and stored beside that. So are refits, which never wait for the device.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
from typing import Any

import msgspec
import structlog
from redis.exceptions import RedisError

from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.credentials import load_signer
from unstill_engine.device.affinity import Affinity
from unstill_engine.device.models import Models
from unstill_engine.device.process import EngineProcess
from unstill_engine.worker import workdir as scratch
from unstill_engine.worker.job_queue import JobQueue
from unstill_engine.worker.job_run import SOFTWARE, Services
from unstill_engine.worker.render_job import RenderJob
from unstill_engine.worker.shrink_job import ShrinkJob
from unstill_queue.contract.abilities import abilities
from unstill_queue.contract.codec import encode
from unstill_queue.contract.errors import StorageError
from unstill_queue.contract.jobs import EngineInfo
from unstill_queue.ledger.ledger import REFIT_LANE, Ledger
from unstill_queue.ledger.reaper import Reaper
from unstill_queue.redis.connection import connect, where
from unstill_queue.redis.trouble import told
from unstill_queue.redis.wakeup import NUDGES, Listener, Periodic
from unstill_queue.storage.base import Storage
from unstill_queue.storage.trash import Trash

log = structlog.get_logger(__name__)

IN_HAND = 3
"""Jobs at a time, one on the device and the others becoming clips: bounds the spool files on disk."""
ANNOUNCE_EVERY = 2.0
"""Seconds between two times that an engine says it is there, whereupon the ledger repeats a lost word of work."""
SWEEP_EVERY = 3600.0
SHRINK_IN_HAND = 1
CANCELS = "unstill:cancel"
UPKEEP, UPKEEP_POLL_DELAY = "~upkeep", 2.0
"""The queue of what one engine does for all, in turn."""


class Worker:
    """One engine: the models of its settings, one at a time, on one device, on the queue at `url`."""

    def __init__(self, settings: Settings, catalog: Catalog, url: str, ffmpeg: Ffmpeg, storage: Storage) -> None:
        engine = settings.engine
        self._settings = settings
        self._storage = storage
        self._redis = connect(url)
        # a reaper must see that the server is away, so its connection does not wait
        self._reaping = connect(url, patience=0)
        self._reaper = Reaper(Ledger(self._reaping, settings.queue), audits=False)
        self._trash = Trash(Ledger(self._reaping, settings.queue), storage)
        models = engine.models or (engine.model,)
        # as they are at the start, as long as we serve
        tables = {name: catalog.models[name].using(engine.memory) for name in models}

        def process_of(name: str) -> EngineProcess:
            return EngineProcess(
                model_name=name,
                model=tables[name],
                device=engine.device,
                state=engine.state,
                variables=engine.variables,
                queue=where(url),
                log=log,
            )

        self._affinity = Affinity(models, engine.model_turn)
        self._models = Models(self._affinity, process_of, log, self._changed_over)
        self._told: object = None
        self._draining, self._news = asyncio.Event(), asyncio.Event()
        ledger = Ledger(self._redis, settings.queue)
        signer = load_signer(settings.credentials)
        self._services = Services(settings, catalog, ffmpeg, storage, ledger, self._models, self._draining, signer)
        self._name = engine.name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self._info = EngineInfo(
            self._name, models[0], engine.device, socket.gethostname(), os.getpid(),
            version=SOFTWARE, can=tuple(sorted(abilities(catalog))), models=models,
            signs_until=signer.until.timestamp() if signer else 0.0,
        )  # fmt: skip
        renders = JobQueue(
            models, self._services, RenderJob, url, self._name, in_hand=IN_HAND,
            ready=self._ready, order=lambda: self._affinity.order,
            begun=lambda job: self._show(job=job), answered=self._count,
        )  # fmt: skip
        shrinks = JobQueue(
            (REFIT_LANE,), self._services, ShrinkJob, url, self._name, in_hand=SHRINK_IN_HAND, ready=self._folder_ready
        )
        self._queues = (renders, shrinks)
        periodic = (
            Periodic("audit", self._audit, settings.queue.audit),
            Periodic("sweep", self._sweep, SWEEP_EVERY, at_start=True),
        )
        self._upkeep = Listener(url, UPKEEP, self._draining, periodic=periodic, poll_delay=UPKEEP_POLL_DELAY)

    def drain(self) -> None:
        """Take no more jobs; `run` returns when those in hand have ended, or were handed back."""
        self._draining.set()

    def reload(self) -> None:
        """Announce what the catalogue has now."""
        self._show(can=tuple(sorted(abilities(self._services.catalog))))

    async def run(self) -> None:
        """Serve until `drain`.

        Raises:
            ConfigError: the scratch folder cannot be used.
            EngineError: none of the models can be loaded.
            RedisError: the queue's server refuses us, or was away for longer than its clients wait.
        """
        models = self._affinity.models
        await asyncio.to_thread(scratch.prepare, self._settings.engine.scratch)
        # so that who asks for a clip meanwhile asks for one of ours
        await self._services.ledger.engine_comes(models)
        await self._models.start()
        log.info("engine ready", engine=self._name, model=self._info.model, device=self._info.device)
        background = [
            asyncio.create_task(run()) for run in (self._reaper.run, self._trash.run, self._announce, self._hear)
        ]
        serving = [asyncio.create_task(listener.run()) for listener in (*self._queues, self._upkeep)]
        try:
            await asyncio.wait([*serving, *background], return_when=asyncio.FIRST_COMPLETED)
            for task in (*serving, *background):
                if task.done():
                    task.result()
            await asyncio.gather(*serving)
            await self._end_runs(self._settings.engine.drain)
        finally:
            for task in (*serving, *background):
                task.cancel()
            await asyncio.gather(*serving, *background, return_exceptions=True)
            await self._end_runs(0)
            await self._models.stop()
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await self._services.ledger.engine_gone(self._name, models[0], others=models[1:])
            await self._reaping.aclose()
            await self._redis.aclose()

    async def _ready(self) -> None:
        await self._folder_ready()
        await self._models.ready()

    async def _folder_ready(self) -> None:
        await scratch.until_usable(self._settings.engine.scratch)

    async def _end_runs(self, within: float) -> None:
        await asyncio.gather(*(queue.end(within) for queue in self._queues))

    # -- in the background

    def _show(self, **changes: Any) -> None:
        """What is told of us, at once: a job that was forgotten must not be named any longer."""
        self._info = msgspec.structs.replace(self._info, **changes)
        self._news.set()

    def _changed_over(self) -> None:
        self._show(model=self._affinity.loaded or self._info.model)

    async def _tell_changeover(self) -> None:
        """Front ends foresee by it when a clip is there of a model that is not loaded."""
        told = self._affinity.turn, self._affinity.before()
        if len(self._affinity.models) > 1 and told != self._told:
            await self._services.ledger.changes_over(self._name, *told)
            self._told = told

    def _count(self) -> None:
        self._show(done=self._info.done + 1)

    async def _announce(self) -> None:
        while True:
            self._news.clear()
            served = self._affinity.served
            self._info = msgspec.structs.replace(self._info, models=served)
            await self._services.ledger.engine(
                self._name, served[0] if served else "", encode(self._info), self._info.can, others=served[1:]
            )
            await self._tell_changeover()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ANNOUNCE_EVERY):
                    await self._news.wait()

    async def _hear(self) -> None:
        """Act at once on cancels and nudges. One that is missed is made up for by the next beat or poll."""
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(CANCELS, NUDGES)
                    # what was said before that was heard by nobody
                    for queue in self._queues:
                        queue.look()
                    while True:
                        message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=2.0)
                        if message:
                            self._heard(message["channel"].decode(), message["data"].decode())
            except (RedisError, OSError):
                await asyncio.sleep(0.5)

    def _heard(self, channel: str, data: str) -> None:
        for queue in self._queues:
            if channel == CANCELS:
                queue.cancel(data)
            elif data in queue.names:
                queue.look(data)

    async def _audit(self) -> None:
        try:
            await self._reaper.audit()
        except (RedisError, OSError) as error:
            log.warning("the ledger could not be audited", error=told(error))

    async def _sweep(self) -> None:
        try:
            removed = await self._storage.sweep(self._settings.storage.keep_hours * 3600)
            log.debug("storage swept", removed=removed)
        except StorageError as error:
            log.warning("storage could not be swept", error=str(error))
