"""A model's sound in its clip: as long as the picture, in its place, as loud; and the fit's law holds with it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engine.clip_sounds import heard, level, likeness, with_sound
from tests.engine.clip_sources import HARD, RECIPE, clip_of, motion, spooled, steps
from tests.engine.renderers_for_tests import RATE, Samples, warbling

from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.errors import ClipError
from unstill_engine.clip.fit import Clip
from unstill_engine.clip.marks import Marks
from unstill_engine.clip.probe import probe
from unstill_engine.clip.shrink import remake_clip
from unstill_engine.clip.sound import SHARE, STEPS, bytes_of, step_within
from unstill_queue.contract.jobs import Finish

FRAME = 1024
"""Samples of an AAC frame, which a sound may be longer than its picture."""


def assert_heard(clip: Clip, binary: Ffmpeg, wanted: Samples, *, rate: int = RATE, alike: float = 0.99) -> None:
    sound = heard(clip.path, binary, rate=rate, channels=wanted.shape[1])
    assert abs(len(sound) - len(wanted)) <= FRAME
    # sample by sample: a sound that came a millisecond late would be like another one
    assert likeness(sound, wanted) >= alike
    assert level(sound) == pytest.approx(level(wanted), abs=0.5)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate", [16_000, 44_100, 48_000])
async def test_it_is_heard_as_the_model_made_it(tmp_path: Path, binary: Ffmpeg, rate: int, channels: int) -> None:
    # Given two seconds of frames and their sound
    wanted = warbling(2, rate=rate, channels=channels)
    source = with_sound(spooled(tmp_path / "spool", steps(64, 48, 48), fps=24), wanted, rate=rate)
    # When a clip is made that is to be heard
    clip = await clip_of(source, binary, finish=Finish(audio=True))
    # Then it is the same, from its first sample to its last
    assert (clip.encodes, clip.duration) == (1, 2.0)
    assert_heard(clip, binary, wanted, rate=rate)


async def test_a_rate_that_players_do_not_know_becomes_one_that_they_do(tmp_path: Path, binary: Ffmpeg) -> None:
    wanted = warbling(2, rate=96_000)
    source = with_sound(spooled(tmp_path / "spool", steps(64, 48, 48), fps=24), wanted, rate=96_000)
    clip = await clip_of(source, binary, finish=Finish(audio=True))
    assert_heard(clip, binary, wanted, rate=96_000)
    assert b"\xbb\x80" in clip.path.read_bytes()[:4000]  # 48,000 in the box that describes the sound


async def test_nobody_hears_it_who_does_not_want_it(tmp_path: Path, binary: Ffmpeg) -> None:
    source = with_sound(spooled(tmp_path / "spool", steps(64, 48, 16)), warbling(2))
    assert not probe((await clip_of(source, binary)).path).has_audio


@pytest.mark.parametrize("seconds", [0.01, 1.2, 2.3])
async def test_one_of_another_length_is_cut_or_goes_on_in_silence(
    tmp_path: Path, binary: Ffmpeg, seconds: float
) -> None:
    # Given a sound that is shorter, or longer, than the picture's two seconds
    made = warbling(seconds)
    source = with_sound(spooled(tmp_path / "spool", steps(64, 48, 16)), made)
    # When it becomes a clip, Then the picture's length holds
    clip = await clip_of(source, binary, finish=Finish(audio=True))
    assert clip.duration == 2.0
    wanted = np.zeros((2 * RATE, 1), np.float32)
    wanted[: len(made)] = made[: 2 * RATE]
    assert_heard(clip, binary, wanted, alike=0.99 if seconds > 0.5 else 0.9)


@pytest.mark.parametrize(("num_frames", "fps"), [(48, 24), (16, 8), (3, 8), (2, 8), (1, 8)])
async def test_a_loop_plays_it_back_and_turns_without_a_click(
    tmp_path: Path, binary: Ffmpeg, num_frames: int, fps: int
) -> None:
    # Given frames with their sound
    sound = warbling(num_frames / fps)
    source = with_sound(spooled(tmp_path / "spool", steps(64, 48, num_frames), fps=fps), sound)
    # When the clip runs there and back
    clip = await clip_of(source, binary, finish=Finish(audio=True, loop=True))
    # Then the sound does, turning where the last frame begins; fewer than three frames are no way back
    there = sound[: round((num_frames - 1) / fps * RATE)]
    wanted = np.concatenate([there, there[::-1]]) if num_frames > 2 else sound
    assert_heard(clip, binary, wanted, alike=0.98)


async def test_it_fades_with_the_picture(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given a steady tone
    tone = (0.5 * np.sin(2 * np.pi * 440 / RATE * np.arange(2 * RATE)))[:, None].astype(np.float32)
    source = with_sound(spooled(tmp_path / "spool", steps(64, 48, 48), fps=24), tone)
    # When the clip fades in its last half second
    clip = await clip_of(source, binary, finish=Finish(audio=True, fade=True))
    # Then the tone is whole until there, at half in the middle of it, and silent in the last frame, which is black
    sound = heard(clip.path, binary)
    levels = [float(np.abs(sound[round(at * RATE) : round((at + 0.02) * RATE)]).max()) for at in (1.4, 1.69, 1.97)]
    assert levels == pytest.approx([0.5, 0.25, 0.0], abs=0.03)


@pytest.mark.parametrize("output_fps", [10, 30, 60])
async def test_another_frame_rate_does_not_change_it(tmp_path: Path, binary: Ffmpeg, output_fps: int) -> None:
    wanted = warbling(2)
    source = with_sound(spooled(tmp_path / "spool", steps(64, 48, 48), fps=24), wanted)
    assert_heard(await clip_of(source, binary, finish=Finish(audio=True, output_fps=output_fps)), binary, wanted)


async def test_a_file_of_sound_that_went_away_is_a_plain_failure(tmp_path: Path, binary: Ffmpeg) -> None:
    source = with_sound(spooled(tmp_path / "spool", steps(64, 48, 8)), warbling(1))
    assert source.sound is not None
    source.sound.unlink()
    with pytest.raises(ClipError) as caught:
        await clip_of(source, binary, finish=Finish(audio=True))
    assert caught.value.code == "bad_frames"


# -- the fit


@given(
    room=st.floats(1_000, 1e7),
    seconds=st.floats(0.1, 60),
    whole=st.floats(0, 1e8),
    least=st.floats(0, 1e7),
    more=st.floats(1, 4),
)
def test_law_of_the_step(room: float, seconds: float, whole: float, least: float, more: float) -> None:
    step = step_within(room, seconds, whole, least)
    taken = bytes_of(step, seconds)
    # a step above the last one leaves the picture whole, or takes no more than its share and nothing that it needs
    if step > STEPS[-1]:
        assert taken + whole <= room * (1 + 1e-9) or (taken <= SHARE * room and taken + least <= room * (1 + 1e-9))
    # no better one would have done so
    for better in (better for better in STEPS if better > step):
        wished = bytes_of(better, seconds)
        assert wished + whole > room * (1 - 1e-9) and (wished > SHARE * room or wished + least > room * (1 - 1e-9))
    # and more room never makes a sound worse
    assert step_within(room * more, seconds, whole, least) >= step


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(sorted(HARD)),
    num_frames=st.integers(6, 120),
    factor=st.floats(0.02, 1.2),
    loop=st.booleans(),
)
def test_law_of_the_fit(tmp_path: Path, binary: Ffmpeg, kind: str, num_frames: int, factor: float, loop: bool) -> None:
    # Given a hard clip with a sound, and a limit that is a share of what it takes
    finish = Finish(audio=True, loop=loop)
    source = spooled(tmp_path / "spool", HARD[kind](192, 128, num_frames), fps=24)
    source = with_sound(source, warbling(num_frames / 24))
    free = asyncio.run(clip_of(source, binary, finish=finish, target=tmp_path / "free.mp4"))
    limit = round(free.size * factor)
    # When it is fitted
    try:
        clip = asyncio.run(clip_of(source, binary, finish=finish, limit=limit, original=tmp_path / "original.mp4"))
    except ClipError as error:
        # Then it is plainly refused where its sound, its index and a frame's least are all that there is room for
        assert error.code == "too_big"
        assert limit < 8_000 + 60 * num_frames + bytes_of(STEPS[-1], free.duration)
        return
    # Then it is never over, it is heard from end to end, and it is full where the limit binds
    assert clip.size == clip.path.stat().st_size <= limit
    sound = heard(clip.path, binary)
    assert abs(len(sound) - clip.duration * RATE) <= FRAME
    if clip.encodes > 1 and clip.width == 192:
        assert clip.size >= 0.9 * limit
    # and the picture is made smaller only where the sound has given up all that it can
    if clip.notes:
        assert sound_bytes(clip.path) <= bytes_of(STEPS[-1], clip.duration)


def sound_bytes(path: Path) -> int:
    return probe(path).audio_bytes


async def test_where_the_limit_binds_it_gives_up_bits_before_the_picture_gives_up_pixels(
    tmp_path: Path, binary: Ffmpeg
) -> None:
    # Given a clip of five seconds, whose sound takes 80,000 bytes at its best
    wanted = warbling(5)
    source = with_sound(spooled(tmp_path / "spool", motion(192, 128, 120), fps=24), wanted)
    whole = await clip_of(source, binary, finish=Finish(audio=True), target=tmp_path / "whole.mp4")
    assert 60_000 <= sound_bytes(whole.path) <= 90_000
    # When the limit falls
    taken = []
    for limit in (400_000, 150_000, 60_000):
        clip = await clip_of(source, binary, finish=Finish(audio=True), limit=limit)
        assert clip.size <= limit and (clip.width, clip.height) == (192, 128)
        assert_heard(clip, binary, wanted, alike=0.9)
        taken.append(sound_bytes(clip.path))
    # Then the sound falls with it, at the same size of the picture
    assert taken == sorted(taken, reverse=True)
    assert taken[-1] < 0.45 * sound_bytes(whole.path)


async def test_the_picture_gets_smaller_by_what_the_sound_leaves_it(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given a limit that is enough for the picture, but not for the picture and the least of its sound
    source = with_sound(spooled(tmp_path / "spool", motion(192, 128, 120), fps=24), warbling(5))
    limit = 33_000
    # When it is fitted, Then it is one step smaller, and full
    clip = await clip_of(source, binary, finish=Finish(audio=True), limit=limit)
    assert clip.notes == (f"smaller:{clip.width}x{clip.height}",) and (clip.width, clip.height) == (144, 96)
    assert 0.9 * limit <= clip.size <= limit


async def test_a_picture_that_asks_for_little_leaves_the_sound_its_bits(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given a picture that takes next to nothing, and a sound that is nearly all of the clip
    wanted = warbling(5)
    source = with_sound(spooled(tmp_path / "spool", steps(64, 48, 40)), wanted)
    whole = await clip_of(source, binary, finish=Finish(audio=True), target=tmp_path / "whole.mp4")
    # When the limit is a little below
    clip = await clip_of(source, binary, finish=Finish(audio=True), limit=whole.size - 2_000)
    # Then the sound has more than its tenth, as the picture is as good as it can be
    assert sound_bytes(clip.path) > 0.5 * clip.size


@pytest.mark.parametrize("factor", [0.95, 0.5, 0.2])
async def test_a_clip_that_was_refused_keeps_its_sound(tmp_path: Path, binary: Ffmpeg, factor: float) -> None:
    # Given a clip with its sound, faded and run back
    wanted = warbling(3)
    source = with_sound(spooled(tmp_path / "spool", motion(192, 128, 72), fps=24), wanted)
    clip = await clip_of(source, binary, finish=Finish(audio=True, loop=True, fade=True, output_fps=30))
    before = heard(clip.path, binary)
    # When it is made again under a smaller limit
    limit = round(clip.size * factor)
    again = await remake_clip(
        clip.path, limit=limit, marks=Marks(RECIPE), target=tmp_path / "again.mp4", ffmpeg=binary, deadline=100.0
    )
    # Then it sounds as before, and not twice faded
    assert again.size <= limit and again.duration == pytest.approx(clip.duration, abs=0.01)
    assert_heard(again, binary, before, alike=0.9)
