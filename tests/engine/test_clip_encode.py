"""What goes wrong in an encode costs one sentence, and leaves no process and no file behind."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path

import msgspec
import pytest
from tests.engine.clip_sources import clip_of, grain, spooled, steps, texture

from unstill_engine.clip.binary import Ffmpeg, find_ffmpeg, too_old
from unstill_engine.clip.errors import ClipError
from unstill_engine.clip.spool import Source
from unstill_queue.contract.jobs import Failed, Finish

LONG = 400


def children() -> list[str]:
    """Command lines of the processes that this one has started and that live."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if entry.name.isdigit() and f"PPid:\t{os.getpid()}\n" in (entry / "status").read_text():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


def encoders_alive() -> list[str]:
    return [line for line in children() if "rawvideo" in line]


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


async def in_the_middle(source: Source) -> None:
    """Until an encode is under way."""
    while not encoders_alive():
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)


@pytest.fixture
def long_source(tmp_path: Path) -> Source:
    """Some seconds of work for x264."""
    return spooled(tmp_path / "spool", grain(320, 320, LONG))


@pytest.mark.parametrize("loop", [False, True])
async def test_deadline_ends_the_encode(long_source: Source, binary: Ffmpeg, loop: bool) -> None:
    # Given a clip that takes seconds, When it has half a second
    with pytest.raises(ClipError) as caught:
        await clip_of(long_source, binary, finish=Finish(shape="reels", loop=loop), deadline=0.5)
    # Then it ends before it is done, says so, and nothing is left
    assert caught.value.code == "encode_timeout"
    assert encoders_alive() == []
    assert [path.name for path in long_source.path.parent.iterdir()] == ["spool"]


@pytest.mark.parametrize("loop", [False, True])
async def test_cancelled_task_leaves_no_process(long_source: Source, binary: Ffmpeg, loop: bool) -> None:
    # Given an encode under way
    task = asyncio.create_task(clip_of(long_source, binary, finish=Finish(shape="reels", loop=loop)))
    await in_the_middle(long_source)
    assert len(encoders_alive()) == 1
    # When its task is cancelled
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    # Then ffmpeg is gone, and so are its files
    assert encoders_alive() == []
    assert [path.name for path in long_source.path.parent.iterdir()] == ["spool"]


async def test_progress_rises_to_one(long_source: Source, binary: Ffmpeg) -> None:
    shares: list[float] = []
    await clip_of(long_source, binary, on_progress=shares.append)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert len([share for share in shares if 0 < share < 1]) >= 2


