"""A queue's server and an engine on this machine, for as long as a front end needs them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from unstill_config.children import child_environ
from unstill_config.settings import AUTO, Settings
from unstill_queue.contract.codec import decode
from unstill_queue.contract.errors import CodecError
from unstill_queue.contract.jobs import EngineInfo
from unstill_queue.ledger.ledger import Ledger
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.temporary import process_runs

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.5
STARTS = 3
"""Times that an engine which had served and then died is started again."""
DRAIN = "2"
"""Seconds that our engine gets for another front end's job when we leave; then it hands the job back."""
END_WITHIN = 15.0
LOG_MAX = 4_000_000
"""Bytes of an engine's log beyond which the next engine begins a new one."""
_SAYS = "unstill-engine: "


class EngineFailed(Exception):
    """The engine cannot be started. The text is its own plain line; `code` is its exit code."""

    def __init__(self, reason: str, code: int) -> None:
        self.code = code
        super().__init__(reason)


class LocalEngine:
    """One engine process of ours. It drains and ends when its stdin closes, so also when we are killed.

    `model` None: it serves what the settings say. `folder` is where it runs, and where it would find a .env; by default
    where we run.
    """

    def __init__(self, settings: Settings, url: str, model: str | None = None, folder: Path | None = None) -> None:
        self._settings = settings
        self._url = url
        self._model = model
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None
        self._log_start = 0
        self.log = settings.engine.state.absolute() / "engine.log"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Raises EngineFailed where no process can be made; whether it serves shows in the ledger."""
        command = [sys.executable, "-P", "-m", "unstill_engine", "--until-eof"]
        if self._model is not None:
            command += ["--model", self._model]
        try:
            self.log.parent.mkdir(parents=True, exist_ok=True)
            too_long = self.log.exists() and self.log.stat().st_size > LOG_MAX
            with self.log.open("wb" if too_long else "ab") as out:
                self._log_start = out.tell()
                self._process = await asyncio.create_subprocess_exec(
                    *command,
                    stdin=subprocess.PIPE,
                    stdout=out,
                    stderr=out,
                    env=child_environ(
                        "engine",
                        engine_environ(self._settings) | {"UNSTILL_REDIS__URL": self._url},
                        also=self._settings.engine.variables,
                    ),
                    cwd=self._folder,
                    start_new_session=True,  # Ctrl-C in a terminal is for us, who cancel first
                )
        except OSError as error:
            raise EngineFailed(f"The engine's folder {self.log.parent} cannot be used: {error.strerror}.", 4) from error

    async def wait(self) -> int:
        """Until it has ended; its exit code."""
        assert self._process is not None  # noqa: S101
        return await self._process.wait()

    async def stop(self) -> None:
        """Let it hand back what it has in hand, and end it."""
        if self._process is None:
            return
        assert self._process.stdin is not None  # noqa: S101
        self._process.stdin.close()
        try:
            async with asyncio.timeout(END_WITHIN):
                await self._process.wait()
        except TimeoutError:
            log.warning("the engine does not end by itself and is killed", pid=self._process.pid)
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self._process.wait()

    def last_words(self) -> str:
        """The plain line that it ended with, else the end of its log."""
        with contextlib.suppress(OSError):
            with self.log.open("rb") as file:
                file.seek(self._log_start)
                lines = file.read(LOG_MAX).decode("utf-8", "replace").strip().splitlines()
            plain = [line.removeprefix(_SAYS) for line in lines if line.startswith(_SAYS)]
            if plain:
                return plain[-1]
            if lines:
                return f"{lines[-1][:300]} (The whole log is {self.log}.)"
        return f"The engine ended and said nothing in {self.log}."


class Local:
    """What the settings leave to us: without a redis.url the queue's server, and then an engine too.

    An async context manager; both end with us, and a server that another process needs is taken over by it.
    """

    def __init__(self, settings: Settings, folder: Path | None = None) -> None:
        self.settings = settings
        self._folder = folder
        self._server = None if settings.redis.url else EmbeddedValkey(settings.redis.data)
        self._engine: LocalEngine | None = None

    @property
    def embedded(self) -> bool:
        return self._server is not None

    @property
    def url(self) -> str:
        if self._server is not None:
            return self._server.url
        assert self.settings.redis.url is not None  # noqa: S101
        return self.settings.redis.url.get_secret_value()

    async def __aenter__(self) -> Self:
        """Raises EmbeddedError."""
        if self._server is not None:
            await asyncio.to_thread(self._server.start)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if self._engine is not None:
                await self._engine.stop()
        finally:
            if self._server is not None:
                await asyncio.to_thread(self._server.stop)

    def reload(self) -> None:
        """Have our engine read its settings anew, where there is one."""
        if self._engine is not None and self._engine.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._engine.pid, signal.SIGHUP)

    async def keep_engine(self, ledger: Ledger, model: str | None = None) -> None:
        """See to it that an engine serves `model`, or by default one of those of the settings, until cancelled.

        Raises:
            EngineFailed: none does, and ours cannot be started.
        """
        ours = await models_of(self.settings)
        wanted = ours if model is None else (model,)

        async def is_served() -> bool:
            return any([await engines_alive(ledger, each) for each in wanted])

        starts = 0
        while True:
            if await is_served():
                await asyncio.sleep(LOOK_EVERY)
                continue
            other = None if model in (None, *ours) else model
            engine = self._engine = LocalEngine(self.settings, self.url, other, self._folder)
            await engine.start()
            code = await engine.wait()
            self._engine = None
            starts += 1
            if not await is_served() and (code in (3, 4) or starts >= STARTS):
                raise EngineFailed(engine.last_words(), code if code in (3, 4) else 4)


def engine_environ(settings: Settings) -> dict[str, str]:
    """Our environment, with our settings wherever they were written, and our drain: to choose an engine's from."""
    others = {name: value for name, value in os.environ.items() if not name.upper().startswith("UNSTILL_")}
    return {**others, **settings.environ(), "UNSTILL_ENGINE__DRAIN": DRAIN}


async def models_of(settings: Settings) -> tuple[str, ...]:
    """Return the models that an engine of these settings serves on this machine; where it chooses, it is asked.

    Raises:
        EngineFailed: it can serve none.
    """
    if AUTO not in settings.engine.wanted:
        return settings.engine.wanted
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "unstill_engine", "--models",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=child_environ("engine", engine_environ(settings), also=settings.engine.variables),
    )  # fmt: skip
    out, err = await process.communicate()
    if process.returncode:
        said = err.decode("utf-8", "replace").strip().splitlines() or ["The engine says nothing."]
        raise EngineFailed(said[-1].removeprefix(_SAYS), process.returncode if process.returncode in (3, 4) else 4)
    return tuple(json.loads(out))


async def engines_alive(ledger: Ledger, model: str) -> list[EngineInfo]:
    """Those that serve the model; of this machine's, only those whose process still runs."""
    found = []
    for _, info in (await ledger.engines()).get(model, []):
        with contextlib.suppress(CodecError):
            engine: EngineInfo = decode(info, EngineInfo)
            if engine.host != socket.gethostname() or process_runs(engine.pid):
                found.append(engine)
    return found
