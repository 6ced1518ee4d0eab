"""An ffmpeg that is killed from outside is started again on the same frames; nothing is rendered twice."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import numpy as np
import pytest
from structlog.testing import capture_logs
from tests.engine.clip_sounds import heard, likeness, with_sound
from tests.engine.clip_sources import RECIPE, clip_of, decoded, grain, spooled, steps
from tests.engine.renderers_for_tests import warbling
from tests.engine.slow_ffmpeg import SlowFfmpeg

from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.encode import KILLED_AGAIN
from unstill_engine.clip.errors import ClipError, EncoderKilled
from unstill_engine.clip.marks import Marks
from unstill_engine.clip.shrink import remake_clip
from unstill_queue.contract.jobs import Finish


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
@pytest.mark.parametrize("finish", [Finish(), Finish(loop=True)], ids=["file", "pipe"])
async def test_a_killed_encode_is_begun_again(
    tmp_path: Path, binary: Ffmpeg, finish: Finish, number: signal.Signals
) -> None:
    # Given the clip as it is when nobody is killed
    source = spooled(tmp_path / "spool", steps(64, 64, 8))
    whole = await clip_of(source, binary, finish=finish, target=tmp_path / "whole.mp4")
    # When the first ffmpeg is ended in the middle
    slow = SlowFfmpeg(tmp_path, binary.path)
    making = asyncio.create_task(clip_of(source, slow.of(binary), finish=finish))
    with capture_logs() as logs:
        await asyncio.to_thread(slow.kill_one, os.getpid(), number)
        slow.open()
        clip = await making
    # Then the clip is the same, and the operator hears of it
    assert np.array_equal(decoded(clip, binary), decoded(whole, binary))
    assert [entry["event"] for entry in logs] == ["ffmpeg was killed and is started again"]


async def test_so_is_the_search_for_what_fits(tmp_path: Path, binary: Ffmpeg) -> None:
    """Each of the encodes that a squeezed clip takes, and the sample's too."""
    source = spooled(tmp_path / "spool", grain(96, 64, 16))
    free = await clip_of(source, binary, target=tmp_path / "free.mp4")
    slow = SlowFfmpeg(tmp_path, binary.path)
    killed = 0

    async def kill_some() -> None:
        nonlocal killed
        while killed < KILLED_AGAIN:
            await asyncio.to_thread(slow.kill_one, os.getpid())
            killed += 1
        slow.open()

    killing = asyncio.create_task(kill_some())
    clip = await clip_of(source, slow.of(binary), limit=free.size // 2)
    await killing
    assert clip.size <= free.size // 2 and killed == KILLED_AGAIN


async def test_so_is_a_clip_that_is_made_smaller(tmp_path: Path, binary: Ffmpeg) -> None:
    source = spooled(tmp_path / "spool", grain(96, 64, 16))
    original = await clip_of(source, binary, target=tmp_path / "first.mp4")
    slow = SlowFfmpeg(tmp_path, binary.path)
    limit = original.size // 2
    making = asyncio.create_task(
        remake_clip(
            original.path, limit=limit, marks=Marks(RECIPE), target=tmp_path / "second.mp4", ffmpeg=slow.of(binary),
            deadline=300.0,
        )
    )  # fmt: skip
    await asyncio.to_thread(slow.kill_one, os.getpid())
    slow.open()
    assert (await making).size <= limit


async def test_one_that_is_killed_again_and_again_is_given_up(tmp_path: Path, binary: Ffmpeg) -> None:
    slow = SlowFfmpeg(tmp_path, binary.path)
    making = asyncio.create_task(clip_of(spooled(tmp_path / "spool", steps(64, 64, 8)), slow.of(binary)))
    pids = {await asyncio.to_thread(slow.kill_one, os.getpid()) for _ in range(KILLED_AGAIN + 1)}
    with pytest.raises(EncoderKilled) as caught:
        await making
    assert len(pids) == KILLED_AGAIN + 1
    assert caught.value.code == "encode_failed"
    assert not (tmp_path / "clip.mp4").exists()


async def test_one_that_fails_by_itself_is_not_begun_again(tmp_path: Path, binary: Ffmpeg) -> None:
    calls = tmp_path / "calls"
    fails = tmp_path / "ffmpeg"
    fails.write_text(f'#!/bin/sh\necho called >> {calls}\nexec {binary.path} -nonsense "$@"\n')
    fails.chmod(0o700)
    with pytest.raises(ClipError) as caught:
        await clip_of(
            spooled(tmp_path / "spool", steps(64, 64, 8)), Ffmpeg(str(fails), binary.version, binary.encoders)
        )
    assert not isinstance(caught.value, EncoderKilled)
    assert calls.read_text().count("called") == 1


async def test_so_is_the_encode_of_a_sound(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given frames with their sound
    sound = warbling(2)
    source = with_sound(spooled(tmp_path / "spool", steps(64, 64, 16)), sound)
    slow = SlowFfmpeg(tmp_path, binary.path)
    making = asyncio.create_task(clip_of(source, slow.of(binary), finish=Finish(audio=True)))
    # When the first ffmpeg, which encodes the sound, is killed
    await asyncio.to_thread(slow.kill_one, os.getpid())
    slow.open()
    # Then the clip has all of it
    assert likeness(heard((await making).path, binary), sound) > 0.99
