"""What an MP4 is, read from its boxes: ffprobe is not everywhere that ffmpeg is."""

from __future__ import annotations

import struct
from pathlib import Path

import msgspec

from unstill_engine.clip.errors import ClipError
from unstill_queue.storage import mp4

TRACKS_MAX = 32
RUNS_MAX = 100_000


class Movie(msgspec.Struct, frozen=True):
    """A clip's own account of itself. `duration` in seconds; sizes in pixels and bytes.

    `codec` is the video track's, such as "avc1"; `profile` H.264's profile_idc, 100 being High.
    `faststart`: the index stands before the media.
    """

    size: int
    duration: float
    width: int
    height: int
    frames: int
    fps: float
    codec: str
    profile: int
    video_bytes: int
    audio_bytes: int
    has_audio: bool
    faststart: bool


def probe(path: Path) -> Movie:
    """Read a file's index.

    Raises:
        ClipError: bad_clip, where it is no MP4 with an H.264 track or cannot be read.
    """
    try:
        with path.open("rb") as file:
            boxes = mp4.top_level(file)
            data, moov = mp4.read_moov(file, boxes)
            size = file.seek(0, 2)
        order = [box.kind for box in boxes]
        faststart = b"mdat" in order and order.index(b"moov") < order.index(b"mdat")
        return _read(data, moov, size, faststart)
    except (mp4.Mp4Error, OSError) as error:
        raise ClipError("bad_clip", f"{path.name} cannot be read: {error}") from error
    except (struct.error, IndexError) as error:
        raise ClipError("bad_clip", f"{path.name} is cut short: {error}") from error


def _read(data: bytes, moov: mp4.Box, size: int, faststart: bool) -> Movie:
    tracks = [box for box in mp4.walk(data, moov.body, moov.end) if box.kind == b"trak"]
    if len(tracks) > TRACKS_MAX:
        raise mp4.Mp4Error("too many tracks")
    kinds = [_handler(data, track) for track in tracks]
    if b"vide" not in kinds:
        raise mp4.Mp4Error("it has no picture")
    video = tracks[kinds.index(b"vide")]
    codec, width, height, profile = _picture(data, _need(data, video, b"mdia", b"minf", b"stbl", b"stsd"))
    frames, video_bytes = _sizes(data, _need(data, video, b"mdia", b"minf", b"stbl", b"stsz"))
    times = _need(data, video, b"mdia", b"minf", b"stbl", b"stts")
    timescale = _timescale(data, _need(data, video, b"mdia", b"mdhd"))
    duration = _ticks(data, times) / timescale
    sounds = [track for kind, track in zip(kinds, tracks, strict=True) if kind == b"soun"]
    heard = [_sizes(data, _need(data, track, b"mdia", b"minf", b"stbl", b"stsz"))[1] for track in sounds]
    return Movie(
        size=size,
        duration=duration,
        width=width,
        height=height,
        frames=frames,
        fps=frames / duration if duration else 0.0,
        codec=codec,
        profile=profile,
        video_bytes=video_bytes,
        audio_bytes=sum(heard),
        has_audio=bool(sounds),
        faststart=faststart,
    )


def _need(data: bytes, within: mp4.Box, *path: bytes) -> mp4.Box:
    box = mp4.find(data, within, *path)
    if box is None:
        raise mp4.Mp4Error(f"it has no {path[-1].decode('latin-1')}")
    return box


def _handler(data: bytes, track: mp4.Box) -> bytes:
    box = mp4.find(data, track, b"mdia", b"hdlr")
    return data[box.body + 8 : box.body + 12] if box else b""


def _timescale(data: bytes, mdhd: mp4.Box) -> int:
    offset = 20 if data[mdhd.body] == 1 else 12
    timescale: int = struct.unpack_from(">I", data, mdhd.body + offset)[0]
    if timescale == 0:
        raise mp4.Mp4Error("its clock stands still")
    return timescale


def _picture(data: bytes, stsd: mp4.Box) -> tuple[str, int, int, int]:
    entry = next(mp4.walk(data, stsd.body + 8, stsd.end), None)
    if entry is None:
        raise mp4.Mp4Error("it names no codec")
    width, height = struct.unpack_from(">HH", data, entry.body + 24)
    profile = 0
    for box in mp4.walk(data, entry.body + 78, entry.end):
        if box.kind == b"avcC":
            profile = data[box.body + 1]
    return entry.kind.decode("latin-1"), width, height, profile


def _sizes(data: bytes, stsz: mp4.Box) -> tuple[int, int]:
    each, count = struct.unpack_from(">II", data, stsz.body + 4)
    if each:
        return count, each * count
    sizes = mp4.big_endian("I", data[stsz.body + 12 : stsz.end])
    if len(sizes) < count:
        raise mp4.Mp4Error("its table of sizes is cut short")
    return count, sum(sizes[:count])


def _ticks(data: bytes, stts: mp4.Box) -> int:
    count = struct.unpack_from(">I", data, stts.body + 4)[0]
    if count > RUNS_MAX:
        raise mp4.Mp4Error("its frames last too many different times")
    runs = mp4.big_endian("I", data[stts.body + 8 : stts.end])
    if len(runs) < 2 * count:
        raise mp4.Mp4Error("its table of times is cut short")
    return sum(number * length for number, length in zip(runs[0 : 2 * count : 2], runs[1 : 2 * count : 2], strict=True))
