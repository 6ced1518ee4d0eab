"""The real programs as processes that may be killed: bot, engine, its child, and the server."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
import sys
from pathlib import Path

import redis
from tests.system.renderers import Gate
from tests.waiting import PATIENCE as PATIENCE
from tests.waiting import until as until
from tests.waiting import wait_for as wait_for

from unstill_queue.redis.embedded import EmbeddedValkey

ROOT = Path(__file__).parents[2]


CATALOG = """
[models.journal]
title = "Journal"
renderer = "tests.system.renderers:Journalled"
synthetic = false
abilities = ["prompt", "seed"]
size_multiple = 2
resolutions = [64]
licence = { name = "Apache-2.0" }
defaults = { resolution = 64, num_frames = 8, fps = 8, num_inference_steps = 1, guidance_scale = 1.0 }
ranges = { num_frames = [8, 16], fps = [4, 30], num_inference_steps = [1, 1], guidance_scale = [1.0, 1.0] }
cost = { base = 0.3, per_unit = 0.0 }

[models.able]
title = "Able"
renderer = "tests.system.renderers:Journalled"
synthetic = true
abilities = ["prompt", "seed", "last_image", "text_to_video"]
size_multiple = 2
resolutions = [64]
licence = { name = "Apache-2.0" }
defaults = { resolution = 64, num_frames = 8, fps = 8, num_inference_steps = 1, guidance_scale = 1.0 }
ranges = { num_frames = [8, 16], fps = [4, 30], num_inference_steps = [1, 1], guidance_scale = [1.0, 1.0] }
cost = { base = 0.3, per_unit = 0.0 }

[platforms.recorder]
upload_limit = 1_000_000
download_limit = 1_000_000
edit_seconds = 0.5
caption_length = 1024
text_length = 4096
multipart_overhead = 0
"""


class House:
    """A host's machine: settings, folders and processes under one folder of the test's."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self.journal = folder / "journal"
        (folder / "catalog.toml").write_text(CATALOG)
        self.valkey = EmbeddedValkey(folder / "valkey")
        self.settings = {
            "UNSTILL_REDIS__URL": self.valkey.url,
            "UNSTILL_STORAGE__URL": f"file://{folder}/storage",
            "UNSTILL_CATALOG__FILE": str(folder / "catalog.toml"),
            "UNSTILL_ENGINE__MODEL": "journal",
            "UNSTILL_ENGINE__STATE": str(folder / "state"),
            "UNSTILL_ENGINE__SCRATCH": str(folder / "scratch"),
            # no machine is too slow, and no gate is held for too long
            "UNSTILL_ENGINE__DEADLINE_LEAST": "3600",
            "UNSTILL_ENGINE__VARIABLES": "JOURNAL_FILE,JOURNAL_STEP_SECONDS",
            "UNSTILL_QUEUE__BEAT": "0.5",
            "UNSTILL_QUEUE__REAP": "0.1",
            "UNSTILL_QUEUE__AUDIT": "5",
            "UNSTILL_QUOTA__PERSON_JOBS": "0",
            "UNSTILL_QUOTA__CHAT_JOBS": "0",
            "UNSTILL_QUOTA__PERSON_SECONDS": "0",
            "UNSTILL_QUOTA__CHAT_SECONDS": "0",
            "UNSTILL_LOG__FORMAT": "json",
            **settings,
        }
        (folder / "scratch").mkdir(exist_ok=True)
        self.packages: Path | None = None
        """Where the processes find the product's packages, if not where this one does."""
        self.started: list[subprocess.Popen[bytes]] = []
        self._gates = itertools.count(1)

    def gate(self, *, late: bool = False) -> Gate:
        """Make one that is closed."""
        return Gate(self.journal, next(self._gates), late=late)

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("UNSTILL_")}
        # the processes stand in another folder than we do
        given = [Path(path) for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        first = [self.packages] if self.packages else []
        return {
            **kept,
            **self.settings,
            "JOURNAL_FILE": str(self.journal),
            "PYTHONPATH": os.pathsep.join(map(str, [*first, ROOT, *map(Path.absolute, given)])),
        }

    def start(self, *command: str, log: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{log}.log").open("ab") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=self.environ,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                start_new_session=True,
            )
        self.started.append(process)
        return process

    def start_engine(self, *options: str, log: str = "engine") -> subprocess.Popen[bytes]:
        return self.start("unstill_engine", *options, log=log)

    def wait_until_served(self, model: str) -> None:
        """Wait until an engine says that it serves a model."""
        with redis.Redis.from_url(self.valkey.url) as client:
            wait_for(lambda: client.zcard(f"unstill:engines:{model}"), what=f"an engine with {model}")

    def start_bot(self, socket: Path, *, log: str = "bot") -> subprocess.Popen[bytes]:
        return self.start("tests.system.recorder", str(socket), log=log)

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def events(self) -> list[tuple[float, str, int, str, str]]:
        """The journal: (time, device, pid, event, prompt)."""
        rows = []
        for line in self.journal.read_text().splitlines() if self.journal.exists() else []:
            at, device, pid, event, prompt = line.split(" ", 4)
            rows.append((float(at), device, int(pid), event, prompt))
        return rows

    def end(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.wait()
        self.valkey.stop()

    def __enter__(self) -> House:
        self.valkey.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def child_of(pid: int) -> int | None:
    """The renderer's process below an engine."""
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                if b"unstill_engine.device.child" in Path(f"/proc/{child}/cmdline").read_bytes():
                    return int(child)
    return None


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
