"""Messages that belong to no job: sent in parts where they are long, and lost where they cannot be sent."""

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

    Returns what came of the last part that was sent. Raises nothing: what cannot be sent is logged, and lost.
    """
    shown = None
    parts = split(text, most)
    for number, part in enumerate(parts):
        try:
            shown = await send(part, number, number == len(parts) - 1)
        except ChatError as error:
            log.info("a reply could not be sent", error=str(error))
    return shown
