"""The engine's side of the queue: take the job whose turn it is, render it, make the clip, file the outcome.

The device goes to the next job as soon as the frames of the last one stand in their spool file; clips
are made and stored beside that. A job function never fails: whatever happens becomes an outcome, or
one more try.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import socket
import time
from collections.abc import Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import structlog
from redis.exceptions import RedisError

from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_engine import scratch
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.errors import ClipError
from unstill_engine.clip.fit import make_clip
from unstill_engine.clip.spool import Source
from unstill_engine.lease import Lease
from unstill_engine.outcomes import ChildHung, EngineError, Rendered, RenderFailed, RenderStopped
from unstill_engine.process import EngineProcess
from unstill_engine.renderers.base import Plan
from unstill_queue.codec import encode
from unstill_queue.connection import connect
from unstill_queue.errors import NotFound, StorageError
from unstill_queue.jobs import Cancelled, EngineInfo, Failed, Outcome, Progress, Succeeded
from unstill_queue.ledger import ENGINE_LOST, Claim, Ledger
from unstill_queue.reaper import Reaper
from unstill_queue.recipe import Recipe
from unstill_queue.storage import Storage
from unstill_queue.wakeup import Listener, Wakeups

log = structlog.get_logger(__name__)

IN_HAND = 3
"""Jobs at a time, one on the device and the others becoming clips: bounds the spool files on disk."""
SOFTWARE = f"Unstill {version('unstill-engine')}"
ANNOUNCE_EVERY = 3.0
SWEEP_EVERY = 3600.0

HUNG = Failed("deadline", "This took far longer than it should, three times. Try a shorter or smaller clip.")


class Again(msgspec.Struct, frozen=True):
    """The try was lost through no fault of the job; `failure` is its answer when it was the last one."""

    failure: Failed = ENGINE_LOST


class Worker:
    """One engine: one model on one device, on the queue at `url`."""

    def __init__(self, settings: Settings, catalog: Catalog, url: str, ffmpeg: Ffmpeg, storage: Storage) -> None:
        engine = settings.engine
        self._settings = settings
        self._catalog = catalog
        self._ffmpeg = ffmpeg
        self._storage = storage
        self._redis = connect(url)
        self._ledger = Ledger(self._redis, settings.queue)
        self._wakeups = Wakeups(url)
        self._listener = Listener(url, engine.model, self._on_wake)
        # a reaper must see that the server is away, so its connection does not wait
        self._reaping = connect(url, patience=0)
        self._reaper = Reaper(Ledger(self._reaping, settings.queue), self._wakeups)
        self._process = EngineProcess(
            model_name=engine.model,
            model=catalog.models[engine.model],
            device=engine.device,
            state=engine.state,
            log=log,
        )
        self._name = engine.name or f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(2)}"
        self._info = EngineInfo(self._name, engine.model, engine.device, socket.gethostname(), os.getpid(), time.time())
        self._woken = asyncio.Event()
        self._draining = asyncio.Event()
        self._hands = asyncio.Semaphore(IN_HAND)
        self._errands: set[asyncio.Task[None]] = set()
        self._leases: dict[str, Lease] = {}

    def drain(self) -> None:
        """Take no more jobs; `run` returns when those in hand have ended, or were handed back."""
        self._draining.set()

    async def run(self) -> None:
        """Serve until `drain`.

        Raises:
            EngineError: the model cannot be loaded.
        """
        await asyncio.to_thread(scratch.sweep, self._settings.engine.scratch)
        await self._process.start()
        log.info("engine ready", engine=self._name, model=self._info.model, device=self._info.device)
        background = [
            asyncio.create_task(run())
            for run in (self._listener.run, self._reaper.run, self._announce, self._hear_cancels, self._sweep)
        ]
        try:
            serving = asyncio.create_task(self._serve())
            draining = asyncio.create_task(self._draining.wait())
            await asyncio.wait([serving, draining, *background], return_when=asyncio.FIRST_COMPLETED)
            for task in (serving, *background):
                if task.done():
                    task.result()
            await self._end_errands()
            await serving
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await self._process.stop()
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                async with asyncio.timeout(2):
                    await self._ledger.engine_gone(self._name, self._info.model)
            await self._wakeups.close()
            await self._reaping.aclose()
            await self._redis.aclose()

    # -- taking jobs

    async def _on_wake(self) -> None:
        self._woken.set()

    async def _serve(self) -> None:
        while not self._draining.is_set():
            await self._hands.acquire()
            claim = await self._next()
            if claim is None:
                return
            device_free = asyncio.Event()
            errand = asyncio.create_task(self._work(claim, device_free))
            self._errands.add(errand)
            errand.add_done_callback(self._errand_done)
            await device_free.wait()

    def _errand_done(self, errand: asyncio.Task[None]) -> None:
        self._errands.discard(errand)
        self._hands.release()
        if not errand.cancelled() and (error := errand.exception()):
            log.error("a job ended in an unforeseen way; it will be tried again", exc_info=error)

    async def _next(self) -> Claim | None:
        """The job whose turn it is, as soon as there is one and a device for it; None when draining."""
        while not self._draining.is_set():
            await self._or_draining(self._process.ready())
            if self._draining.is_set():
                return None
            self._woken.clear()
            claim = await self._ledger.claim(self._info.model, secrets.token_hex(8), self._name)
            if claim is not None:
                return claim
            self._listener.ready = True
            await self._or_draining(self._woken.wait())
            self._listener.ready = False
        return None

    async def _or_draining(self, waiting: Coroutine[Any, Any, object]) -> None:
        """Wait for that, or for the end of our service, whichever comes first."""
        first = asyncio.create_task(waiting)
        second = asyncio.create_task(self._draining.wait())
        try:
            await asyncio.wait([first, second], return_when=asyncio.FIRST_COMPLETED)
        finally:
            first.cancel()
            second.cancel()

    # -- one job

    async def _work(self, claim: Claim, device_free: asyncio.Event) -> None:
        job = claim.job
        self._show_job(job.id)
        making: asyncio.Task[Outcome] | None = None

        def end() -> None:
            self._process.cancel(job.id)
            if making is not None:
                making.cancel()

        lease = Lease(self._ledger, claim, end)
        self._leases[job.id] = lease
        try:
            async with lease:
                with scratch.folder(self._settings.engine.scratch) as folder:
                    rendered = await self._render(claim, lease, folder, device_free)
                    if not isinstance(rendered, Rendered):
                        return await self._settle(claim, lease, rendered)
                    lease.tell(Progress("encoding"))
                    making = asyncio.create_task(self._make(claim, lease, rendered, folder))
                    if lease.ended:
                        making.cancel()
                    await self._settle(claim, lease, await self._made(making))
        finally:
            device_free.set()
            self._leases.pop(job.id, None)

    async def _render(
        self, claim: Claim, lease: Lease, folder: Path, device_free: asyncio.Event
    ) -> Rendered | Outcome | Again:
        job = claim.job
        picture = folder / "picture"
        settings = self._settings.engine

        def deadline(plan: Plan) -> float:
            return max(settings.deadline_least, plan.seconds * settings.deadline_factor)

        try:
            await self._storage.fetch(job.picture, picture)
            if lease.ended:
                return Cancelled("system")
            rendered = await self._process.plan_and_render(
                job.id, job.parameters, picture, folder / "frames.rgb", deadline=deadline, on_progress=lease.step
            )
        except NotFound:
            return Failed("picture_gone", "The picture is no longer there. Send it again.")
        except StorageError as error:
            log.warning("the picture could not be read", job=job.id, error=str(error))
            return Again()
        except EngineError as error:
            log.error("the engine has no renderer", job=job.id, code=error.code, error=error.message)
            return Again()
        finally:
            self._show_job(None)
            device_free.set()
        match rendered:
            case Rendered():
                return rendered
            case RenderFailed(code, message):
                return Failed(code, message)
            case RenderStopped():
                return Cancelled("system")
            case lost:
                log.warning(
                    "the renderer was lost",
                    job=job.id,
                    attempt=claim.attempt,
                    how=type(lost).__name__,
                    reason=lost.reason,
                    stderr=lost.stderr_tail,
                )
                return Again(HUNG) if isinstance(lost, ChildHung) else Again()

    async def _made(self, making: asyncio.Task[Outcome]) -> Outcome | Again:
        try:
            return await making
        except asyncio.CancelledError:
            if making.cancelled():
                return Cancelled("system")
            making.cancel()
            raise
        except ClipError as error:
            log.warning("the clip could not be made", code=error.code, detail=error.detail)
            return Failed(error.code, str(error))
        except (StorageError, OSError) as error:
            log.warning("the clip could not be stored", error=str(error))
            return Again()

    async def _make(self, claim: Claim, lease: Lease, rendered: Rendered, folder: Path) -> Outcome:
        job = claim.job
        model = self._catalog.models[job.parameters.model]
        recipe = Recipe(
            made_by="AI" if model.synthetic else "camera",
            model=job.parameters.model,
            parameters=rendered.parameters,
            finish=job.finish,
            software=SOFTWARE,
        )
        clip = await make_clip(
            Source(rendered.spool, rendered.width, rendered.height, rendered.num_frames, rendered.fps),
            finish=job.finish,
            shape=self._catalog.finishes[job.finish.shape],
            limit=job.upload_limit,
            recipe=recipe,
            target=folder / "clip.mp4",
            ffmpeg=self._ffmpeg,
            deadline=self._settings.engine.encode_deadline,
            on_progress=lambda share: lease.tell(Progress("encoding", round(share * 100), 100)),
        )
        key = await self._storage.put(clip.path, kind="clips", suffix=".mp4")
        return Succeeded(
            clip=key,
            size=clip.size,
            width=clip.width,
            height=clip.height,
            duration=clip.duration,
            fps=clip.fps,
            parameters=rendered.parameters,
            synthetic=model.synthetic,
            render_seconds=rendered.render_seconds,
            notes=(*rendered.notes, *clip.notes),
        )

    async def _settle(self, claim: Claim, lease: Lease, outcome: Outcome | Again) -> None:
        if lease.lost:
            return
        if isinstance(outcome, Cancelled) and not lease.cancelled:
            # nobody cancelled it: we are stopping, and hand it back
            wake = await self._ledger.release(claim)
        elif isinstance(outcome, Again):
            wake = await self._ledger.retry(claim, outcome.failure)
        else:
            seconds = outcome.render_seconds if isinstance(outcome, Succeeded) else 0.0
            filed = await self._ledger.finish(claim, outcome, seconds=seconds)
            self._info = msgspec.structs.replace(self._info, done=self._info.done + 1)
            log.info("job ended", job=claim.job.id, outcome=type(outcome).__name__.lower(), filed=filed)
            return
        if wake is not None:
            await self._wakeups.wake(wake)

    async def _end_errands(self) -> None:
        """Wait for the jobs in hand; hand back what has not ended in time."""
        if self._errands:
            await asyncio.wait(self._errands, timeout=self._settings.engine.drain)
        for job in list(self._leases):
            log.info("handing a job back", job=job)
            self._process.cancel(job)
        if self._errands:
            await asyncio.wait(self._errands, timeout=10)
        for errand in self._errands:
            errand.cancel()

    # -- in the background

    def _show_job(self, job: str | None) -> None:
        self._info = msgspec.structs.replace(self._info, job=job)

    async def _announce(self) -> None:
        while True:
            await self._ledger.engine(self._name, self._info.model, encode(self._info))
            await asyncio.sleep(ANNOUNCE_EVERY)

    async def _hear_cancels(self) -> None:
        """A cancel is heard at once here, and with the next beat at the latest."""
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe("unstill:cancel")
                    while True:
                        message = await pubsub.get_message(ignore_subscribe_messages=True, timeout=2.0)
                        if message and (lease := self._leases.get(message["data"].decode())):
                            lease.cancel()
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
