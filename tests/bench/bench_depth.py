"""How fast a camera moves through a photo with depth: `python -m tests.bench.bench_depth`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tests.bench.figures import Figure, at_most, plain
from tests.engine.depth_tiny import FILE, entry, network, saved

from unstill_config.catalog import Catalog
from unstill_engine.renderers.base import Photos
from unstill_engine.renderers.camera import Camera
from unstill_engine.renderers.depth import Depth
from unstill_engine.renderers.depth.layers import levels_of, sharpened
from unstill_engine.renderers.depth.network import Network
from unstill_engine.renderers.photo import load_photo
from unstill_queue.contract.jobs import Parameters

WORDS = ("zoom in", "pan left", "zoom in, rotate clockwise", "")
SIZE = (1366, 2048)
GOAL = 3.0
"""Seconds that 72 frames at 512 may take on two cores beside the network's pass. Their work together is held to it: by
the clock it is less where nothing else runs, and anything where something does.
"""


def run() -> list[Figure]:
    """Print seconds, the best of three, for each kind of move through things in four depths, over a 2048 px picture.

    Returns the work, how many times that is what the flat picture takes, and the time by the clock. The network here
    only reads the depth out of the picture, and its pass is taken off.
    """
    figures = []
    with TemporaryDirectory() as folder:
        picture = _picture(Path(folder) / "picture.png")
        network(Path(folder) / FILE)
        depth, camera = Depth("depth", entry(Path(folder))), Camera("camera", Catalog.load().models["camera"])
        depth.load("cpu")
        camera.load("cpu")
        judge, image = Network(Path(folder) / FILE, 2), load_photo(picture)
        sheets = len(levels_of(sharpened(judge.nearness(image)))) + 1
        started, worked = time.perf_counter(), time.process_time()
        judge.nearness(image)
        judged, judged_work = time.perf_counter() - started, time.process_time() - worked
        for words in WORDS:
            flat, flat_work = _best(camera, Parameters("camera", words, 7, 72, 24, 512), picture)
            best, work = _best(depth, Parameters("depth", words, 7, 72, 24, 512), picture)
            best, work = best - judged, work - judged_work
            name = words or "no camera words"
            sys.stdout.write(
                f"72 frames at 768x512, {sheets} sheets, {name:26} {best:6.3f} s, the camera {flat:.3f} s\n"
            )
            figures.append(at_most(f"depth: 72 frames at 512, {name}, work beside the network's pass", work, "s", GOAL))
            figures.append(
                plain(f"depth: the same, by the camera's work of {flat_work:.2f} s", work / flat_work, "times")
            )
            figures.append(plain("depth: the same, by the clock, two cores", best, "s"))
    return figures


def _picture(path: Path) -> Path:
    """Three things before each other and before a ground that comes nearer."""
    height, width = SIZE
    y, x = np.mgrid[0:height, 0:width].astype(float)
    near = 0.3 * y / height
    for number, left in enumerate((200, 700, 1300)):
        thing = (x - left - 250) ** 2 + (y - 750) ** 2 < 350**2
        near = np.where(thing, 0.45 + 0.25 * number, near)
    red, green = (128 + 100 * np.sin(x / fine) * np.sin(y / fine) for fine in (7, 11))
    return saved(red, green, near, path)


def _best(renderer: Camera, parameters: Parameters, picture: Path) -> tuple[float, float]:
    """The least seconds by the clock, and of all cores together, of three renders."""
    measured = [_seconds(renderer, parameters, picture) for _ in range(3)]
    return min(clock for clock, _ in measured), min(work for _, work in measured)


def _seconds(renderer: Camera, parameters: Parameters, picture: Path) -> tuple[float, float]:
    started, worked = time.perf_counter(), time.process_time()
    plan = renderer.plan(parameters, Photos(picture))
    chunks = renderer.render(plan, Photos(picture), lambda done, total: None, lambda: False)
    frames = sum(len(chunk) for chunk in chunks)
    if frames != parameters.num_frames:
        raise RuntimeError(f"{frames} frames instead of {parameters.num_frames}")
    return time.perf_counter() - started, time.process_time() - worked


if __name__ == "__main__":
    run()
