"""Takes what was deleted out of the server's append-only file too, which else keeps it until the file has grown."""

from __future__ import annotations

from typing import Any

import structlog
from redis.exceptions import ResponseError

from unstill_queue.ledger.ledger import Ledger
from unstill_queue.ledger.outbox import stream_keys

log = structlog.get_logger(__name__)

REWRITE_EVERY = 60.0
"""Seconds between two rewrites at least, however many ask for one."""
STREAM_AGE = 3600.0
"""Seconds after which an entry of a stream goes; what it told of and is still open, the ledger brings back."""


async def trim_streams(ledger: Ledger) -> None:
    """Give the outbox and progress streams their age."""
    seconds, _ = await ledger.redis.time()
    for stream in await stream_keys(ledger.redis):
        await ledger.redis.xtrim(stream, minid=f"{round((seconds - STREAM_AGE) * 1000)}", approximate=False)


async def rewrite(ledger: Ledger) -> None:
    """Have the file written anew if somebody asked for that: one rewrite for all, once a minute at most.

    The wish stands until a rewrite that began after it has ended well, so a server that dies on the way is asked again.
    """
    redis = ledger.redis
    asked: bytes | None = await redis.get("unstill:rewrite")
    if asked is None:
        return
    about: dict[str, Any] = await redis.info("persistence")
    if about.get("aof_rewrite_in_progress") or about.get("aof_rewrite_scheduled"):
        return
    begun = await redis.get("unstill:rewrite:begun")
    well = about.get("aof_last_bgrewrite_status", "ok") == "ok"
    if not about.get("aof_enabled") or (begun is not None and well and float(begun) > float(asked)):
        await ledger.rewritten(asked)
        return
    if not await redis.set("unstill:rewrite:lately", 1, nx=True, px=round(REWRITE_EVERY * 1000)):
        return
    if not well:
        log.error("the server could not write its file anew; free space on its disk")
    for stream in await stream_keys(redis):
        await ledger.compact(stream)
    seconds, micros = await redis.time()
    try:
        await redis.bgrewriteaof()  # type: ignore[no-untyped-call]
    except ResponseError as error:
        log.warning("the server does not let its file be written anew", error=str(error))
        await ledger.rewritten(asked)
        return
    await redis.set("unstill:rewrite:begun", f"{seconds * 1000 + micros // 1000}")
