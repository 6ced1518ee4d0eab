"""Never over the limit; where it binds, nearly all of it is used; at most three encodes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.engine.clip_sources import HARD, changing, clip_of, grain, motion, spooled, steps

from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.errors import ClipError
from unstill_engine.clip.fit import Clip
from unstill_engine.clip.probe import probe
from unstill_engine.clip.sample import Curve
from unstill_queue.contract.jobs import Failed, Finish


def assert_full(clip: Clip, limit: int) -> None:
    assert clip.size == clip.path.stat().st_size
    assert 0.92 * limit <= clip.size <= limit
    assert clip.encodes <= 3


@pytest.mark.parametrize("num_frames", [8, 16, 96, 97, 160])
@pytest.mark.parametrize("kind", list(HARD))
async def test_hard_clips_fill_their_limit(tmp_path: Path, binary: Ffmpeg, kind: str, num_frames: int) -> None:
    # Given a hard clip and a limit of 0.35 bits a pixel, a fifth of what it takes at CRF 18 or less
    source = spooled(tmp_path / "spool", HARD[kind](256, 144, num_frames), fps=24)
    limit = 3000 + round(256 * 144 * num_frames * 0.35 / 8)
    # When it is fitted, Then it is full and not over
    clip = await clip_of(source, binary, limit=limit)
    if clip.encodes == 1:
        assert clip.size <= limit
    else:
        assert_full(clip, limit)


@pytest.mark.parametrize("factor", [0.9, 0.4, 0.1, 0.03])
async def test_limits_near_and_far_below(tmp_path: Path, binary: Ffmpeg, factor: float) -> None:
    # Given what a clip takes where nothing limits it
    source = spooled(tmp_path / "spool", motion(320, 192, 120), fps=24)
    free = await clip_of(source, binary)
    assert (free.encodes, free.notes) == (1, ())
    # When the limit is a share of that, Then it is full
    limit = round(free.size * factor)
    assert_full(await clip_of(source, binary, limit=limit), limit)


async def test_long_clip_whose_parts_differ(tmp_path: Path, binary: Ffmpeg) -> None:
    source = spooled(tmp_path / "spool", changing(128, 128, 1500), fps=24)
    assert_full(await clip_of(source, binary, limit=262_144), 262_144)


async def test_picture_shrinks_before_it_blurs(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given a limit that leaves 0.02 bits to a pixel
    source = spooled(tmp_path / "spool", motion(512, 288, 160), fps=24)
    limit = round(512 * 288 * 160 * 0.02 / 8)
    # When it is fitted
    clip = await clip_of(source, binary, limit=limit)
    # Then it is smaller in its own shape, says so, and is full
    assert clip.width < 512
    assert clip.width / clip.height == pytest.approx(512 / 288, rel=0.02)
    assert clip.notes == (f"smaller:{clip.width}x{clip.height}",)
    assert_full(clip, limit)


async def test_all_finishes_are_fitted(tmp_path: Path, binary: Ffmpeg) -> None:
    source = spooled(tmp_path / "spool", grain(128, 96, 24))
    finish = Finish(output_fps=30, fade=True, loop=True, audio=True)
    clip = await clip_of(source, binary, finish=finish, limit=100_000)
    assert_full(clip, 100_000)
    assert probe(clip.path).has_audio


async def test_limit_that_nothing_fits_in(tmp_path: Path, binary: Ffmpeg) -> None:
    source = spooled(tmp_path / "spool", grain(128, 128, 16))
    for limit in (0, 1000, 2500):
        with pytest.raises(ClipError, match="does not fit") as caught:
            await clip_of(source, binary, limit=limit)
        assert caught.value.failed == Failed("too_big", details={"megabytes": f"{limit / 1e6:g}"})
    assert [path.name for path in tmp_path.iterdir()] == ["spool"]


async def test_easy_clip_is_encoded_once(tmp_path: Path, binary: Ffmpeg) -> None:
    clip = await clip_of(spooled(tmp_path / "spool", steps(512, 512, 16)), binary, limit=262_144)
    assert (clip.encodes, clip.notes) == (1, ())


def test_curve_goes_through_its_samples_and_back() -> None:
    curve = Curve.through((18, 22, 26, 30, 35, 41), (9000, 4000, 2500, 2500, 900, 300))
    for crf in (10.0, 18.0, 20.5, 22.0, 27.0, 40.9, 50.0):
        assert curve.solve(curve.at(crf)) == pytest.approx(crf, abs=1e-6)
    levels = [curve.at(step / 10) for step in range(0, 510)]
    assert levels == sorted(levels, reverse=True)


def test_tilted_curve_meets_both_measurements() -> None:
    curve = Curve.through((18, 26, 35), (9000, 2500, 900))
    tilted = curve.tilted((18, 0.0), (26, 0.3))
    assert tilted.at(18) == pytest.approx(curve.at(18))
    assert tilted.at(26) == pytest.approx(curve.at(26) + 0.3)
