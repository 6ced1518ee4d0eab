"""What a person sees who types a command of `unstill`: run on a terminal of its own, and kept line by line."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from rich.console import Console
from rich.text import Text

COLUMNS, ROWS = 75, 40
ERASE = "\x1b[2K"
_CURSOR = re.compile(r"\x1b\[\?\d+[hl]|\r")
_PERCENT = re.compile(r"(\d+) %")


class Run(msgspec.Struct, frozen=True):
    """Characters of one colour; None is the terminal's own."""

    text: str
    colour: str | None


Line = tuple[Run, ...]


class Recording(msgspec.Struct, frozen=True):
    """`bar`: how the first line looked, stage by stage, its last look included; `rest`: the lines after it."""

    bar: tuple[Line, ...]
    rest: tuple[Line, ...]


def record(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Recording:
    """Run `unstill` with these words in `folder`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    unstill = Path(sys.executable).with_name("unstill")
    clean = {name: text for name, text in os.environ.items() if not name.startswith("UNSTILL_") and name != "NO_COLOR"}
    clean |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    command = [str(unstill), *words]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, cwd=folder, env={**clean, **environ}):
        os.close(theirs)
        written = _read_all(ours)
    first, *rest = written.decode().removesuffix("\r\n").split("\n")
    return Recording(tuple(map(_line, _stages(first))), tuple(map(_line, rest)))


def _read_all(descriptor: int) -> bytes:
    pieces = []
    try:
        while piece := os.read(descriptor, 65536):
            pieces.append(piece)
    except OSError:  # Linux says so when the other end is closed
        pass
    os.close(descriptor)
    return b"".join(pieces)


def _stages(first: str) -> list[str]:
    """Of all looks of a line that is drawn over and over, one a phase; half-way where it counts percent."""
    looks = [look for look in first.split(ERASE) if _phase(_plain(look))]
    phases: dict[str, list[str]] = {}
    for look in looks:
        phases.setdefault(_phase(_plain(look)), []).append(look)
    return [min(reversed(same), key=lambda look: abs(_percent(look) - 50)) for same in phases.values()]


def _phase(look: str) -> str:
    """The words after the bar, up to the first figure; a line without a bar is its own."""
    said = re.sub(r"\d+:\d\d:\d\d$", "", re.split("[╸╺━]", look)[-1]).strip()
    return re.split(r"[.:…\d]", said)[0].strip()


def _percent(look: str) -> int:
    found = _PERCENT.search(_plain(look))
    return int(found[1]) if found else 0


def _plain(text: str) -> str:
    return Text.from_ansi(_CURSOR.sub("", text)).plain.strip()


def _line(text: str) -> Line:
    console = Console(width=COLUMNS, force_terminal=True)
    runs = []
    for segment in Text.from_ansi(_CURSOR.sub("", text)).render(console):
        colour = segment.style.color if segment.style else None
        runs.append(Run(segment.text, colour.get_truecolor().hex if colour else None))
    return tuple(run for run in runs if run.text)
