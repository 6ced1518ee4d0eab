"""ffmpeg's argument list, and the process that runs it."""

from __future__ import annotations

import asyncio
import signal
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import ffmpeg
import msgspec
import structlog

from unstill_config import metrics
from unstill_config.children import child_environ
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.errors import ClipError, EncoderKilled, write_error
from unstill_engine.clip.finish import Layout, order_of, whole
from unstill_engine.clip.label import Label
from unstill_engine.clip.spool import Source, feed
from unstill_queue.contract.jobs import Finish

log = structlog.get_logger(__name__)

#: Half the time of `medium` at the same CRF, and no larger a file.
PRESET = "veryfast"
STDERR_KEPT = 40
LINE_MAX = 2000
STATS = "stats"
PROTOCOLS = "file,pipe"
#: What a file has of the program and of the day that made it: nothing.
PLAIN: dict[str, Any] = {"map_metadata": -1, "fflags": "+bitexact"}
GLOBALS = ("-nostdin", "-hide_banner", "-nostats", "-y", "-v", "error", "-progress", "pipe:1", "-stats_period", "0.2")
FULL_WORDS = ("No space left", "Disk quota")
DISK_WORDS = (*FULL_WORDS, "Input/output error", "File too large", "Read-only file system")
KILLED_AGAIN = 2
"""Times that an ffmpeg that was killed is started again."""
KILLED_PAUSE = 0.5
"""Seconds before that, doubled the second time: what was short may be so for a moment only."""

Options = dict[str, Any]
OnFrame = Callable[[int], None]
Fed = Callable[[], AbstractAsyncContextManager[int]]


class Track(msgspec.Struct, frozen=True):
    """An encoded sound: the `name` of its file in the folder of the encodes, and that file's size in bytes."""

    name: str
    size: int


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
        "movflags": "+faststart",
        **PLAIN,
    }


def command(
    binary: Ffmpeg,
    source: Source,
    layout: Layout,
    quality: Options,
    name: str,
    sound: Track | None = None,
    label: Label | None = None,
) -> list[str]:
    """Return the command line; `name` is a file's in the folder where it will run, as those of sound and label."""
    over = (lambda stream: label.over(stream, PROTOCOLS)) if label else None
    streams = [whole(frames_in(source), source, layout, over)]
    options = video_options(quality)
    if sound:
        streams.append(ffmpeg.input(f"file:{sound.name}", format="mp4", protocol_whitelist=PROTOCOLS).audio)
        options |= {"c:a": "copy"}
    output = ffmpeg.output(*streams, f"file:{name}", **options).global_args(*GLOBALS)
    line: list[str] = ffmpeg.compile(output, cmd=binary.path)
    return line


async def encode(line: Sequence[str], source: Source, finish: Finish, folder: Path, on_frame: OnFrame) -> None:
    """Feed it the frames in the order that the finish asks for. Raises ClipError."""
    order = order_of(source.num_frames, finish) if finish.loop or finish.seamless else None
    await run_fed(line, lambda: feed(source, order), folder, on_frame)


async def run_fed(line: Sequence[str], fed: Fed, folder: Path, on_frame: OnFrame) -> None:
    """Run ffmpeg on what `fed` opens as its standard input; once more, and again, where it is killed.

    Raises:
        ClipError: as `run`.
    """
    for killed in range(KILLED_AGAIN + 1):
        async with fed() as stdin:
            try:
                return await run(line, stdin, folder, on_frame)
            except EncoderKilled as error:
                if killed == KILLED_AGAIN:
                    raise
                metrics.count("ffmpeg_killed")
                log.warning("ffmpeg was killed and is started again", reason=str(error))
        await asyncio.sleep(KILLED_PAUSE * 2**killed)


async def run(line: Sequence[str], stdin: int, folder: Path, on_frame: OnFrame) -> None:
    """Run ffmpeg in `folder` to its end. A cancelled task leaves no process behind.

    It gets a session of its own, so that Ctrl-C in a terminal does not reach it.

    Raises:
        EncoderKilled: it was ended by a signal that was not ours.
        ClipError: encode_failed, disk_full or write_failed, with the end of what ffmpeg said; no_ffmpeg
            where it does not start.
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
        raise ClipError("no_ffmpeg", f"ffmpeg does not start: {error}") from error
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
            raise write_error(said, full=any(word in said for word in FULL_WORDS))
        kind = EncoderKilled if _killed(code, said) else ClipError
        raise kind("encode_failed", f"ffmpeg ended with exit code {code}\n{said}".strip())


def _killed(code: int, said: str) -> bool:
    # a shell between us and ffmpeg tells of it so; ffmpeg itself ends with 255 on SIGTERM, and says nothing
    return code < 0 or code in (128 + signal.SIGKILL, 128 + signal.SIGTERM) or (code == 255 and not said)


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
