"""Albums: each picture is an update of its own, and only one of them has the words."""

from __future__ import annotations

import asyncio

import structlog
from redis.exceptions import RedisError

from unstill_bots.intake.media import Unfit
from unstill_bots.telegram.context import Context
from unstill_bots.telegram.memory import Part
from unstill_bots.text.chat_replies import ChatReplies

log = structlog.get_logger(__name__)

LOOK_EVERY = 0.5


class Albums:
    """Makes a job of each picture when an album is complete: words and addressing of one part hold for all."""

    def __init__(self, context: Context) -> None:
        self._context = context

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
        new = [ask for ask in asks if await self._context.pipeline.record(ask.id) is None]
        if new:
            await self._context.conversation.said(new, words)
        for part in parts:
            if part.unfit:
                await self._context.memory.drop(part)
                self._context.spawn(self._say_unfit(part))

    async def _say_unfit(self, part: Part) -> None:
        text = ChatReplies(part.ask.language).picture_error(Unfit(part.unfit))
        await self._context.chat.tell(part.ask.address(), text)
