"""The box reader: what ffmpeg wrote, it reads; what nobody wrote, it refuses in one way."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.engine.clip_sources import clip_of, spooled, steps

from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.errors import ClipError
from unstill_engine.clip.probe import probe
from unstill_queue.contract.jobs import Finish
from unstill_queue.storage import mp4


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, binary: Ffmpeg) -> bytes:
    folder = tmp_path_factory.mktemp("sample")
    source = spooled(folder / "spool", steps(64, 48, 8))
    clip = asyncio.run(clip_of(source, binary, finish=Finish(audio=True)))
    return clip.path.read_bytes()


def made_by_ffmpeg(binary: Ffmpeg, target: Path, *options: str) -> Path:
    line = [binary.path, "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=96x64:r=25:d=2", *options, str(target)]
    subprocess.run(line, check=True)
    return target


def test_facts_of_a_file_that_another_program_made(tmp_path: Path, binary: Ffmpeg) -> None:
    path = made_by_ffmpeg(
        binary, tmp_path / "a.mp4", "-c:v", "libx264", "-profile:v", "baseline", "-pix_fmt", "yuv420p"
    )
    movie = probe(path)
    assert (movie.width, movie.height, movie.frames, movie.fps, movie.duration) == (96, 64, 50, 25.0, 2.0)
    assert (movie.codec, movie.profile, movie.has_audio, movie.faststart) == ("avc1", 66, False, False)
    assert movie.size == path.stat().st_size
    assert 0 < movie.video_bytes < movie.size


def test_tags_that_ffmpeg_wrote_are_read(tmp_path: Path, binary: Ffmpeg) -> None:
    path = made_by_ffmpeg(binary, tmp_path / "a.mp4", "-metadata", "comment=a = b; 影 🌊")
    assert mp4.read_tags(path)["©cmt"] == "a = b; 影 🌊"


@pytest.mark.parametrize("options", [(), ("-movflags", "+faststart")])
def test_tags_that_we_write_leave_the_picture_as_it_was(
    tmp_path: Path, binary: Ffmpeg, options: tuple[str, ...]
) -> None:
    # Given a file with its index behind or in front
    path = made_by_ffmpeg(binary, tmp_path / "a.mp4", *options)
    tags = {"©cmt": "a comment", "recipe": "x" * 5000}
    # When tags are written, twice over
    udta = mp4.tag_box(tags)
    mp4.write_tagged(path, tmp_path / "b.mp4", mp4.tag_box({"©cmt": "another"}))
    mp4.write_tagged(tmp_path / "b.mp4", tmp_path / "c.mp4", udta, mp4.box(b"uuid", bytes(16), b"end"))
    # Then they are there, the index is in front, and every decoded frame is the same
    movie = probe(tmp_path / "c.mp4")
    assert mp4.read_tags(tmp_path / "c.mp4") == tags
    assert movie.faststart
    assert movie.size <= path.stat().st_size + len(udta) + 27
    hashes = [
        subprocess.run(
            [binary.path, "-v", "error", "-i", file, "-f", "framemd5", "-"], capture_output=True, check=True
        ).stdout
        for file in (path, tmp_path / "c.mp4")
    ]
    assert hashes[0] == hashes[1]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_raise_nothing_else(sample: bytes, tmp_path: Path, data: st.DataObject) -> None:
    # Given a clip with bytes of its index changed, or its end cut off
    damaged = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 8))):
        place = data.draw(st.integers(0, min(len(sample), 3000) - 1))
        value = data.draw(st.sampled_from([0, 1, 2, 8, 127, 128, 255]) | st.integers(0, 255))
        damaged[place : place + data.draw(st.sampled_from([1, 1, 4]))] = bytes([value])
    path = tmp_path / "damaged.mp4"
    path.write_bytes(damaged[: data.draw(st.just(len(damaged)) | st.integers(0, len(damaged)))])
    # When it is read, or tagged, Then it works or says that it cannot
    try:
        movie = probe(path)
        assert movie.size == path.stat().st_size
    except ClipError as error:
        assert error.code == "bad_clip"
    try:
        mp4.write_tagged(path, tmp_path / "tagged.mp4", mp4.tag_box({"©cmt": "x"}))
    except mp4.Mp4Error as error:
        assert "MP4" in str(error)


@pytest.mark.parametrize("stray", [1, 7])
def test_bytes_that_are_no_box_count_too(sample: bytes, tmp_path: Path, stray: int) -> None:
    path = tmp_path / "stray.mp4"
    path.write_bytes(sample + bytes(stray))
    assert probe(path).size == len(sample) + stray


@given(st.binary(max_size=200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_bytes_raise_nothing_else(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "any.mp4"
    path.write_bytes(data)
    with pytest.raises(ClipError):
        probe(path)


def test_folder_and_missing_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(ClipError):
            probe(path)
