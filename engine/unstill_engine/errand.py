"""One claimed job's way through an engine: fetch the picture, render, make the clip, store it, file the outcome.

An errand never fails: whatever happens becomes an outcome, or one more try.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import msgspec
import structlog

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
from unstill_queue.errors import NotFound, StorageError
from unstill_queue.jobs import Cancelled, Failed, Outcome, Progress, Succeeded
from unstill_queue.ledger import ENGINE_LOST, Claim, Ledger
from unstill_queue.recipe import Recipe
from unstill_queue.storage import Storage
from unstill_queue.wakeup import Wakeups

log = structlog.get_logger(__name__)

SOFTWARE = f"Unstill {version('unstill-engine')}"
STORAGE_PATIENCE = 30.0
"""Seconds that storage may be away before it costs a try; no other job could be worked on meanwhile."""
STORAGE_AGAIN = 1.0

HUNG = Failed("deadline", "This took far longer than it should, three times. Try a shorter or smaller clip.")

T = TypeVar("T")


class Again(msgspec.Struct, frozen=True):
    """The try was lost through no fault of the job; `failure` is its answer when it was the last one."""

    failure: Failed = ENGINE_LOST


class Means(msgspec.Struct, frozen=True):
    """What every errand of an engine works with. `draining` is set when the engine is to end."""

    settings: Settings
    catalog: Catalog
    ffmpeg: Ffmpeg
    storage: Storage
    ledger: Ledger
    wakeups: Wakeups
    process: EngineProcess
    draining: asyncio.Event


class Errand:
    """`device_free` is set as soon as the next job may be rendered."""

    def __init__(self, means: Means, claim: Claim) -> None:
        self.job = claim.job
        self.lease = Lease(means.ledger, claim, self._end)
        self.device_free = asyncio.Event()
        self._means = means
        self._claim = claim
        self._making: asyncio.Task[Outcome] | None = None

    async def run(self) -> bool:
        """True: an outcome was filed; False: the job is tried again, or is another's."""
        means = self._means
        try:
            async with self.lease:
                with scratch.folder(means.settings.engine.scratch) as folder:
                    return await self._settle(await self._outcome(folder))
        except Exception as error:
            log.error("a job ended in an unforeseen way; it will be tried again", job=self.job.id, exc_info=error)
            # what is wrong here may well be wrong with the next job too: it must not eat the queue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(means.settings.queue.lease):
                    await means.draining.wait()
            return False
        finally:
            self.device_free.set()

    def _end(self) -> None:
        self._means.process.cancel(self.job.id)
        if self._making is not None:
            self._making.cancel()

    async def _outcome(self, folder: Path) -> Outcome | Again:
        rendered = await self._render(folder)
        if not isinstance(rendered, Rendered):
            return rendered
        self.lease.tell(Progress("encoding"))
        self._making = asyncio.create_task(self._make(rendered, folder))
        if self.lease.ended:
            self._making.cancel()
        return await self._made(self._making)

    async def _render(self, folder: Path) -> Rendered | Outcome | Again:
        job, means = self.job, self._means
        picture = folder / "picture"
        engine = means.settings.engine

        def deadline(plan: Plan) -> float:
            return max(engine.deadline_least, plan.seconds * engine.deadline_factor)

        try:
            await self._patiently(lambda: means.storage.fetch(job.picture, picture))
            if self.lease.ended:
                return Cancelled("system")
            rendered = await means.process.plan_and_render(
                job.id, job.parameters, picture, folder / "frames.rgb", deadline=deadline, on_progress=self.lease.step
            )
        except NotFound:
            return Failed("picture_gone", "The picture is no longer there. Send it again.")
        except StorageError as error:
            return self._storage_away("the picture could not be read", error)
        except EngineError as error:
            log.error("the engine has no renderer", job=job.id, code=error.code, error=error.message)
            return Again()
        finally:
            self.device_free.set()
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
                    attempt=self._claim.attempt,
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
            return self._storage_away("the clip could not be stored", error)

    async def _make(self, rendered: Rendered, folder: Path) -> Outcome:
        job, means = self.job, self._means
        model = means.catalog.models[job.parameters.model]
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
            shape=means.catalog.finishes[job.finish.shape],
            limit=job.upload_limit,
            recipe=recipe,
            target=folder / "clip.mp4",
            ffmpeg=means.ffmpeg,
            deadline=means.settings.engine.encode_deadline,
            on_progress=lambda share: self.lease.tell(Progress("encoding", round(share * 100), 100)),
        )
        key = await self._patiently(lambda: means.storage.put(clip.path, kind="clips", suffix=".mp4"))
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

    async def _patiently(self, do: Callable[[], Awaitable[T]]) -> T:
        """Again and again while storage is away, but not for a job that is not wanted here any more."""
        ends = time.monotonic() + STORAGE_PATIENCE
        while True:
            try:
                return await do()
            except NotFound:
                raise
            except StorageError as error:
                if time.monotonic() > ends or self.lease.ended or self._means.draining.is_set():
                    raise
                log.warning("storage is away", job=self.job.id, error=str(error))
                await asyncio.sleep(STORAGE_AGAIN)

    def _storage_away(self, what: str, error: Exception) -> Cancelled | Again:
        log.warning(what, job=self.job.id, error=str(error))
        handed_back = self.lease.ended or self._means.draining.is_set()
        return Cancelled("system") if handed_back else Again()

    async def _settle(self, outcome: Outcome | Again) -> bool:
        lease, ledger = self.lease, self._means.ledger
        if lease.lost:
            return False
        if isinstance(outcome, Cancelled) and not lease.cancelled:
            # nobody cancelled it: we are stopping, and hand it back
            wake = await ledger.release(self._claim)
        elif isinstance(outcome, Again):
            wake = await ledger.retry(self._claim, outcome.failure)
        else:
            seconds = outcome.render_seconds if isinstance(outcome, Succeeded) else 0.0
            filed = await ledger.finish(self._claim, outcome, seconds=seconds)
            log.info("job ended", job=self.job.id, outcome=type(outcome).__name__.lower(), filed=filed)
            return filed
        if wake is not None:
            await self._means.wakeups.wake(wake)
        return False
