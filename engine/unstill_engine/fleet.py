"""`--device all`: one engine process on each visible card, all on one queue, started again when they die."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

import structlog

from unstill_config.children import child_environ
from unstill_config.errors import ConfigError
from unstill_config.settings import Settings
from unstill_engine.device.cards import visible_devices

log = structlog.get_logger(__name__)

ALL = "all"
AGAIN_FIRST, AGAIN_MOST = 1.0, 60.0
"""Seconds before an engine that died is started again, doubled each time it does so soon."""
STEADY_SECONDS = 60.0


def names_by_device(settings: Settings, environ: Mapping[str, str]) -> dict[str, str]:
    """What the engine on each visible card is called.

    Raises:
        ConfigError: no card is visible.
    """
    devices = visible_devices(environ)
    if not devices:
        raise ConfigError(
            "UNSTILL_ENGINE__DEVICE=all: no card is visible here. Install the driver, look at CUDA_VISIBLE_DEVICES, "
            "or set it to cpu."
        )
    name = settings.engine.name or f"{socket.gethostname()}-{os.getpid()}"
    return {device: f"{name}-{device.partition(':')[2]}" for device in devices}


class Fleet:
    """`names`: each engine's by its device. Every one drains and ends when this process does, however it does."""

    def __init__(
        self,
        names: Mapping[str, str],
        environ: Mapping[str, str],
        command: Sequence[str] = (),
        *,
        variables: Sequence[str] = (),
    ) -> None:
        self._names = names
        self._environ = environ
        self._variables = variables
        beside = ("--until-eof", "--engines", str(len(names)))
        self._command = command or (sys.executable, "-m", "unstill_engine", *beside)
        self._draining = asyncio.Event()
        self._running: dict[str, asyncio.subprocess.Process] = {}

    def drain(self) -> None:
        """Have every engine end what it has in hand; `run` returns when all have."""
        self._draining.set()
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)

    def reload(self) -> None:
        """Have every engine read its settings anew."""
        for process in self._running.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGHUP)

    async def run(self) -> int:
        """Until all have ended; the largest of their exit codes, of which 0 is one that drained."""
        codes = await asyncio.gather(*(self._keep(device, name) for device, name in self._names.items()))
        return max(codes)

    async def _keep(self, device: str, name: str) -> int:
        loop = asyncio.get_running_loop()
        pause, served = AGAIN_FIRST, False
        while True:
            born = loop.time()
            code = await self._once(device, name)
            steady = loop.time() - born > STEADY_SECONDS
            served = served or steady
            # what one could not have from the start, wrong settings or a model that is not there, it never can
            if self._draining.is_set() or code == 0 or (code > 0 and not served):
                return max(code, 0)
            pause = AGAIN_FIRST if steady else min(AGAIN_MOST, 2 * pause)
            log.warning("engine ended; it is started again", device=device, engine=name, code=code, seconds=pause)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._draining.wait(), pause)
                return 0

    async def _once(self, device: str, name: str) -> int:
        environ = {**self._environ, "UNSTILL_ENGINE__DEVICE": device, "UNSTILL_ENGINE__NAME": name}
        # its own session: a terminal's Ctrl-C is ours to pass on. It reads the end of stdin when we are killed.
        process = await asyncio.create_subprocess_exec(
            *self._command,
            env=child_environ("engine", environ, also=self._variables),
            stdin=subprocess.PIPE,
            start_new_session=True,
        )
        self._running[device] = process
        if self._draining.is_set():
            process.terminate()
        try:
            return await process.wait()
        finally:
            del self._running[device]
            if process.returncode is None:
                process.kill()
