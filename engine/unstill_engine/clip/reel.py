"""Makes what a longer clip goes on from: the last frame of a clip as it was rendered, and its reel.

A reel is an MP4 of all frames without shape, loop, fade, label or limit: these are given to the whole clip, however
many pieces it has. The clip itself is its reel where it shows just that.
"""

from __future__ import annotations

import asyncio
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import ffmpeg

from unstill_config.catalog import Shape
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.encode import (
    GLOBALS,
    PLAIN,
    PROTOCOLS,
    Options,
    command,
    constant_quality,
    encode,
    frames_in,
    run_fed,
)
from unstill_engine.clip.errors import ClipError, write_error
from unstill_engine.clip.finish import SCALE_FLAGS, floor_even, lay_out
from unstill_engine.clip.fit import Clip
from unstill_engine.clip.probe import Movie, probe
from unstill_engine.clip.shrink import AS_IT_IS
from unstill_engine.clip.sound import RATES, SILENCE, encode_track
from unstill_engine.clip.spool import NOTHING, Source, feed, opened
from unstill_queue.contract.jobs import Finish

REEL_CRF = 14.0
"""x264's CRF of a reel that is not the clip: so near to the frames that being encoded once more shows no difference."""
PIECE = 1 << 22
"""Bytes of frames that are held while they are copied."""


def is_reel(clip: Clip, source: Source, finish: Finish, shape: Shape) -> bool:
    """Return whether a clip without a label shows the frames of its source as they are, at full quality."""
    return clip.encodes == 1 and lay_out(source, finish, shape) == lay_out(source, Finish(), AS_IT_IS)


async def encode_reel(source: Source, folder: Path, binary: Ffmpeg, *, sound: bool) -> Path:
    """Encode the reel of a source in `folder`, with its sound where that is wanted and there is one.

    Raises:
        ClipError: as `encode`, and bad_clip where what came out is not whole.
    """
    layout = lay_out(source, Finish(), AS_IT_IS)
    track = await encode_track(binary, source, layout, folder) if sound and source.sound else None
    line = command(binary, source, layout, constant_quality(REEL_CRF), "reel.mp4", track)
    await encode(line, source, Finish(), folder, lambda _: None)
    path = folder / "reel.mp4"
    movie = await asyncio.to_thread(probe, path)
    if movie.frames != layout.frames:
        raise ClipError("bad_clip", f"the reel came out incomplete: {movie!r} for {layout!r}")
    return path


async def last_frame(source: Source, folder: Path, binary: Ffmpeg) -> Path:
    """Write the last frame of raw frames as a PNG in `folder`, with even sides as a clip has them. Raises ClipError."""
    stream = _cut(frames_in(source), floor_even(source.width), floor_even(source.height))
    await _run(stream, "last.png", {"frames:v": 1, "update": 1}, binary, folder, source, [source.num_frames - 1])
    return folder / "last.png"


async def first_frame(reel: Path, folder: Path, binary: Ffmpeg) -> Path:
    """Write the first frame of a reel as a PNG in `folder`. Raises ClipError."""
    movie = await asyncio.to_thread(probe, reel)
    source = Source(reel, movie.width, movie.height, movie.frames, movie.fps, encoded=True)
    await _run(_rgb(frames_in(source), movie), "first.png", {"frames:v": 1, "update": 1}, binary, folder, source)
    return folder / "first.png"


async def joined(reel: Path, source: Source, folder: Path, binary: Ffmpeg) -> Source:
    """Return the frames of a reel, and after them those of the source but for its first, which is the reel's last.

    They have the reel's size and frame rate. Frames and sound are new files in `folder`; those of the source go.

    Raises:
        ClipError: bad_clip where the reel cannot be read; as `run`, and disk_full where there is no room.
    """
    source.check()
    movie = await asyncio.to_thread(probe, reel)
    before = Source(reel, movie.width, movie.height, movie.frames, movie.fps, encoded=True)
    whole, rest = folder / "whole.rgb", folder / "rest.rgb"
    _check_room(folder, (before.num_frames + 2 * source.num_frames) * before.frame_bytes)
    await _run(_rgb(frames_in(before), movie), whole.name, _raw(), binary, folder, before)
    if whole.stat().st_size != before.num_frames * before.frame_bytes:
        raise ClipError("bad_clip", f"the reel could not be read whole: {movie!r}")
    like = (source.width, source.height, source.rate) == (before.width, before.height, before.rate)
    if source.num_frames > 1 and not like:
        stream = _fitted(frames_in(source), before)
        await _run(stream, rest.name, _raw(), binary, folder, source, range(1, source.num_frames))
        source.path.unlink()
    try:
        if source.num_frames > 1:
            await asyncio.to_thread(_append, whole, source.path if like else rest, source.frame_bytes if like else 0)
        (source.path if like else rest).unlink(missing_ok=True)
    except OSError as error:
        raise write_error(str(error), full=True) from error
    sound = None
    if movie.has_audio or source.sound:
        sound = await _sounds(before, source, movie.has_audio, folder, binary)
    frames = whole.stat().st_size // before.frame_bytes
    return Source(whole, before.width, before.height, frames, before.fps, sound=sound)


