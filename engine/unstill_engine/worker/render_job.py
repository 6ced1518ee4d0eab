"""A job's way from its picture to its clip: fetch, render, encode, store."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import structlog

from unstill_config.catalog import Catalog, Model
from unstill_engine.clip.errors import ClipError
from unstill_engine.clip.fit import Clip, make_clip
from unstill_engine.clip.marks import Marks
from unstill_engine.clip.reel import encode_reel, first_frame, is_reel, joined, last_frame
from unstill_engine.clip.spool import Source
from unstill_engine.device.outcomes import (
    ChildHung,
    ChildLost,
    DevicePoisoned,
    EngineError,
    Rendered,
    RenderFailed,
    RenderStopped,
)
from unstill_engine.renderers.base import Photos, Plan
from unstill_engine.worker.job_run import SOFTWARE, JobRun, Retry
from unstill_queue.contract.codes import note
from unstill_queue.contract.errors import NotFound, StorageError
from unstill_queue.contract.jobs import PIECES_MOST, Cancelled, Failed, Job, Outcome, Parameters, Progress, Succeeded
from unstill_queue.contract.options import LAST_IMAGE, TEXT_TO_VIDEO
from unstill_queue.contract.recipe import Recipe
from unstill_queue.contract.sizing import frame_of

log = structlog.get_logger(__name__)


REEL = "extended.mp4"
"""The name, in the job's folder, of the reel that its clip goes on from."""


class _ReelGone(Exception):
    """The clip that this one was to go on from is deleted, forgotten, or too old."""


