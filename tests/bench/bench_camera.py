"""How fast the camera renders: `python tests/bench/bench_camera.py`."""

from __future__ import annotations

import resource
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from tests.bench.figures import Figure, at_most, plain

from unstill_config.catalog import Catalog
from unstill_engine.renderers.base import Photos
from unstill_engine.renderers.camera import Camera
from unstill_engine.renderers.gaze import look
from unstill_engine.renderers.photo import load_photo
from unstill_queue.contract.jobs import Parameters

SAMPLE = Path(__file__).parents[2] / "bots/unstill_bots/terminal/samples/lake.jpg"
#: Frames, frames a second, short side; the third is the usual clip of a large photo, the fourth the preset Quality.
SIZES = ((16, 8, 512), (72, 24, 512), (72, 24, 720), (120, 30, 1080))
WORDS = ("zoom in", "pan left", "zoom in, rotate clockwise", "handheld")
#: Seconds that 72 frames at 512 may take, with the look at the photo.
GOALS = {"zoom in": 1.0, "pan left": 1.0, "zoom in, rotate clockwise": 1.0, "handheld": 1.2}


def run() -> list[Figure]:
    """Print seconds, the best of three, for each length and kind of move, over a 2048 px JPEG read each time.

    Returns what has a goal, and what a look at the photo takes.
    """
    figures = []
    camera = Camera("camera", Catalog.load().models["camera"])
    with TemporaryDirectory() as folder:
        picture = Path(folder) / "picture.jpg"
        with Image.open(SAMPLE) as sample:
            sample.resize((2048, 1366), Image.Resampling.LANCZOS).save(picture, quality=95, subsampling=0)
        for num_frames, fps, resolution in SIZES:
            for words in WORDS:
                parameters = Parameters("camera", words, 7, num_frames, fps, resolution)
                plan = camera.plan(parameters, Photos(picture))
                best = min(_seconds(camera, parameters, picture) for _ in range(3))
                sys.stdout.write(
                    f"{num_frames:4} frames at {plan.width}x{plan.height}, {words:26} {best:6.3f} s"
                    f"  (planned {plan.seconds:.2f} s, {plan.memory / 2**20:.0f} MiB)\n"
                )
                if (num_frames, resolution) == (72, 512):
                    figures.append(at_most(f"camera: 72 frames at 512, {words}", best, "s", GOALS[words]))
        figures.append(plain("camera: a look at the photo", min(_look_seconds(picture) for _ in range(5)), "s"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    sys.stdout.write(f"peak memory of the process {peak / 2**20:.0f} MiB\n")
    return figures


def _look_seconds(picture: Path) -> float:
    photo = load_photo(picture)
    started = time.perf_counter()
    look(photo)
    return time.perf_counter() - started


def _seconds(camera: Camera, parameters: Parameters, picture: Path) -> float:
    started = time.perf_counter()
    plan = camera.plan(parameters, Photos(picture))
    frames = sum(len(chunk) for chunk in camera.render(plan, Photos(picture), lambda done, total: None, lambda: False))
    if frames != parameters.num_frames:
        raise RuntimeError(f"{frames} frames instead of {parameters.num_frames}")
    return time.perf_counter() - started


if __name__ == "__main__":
    run()
