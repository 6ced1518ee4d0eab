"""A clip that was refused for its size is made again, from what was kept of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.engine.clip_sources import HARD, RECIPE, Frame, clip_of, decoded, has_constant_rate, spooled, steps

from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.errors import ClipError
from unstill_engine.clip.fit import Clip
from unstill_engine.clip.marks import Marks
from unstill_engine.clip.probe import probe
from unstill_engine.clip.shrink import remake_clip
from unstill_queue.contract.jobs import Finish
from unstill_queue.contract.recipe import read_recipe

WIDTH, HEIGHT = 192, 128


async def remade(original: Path, limit: int, binary: Ffmpeg) -> Clip:
    target = original.with_name("remade.mp4")
    return await remake_clip(original, limit=limit, marks=Marks(RECIPE), target=target, ffmpeg=binary, deadline=120.0)


def noise_ratio(clip: Clip, frames: Frame, binary: Ffmpeg) -> float:
    """PSNR in dB."""
    error = np.mean((decoded(clip, binary).astype(float) - frames) ** 2)
    return float(10 * np.log10(255**2 / error))


@pytest.mark.parametrize(("kind", "num_frames"), [("motion", 24), ("grain", 24), ("grain", 120), ("cuts", 120)])
async def test_a_squeezed_clip_is_made_smaller_from_its_original(
    tmp_path: Path, binary: Ffmpeg, kind: str, num_frames: int
) -> None:
    # Given a clip that had to give up quality for its limit
    source = spooled(tmp_path / "spool", HARD[kind](WIDTH, HEIGHT, num_frames), fps=24)
    frames = np.fromfile(source.path, np.uint8).reshape(num_frames, HEIGHT, WIDTH, 3).astype(float)
    free = await clip_of(source, binary, target=tmp_path / "free.mp4")
    squeezed = await clip_of(source, binary, limit=free.size // 3, original=tmp_path / "original.mp4")
    assert squeezed.original is not None
    # When it is made once more, under half the limit, from its original, and from the frames
    limit = free.size // 6
    again = await remade(squeezed.original, limit, binary)
    direct = await clip_of(source, binary, limit=limit, target=tmp_path / "direct.mp4")
    # Then it fits, uses its room, and looks as if it had been rendered again
    assert 0.85 * limit <= again.size <= limit
    assert noise_ratio(again, frames, binary) >= noise_ratio(direct, frames, binary) - 0.75
    # and it is the same clip with the same recipe
    movie = probe(again.path)
    assert (movie.frames, movie.fps, has_constant_rate(again.path), movie.faststart) == (num_frames, 24.0, True, True)
    assert read_recipe(again.path) == RECIPE


async def test_a_clip_at_full_quality_is_its_own_original(tmp_path: Path, binary: Ffmpeg) -> None:
    source = spooled(tmp_path / "spool", HARD["motion"](WIDTH, HEIGHT, 24))
    clip = await clip_of(source, binary, original=tmp_path / "original.mp4")
    assert clip.original is None and not (tmp_path / "original.mp4").exists()
    again = await remade(clip.path, clip.size // 2, binary)
    assert again.size <= clip.size // 2


async def test_an_original_of_many_limits_is_not_kept(tmp_path: Path, binary: Ffmpeg) -> None:
    source = spooled(tmp_path / "spool", HARD["grain"](WIDTH, HEIGHT, 24))
    free = await clip_of(source, binary, target=tmp_path / "free.mp4")
    clip = await clip_of(source, binary, limit=free.size // 5, original=tmp_path / "original.mp4")
    assert clip.original is None and not (tmp_path / "original.mp4").exists()


async def test_what_the_finish_did_is_not_done_twice(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given a clip with all that a finish can do
    finish = Finish(output_fps=12, fade=True, loop=True, audio=True)
    source = spooled(tmp_path / "spool", steps(96, 64, 13), fps=6)
    clip = await clip_of(source, binary, finish=finish)
    before = probe(clip.path)
    # When it is made again
    again = await remade(clip.path, clip.size, binary)
    # Then its frames, its length and its sound are those that it had
    after = probe(again.path)
    assert (after.frames, after.width, after.height) == (before.frames, before.width, before.height)
    assert after.duration == pytest.approx(before.duration, abs=0.01)
    assert after.has_audio and before.has_audio
    difference = np.abs(decoded(again, binary).astype(int) - decoded(clip, binary).astype(int))
    assert difference.mean() < 2


async def test_a_smaller_picture_where_the_limit_asks_for_one(tmp_path: Path, binary: Ffmpeg) -> None:
    source = spooled(tmp_path / "spool", HARD["motion"](512, 384, 24), fps=24)
    clip = await clip_of(source, binary)
    again = await remade(clip.path, 20_000, binary)
    assert again.size <= 20_000 and again.width < clip.width
    assert again.notes == (f"smaller:{again.width}x{again.height}",)


async def test_what_is_too_large_even_at_the_worst_quality_gets_a_smaller_picture(
    tmp_path: Path, binary: Ffmpeg
) -> None:
    # Given fast motion, which at CRF 51 takes 50,000 bytes at this size
    source = spooled(tmp_path / "spool", HARD["motion"](512, 384, 24), fps=24)
    # When it must fit into less
    clip = await clip_of(source, binary, limit=40_000)
    # Then it is shown smaller, where it once was refused
    assert clip.size <= 40_000 and clip.width == 256


@pytest.mark.parametrize("factor", [1.5, 3, 6, 12, 24])
async def test_few_frames_of_a_small_picture_are_made_small_or_plainly_refused(
    tmp_path: Path, binary: Ffmpeg, factor: float
) -> None:
    clip = await clip_of(spooled(tmp_path / "spool", HARD["grain"](64, 64, 8)), binary)
    limit = int(clip.size / factor)
    try:
        again = await remade(clip.path, limit, binary)
    except ClipError as error:
        assert error.code == "too_big" and factor > 3
    else:
        assert again.size <= limit


async def test_an_original_that_is_no_clip_is_a_plain_failure(tmp_path: Path, binary: Ffmpeg) -> None:
    (tmp_path / "original.mp4").write_bytes(b"ffconcat version 1.0\nfile /etc/passwd\n" * 20)
    with pytest.raises(ClipError) as caught:
        await remade(tmp_path / "original.mp4", 100_000, binary)
    assert caught.value.code == "bad_clip"
