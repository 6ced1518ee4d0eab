"""Albums: each picture is an update of its own, and only one of them has the words."""

from __future__ import annotations

import asyncio

import structlog
from redis.exceptions import RedisError

from unstill_bots.intake.pictures import PictureError
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.intake import Intake
from unstill_bots.telegram.memory import Part
from unstill_bots.text.chat_replies import ChatReplies

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.25


class Albums:
    """Makes a job of each picture when an album is complete: words and addressing of one part hold for all."""

    def __init__(self, context: Context, intake: Intake) -> None:
        self._context = context
        self._intake = intake

    async def run(self) -> None:
        """Until cancelled. What was gathered before a restart is taken up again."""
        while True:
            try:
                for name in await self._context.memory.gathered():
                    async with self._context.memory.gathering:
                        await self._take(name)
            except (RedisError, OSError) as error:
                log.warning("albums have to wait", error=str(error))
            await asyncio.sleep(LOOK_EVERY)

    async def _take(self, name: str) -> None:
        parts = await self._context.memory.parts(name)
        if any(part.ours for part in parts):
            await self._take_parts(parts)
        await self._context.memory.done(name)

    async def _take_parts(self, parts: list[Part]) -> None:
        words = next((part.words for part in parts if part.words), "")
        asks = [part.ask for part in parts if not part.unfit]
        new = [ask for ask in asks if await self._intake.record(ask.id) is None]
        if words:
            for ask in new:
                await self._intake.take(ask, words)
        elif new:
            await self._intake.wait_for_words(new)
        for part in parts:
            if part.unfit:
                await self._context.memory.drop(part)
                self._context.spawn(self._say_unfit(part))

    async def _say_unfit(self, part: Part) -> None:
        text = ChatReplies(part.ask.language).picture_error(PictureError(part.unfit, {"format": ""}))
        await self._context.tell(part.ask.address(), text)
