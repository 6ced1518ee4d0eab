"""ffmpeg's argument list, and the process that runs it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import ffmpeg

from unstill_config.children import child_environ
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.errors import ClipError
from unstill_engine.clip.finish import Layout, whole
from unstill_engine.clip.spool import Source, boomerang, feed
from unstill_queue.jobs import Finish

#: Half the time of `medium` at the same CRF, and no larger a file.
PRESET = "veryfast"
STDERR_KEPT = 40
LINE_MAX = 2000
STATS = "stats"
PROTOCOLS = "file,pipe"
AUDIO_BITRATE = "32k"
GLOBALS = ("-nostdin", "-hide_banner", "-nostats", "-y", "-v", "error", "-progress", "pipe:1", "-stats_period", "0.2")
DISK_WORDS = ("No space left", "Input/output error", "File too large", "Disk quota", "Read-only file system")

Options = dict[str, Any]
OnFrame = Callable[[int], None]


def frames_in(source: Source) -> Any:
    if source.encoded:
        return ffmpeg.input("pipe:0", format="mp4", protocol_whitelist=PROTOCOLS).video
    return ffmpeg.input(
        "pipe:0",
        format="rawvideo",
        pix_fmt="rgb24",
        video_size=(source.width, source.height),
        framerate=f"{source.rate.numerator}/{source.rate.denominator}",
        protocol_whitelist=PROTOCOLS,
    )


def constant_quality(crf: float, stats: bool = False) -> Options:
    """x264's CRF; with `stats`, also what `two_pass` needs to know, at full quality."""
    quality: Options = {"crf": f"{crf:.3f}"}
    return quality | ({"pass": 1, "fastfirstpass": 0, "passlogfile": STATS} if stats else {})


def two_pass(bitrate: int) -> Options:
    """x264's second pass, `bitrate` in bits a second of video.

    x264 lets a clip stray from its plan by two seconds' worth of bits times `ratetol`, which by
    default is 1: clips of five seconds then ended up to 35 % off. With 0.02 it was mostly within 4 %,
    and within 10 % in all trials.
    """
    return {"b:v": bitrate, "pass": 2, "passlogfile": STATS, "x264-params": "ratetol=0.02"}


def video_options(quality: Options) -> Options:
    return quality | {
        "c:v": "libx264",
        "preset": PRESET,
        "profile:v": "high",
        "fps_mode": "cfr",
        "map_metadata": -1,
        "fflags": "+bitexact",
        "movflags": "+faststart",
    }


def command(binary: Ffmpeg, source: Source, finish: Finish, layout: Layout, quality: Options, name: str) -> list[str]:
    """The whole command line; `name` is a file's in the folder where it will run."""
    streams = [whole(frames_in(source), source, layout)]
    options = video_options(quality)
    if finish.audio:
        streams.append(ffmpeg.input("anullsrc=r=44100:cl=stereo", format="lavfi", t=f"{layout.duration:.6f}"))
        options |= {"c:a": "aac", "b:a": AUDIO_BITRATE}
    output = ffmpeg.output(*streams, f"file:{name}", **options).global_args(*GLOBALS)
    line: list[str] = ffmpeg.compile(output, cmd=binary.path)
    return line


async def encode(line: Sequence[str], source: Source, finish: Finish, folder: Path, on_frame: OnFrame) -> None:
    """Feed it the frames in the order that the finish asks for. Raises ClipError."""
    order = boomerang(source.num_frames) if finish.loop else None
    async with feed(source, order) as stdin:
        await run(line, stdin, folder, on_frame)


async def run(line: Sequence[str], stdin: int, folder: Path, on_frame: OnFrame) -> None:
    """Run ffmpeg in `folder` to its end. A cancelled task leaves no process behind.

    It gets a session of its own, so that Ctrl-C in a terminal does not reach it.

    Raises:
        ClipError: encode_failed or write_failed, with the end of what ffmpeg said; no_ffmpeg where
            it does not start.
    """
    try:
        process = await asyncio.create_subprocess_exec(
            *line,
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env=child_environ("ffmpeg"),
            start_new_session=True,
        )
    except OSError as error:
        raise ClipError("no_ffmpeg", "ffmpeg does not start. Tell the host of this bot.", str(error)) from error
    kept: deque[str] = deque(maxlen=STDERR_KEPT)
    try:
        await asyncio.gather(_follow(process, on_frame), _keep(process, kept))
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if code != 0:
        said = "\n".join(kept)
        if any(word in said for word in DISK_WORDS):
            raise ClipError("write_failed", "The clip could not be written. The disk may be full; try later.", said)
        raise ClipError(
            "encode_failed", "The clip could not be encoded. Try again.", f"exit code {code}\n{said}".strip()
        )


async def _follow(process: asyncio.subprocess.Process, on_frame: OnFrame) -> None:
    async for line in _lines(process.stdout):
        key, _, value = line.partition("=")
        if key == "frame" and value.strip().isdigit():
            on_frame(int(value))


async def _keep(process: asyncio.subprocess.Process, kept: deque[str]) -> None:
    async for line in _lines(process.stderr):
        kept.append(line)


async def _lines(stream: asyncio.StreamReader | None) -> AsyncIterator[str]:
    """Whatever comes is read to its end; of an overlong line only the end is kept."""
    rest = b""
    while stream and (piece := await stream.read(2**14)):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line[-LINE_MAX:].decode("utf-8", "replace")
        rest = rest[-LINE_MAX:]
    if rest:
        yield rest.decode("utf-8", "replace")