async def test_dying_ffmpeg_tells_its_last_words(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given an ffmpeg that says much, in one line without end too, and fails
    fake = script(
        tmp_path / "ffmpeg",
        "yes chatter | head -n 50000 >&2; head -c 300000 /dev/zero >&2; echo; echo boom >&2; exit 3",
    )
    source = spooled(tmp_path / "spool", steps(64, 64, 8))
    # When it encodes
    with pytest.raises(ClipError) as caught:
        await clip_of(source, msgspec.structs.replace(binary, path=str(fake)))
    # Then its last words are kept for the operator, boundedly, and nothing of them goes to the person
    assert str(caught.value).endswith("boom")
    assert len(str(caught.value)) < 100_000
    assert caught.value.failed == Failed("encode_failed")


async def test_killed_ffmpeg_is_a_failure(tmp_path: Path, binary: Ffmpeg) -> None:
    fake = script(tmp_path / "ffmpeg", "kill -9 $$")
    with pytest.raises(ClipError) as caught:
        await clip_of(spooled(tmp_path / "spool", steps(64, 64, 8)), msgspec.structs.replace(binary, path=str(fake)))
    assert caught.value.code == "encode_failed"


async def test_ffmpeg_that_writes_nothing_is_not_believed(tmp_path: Path, binary: Ffmpeg) -> None:
    fake = script(tmp_path / "ffmpeg", "exit 0")
    with pytest.raises(ClipError) as caught:
        await clip_of(spooled(tmp_path / "spool", steps(64, 64, 8)), msgspec.structs.replace(binary, path=str(fake)))
    assert caught.value.code == "bad_clip"


async def test_full_disk_is_told(tmp_path: Path, binary: Ffmpeg) -> None:
    # Given an ffmpeg that may write 16 KiB and then gets the system's own write error
    fake = script(tmp_path / "ffmpeg", f"trap '' XFSZ; ulimit -f 16; exec {binary.path} \"$@\"")
    source = spooled(tmp_path / "spool", (texture(256, 256, number) for number in range(24)))
    # When the clip is larger
    with pytest.raises(ClipError) as caught:
        await clip_of(source, msgspec.structs.replace(binary, path=str(fake)))
    # Then the person hears of the disk, and no part of a clip stands there
    assert caught.value.code == "write_failed"
    assert not (tmp_path / "clip.mp4").exists()


async def test_target_folder_that_is_none(tmp_path: Path, binary: Ffmpeg) -> None:
    source = spooled(tmp_path / "spool", steps(64, 64, 8))
    with pytest.raises(ClipError) as caught:
        await clip_of(source, binary, target=source.path / "clip.mp4")
    assert caught.value.code == "write_failed"


@pytest.mark.parametrize(
    "change",
    [{"num_frames": 9}, {"num_frames": 7}, {"num_frames": 0}, {"width": 66}, {"fps": 0}, {"path": Path("/nowhere")}],
)
async def test_frames_that_are_not_as_said(tmp_path: Path, binary: Ffmpeg, change: dict[str, object]) -> None:
    source = spooled(tmp_path / "spool", steps(64, 64, 8))
    with pytest.raises(ClipError) as caught:
        await clip_of(msgspec.structs.replace(source, **change), binary, target=tmp_path / "clip.mp4")
    assert caught.value.code == "bad_frames"


async def test_odd_names_of_folders(tmp_path: Path, binary: Ffmpeg) -> None:
    folder = tmp_path / "a:b|c 'd' %d [e];影"
    folder.mkdir()
    clip = await clip_of(spooled(folder / "spool", steps(64, 64, 8)), binary, limit=3500)
    assert clip.path.stat().st_size == clip.size


async def test_setting_comes_before_the_path(tmp_path: Path, binary: Ffmpeg, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a PATH that leads to a program that is no ffmpeg
    script(tmp_path / "ffmpeg", "echo something else")
    monkeypatch.setenv("PATH", str(tmp_path))
    # Then a setting wins, and without one the ffmpeg that came with imageio-ffmpeg is found
    assert (await find_ffmpeg(Path(binary.path))).path == binary.path
    assert "imageio_ffmpeg" in (await find_ffmpeg()).path


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("exit 1", "not ffmpeg"),
        ("echo 'ffmpeg version 4.4.2 Copyright' >&2", "older than 5.1"),
        ("echo 'ffmpeg version 7.1 Copyright' >&2; echo ' A....D aac   AAC'", "without libx264"),
    ],
)
async def test_useless_setting_is_an_error_that_says_why(tmp_path: Path, text: str, fault: str) -> None:
    with pytest.raises(ClipError, match=fault) as caught:
        await find_ffmpeg(script(tmp_path / "ffmpeg", text))
    assert caught.value.code == "no_ffmpeg"
    assert "UNSTILL_ENGINE__FFMPEG" in str(caught.value)


async def test_missing_setting_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ClipError, match="does not start"):
        await find_ffmpeg(tmp_path / "none")


@pytest.mark.parametrize(
    ("version", "old"),
    [("5.1.9-0+deb12u1", False), ("9.0.2-static", False), ("n5.0", True), ("4.4", True), ("N-118-g1a", False)],
)
def test_versions(version: str, old: bool) -> None:
    assert too_old(version) is old
