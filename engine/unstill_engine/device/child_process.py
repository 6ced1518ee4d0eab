"""The worker's end of one child process."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Self, cast

from structlog.typing import FilteringBoundLogger

from unstill_config.children import child_environ
from unstill_engine.device.messages import STACKS_SIGNAL, Command, MessageError, Report, ReportStream, pack
from unstill_engine.device.stderr_log import StderrLog

STACKS_SECONDS = 0.3
PIPES_SECONDS = 0.5


class ChildGone(Exception):
    """The child has ended; the text is how."""


class ChildHandle(asyncio.SubprocessProtocol):
    """One child from its start to its end; made by `spawn`.

    It is spawned, never forked: CUDA does not survive a fork. Its own process group lets `kill`
    take the programs that a renderer started with it, and keeps a terminal's Ctrl-C from it.
    """

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._stderr = StderrLog(log)
        self._stream = ReportStream()
        self._reports: asyncio.Queue[Report | None] = asyncio.Queue()
        self._open_pipes = {1, 2}
        self._pipes_closed = asyncio.Event()
        self._exited = asyncio.Event()
        self._fault = ""
        self._gone: asyncio.Task[str]
        self._transport: asyncio.SubprocessTransport
        self.pid = 0
        self.told_at = 0.0
        """When it last wrote to its log, by the loop's clock."""

    @classmethod
    async def spawn(cls, environ: Mapping[str, str], log: FilteringBoundLogger, *, also: Sequence[str] = ()) -> Self:
        """Call on the thread that lives as long as the worker: Linux ends the child with this thread.

        Of `environ` the child gets what a model's process needs, and what `also` names.

        Raises:
            OSError: no process can be started.
        """
        _, handle = await asyncio.get_running_loop().subprocess_exec(
            lambda: cls(log),
            sys.executable,
            "-P",  # nothing is imported from the folder that the host happens to stand in
            "-m",
            "unstill_engine.device.child",
            str(os.getpid()),
            env=child_environ("model", environ, also=also),
            process_group=0,
        )
        handle._gone = asyncio.create_task(handle._wait_until_gone())
        return handle

    @property
    def stderr_tail(self) -> str:
        return self._stderr.tail

    @property
    def alive(self) -> bool:
        return not self._exited.is_set()

    def send(self, command: Command) -> None:
        """To a child that has ended already this does nothing; `receive` tells."""
        pipe = self._transport.get_pipe_transport(0)
        if pipe is not None and not pipe.is_closing():
            cast(asyncio.WriteTransport, pipe).write(pack(command))

    async def receive(self) -> Report:
        """The next report.

        Raises:
            ChildGone: the child has ended, or has sent what cannot be read and was killed for it.
        """
        report = await self._reports.get()
        if report is None:
            self._reports.put_nowait(None)
            raise ChildGone(await self.gone())
        return report

    def kill(self) -> None:
        if self.alive:
            with suppress(ProcessLookupError):  # it has ended, and the loop is about to learn so
                os.killpg(self.pid, signal.SIGKILL)

    async def kill_hung(self) -> None:
        """Kill it, after it has written where it stands to stderr."""
        if self.alive:
            with suppress(ProcessLookupError):  # not by the transport: that would reap it behind the loop's back
                os.kill(self.pid, STACKS_SIGNAL)
            await asyncio.sleep(STACKS_SECONDS)
        self.kill()

    async def gone(self) -> str:
        """Wait for its end, and for the last of its words; how it ended."""
        return await asyncio.shield(self._gone)

    async def _wait_until_gone(self) -> str:
        await self._exited.wait()
        try:
            async with asyncio.timeout(PIPES_SECONDS):
                await self._pipes_closed.wait()
        except TimeoutError:
            pass  # a program that the child started still holds them
        returncode = self._transport.get_returncode()
        self._transport.close()
        self._stderr.close()
        self._reports.put_nowait(None)
        return self._fault or _ending(cast(int, returncode))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self.pid = self._transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self.told_at = asyncio.get_running_loop().time()
            self._stderr.feed(data)
            return
        if self._fault:
            return
        try:
            for report in self._stream.feed(data):
                self._reports.put_nowait(report)
        except MessageError as error:
            self._fault = f"it sent what cannot be read: {error}"
            self.kill()

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        self._open_pipes.discard(fd)
        if not self._open_pipes:
            self._pipes_closed.set()
        if fd == 1 and self.alive:
            asyncio.get_running_loop().call_later(PIPES_SECONDS, self._kill_if_alive_and_mute)

    def _kill_if_alive_and_mute(self) -> None:
        if self.alive:
            self._fault = self._fault or "it closed its pipe"
            self.kill()

    def process_exited(self) -> None:
        self._exited.set()
        with suppress(ProcessLookupError, PermissionError):  # what it had started ends with it
            os.killpg(self.pid, signal.SIGKILL)


def _ending(returncode: int) -> str:
    if returncode < 0:
        number = -returncode
        return f"killed by {signal.Signals(number).name if number in set(signal.Signals) else f'signal {number}'}"
    return f"exit status {returncode}"
