"""How tests wait: for a condition, and long enough for a machine that is busy with other things."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

PATIENCE = 180.0
"""Seconds that a test waits for what a loaded machine does late. Only what never happens takes as long."""


def wait_for(condition: Callable[..., object], within: float = PATIENCE, what: str = "it") -> None:
    """Poll until it is true. Raises AssertionError."""
    ends = time.monotonic() + within
    while not condition():
        if time.monotonic() > ends:
            raise AssertionError(f"{what} did not happen within {within} s")
        time.sleep(0.02)


async def until(condition: Callable[..., object], what: str = "it") -> None:
    """The same, where the loop has to go on."""
    ends = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > ends:
            raise AssertionError(f"{what} did not happen within {PATIENCE} s")
        await asyncio.sleep(0.02)
