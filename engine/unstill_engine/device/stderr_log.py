"""What a child writes to stderr: each line to the log as it comes, the last ones kept."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from structlog.typing import FilteringBoundLogger

LONGEST_LINE = 2_000
TAIL_LINES = 80
LINES_A_SECOND = 500


class StderrLog:
    """Bounded in memory and in what it writes: lines past `LINES_A_SECOND` are counted, not logged. Needs the loop."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._open = b""
        self._second = 0
        self._logged = 0
        self._left_out = 0

    @property
    def tail(self) -> str:
        return "\n".join(self._tail)

    def feed(self, data: bytes) -> None:
        *lines, self._open = (self._open + data).split(b"\n")
        for line in lines:
            self._take(line)
        self._open = self._open[:LONGEST_LINE]

    def close(self) -> None:
        self._take(self._open)
        self._open = b""
        self._count_left_out()

    def _take(self, line: bytes) -> None:
        text = line[:LONGEST_LINE].decode("utf-8", "replace").rstrip()
        if not text:
            return
        self._tail.append(text)
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._logged = second, 0
        if self._logged < LINES_A_SECOND:
            self._logged += 1
            self._log.info("engine child says", line=text)
        else:
            if not self._left_out:
                asyncio.get_running_loop().call_later(1, self._count_left_out)
            self._left_out += 1

    def _count_left_out(self) -> None:
        if self._left_out:
            self._log.warning("engine child said more than is logged", lines_left_out=self._left_out)
            self._left_out = 0
