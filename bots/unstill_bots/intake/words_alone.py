"""Words as all that a clip is made of, and how they give way to a picture that comes after them."""

from __future__ import annotations

import asyncio
from typing import Generic

from unstill_bots.actions.preferences import Preferences
from unstill_bots.delivery.message import REVISED
from unstill_bots.intake import captions
from unstill_bots.intake.inputs import takes_words_alone
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.intake.waiting import P, WaitingPictures
from unstill_queue.contract.jobs import Failed, Request, Succeeded
from unstill_queue.contract.options import EXTEND

TOGETHER = 1.0
"""Seconds for which a photo is awaited before words without one are answered: a comment comes before what it is on."""


class WordsAlone(Generic[P]):
    """Takes words without a picture, where a model that is served makes clips of them."""

    def __init__(self, pipeline: Pipeline, waiting: WaitingPictures[P]) -> None:
        self._pipeline = pipeline
        self._waiting = waiting

    async def are_enough(self, words: str, *, prompt: str | None = None) -> bool:
        """Return whether a clip is made of words alone, by a model that is served, or goes on from an older one.

        `prompt`: the words without the options, where the platform has them apart. Raises RedisError.
        """
        if words and captions.asks(words, EXTEND, self._pipeline.catalog):
            return True
        return bool(words) and prompt != "" and takes_words_alone(words, await self._pipeline.serving.now())

    async def take(self, pending: P, words: str, own: Preferences) -> None:
        """Write words down at once, and have them prepared when their picture has not come. Raises RedisError."""
        pipeline = self._pipeline
        request = await pipeline.request(pending, words, own=own)
        if await pipeline.may_ask(request) and await pipeline.enter(request, pending.age, paced=True, start=False):
            pipeline.background.spawn(self._begin(request))

    async def _begin(self, request: Request) -> None:
        await asyncio.sleep(TOGETHER)
        self._pipeline.start(request, fresh=False)

    async def give_way(self, picture: P, id: str) -> str:
        """End a clip of words alone that is not there yet, as their picture came. `id` is that of the request which the
        words were. Return the message that showed it, to be removed; empty where there is none. Raises RedisError.
        """
        latest, ledger = await self._waiting.latest(picture, id), self._pipeline.client.ledger
        if await self._pipeline.record(latest) is None:
            return ""
        await ledger.cancel(latest, REVISED)
        record = await ledger.find(latest)
        ended = record is None or isinstance(record.outcome, Succeeded | Failed)
        return "" if ended or record is None else record.note or ""
