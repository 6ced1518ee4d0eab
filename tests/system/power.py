"""A Valkey whose power can be cut: it is killed, and its file keeps only what an fsync had brought to the disk.

Valkey runs below a process of its own, `python -m tests.system.power FOLDER APPENDFSYNC`, because only an
ancestor may trace it everywhere.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from tests.system.fsyncs import Fsyncs
from tests.system.processes import PATIENCE

from unstill_queue.redis.server_process import ServerProcess

ROOT = Path(__file__).parents[2]
READY, HELD = "ready\n", "held\n"


@dataclass(frozen=True)
class Cut:
    """Bytes of the append-only file: those the server had written, and those left, which an fsync had covered."""

    written: int
    synced: int


class PoweredValkey:
    """A server on the empty folder `data`. For `async with`; `hold_fsyncs` and `cut` once within it, in this order."""

    def __init__(self, data: Path, *, appendfsync: str) -> None:
        self.url = f"unix://{data}/valkey.sock"
        self._command = [sys.executable, "-m", "tests.system.power", str(data), appendfsync]

    async def __aenter__(self) -> Self:
        self._process = await asyncio.create_subprocess_exec(
            *self._command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout and (await self._process.stdout.readline()).decode() == READY
        return self

    async def hold_fsyncs(self) -> None:
        """Have one more fsync end, and return when the one after it wants to begin, which it does not until the cut."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(b"hold\n")
        assert (await self._process.stdout.readline()).decode() == HELD

    async def cut(self) -> Cut:
        async with asyncio.timeout(PATIENCE):
            said, _ = await self._process.communicate(b"cut\n")
        return Cut(**json.loads(said))

    async def __aexit__(self, *_: object) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.communicate()


def serve(data: Path, appendfsync: str) -> Cut:
    """Run a server until the line "cut", or the end, comes on standard input; "hold" holds its fsyncs."""
    options = {"appendfsync": appendfsync, "auto-aof-rewrite-percentage": "0"}
    lock = os.open(data / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    server = ServerProcess(data, data / "valkey.sock", options, inherits=lock)
    server.wait_until_ready()
    fsyncs = Fsyncs(server.pid)

    def cut() -> None:
        if sys.stdin.readline() == "hold\n":
            fsyncs.hold()
            fsyncs.held.wait()
            print(HELD, end="", flush=True)
            sys.stdin.readline()
        os.kill(server.pid, signal.SIGKILL)

    threading.Thread(target=cut, daemon=True).start()
    print(READY, end="", flush=True)
    fsyncs.follow()
    server.stop()
    [file] = (data / "appendonlydir").glob("*.incr.aof")
    written, synced = file.stat().st_size, fsyncs.sizes.get(file, 0)
    os.truncate(file, synced)
    return Cut(written, synced)


if __name__ == "__main__":
    print(json.dumps(asdict(serve(Path(sys.argv[1]), sys.argv[2]))))
