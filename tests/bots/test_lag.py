"""That the event loop stood still is said in the log."""

from __future__ import annotations

import asyncio
import time

from structlog.testing import capture_logs
from tests.waiting import until

from unstill_config.loop_monitor import LAG_MOST, LOOK_EVERY, watch_loop


async def test_what_blocks_the_loop_is_seen() -> None:
    with capture_logs() as logs:
        watching = asyncio.create_task(watch_loop())
        await asyncio.sleep(0)
        # When something holds everything up
        time.sleep(LOOK_EVERY + LAG_MOST + 0.2)  # that is the point
        await until(lambda: logs)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)

    # Then the log says so, and for how long
    assert {(entry["log_level"], entry["event"]) for entry in logs} == {("warning", "the event loop stood still")}
    assert all(entry["seconds"] > LAG_MOST for entry in logs)