async def _sounds(before: Source, source: Source, heard: bool, folder: Path, binary: Ffmpeg) -> Path:
    """Write the sound of both, one after the other; silence where one has none. That of the source loses a frame."""
    first = before.num_frames / before.rate
    second = max(1, source.num_frames - 1) / source.rate
    parts = [
        _part(before.path if heard else None, Fraction(0), first),
        _part(source.sound, 1 / source.rate if source.num_frames > 1 else Fraction(0), second),
    ]
    await _run(ffmpeg.concat(*parts, v=0, a=1), "whole.wav", {"format": "wav"}, binary, folder, None)
    return folder / "whole.wav"


def _part(file: Path | None, start: Fraction, seconds: Fraction) -> Any:
    """Return the sound of a file from `start` on, or silence, of that many seconds."""
    if file is None:
        stream = ffmpeg.input(SILENCE, format="lavfi").audio
    else:
        stream = ffmpeg.input(f"file:{file}", protocol_whitelist=PROTOCOLS).audio
    stream = stream.filter("aformat", sample_rates=RATES, channel_layouts="mono|stereo")
    stream = stream.filter("aresample", 48000).filter("aformat", channel_layouts="stereo")
    stream = stream.filter("atrim", start=f"{float(start):.6f}").filter("asetpts", "PTS-STARTPTS")
    return stream.filter("apad", whole_dur=f"{float(seconds):.6f}").filter("atrim", end=f"{float(seconds):.6f}")


async def _run(
    stream: Any,
    name: str,
    options: Options,
    binary: Ffmpeg,
    folder: Path,
    source: Source | None,
    order: Any = None,
) -> None:
    """Write a stream to the file `name` in `folder`; the frames come from the source, in that order."""
    output = ffmpeg.output(stream, f"file:{name}", **options, **PLAIN).global_args(*GLOBALS)
    line: list[str] = ffmpeg.compile(output, cmd=binary.path)
    await run_fed(line, lambda: feed(source, order) if source else opened(NOTHING), folder, lambda _: None)


def _raw() -> Options:
    return {"format": "rawvideo", "pix_fmt": "rgb24", "fps_mode": "passthrough"}


def _rgb(stream: Any, movie: Movie) -> Any:
    """BT.709 as our clips have it to RGB."""
    stream = stream.filter(
        "scale", movie.width, movie.height, flags=SCALE_FLAGS, in_color_matrix="bt709", in_range="tv", out_range="pc"
    )
    return stream.filter("format", "rgb24")


def _fitted(stream: Any, like: Source) -> Any:
    """Frames at another's size, which they cover, and at its frame rate: whole frames are repeated or left out."""
    stream = stream.filter("scale", like.width, like.height, flags=SCALE_FLAGS, force_original_aspect_ratio="increase")
    stream = _cut(stream, like.width, like.height, centred=True)
    return stream.filter("fps", f"{like.rate.numerator}/{like.rate.denominator}")


def _cut(stream: Any, width: int, height: int, *, centred: bool = False) -> Any:
    place = ("(iw-ow)/2", "(ih-oh)/2") if centred else (0, 0)
    return stream.filter("crop", width, height, *place, exact=1)


def _append(whole: Path, rest: Path, start: int) -> None:
    """Append a file from the byte `start` on. Raises OSError."""
    with whole.open("ab") as out, rest.open("rb") as frames:
        frames.seek(start)
        shutil.copyfileobj(frames, out, PIECE)


def _check_room(folder: Path, needed: int) -> None:
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise write_error(str(error), full=False) from error
    if free < needed:
        raise write_error(f"the frames of all pieces need {needed / 1e6:.0f} MB", full=True)
