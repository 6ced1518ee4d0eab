"""`unstill` as a person starts it: a process of its own, in a folder and with settings of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from PIL import Image

from unstill_config.settings import Settings
from unstill_queue.ledger.ledger import Ledger, Record
from unstill_queue.redis.connection import connect

WITHIN = 60.0


class Ended(msgspec.Struct, frozen=True):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Running:
    """A command on its way; its stderr is read as it comes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._err: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        if self.process.stderr is not None:
            self._err.extend(iter(self.process.stderr.readline, ""))

    def wait_for(self, text: str) -> None:
        ends = time.monotonic() + WITHIN
        while text not in "".join(self._err):
            assert time.monotonic() < ends and self.process.poll() is None, "".join(self._err)
            time.sleep(0.01)

    def send(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> Ended:
        assert self.process.stdout is not None
        out = self.process.stdout.read()
        code = self.process.wait(WITHIN)
        self._reader.join(WITHIN)
        self.process.stdout.close()
        if self.process.stderr is not None:
            self.process.stderr.close()
        return Ended(code, out, "".join(self._err))


class Terminal:
    """Commands in `folder`, with the embedded server and engine keeping their things there too."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.state = folder / "state"
        self.settings = {
            "UNSTILL_REDIS__DATA": str(self.state / "valkey"),
            "UNSTILL_STORAGE__URL": (self.state / "storage").as_uri(),
            "UNSTILL_ENGINE__STATE": str(self.state / "engine"),
            **settings,
        }

    def photo(self, name: str = "beach.png", size: tuple[int, int] = (192, 128)) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        ramp = Image.linear_gradient("L").resize(size)
        Image.merge("RGB", (ramp, ramp.transpose(Image.Transpose.FLIP_LEFT_RIGHT), ramp)).save(path)
        return path

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        plain = {name: value for name, value in os.environ.items() if not name.startswith(("UNSTILL_", "LC_", "LANG"))}
        return {**plain, **self.settings, **(more or {})}

    def start(self, *words: str, environ: Mapping[str, str] | None = None, stderr: int = subprocess.PIPE) -> Running:
        return Running(
            subprocess.Popen(
                [sys.executable, "-m", "unstill_bots.terminal", *words],
                cwd=self.folder,
                env=self.environ(environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                start_new_session=True,
            )
        )

    def run(self, *words: str, environ: Mapping[str, str] | None = None, stdin: bytes = b"") -> Ended:
        done = subprocess.run(
            [sys.executable, "-m", "unstill_bots.terminal", *words],
            cwd=self.folder, env=self.environ(environ), input=stdin, capture_output=True, timeout=WITHIN, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def clips(self) -> list[Path]:
        """Those that were delivered."""
        return sorted(path for path in self.folder.rglob("*.mp4") if self.state not in path.parents)


async def records(url: str) -> list[Record]:
    """All that a ledger holds, the oldest first."""
    redis = connect(url, patience=5.0)
    try:
        ledger = Ledger(redis, Settings().queue)
        ids = [key.decode().removeprefix("unstill:job:") for key in await redis.keys("unstill:job:*")]
        return sorted([await ledger.read(id) for id in ids], key=lambda record: record.accepted_at)
    finally:
        await redis.aclose()
