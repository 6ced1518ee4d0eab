"""Plays a clip of ours in the terminal, two pixels a character; elsewhere a strip of it in plain characters."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from unstill_config.children import child_environ
from unstill_config.programs import find_ffmpeg

FPS = 12
SECONDS = 3
STRIP_PICTURES = 3
LEAST_COLUMNS = 24
_SHADES = " .:-=+*#%@"
_HALF = "▀"


def show(clip: Path, size: tuple[int, int], ffmpeg: Path | None) -> None:
    """`size` is the clip's width and height in pixels. What cannot be shown is left out, without a word."""
    binary = find_ffmpeg(ffmpeg)
    if binary is None:
        return
    terminal = shutil.get_terminal_size((80, 24))
    plays = sys.stdout.isatty() and os.environ.get("TERM") != "dumb" and "NO_COLOR" not in os.environ
    with contextlib.suppress(OSError, ValueError, UnicodeEncodeError):
        if plays and terminal.columns >= LEAST_COLUMNS:
            _play(binary, clip, *_fitted(size, terminal.columns - 2, 2 * (terminal.lines - 6)))
        elif not plays:
            _strip(binary, clip, *_fitted(size, 24, 24))


def _fitted(size: tuple[int, int], width: int, height: int) -> tuple[int, int]:
    """The largest even size of that shape in a box, so that no ffmpeg filter has to round."""
    scale = min(width / size[0], height / size[1])
    return max(2, int(size[0] * scale) // 2 * 2), max(2, int(size[1] * scale) // 2 * 2)


def _frames(binary: str, clip: Path, width: int, height: int, fps: int) -> Iterator[bytes]:
    """RGB frames, each (height, width, 3) in bytes."""
    command = [binary, "-nostdin", "-v", "quiet", "-protocol_whitelist", "file,pipe", "-i", f"file:{clip}"]
    command += ["-t", str(SECONDS), "-vf", f"fps={fps},scale={width}:{height}", "-f", "rawvideo"]
    with subprocess.Popen(  # noqa: S603
        [*command, "-pix_fmt", "rgb24", "pipe:1"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=child_environ("ffmpeg"),
    ) as process:
        assert process.stdout is not None  # noqa: S101
        try:
            while len(frame := process.stdout.read(width * height * 3)) == width * height * 3:
                yield frame
        finally:
            process.kill()


def _play(binary: str, clip: Path, width: int, height: int) -> None:
    begun = time.monotonic()
    sys.stdout.write("\x1b[?25l")
    try:
        for number, frame in enumerate(_frames(binary, clip, width, height, FPS)):
            time.sleep(max(0.0, begun + number / FPS - time.monotonic()))
            up = f"\x1b[{height // 2}A" if number else ""
            sys.stdout.write(up + "".join(_half_blocks(frame, width, row) for row in range(0, height, 2)))
            sys.stdout.flush()
    finally:
        sys.stdout.write("\x1b[0m\x1b[?25h")
        sys.stdout.flush()


def _half_blocks(frame: bytes, width: int, row: int) -> str:
    """One line of characters: the upper pixel in the foreground's colour, the lower one in the background's."""
    cells = []
    for column in range(width):
        upper, lower = (3 * ((row + below) * width + column) for below in (0, 1))
        r, g, b = frame[upper : upper + 3]
        r2, g2, b2 = frame[lower : lower + 3]
        cells.append(f"\x1b[38;2;{r};{g};{b};48;2;{r2};{g2};{b2}m{_HALF}")
    return "".join(cells) + "\x1b[0m\n"


def _strip(binary: str, clip: Path, width: int, height: int) -> None:
    frames = list(_frames(binary, clip, width, height, 1))[:STRIP_PICTURES]
    for row in range(0, height, 2):
        lines = ("".join(_shade(frame, 3 * (row * width + column)) for column in range(width)) for frame in frames)
        print(" | ".join(lines))


def _shade(frame: bytes, at: int) -> str:
    light = sum(frame[at : at + 3]) / 3
    return _SHADES[min(len(_SHADES) - 1, int(light * len(_SHADES) / 256))]
