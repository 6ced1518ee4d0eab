"""A door in front of a call: a test shuts it, sees who waits there, and opens it again."""

from __future__ import annotations

import asyncio


class Door:
    """It is open. `shut` lets the next calls wait until `open`; `waiting` counts them, `passed` all that went on."""

    def __init__(self) -> None:
        self._hold = 0
        self._open = True
        self.waiting = 0
        self.passed = 0

    def shut(self, calls: int = 1) -> None:
        """The next so many calls stand there; later ones go on."""
        self._hold, self._open = calls, False

    def open(self) -> None:
        self._hold, self._open = 0, True

    async def go_through(self) -> None:
        if self._hold:
            self._hold -= 1
            self.waiting += 1
            try:
                while not self._open:
                    await asyncio.sleep(0.02)
            finally:
                self.waiting -= 1
        self.passed += 1
