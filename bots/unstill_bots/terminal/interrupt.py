"""Ctrl-C, SIGTERM and a closed terminal: the first one cancels, the second one leaves at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Iterator

from unstill_bots.terminal.ending import Code


class Interrupt:
    """Tells whether a person has had enough. Make it within the event loop."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    async def came(self) -> None:
        """Return once the first one came."""
        await self._event.wait()

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Hear the signals while within."""
        loop = asyncio.get_running_loop()
        # nohup ignores the hangup, and so do we then
        hangup = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
        numbers = [signal.SIGINT, signal.SIGTERM, *hangup]
        for number in numbers:
            loop.add_signal_handler(number, self._hear)
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    def _hear(self) -> None:
        if self._event.is_set():
            with contextlib.suppress(OSError):
                # rich hides the cursor; the engine and the server end by themselves
                sys.stderr.write("\x1b[?25h" if sys.stderr.isatty() else "")
                sys.stderr.flush()
            os._exit(Code.CANCELLED)
        self._event.set()
