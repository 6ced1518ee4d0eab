"""The child's end of the pipes to its worker."""

from __future__ import annotations

import os
import sys
import threading
from queue import SimpleQueue
from typing import NoReturn

from unstill_engine.device.messages import (
    HEADER,
    Cancel,
    Command,
    MessageError,
    Report,
    body_length,
    pack,
    unpack_command,
)

EXIT_UNREADABLE = 65


class Channel:
    """Commands come in on a thread of their own, so that a cancel, or the worker's end, is seen during a render."""

    def __init__(self, commands: int, reports: int) -> None:
        """Both are file descriptors; the channel owns them from now on."""
        self._commands_fd = commands
        self._reports_fd = reports
        self._sending = threading.Lock()
        self._commands: SimpleQueue[Command] = SimpleQueue()
        self._cancelled = -1
        threading.Thread(target=self._listen, name="commands", daemon=True).start()

    @classmethod
    def over_stdio(cls) -> Channel:
        """Take stdin and stdout for the channel alone.

        Afterwards whoever prints writes to stderr, and whoever reads stdin finds it empty, in
        Python and in C: neither can get between the messages.
        """
        sys.stdout.flush()
        commands, reports = os.dup(0), os.dup(1)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.close(nothing)
        os.dup2(2, 1)
        return cls(commands, reports)

    def receive(self) -> Command:
        """The next command other than a cancel; waits for it."""
        return self._commands.get()

    def cancelled(self, run: int) -> bool:
        return self._cancelled >= run

    def send(self, report: Report) -> None:
        """Ends the process where nobody listens any more."""
        data = memoryview(pack(report))
        with self._sending:
            try:
                while data:
                    data = data[os.write(self._reports_fd, data) :]
            except BrokenPipeError:
                os._exit(0)

    def _listen(self) -> NoReturn:
        while True:
            try:
                length = body_length(self._exactly(HEADER.size))
                command = unpack_command(self._exactly(length))
            except MessageError as error:
                os.write(2, f"The worker sent what cannot be read: {error}\n".encode(errors="replace"))
                os._exit(EXIT_UNREADABLE)
            if isinstance(command, Cancel):
                self._cancelled = max(self._cancelled, command.run)
            else:
                self._commands.put(command)

    def _exactly(self, count: int) -> bytes:
        parts = []
        while count:
            part = os.read(self._commands_fd, count)
            if not part:
                os._exit(0)  # the worker is gone: whatever runs here, nobody wants it
            parts.append(part)
            count -= len(part)
        return b"".join(parts)
