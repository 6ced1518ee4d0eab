"""The first frame, which posters and thumbnails are cut from, is the photo, through the real encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.engine.clip_sources import clip_of, decoded, spooled

from unstill_config.catalog import Catalog, Value
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.renderers.base import Photos
from unstill_engine.renderers.camera import Camera
from unstill_queue.contract.resolving import resolve
from unstill_queue.contract.sizing import Size, sized

CATALOG = Catalog.load()
SAMPLE = Path(__file__).parents[2] / "bots/unstill_bots/terminal/samples/lake.jpg"


def psnr(shown: NDArray[np.uint8], wanted: NDArray[np.uint8]) -> float:
    """In decibel, over all pixels and channels."""
    return float(10 * np.log10(255**2 / np.mean((shown.astype(float) - wanted) ** 2)))


async def first_frame(folder: Path, binary: Ffmpeg, photo: Image.Image, options: dict[str, Value]) -> NDArray[np.uint8]:
    """What a player shows first of a clip of that photo, made as an engine makes it."""
    picture = folder / "picture.png"
    photo.save(picture)
    parameters, finish = resolve("zoom in", {**options, "num_frames": 12}, CATALOG, default_model="camera")
    parameters = sized(parameters, finish, options, CATALOG, photo.size)
    camera = Camera("camera", CATALOG.models["camera"])
    plan = camera.plan(parameters, Photos(picture))
    chunks = camera.render(plan, Photos(picture), lambda done, total: None, lambda: False)
    source = spooled(folder / "spool", [frame for chunk in chunks for frame in chunk], plan.fps)
    shown: NDArray[np.uint8] = decoded(await clip_of(source, binary, finish=finish), binary)[0]
    return shown


@pytest.mark.parametrize("fade", [False, True])
@pytest.mark.parametrize("size", [(1080, 720), (480, 640), (853, 640), (481, 641), (333, 501)])
async def test_it_is_the_photo_in_its_own_shape_and_size(
    tmp_path: Path, binary: Ffmpeg, size: Size, fade: bool
) -> None:
    # Given a photo, whose sides may be odd
    with Image.open(SAMPLE) as sample:
        photo = sample.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    # When a move begins at the whole picture
    shown = await first_frame(tmp_path, binary, photo, {"fade": fade})
    # Then the first frame is the photo, but for an odd row or column, which H.264 does not have
    width, height = (side - side % 2 for side in size)
    wanted = np.asarray(photo)[:height, :width]
    assert shown.shape == wanted.shape
    assert psnr(shown, wanted) >= 33
    assert np.abs(shown.mean(axis=(0, 1)) - wanted.mean(axis=(0, 1))).max() <= 0.5


async def test_a_finished_shape_has_the_pixels_that_the_photo_has_of_it(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given a photo with fine detail, a little wider than 9:16
    with Image.open(SAMPLE) as sample:
        large = sample.convert("RGB").crop((0, 0, 500, 800)).resize((1200, 1920), Image.Resampling.LANCZOS)
    grain = np.random.default_rng(5).normal(0, 6, (1920, 1200, 1))
    photo = np.clip(np.asarray(large) + grain, 0, 255).astype(np.uint8)
    told = {}
    for name, options in {"own": {}, "small": {"resolution": 512}}.items():
        (tmp_path / name).mkdir()
        # When it becomes 9:16 by a crop
        given: dict[str, Value] = {"shape": "reels", "fill": "crop", **options}
        shown = await first_frame(tmp_path / name, binary, Image.fromarray(photo), given)
        assert shown.shape == (1920, 1080, 3)
        strip = shown[900:940]
        place = max(range(121), key=lambda left: psnr(strip, photo[900:940, left : left + 1080]))
        told[name] = psnr(shown, photo[:, place : place + 1080])
    # Then the first frame is as sharp as the photo, and not enlarged from a small render
    assert told["own"] >= 34
    assert told["own"] >= told["small"] + 5
