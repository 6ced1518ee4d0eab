"""How tests wait: for a condition, and long enough for a machine that is busy with other things.

And how they delete a folder that a running program writes into.
"""

from __future__ import annotations

import asyncio
import inspect
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from wire_doubles.waiting import PATIENCE

__all__ = ["PATIENCE", "delete_folder", "until", "wait_for"]


def wait_for(condition: Callable[..., object], within: float = PATIENCE, what: str = "it") -> None:
    """Poll until it is true. Raises AssertionError."""
    ends = time.monotonic() + within
    while not condition():
        if time.monotonic() > ends:
            raise AssertionError(f"{what} did not happen within {within} s")
        time.sleep(0.02)


async def until(condition: Callable[..., object], what: str = "it") -> None:
    """Poll, where the loop has to go on, until the condition is true, or an awaitable that comes to something true.

    Raises AssertionError.
    """
    ends = time.monotonic() + PATIENCE
    while True:
        found = condition()
        if await found if inspect.isawaitable(found) else found:
            return
        if time.monotonic() > ends:
            raise AssertionError(f"{what} did not happen within {PATIENCE} s")
        await asyncio.sleep(0.02)


def delete_folder(folder: Path) -> None:
    """Delete a folder that a running program may be writing into. Raises AssertionError."""
    # It goes by its name at once; what the program adds to it meanwhile by a handle goes with the next try.
    doomed = folder.with_name(f"deleted-{time.monotonic_ns()}")
    folder.rename(doomed)

    def gone() -> bool:
        try:
            shutil.rmtree(doomed)
        except OSError:
            return False
        return True

    wait_for(gone, what=f"the end of {folder}")
