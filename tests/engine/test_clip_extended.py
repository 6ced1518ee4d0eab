"""A longer clip: what goes on from the last frame, the seam between two pieces, and what is done to the whole."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from PIL import Image
from tests.engine.clip_sounds import heard, likeness, with_sound
from tests.engine.clip_sources import RECIPE, SHAPES, Frame, clip_of, decoded, grey_of, motion, spooled, steps
from tests.engine.depth_tiny import entry, saved
from tests.engine.renderers_for_tests import RATE, warbling
from tests.engine.test_depth_renderer import square_before_a_wall, texture

from unstill_config.catalog import Catalog
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.errors import ClipError
from unstill_engine.clip.fit import Clip
from unstill_engine.clip.probe import probe
from unstill_engine.clip.reel import encode_reel, first_frame, is_reel, joined, last_frame
from unstill_engine.clip.spool import Source
from unstill_engine.renderers.base import Photos
from unstill_engine.renderers.camera import Camera
from unstill_engine.renderers.depth import Depth
from unstill_queue.contract.jobs import Finish, Parameters
from unstill_queue.contract.recipe import read_recipe

SAMPLE = Path(__file__).parents[2] / "bots/unstill_bots/terminal/samples/lake.jpg"
NUM_FRAMES = 24
MOVES = ("zoom in", "pan left fast", "tilt up, rotate clockwise", "")


def piece(renderer: Camera, photo: Path, words: str, to: Path, *, continues: bool = False) -> Source:
    """Have a camera render a piece, as the child leaves it."""
    photos = Photos(photo, continues=continues)
    plan = renderer.plan(Parameters("camera", words, 5, NUM_FRAMES, 12, 180), photos)
    chunks = renderer.render(plan, photos, lambda done, total: None, lambda: False)
    return spooled(to, (frame for chunk in chunks for frame in chunk), fps=12)


async def extended(
    renderer: Camera, clip: Clip, source: Source, words: str, folder: Path, binary: Ffmpeg
) -> tuple[Clip, Source]:
    """Do what an engine does for the next piece of a clip, whose source was `source`. Return both of it."""
    folder.mkdir()
    frame = await last_frame(source, folder, binary)
    own = is_reel(clip, source, Finish(), SHAPES["original"])
    reel = clip.path if own else await encode_reel(source, folder, binary, sound=False)
    kept = reel.rename(folder / "extended.mp4")
    following = piece(renderer, frame, words, folder / "frames.rgb", continues=True)
    whole = await joined(kept, following, folder, binary)
    return await clip_of(whole, binary, target=folder / "clip.mp4"), whole


def flow(before: Frame, after: Frame) -> float:
    """Return by how many pixels what is seen moves from one frame to the next, in the mean."""
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, after)]
    moved = cv2.calcOpticalFlowFarneback(*grey, None, 0.5, 4, 21, 3, 7, 1.5, 0)  # type: ignore[call-overload]  # flow may be None
    return float(np.median(np.linalg.norm(moved, axis=2)))


def camera_over_a_photo(folder: Path) -> tuple[Camera, Path]:
    return Camera("camera", Catalog.load().models["camera"]), SAMPLE


def depth_of_a_square_before_a_wall(folder: Path) -> tuple[Camera, Path]:
    """Return the renderer with a network that sees depth in a photo's blue, and a photo with something near in it."""
    picture = saved(texture(1, 12), texture(2, 20), square_before_a_wall(), folder / "scene.png")
    return Depth("depth", entry(folder)), picture


SEAMS = [
    pytest.param(scene, words, marks=() if words == MOVES[0] else pytest.mark.storm)
    for scene in (camera_over_a_photo, depth_of_a_square_before_a_wall)
    for words in MOVES
]


@pytest.mark.parametrize(("scene", "words"), SEAMS)
async def test_a_seam_is_no_larger_step_than_those_within_a_piece(
    tmp_path: Path, binary: Ffmpeg, scene: Callable[[Path], tuple[Camera, Path]], words: str
) -> None:
    # Given a clip of a camera, whose frames are the same each time
    camera, photo = scene(tmp_path)
    camera.load("cpu")
    source = piece(camera, photo, words, tmp_path / "frames.rgb")
    clip = await clip_of(source, binary)
    # When it goes on from its end, twice
    longer, whole = await extended(camera, clip, source, words, tmp_path / "second", binary)
    longest, _ = await extended(camera, longer, whole, words, tmp_path / "third", binary)
    # Then the frame that two pieces share stands there once
    frames = decoded(longest, binary)
    assert len(frames) == 3 * NUM_FRAMES - 2
    assert read_recipe(longest.path) == RECIPE
    # and at no seam does the picture move, or its brightness change, more than from frame to frame within a piece
    moves = [flow(one, other) for one, other in pairwise(frames)]
    lights = [abs(float(one.mean()) - float(other.mean())) for one, other in pairwise(frames)]
    seams = (NUM_FRAMES - 1, 2 * NUM_FRAMES - 2)
    for seam in seams:
        within = [number for number in range(len(moves)) if number not in seams]
        # an encoder's rounding is not seen
        assert moves[seam] <= max(moves[number] for number in within) + 0.05
        assert lights[seam] <= max(lights[number] for number in within) + 0.1


