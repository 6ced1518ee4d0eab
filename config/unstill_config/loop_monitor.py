"""Watches whether the event loop keeps up: what blocks it delays everybody's answers."""

from __future__ import annotations

import asyncio
import time

import structlog

from unstill_config import metrics

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.5
LAG_MOST = 0.5
"""Seconds; Discord gives an interaction three for everything."""


async def watch_loop() -> None:
    """Measure until cancelled how late the loop is, and log each time that it stood still for LAG_MOST."""
    while True:
        before = time.monotonic()
        await asyncio.sleep(LOOK_EVERY)
        lag = time.monotonic() - before - LOOK_EVERY
        metrics.observe("event_loop_lag_seconds", max(lag, 0.0))
        if lag > LAG_MOST:
            log.warning("the event loop stood still", seconds=round(lag, 2))
