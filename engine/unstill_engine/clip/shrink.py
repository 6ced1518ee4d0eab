"""A clip once more, smaller, from one that was encoded before: nothing is rendered again."""

from __future__ import annotations

import asyncio
from pathlib import Path

from unstill_config.catalog import Shape
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.fit import Clip, OnProgress, make_clip
from unstill_engine.clip.marks import Marks
from unstill_engine.clip.probe import probe
from unstill_engine.clip.spool import Source
from unstill_queue.contract.jobs import Finish

AS_IT_IS = Shape(title="As it is")


async def remake_clip(
    original: Path,
    *,
    limit: int,
    marks: Marks,
    target: Path,
    ffmpeg: Ffmpeg,
    deadline: float,
    on_progress: OnProgress | None = None,
) -> Clip:
    """As `make_clip`, from an MP4 of ours that is finished: its shape, fades and frame rate are in its frames.

    Raises:
        ClipError: as `make_clip`; bad_clip where `original` cannot be read.
    """
    movie = await asyncio.to_thread(probe, original)
    return await make_clip(
        Source(original, movie.width, movie.height, movie.frames, movie.fps, encoded=True),
        finish=Finish(audio=movie.has_audio),
        shape=AS_IT_IS,
        limit=limit,
        marks=marks,
        target=target,
        ffmpeg=ffmpeg,
        deadline=deadline,
        on_progress=on_progress,
    )
