"""A real ffmpeg that is held in the middle of its work, to be killed there."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from unstill_engine.clip.binary import Ffmpeg

WRAPPER = """#!{python}
import os, sys
from pathlib import Path
words = sys.argv[1:]
if "pipe:0" in words and not Path({gate!r}).exists():
    at = words.index("pipe:0") - 1
    # the input is read at a hundred thousandth of its own speed
    words[at:at] = ["-readrate", "0.00001"]
os.execv({ffmpeg!r}, ["ffmpeg", *words])
"""
PATIENCE = 120.0


class SlowFfmpeg:
    """Each one that encodes stays at it until the gate is opened; those that begin later are fast."""

    def __init__(self, folder: Path, ffmpeg: str) -> None:
        self.path = folder / "slow-ffmpeg"
        self._gate = folder / "ffmpeg-gate"
        self._killed: set[int] = set()
        self.path.write_text(WRAPPER.format(python=sys.executable, gate=str(self._gate), ffmpeg=ffmpeg))
        self.path.chmod(0o700)

    def of(self, binary: Ffmpeg) -> Ffmpeg:
        return Ffmpeg(str(self.path), binary.version, binary.encoders)

    def open(self) -> None:
        self._gate.touch()

    def held_by(self, parent: int) -> int | None:
        """One that encodes below that process, and was not killed yet."""
        for task in Path(f"/proc/{parent}/task").iterdir():
            for child in (task / "children").read_text().split():
                words = Path(f"/proc/{child}/cmdline").read_bytes().split(b"\0")
                if words[0] == b"ffmpeg" and b"pipe:0" in words and int(child) not in self._killed:
                    return int(child)
        return None

    def kill_one(self, parent: int, number: int = signal.SIGKILL) -> int:
        """Wait for one, and kill it."""
        ends = time.monotonic() + PATIENCE
        while time.monotonic() < ends:
            try:
                pid = self.held_by(parent)
            except OSError:
                pid = None
            if pid is not None:
                os.kill(pid, number)
                self._killed.add(pid)
                return pid
            time.sleep(0.01)
        raise AssertionError("no ffmpeg came")
