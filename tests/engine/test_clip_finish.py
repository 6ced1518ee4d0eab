"""Finishes, measured on the frames that a player shows."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
import pytest
from tests.engine.clip_sources import SHAPES, clip_of, decoded, grey_of, has_constant_rate, spooled, steps, texture

from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.finish import lay_out
from unstill_engine.clip.probe import probe
from unstill_engine.clip.spool import Source
from unstill_queue.contract.jobs import Finish

BLACK = 4


def shown_number(frame: np.ndarray, num_frames: int) -> int:
    """Which frame of `steps` this is, by its brightness."""
    grey = float(frame.mean())
    return min(range(num_frames), key=lambda number: abs(grey_of(number, num_frames) - grey))


@pytest.mark.parametrize(
    ("shape", "size", "expected", "inner"),
    [
        ("original", (320, 192), (320, 192), (320, 192)),
        ("original", (255, 129), (254, 128), (254, 128)),
        ("reels", (320, 192), (1080, 1920), (1080, 648)),
        ("reels", (128, 512), (1080, 1920), (480, 1920)),
        ("square", (320, 192), (1080, 1080), (1080, 648)),
        ("landscape", (192, 320), (1920, 1080), (648, 1080)),
    ],
)
async def test_picture_keeps_its_aspect_in_every_shape(
    tmp_path: Path, binary: Ffmpeg, shape: str, size: tuple[int, int], expected: tuple[int, int], inner: tuple[int, int]
) -> None:
    # Given frames of one bright grey
    source = spooled(tmp_path / "spool", [np.full((size[1], size[0], 3), 200, np.uint8)] * 3)
    # When they are finished in that shape
    clip = await clip_of(source, binary, finish=Finish(shape=shape, fill="pad"))
    # Then the clip has the shape's size, and the picture stands in its middle between black bars
    assert (clip.width, clip.height) == expected
    frame = decoded(clip, binary)[1].mean(axis=2)
    columns, rows = np.flatnonzero(frame.max(axis=0) > 100), np.flatnonzero(frame.max(axis=1) > 100)
    assert (len(columns), len(rows)) == inner
    assert abs(columns[0] - (expected[0] - 1 - columns[-1])) <= 2
    assert abs(rows[0] - (expected[1] - 1 - rows[-1])) <= 2
    bars = np.concatenate([frame[: rows[0]].ravel(), frame[:, : columns[0]].ravel()])
    assert not bars.size or bars.max() <= BLACK


@pytest.mark.parametrize(("shape", "size"), [("reels", (320, 192)), ("square", (96, 200)), ("landscape", (200, 200))])
async def test_a_crop_fills_the_shape_with_the_middle(
    tmp_path: Path, binary: Ffmpeg, shape: str, size: tuple[int, int]
) -> None:
    # Given frames that are dark outside the middle which has the shape, and bright in it
    width, height = SHAPES[shape].width or 0, SHAPES[shape].height or 0
    cover = max(width / size[0], height / size[1])
    across, down = round(width / cover), round(height / cover)
    frame = np.full((size[1], size[0], 3), 20, np.uint8)
    left, top = (size[0] - across) // 2, (size[1] - down) // 2
    frame[top : top + down, left : left + across] = 200
    source = spooled(tmp_path / "spool", [frame] * 3)
    # When they are cropped to the shape
    clip = await clip_of(source, binary, finish=Finish(shape=shape, fill="crop"))
    # Then all of the clip is that middle
    shown = decoded(clip, binary)[1]
    assert shown.shape == (height, width, 3)
    assert np.abs(shown.astype(int) - 200).max() <= 4


async def test_a_blurred_backing_stands_around_the_whole_picture(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given a picture of fine detail, which is 3:2
    picture = texture(360, 240, 4)
    source = spooled(tmp_path / "spool", [picture] * 3)
    # When it fills 9:16 by a backing
    shown = {}
    for fill in ("blur", "pad"):
        clip = await clip_of(source, binary, finish=Finish(shape="reels", fill=fill))
        shown[fill] = decoded(clip, binary)[1].astype(float)
    # Then the picture stands in its middle as it does between bars
    inner = slice(600, 1320)
    assert np.abs(shown["blur"][inner] - shown["pad"][inner]).mean() <= 2
    # and around it is the picture's own light, darker, without its detail, from edge to edge
    for backing in (shown["blur"][:590], shown["blur"][1330:]):
        assert 0.5 * picture.mean() <= backing.mean() <= 0.8 * picture.mean()
        assert np.abs(np.diff(backing, axis=1)).mean() <= 0.1 * np.abs(np.diff(shown["blur"][inner], axis=1)).mean()
        assert backing.mean(axis=2).min() > 3 * BLACK


async def test_a_shape_that_is_filled_but_for_a_model_s_grid_has_no_backing(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given frames of 4:7, as near to 9:16 as multiples of 64 come
    source = spooled(tmp_path / "spool", [np.full((448, 256, 3), 200, np.uint8)] * 3)
    clip = await clip_of(source, binary, finish=Finish(shape="reels"))
    assert np.abs(decoded(clip, binary)[1].astype(int) - 200).max() <= 3


async def test_file_is_what_every_client_plays(tmp_path: Path, binary: Ffmpeg) -> None:
    source = spooled(tmp_path / "spool", steps(128, 96, 16))
    clip = await clip_of(source, binary)
    movie = probe(clip.path)
    assert (movie.codec, movie.profile) == ("avc1", 100)
    assert movie.faststart
    assert has_constant_rate(clip.path)
    assert (movie.frames, movie.fps, movie.duration) == (16, 8.0, 2.0)
    assert not movie.has_audio
    said = subprocess.run(
        [binary.path, "-hide_banner", "-i", tmp_path / "clip.mp4"], capture_output=True, text=True
    ).stderr
    assert "yuv420p(tv, bt709" in said


async def test_colours_come_back(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given flat patches of strong colours, which a wrong matrix or range would shift by 10 and more
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0], [16, 16, 16], [255, 255, 255]], np.uint8)
    frame = np.repeat(np.repeat(colours[None], 64, axis=0), 64, axis=1)
    # When they have been through the clip
    clip = await clip_of(spooled(tmp_path / "spool", [frame] * 8), binary)
    # Then they are the same to within what 8 bits of YUV can hold
    shown = decoded(clip, binary)[4][32, 32::64].astype(int)
    assert np.abs(shown - colours).max() <= 4


@pytest.mark.parametrize(("fps", "output_fps"), [(8, 30), (24, 30), (60, 10), (7.5, 30), (12, 12)])
async def test_rate_changes_and_the_length_stays(tmp_path: Path, binary: Ffmpeg, fps: float, output_fps: int) -> None:
    # Given two seconds of frames
    num_frames = round(2 * fps)
    source = spooled(tmp_path / "spool", steps(64, 64, num_frames), fps=fps)
    # When another rate is asked for
    clip = await clip_of(source, binary, finish=Finish(output_fps=output_fps))
    # Then there are that many a second, as long as before, in order, from first to last
    movie = probe(clip.path)
    assert movie.fps == pytest.approx(output_fps)
    assert has_constant_rate(clip.path)
    assert movie.duration == pytest.approx(2.0, abs=1 / output_fps)
    numbers = [shown_number(frame, num_frames) for frame in decoded(clip, binary)]
    assert numbers == sorted(numbers)
    assert numbers[0] <= fps / output_fps / 2
    assert numbers[-1] >= num_frames - 1 - fps / output_fps


@pytest.mark.parametrize("num_frames", [1, 2, 3, 16, 40])
async def test_loop_goes_back_without_repeating_the_ends(tmp_path: Path, binary: Ffmpeg, num_frames: int) -> None:
    source = spooled(tmp_path / "spool", steps(64, 48, num_frames))
    clip = await clip_of(source, binary, finish=Finish(loop=True))
    numbers = [shown_number(frame, num_frames) for frame in decoded(clip, binary)]
    assert numbers == [*range(num_frames), *range(num_frames - 2, 0, -1)]


@pytest.mark.parametrize(("num_frames", "fps"), [(48, 24), (16, 8), (8, 8), (3, 8)])
async def test_fade_goes_to_black_and_the_first_frame_is_whole(
    tmp_path: Path, binary: Ffmpeg, num_frames: int, fps: float
) -> None:
    # Given frames of one grey
    source = spooled(tmp_path / "spool", [np.full((64, 64, 3), 200, np.uint8)] * num_frames, fps=fps)
    # When the clip fades
    clip = await clip_of(source, binary, finish=Finish(fade=True))
    # Then the first frame, which posters and thumbnails are cut from, is whole, and the end falls to black
    levels = decoded(clip, binary).mean(axis=(1, 2, 3))
    assert len(levels) == num_frames
    assert levels[-1] <= BLACK
    fade_frames = max(1, min(round(fps / 2), num_frames // 4))
    assert np.all(np.diff(levels[-fade_frames - 1 :]) < 0)
    assert np.abs(levels[: num_frames - fade_frames] - 200).max() <= 3


async def test_sound_is_silent_and_as_long_as_the_picture(tmp_path: Path, binary: Ffmpeg) -> None:
    source = spooled(tmp_path / "spool", steps(64, 64, 16))
    clip = await clip_of(source, binary, finish=Finish(audio=True))
    movie = probe(clip.path)
    assert movie.has_audio
    assert (movie.frames, movie.duration) == (16, 2.0)
    line = [binary.path, "-v", "error", "-i", str(clip.path), "-map", "0:a", "-f", "s16le", "pipe:1"]
    sound = np.frombuffer(subprocess.run(line, capture_output=True, check=True).stdout, np.int16)
    assert np.abs(sound.astype(int)).max() <= 1
    assert len(sound) / 2 / 44100 == pytest.approx(2.0, abs=0.05)


async def test_all_finishes_work_together(tmp_path: Path, binary: Ffmpeg) -> None:
    source = spooled(tmp_path / "spool", (texture(131, 97, number) for number in range(8)))
    finish = Finish(shape="square", output_fps=30, fade=True, loop=True, audio=True)
    clip = await clip_of(source, binary, finish=finish)
    movie = probe(clip.path)
    assert (movie.width, movie.height, movie.has_audio) == (1080, 1080, True)
    assert movie.fps == pytest.approx(30)
    assert movie.duration == pytest.approx(14 / 8, abs=1 / 30)


@pytest.mark.parametrize("scale", [1.0, 0.75, 0.5625, 0.1])
@pytest.mark.parametrize("shape", list(SHAPES))
@pytest.mark.parametrize("fill", ["", "pad", "crop", "blur"])
@pytest.mark.parametrize("size", [(16, 16), (17, 1023), (512, 512), (1921, 33)])
def test_every_layout_is_even_and_inside_its_frame(scale: float, shape: str, fill: str, size: tuple[int, int]) -> None:
    layout = lay_out(Source(Path(), *size, num_frames=5, fps=8), Finish(shape=shape, fill=fill), SHAPES[shape], scale)
    sides = (layout.width, layout.height, layout.inner_width, layout.inner_height, layout.left, layout.top)
    assert all(side % 2 == 0 for side in sides)
    assert 2 <= layout.inner_width <= layout.width - layout.left
    assert 2 <= layout.inner_height <= layout.height - layout.top
    assert 1 <= layout.cut_width <= size[0]
    assert 1 <= layout.cut_height <= size[1]
