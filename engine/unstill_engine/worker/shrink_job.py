"""A clip that its platform refused for its size, made again under a smaller limit: no device, no render."""

from __future__ import annotations

import time
from pathlib import Path

import msgspec

from unstill_engine.clip.fit import Clip
from unstill_engine.clip.marks import Marks
from unstill_engine.clip.shrink import remake_clip
from unstill_engine.worker.job_run import SOFTWARE, JobRun, Retry
from unstill_queue.contract.codes import read_note
from unstill_queue.contract.errors import NotFound
from unstill_queue.contract.jobs import Failed, Outcome, Succeeded
from unstill_queue.contract.recipe import Recipe

GONE = Failed("clip_expired")


class ShrinkJob(JobRun):
    """From the original, or from the clip itself where that was never squeezed."""

    async def _outcome(self, folder: Path) -> Outcome | Retry:
        began = time.monotonic()
        outcome = await self._made(self._make(folder))
        self.seconds = time.monotonic() - began
        return outcome

    async def _make(self, folder: Path) -> Outcome:
        job, services, made = self.job, self._services, self._claim.made
        if made is None:
            return GONE
        original = made.original or made.clip
        source = folder / "original.mp4"
        try:
            await self._patiently(lambda: services.storage.fetch(original, source))
        except NotFound:
            return GONE
        recipe = Recipe(
            made_by="AI" if made.synthetic else "camera",
            model=made.parameters.model,
            parameters=made.parameters,
            finish=job.finish,
            software=SOFTWARE,
            notes=(*job.notes, *_others(made)),
            sound=made.sound,
            own_words=job.own_words,
            filled=made.filled,
            before=made.before,
        )
        clip = await remake_clip(
            source,
            limit=job.upload_limit,
            marks=Marks(recipe, services.signer),
            target=folder / "clip.mp4",
            ffmpeg=services.ffmpeg,
            deadline=services.settings.engine.encode_deadline,
            on_progress=self._tell_share,
        )
        [key] = await self._stored(clip.path)
        return msgspec.structs.replace(
            made,
            clip=key,
            size=clip.size,
            width=clip.width,
            height=clip.height,
            notes=_notes(made, clip),
            original=original,
        )


def _notes(made: Succeeded, clip: Clip) -> tuple[str, ...]:
    """Of the notes on a smaller picture, the one that holds for this clip."""
    if clip.notes or (clip.width, clip.height) != (made.width, made.height):
        return _others(made) + clip.notes
    return made.notes


def _others(made: Succeeded) -> tuple[str, ...]:
    return tuple(note for note in made.notes if read_note(note)[0] != "smaller")
