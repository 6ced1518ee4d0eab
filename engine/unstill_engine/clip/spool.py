"""The renderer's frames on disk, and the way from there into ffmpeg without passing through memory."""

from __future__ import annotations

import asyncio
import fcntl
import os
import threading
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from fractions import Fraction
from pathlib import Path

import msgspec

from unstill_engine.clip.errors import ClipError

SIDE_LEAST = 16
PIPE_SIZE = 2**20
NOTHING = Path(os.devnull)


class Source(msgspec.Struct, frozen=True):
    """Raw frames in a file: (num_frames, height, width, 3) uint8 RGB, contiguous; `fps` frames a second.

    `encoded`: it is an MP4 of ours instead, whose index stands before its media, and whose sound is in it.
    `sound`: a WAV file of what the frames sound like, from the first one on.
    """

    path: Path
    width: int
    height: int
    num_frames: int
    fps: float
    encoded: bool = False
    sound: Path | None = None

    @property
    def frame_bytes(self) -> int:
        return self.width * self.height * 3

    @property
    def rate(self) -> Fraction:
        return Fraction(self.fps).limit_denominator(1001)

    def check(self) -> None:
        """Raises ClipError where the file does not hold what the other fields say."""
        if min(self.width, self.height) < SIDE_LEAST or self.num_frames < 1 or self.fps <= 0:
            raise ClipError("bad_frames", f"these frames make no clip: {self!r}")
        try:
            size = self.path.stat().st_size
            if self.sound is not None:
                self.sound.stat()
        except OSError as error:
            raise ClipError("bad_frames", f"the rendered frames, or their sound, are gone: {error}") from error
        if not self.encoded and size != self.num_frames * self.frame_bytes:
            raise ClipError("bad_frames", f"the rendered frames are incomplete: {size} bytes for {self!r}")


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[int]:
    """Open a file for a child's standard input, and yield its descriptor."""
    file = os.open(path, os.O_RDONLY)
    try:
        yield file
    finally:
        os.close(file)


@asynccontextmanager
async def feed(source: Source, order: Iterable[int] | None = None) -> AsyncIterator[int]:
    """A descriptor for a child's standard input, from which it reads the frames.

    Without `order` that is the file itself. With it, frames come in that order through a pipe that
    a thread fills from the file; it holds one piece of PIPE_SIZE bytes at a time.
    """
    if order is None:
        async with opened(source.path) as whole:
            yield whole
        return
    file = os.open(source.path, os.O_RDONLY)
    read_end, write_end = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    pump = threading.Thread(target=_pump, args=(source, file, write_end, order), daemon=True)
    pump.start()
    try:
        yield read_end
    finally:
        os.close(read_end)  # the child is gone by now: a pump that still writes sees a broken pipe
        await asyncio.shield(asyncio.to_thread(pump.join))


def _pump(source: Source, file: int, write_end: int, order: Iterable[int]) -> None:
    try:
        for number in order:
            start = number * source.frame_bytes
            for offset in range(start, start + source.frame_bytes, PIPE_SIZE):
                piece = memoryview(os.pread(file, min(PIPE_SIZE, start + source.frame_bytes - offset), offset))
                while piece:
                    piece = piece[os.write(write_end, piece) :]
    except OSError:
        return  # the reader is gone; what it says matters, not this
    finally:
        os.close(write_end)
        os.close(file)
