"""What is said that is no job's: in parts where it is long, and lost where it cannot be said."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from unstill_bots.delivery.chat import ChatError
from unstill_bots.text.splitting import split

log = structlog.get_logger(__name__)

Sent = TypeVar("Sent")


async def tell(text: str, most: int, send: Callable[[str, int, bool], Awaitable[Sent]]) -> Sent | None:
    """Say `text` in messages of at most `most` characters by `send`, which is given the part, its number from 0, and
    whether it is the last, where buttons go.

    Returns what came of the last part that was sent. Raises nothing: who cannot be told is not told.
    """
    shown = None
    parts = split(text, most)
    for number, part in enumerate(parts):
        try:
            shown = await send(part, number, number == len(parts) - 1)
        except ChatError as error:
            log.info("a reply could not be sent", error=str(error))
    return shown
