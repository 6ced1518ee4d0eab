"""The clip that most people ask for first, from photo to file: `python -m tests.bench.bench_clip`."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.bench.bench_camera import SAMPLE
from tests.bench.figures import Figure, at_most, plain, table

from unstill_config.catalog import Catalog
from unstill_engine.clip.binary import Ffmpeg, find_ffmpeg
from unstill_engine.clip.fit import make_clip
from unstill_engine.clip.spool import Source
from unstill_engine.renderers.camera import Camera
from unstill_queue.contract.jobs import Finish, Parameters
from unstill_queue.contract.recipe import Recipe

PARAMETERS = Parameters("camera", "zoom in", seed=7, num_frames=16, fps=8, resolution=512)
TIMES = 5


async def seconds(folder: Path, catalog: Catalog, binary: Ffmpeg) -> tuple[float, float]:
    """What the render took, and the render and the encode."""
    camera = Camera("camera", catalog.models["camera"])
    started = time.perf_counter()
    plan = camera.plan(PARAMETERS, SAMPLE)
    with (folder / "frames.rgb").open("wb") as spool:
        for frames in camera.render(plan, SAMPLE, lambda done, total: None, lambda: False):
            spool.write(frames.tobytes())
    rendered = time.perf_counter() - started
    await make_clip(
        Source(folder / "frames.rgb", plan.width, plan.height, plan.num_frames, plan.fps),
        finish=Finish(),
        shape=catalog.finishes["original"],
        limit=50_000_000,
        recipe=Recipe("camera", "camera", PARAMETERS, Finish(), "Unstill"),
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
    figures = [
        plain("camera: 16 frames at 512, render", min(rendered for rendered, _ in took), "s"),
        at_most("camera: 16 frames at 512, render and encode", min(whole for _, whole in took), "s", 1),
    ]
    print(table(figures))
    return figures


if __name__ == "__main__":
    run()