class RenderJob(JobRun):
    """On the device first, then on the CPU."""

    _loading: asyncio.Task[bool] | None = None

    def _end(self) -> None:
        self._services.models.cancel(self.job.id)
        if self._loading is not None:
            self._loading.cancel()
        super()._end()

    async def _outcome(self, folder: Path) -> Outcome | Retry:
        rendered = await self._render(folder)
        if not isinstance(rendered, Rendered):
            return rendered
        self.seconds = rendered.render_seconds
        return await self._made(self._make(rendered, folder))

    async def _render(self, folder: Path) -> Rendered | Outcome | Retry:
        job, services = self.job, self._services
        refused = why_not(job, services.catalog.models[job.parameters.model])
        if refused:
            return Failed(refused)
        engine = services.settings.engine
        frame = frame_of(services.catalog.finishes.get(job.finish.shape))

        def deadline(plan: Plan) -> float:
            return max(engine.deadline_least, plan.seconds * engine.deadline_factor)

        try:
            # before the device, as what has nothing to go on from needs no render
            reel = await self._reel(folder)
            first = await self._fetched(job.picture, folder / "picture")
            last = await self._fetched(job.last_picture, folder / "last_picture")
            if job.finish.seamless:
                last = await first_frame(reel, folder, services.ffmpeg) if reel else first
            photos = Photos(first, last, continues=reel is not None)
            if self.lease.ended or not await self._has_model():
                return Cancelled("system")
            rendered = await services.models.process.plan_and_render(
                job.id,
                job.parameters,
                photos,
                folder / "frames.rgb",
                deadline=deadline,
                on_progress=self.lease.step,
                on_look=self.lease.look if job.look else None,
                # the pieces after the first have its frame
                frame=frame if job.finish.fill == "" and reel is None else None,
            )
        except _ReelGone:
            return Failed("piece_gone")
        except ClipError as error:
            log.warning("a clip cannot be gone on from", job=job.id, code=error.code, reason=str(error))
            return Failed("piece_gone") if error.code == "bad_clip" else error.failed
        except NotFound as error:
            log.warning("a picture is gone", job=job.id, reason=str(error))
            return Failed("picture_gone")
        except StorageError as error:
            return self._not_stored("the picture could not be read", error)
        except EngineError as error:
            log.error("the engine has no renderer", job=job.id, code=error.code, error=str(error))
            return Retry()
        finally:
            self.device_free.set()
        match rendered:
            case Rendered():
                return rendered
            case RenderFailed(failed, reason):
                log.warning("the clip could not be rendered", job=job.id, code=failed.code, reason=reason)
                return failed
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
                return Retry(_last_answer(lost))

    async def _has_model(self) -> bool:
        """Have the job's model loaded. False: it is not, and the job is handed back, which costs it no try."""
        models, name = self._services.models, self.job.parameters.model
        if models.affinity.loaded == name:
            return True
        self.lease.tell(Progress("loading"))
        self._loading = asyncio.create_task(models.load(name))
        try:
            await self._loading
        except EngineError as error:
            if len(models.affinity.models) == 1:
                raise
            log.warning("a job is handed back, as its model cannot be loaded", job=self.job.id, reason=str(error))
        except asyncio.CancelledError:
            if not self._loading.cancelled():
                self._loading.cancel()
                raise
        # whoever ends it now is not charged for that time
        await self._services.ledger.begin(self._claim)
        return models.affinity.loaded == name and not self.lease.ended

    async def _reel(self, folder: Path) -> Path | None:
        """Fetch what the clip goes on from; None where it is a first piece. Raises StorageError, _ReelGone."""
        try:
            return await self._fetched(self.job.extends, folder / REEL)
        except NotFound as error:
            log.warning("what a clip goes on from is gone", job=self.job.id, reason=str(error))
            raise _ReelGone from error

    async def _fetched(self, key: str, path: Path) -> Path | None:
        """Fetch one of the job's pictures to `path`; None where it has none. Raises StorageError, NotFound."""
        if not key:
            return None
        await self._patiently(lambda: self._services.storage.fetch(key, path))
        return path

    def _tried(self) -> tuple[str, ...]:
        return (note("tried_again", value=self._claim.attempt),) if self._claim.attempt > 1 else ()

    async def _make(self, rendered: Rendered, folder: Path) -> Outcome:
        job, services = self.job, self._services
        source = Source(
            rendered.spool, rendered.width, rendered.height, rendered.num_frames, rendered.fps, sound=rendered.sound
        )
        if job.extends:
            source = await joined(folder / REEL, source, folder, services.ffmpeg)
        synthetic, filled = drawn_by(services.catalog, (*job.before, rendered.parameters))
        heard = job.finish.audio and source.sound is not None
        recipe = Recipe(
            made_by="AI" if synthetic else "camera",
            model=job.parameters.model,
            parameters=rendered.parameters,
            finish=job.finish,
            software=SOFTWARE,
            notes=(*job.notes, *rendered.notes, *self._tried()),
            sound=heard,
            own_words=job.own_words,
            filled=filled,
            before=job.before,
        )
        marks = Marks(recipe, services.signer, services.settings.label.seconds)
        clip = await make_clip(
            source,
            finish=job.finish,
            shape=services.catalog.finishes[job.finish.shape],
            limit=job.upload_limit,
            marks=marks,
            target=folder / "clip.mp4",
            ffmpeg=services.ffmpeg,
            deadline=services.settings.engine.encode_deadline,
            on_progress=self._tell_share,
            original=folder / "original.mp4",
        )
        kept = await self._kept(source, clip, folder, labelled=marks.labelled)
        originals = [clip.original] if clip.original else []
        key, *others = await self._stored(clip.path, *originals, *kept)
        original = others.pop(0) if originals else None
        # the clip itself is its reel where there is no other file of it
        frame, reel = (*others, key)[:2] if kept else (None, None)
        return Succeeded(
            clip=key,
            size=clip.size,
            width=clip.width,
            height=clip.height,
            duration=clip.duration,
            fps=clip.fps,
            parameters=rendered.parameters,
            synthetic=synthetic,
            render_seconds=rendered.render_seconds,
            notes=(*rendered.notes, *self._tried(), *clip.notes),
            original=original,
            sound=heard,
            filled=filled,
            frame=frame,
            reel=reel,
            before=job.before,
        )

    async def _kept(self, source: Source, clip: Clip, folder: Path, *, labelled: bool) -> list[Path]:
        """Return the files from which a longer clip goes on: the last frame, and the reel where that is not the clip.

        There are none where nothing goes on from it, which costs no clip.
        """
        job, services = self.job, self._services
        if len(job.before) + 1 >= PIECES_MOST:
            return []
        shape = services.catalog.finishes[job.finish.shape]
        try:
            async with asyncio.timeout(services.settings.engine.encode_deadline):
                frame = await last_frame(source, folder, services.ffmpeg)
                # of more pieces, those before were encoded already: the reel of all is better than the clip
                if not (job.extends or labelled) and is_reel(clip, source, job.finish, shape):
                    return [frame]
                return [frame, await encode_reel(source, folder, services.ffmpeg, sound=job.finish.audio)]
        except (ClipError, TimeoutError) as error:
            log.warning("a clip cannot be made longer later", job=job.id, reason=str(error))
            return []


def drawn_by(catalog: Catalog, pieces: Iterable[Parameters]) -> tuple[bool, bool]:
    """Return `synthetic` and `filled`, as in the catalogue's models, of a clip of these pieces: the whole is what most
    has to be said of one of them. A model that is no longer known may have drawn its piece.
    """
    models = [catalog.models.get(piece.model) for piece in pieces]
    draws = any(model is None or model.draws for model in models)
    filled = any(model is not None and model.filled for model in models)
    return draws or filled, filled and not draws


def why_not(job: Job, model: Model) -> str:
    """Return the code of the failure where the model makes no clip of the job's pictures; "" where it does.

    Front ends ask before they queue; a job of another program, or of a catalogue that was changed since, comes here.
    """
    if not job.picture and TEXT_TO_VIDEO not in model.abilities:
        return "no_picture"
    ends = job.last_picture or job.finish.seamless
    return "one_picture" if ends and LAST_IMAGE not in model.abilities else ""


def _last_answer(lost: ChildLost) -> Failed | None:
    """Return the job's answer where this was its last try; None: that its engine was lost."""
    if isinstance(lost, ChildHung):
        return Failed("deadline")
    if isinstance(lost, DevicePoisoned) and lost.code == "out_of_memory":
        return Failed(lost.code)
    return None