async def test_finishes_are_given_to_the_whole_and_not_to_a_piece(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given a clip with a shape, a fade and a loop, which shows none of its frames as they were rendered
    source = spooled(tmp_path / "frames.rgb", steps(96, 64, 10))
    finish = Finish(shape="reels", fill="blur", fade=True, loop=True)
    clip = await clip_of(source, binary, finish=finish)
    assert not is_reel(clip, source, finish, SHAPES["reels"])
    assert is_reel(await clip_of(source, binary, target=tmp_path / "plain.mp4"), source, Finish(), SHAPES["original"])
    # When its reel and a second piece are joined
    reel = await encode_reel(source, tmp_path, binary, sound=False)
    (tmp_path / "second").mkdir()
    second = spooled(tmp_path / "second" / "frames.rgb", steps(96, 64, 10))
    whole = await joined(reel, second, tmp_path / "second", binary)
    # Then its frames are those that were rendered, without the shape, the fade and the way back
    raw = np.fromfile(whole.path, np.uint8).reshape(-1, 64, 96, 3).mean(axis=(1, 2, 3))
    wanted = [grey_of(number, 10) for number in (*range(10), *range(1, 10))]
    assert raw == pytest.approx(wanted, abs=2)
    # and the whole has each of them once
    done = await clip_of(whole, binary, finish=finish, target=tmp_path / "whole.mp4")
    assert (done.width, done.height) == (SHAPES["reels"].width, SHAPES["reels"].height)
    lights = decoded(done, binary)[:, 900:1000].mean(axis=(1, 2, 3))
    assert len(lights) == 2 * 19 - 2
    assert lights[-1] < 20 < lights[len(lights) // 2]
    # and the picture that the next piece begins with is the last frame, pixel by pixel
    kept = np.asarray(Image.open(await last_frame(whole, tmp_path, binary)))
    assert (kept == np.fromfile(whole.path, np.uint8).reshape(-1, 64, 96, 3)[-1]).all()
    assert np.asarray(Image.open(await first_frame(reel, tmp_path, binary))).mean() == pytest.approx(wanted[0], abs=2)


async def test_a_piece_of_another_model_has_the_size_and_frame_rate_of_the_first(
    tmp_path: Path, binary: Ffmpeg
) -> None:
    reel = (await clip_of(spooled(tmp_path / "frames.rgb", steps(96, 64, 8)), binary)).path
    (tmp_path / "second").mkdir()
    # When it goes on with frames of another size, shape and rate
    second = spooled(tmp_path / "second" / "frames.rgb", motion(60, 60, 17), fps=16)
    whole = await joined(reel, second, tmp_path / "second", binary)
    # Then all frames are of the first piece's size, and it lasts as long as both
    assert (whole.width, whole.height, whole.fps) == (96, 64, 8.0)
    assert whole.num_frames == 8 + 8
    whole.check()


@pytest.mark.parametrize("first", [True, False])
async def test_each_piece_has_its_own_sound_or_silence(tmp_path: Path, binary: Ffmpeg, first: bool) -> None:
    # Given a piece with sound before one without, or behind it
    sound = warbling(2.0)
    pieces = []
    for number, loud in enumerate((first, not first)):
        (tmp_path / str(number)).mkdir()
        source = spooled(tmp_path / str(number) / "frames.rgb", motion(96, 64, 16))
        pieces.append(with_sound(source, sound) if loud else source)
    # When they are one clip
    reel = await encode_reel(pieces[0], tmp_path, binary, sound=True)
    assert probe(reel).has_audio is first
    whole = await joined(reel, pieces[1], tmp_path / "1", binary)
    clip = await clip_of(whole, binary, finish=Finish(audio=True), target=tmp_path / "whole.mp4")
    # Then it is heard with its own frames, and nothing is heard with the others
    listened = heard(clip.path, binary)
    seam, frame = 2 * RATE, RATE // 8
    wanted = sound if first else sound[frame:]
    before, after = listened[:seam], listened[seam:]
    played, quiet = (before, after) if first else (after, before)
    assert likeness(played[: len(wanted)], wanted) > 0.97
    assert np.abs(quiet[2048:-2048]).max() < 0.02
    assert len(listened) == pytest.approx(RATE * 31 / 8, abs=2048)


async def test_a_clip_that_ends_where_it_began_shows_that_frame_once(tmp_path: Path, binary: Ffmpeg) -> None:
    source = spooled(tmp_path / "frames.rgb", steps(96, 64, 9))
    clip = await clip_of(source, binary, finish=Finish(seamless=True))
    assert decoded(clip, binary).mean(axis=(1, 2, 3)) == pytest.approx([grey_of(n, 9) for n in range(8)], abs=2)
    assert not is_reel(clip, source, Finish(seamless=True), SHAPES["original"])


async def test_a_reel_that_cannot_be_read_is_said_plainly(tmp_path: Path, binary: Ffmpeg) -> None:
    broken = tmp_path / "extended.mp4"
    broken.write_bytes(b"no clip")
    source = spooled(tmp_path / "frames.rgb", steps(96, 64, 8))
    with pytest.raises(ClipError, match="cannot be read") as caught:
        await joined(broken, source, tmp_path, binary)
    assert caught.value.code == "bad_clip"
    whole = (await clip_of(source, binary)).path
    with pytest.raises(ClipError) as caught:
        await joined(whole, msgspec.structs.replace(source, num_frames=9), tmp_path, binary)
    assert caught.value.code == "bad_frames"
