"""The clip that most people ask for first, from photo to file: `python -m tests.bench.bench_clip`."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from tests.bench.bench_camera import SAMPLE
from tests.bench.figures import Figure, at_most, plain, table

from unstill_config.catalog import Catalog
from unstill_engine.clip.binary import Ffmpeg, find_ffmpeg
from unstill_engine.clip.fit import make_clip
from unstill_engine.clip.marks import Marks
from unstill_engine.clip.spool import Source
from unstill_engine.renderers.base import Photos
from unstill_engine.renderers.camera import Camera
from unstill_queue.contract.jobs import Finish, Parameters
from unstill_queue.contract.recipe import Recipe

PARAMETERS = Parameters("camera", "zoom in", seed=7, num_frames=16, fps=8, resolution=512)
USUAL = Parameters("camera", "zoom in", seed=7, num_frames=72, fps=24, resolution=720)
TIMES = 5


async def seconds(
    folder: Path, catalog: Catalog, binary: Ffmpeg, parameters: Parameters = PARAMETERS, finish: Finish | None = None
) -> tuple[float, float]:
    """What the render took, and the render and the encode."""
    finish = finish or Finish()
    camera = Camera("camera", catalog.models["camera"])
    started = time.perf_counter()
    plan = camera.plan(parameters, Photos(SAMPLE))
    with (folder / "frames.rgb").open("wb") as spool:
        for frames in camera.render(plan, Photos(SAMPLE), lambda done, total: None, lambda: False):
            spool.write(frames.tobytes())
    rendered = time.perf_counter() - started
    await make_clip(
        Source(folder / "frames.rgb", plan.width, plan.height, plan.num_frames, plan.fps),
        finish=finish,
        shape=catalog.finishes[finish.shape],
        limit=50_000_000,
        marks=Marks(Recipe("camera", "camera", parameters, finish, "Unstill")),
        target=folder / "clip.mp4",
        ffmpeg=binary,
        deadline=60,
    )
    return rendered, time.perf_counter() - started


def run() -> list[Figure]:
    """Measure, print the table, and give the figures: each the best of five, in this process."""
    catalog = Catalog.load()
    binary = asyncio.run(find_ffmpeg(None))
    with TemporaryDirectory() as name:
        took = [asyncio.run(seconds(Path(name), catalog, binary)) for _ in range(TIMES)]
        usual = {
            what: [asyncio.run(seconds(Path(name), catalog, binary, parameters, finish)) for _ in range(TIMES)]
            for what, parameters, finish in (
                ("the usual clip of a large photo, 72 frames at 720", USUAL, Finish()),
                (
                    "9:16 by a crop",
                    msgspec.structs.replace(USUAL, width=600, height=1066),
                    Finish("reels", fill="crop"),
                ),
                ("9:16 before a backing", USUAL, Finish("reels", fill="blur")),
            )
        }
    figures = [
        plain("camera: 16 frames at 512, render", min(rendered for rendered, _ in took), "s"),
        at_most("camera: 16 frames at 512, render and encode", min(whole for _, whole in took), "s", 1),
        *(
            plain(f"camera: {what}, render and encode", min(whole for _, whole in took), "s")
            for what, took in usual.items()
        ),
    ]
    print(table(figures))
    return figures


if __name__ == "__main__":
    run()
