"""The part that all send limits share: calls under way are counted, and at the end no more may begin."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator


class CallsInFlight:
    """Counts the calls of one bot that have begun and not ended. `closing`: no call may begin any more."""

    def __init__(self) -> None:
        self._flying = 0
        self.closing = False

    @contextlib.contextmanager
    def flying(self) -> Iterator[None]:
        """Count a call for as long as it is under way."""
        self._flying += 1
        try:
            yield
        finally:
            self._flying -= 1

    async def drain(self, within: float) -> None:
        """Let no call begin any more, and those on their way arrive, for at most `within` seconds."""
        self.closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                while self._flying:
                    await asyncio.sleep(0.02)
