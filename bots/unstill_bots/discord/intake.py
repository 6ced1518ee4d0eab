"""Interactions that ask for clips: written down and answered within three seconds, then everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import discord
import structlog
from redis.exceptions import RedisError

from unstill_bots.discord.answering import answer, quickly
from unstill_bots.discord.context import Context
from unstill_bots.discord.message_ref import MessageRef
from unstill_bots.discord.pending import DiscordRequest
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.errors import TooManyRequests
from unstill_queue.contract.jobs import Request

log = structlog.get_logger(__name__)

MOST_ADMITTED = 10_000
"""Interactions that are remembered, the newest: by far more than there are within one's three seconds."""

Written = tuple[str | None, list[Request]]
"""A sentence that refuses it, or what of it is not new, and the requests that are new."""
Writing = Coroutine[Any, Any, Written]


class Intake:
    """Answers interactions that ask for clips."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pipeline = context.pipeline
        self._admitted: dict[int, None] = {}

    async def admit(self, interaction: discord.Interaction, language: str, writing: Writing) -> bool:
        """What an interaction asks for, which `writing` writes down or refuses, answered within three seconds.

        What the queue's server has not confirmed in time is answered as not taken. Where it then turns out to have
        been written down all the same, it is answered like any other request, in a message of its own: the ledger,
        not what was said, decides what is owed. False: nothing in it was new, and the person has not been told.
        """
        if not self._is_first(interaction.id):
            writing.close()
            return True
        write = asyncio.create_task(writing)
        try:
            refusal, new = await quickly(asyncio.shield(write))
        except (TimeoutError, RedisError, OSError) as error:
            log.warning("a request could not be written down in time", error=repr(error))
            await answer(interaction, ChatReplies(language).not_taken())
            self._context.spawn(self._late(write))
            return True
        if new:
            first, *others = new
            note = await self._context.chat.respond(interaction, first)
            self._context.spawn(self._follow(first, others, note))
        if refusal is not None:
            await answer(interaction, refusal)
        return bool(new) or refusal is not None

    def _is_first(self, interaction: int) -> bool:
        """The platform may tell of one twice; it has one answer, which the first is giving."""
        if interaction in self._admitted:
            return False
        self._admitted[interaction] = None
        if len(self._admitted) > MOST_ADMITTED:
            del self._admitted[next(iter(self._admitted))]
        return True

    async def write(self, pendings: Sequence[DiscordRequest], words: str) -> Written:
        """Write them down, with the person's own defaults before their words. Raises RedisError."""
        own = await self._context.preferences.get(pendings[0].who.person)
        request = await self._pipeline.request(pendings[0], words, own=own)
        refusal = await self._pipeline.refusal(pendings[0], request.words)
        if refusal is not None:
            return refusal, []
        new: list[Request] = []
        for pending in pendings:
            try:
                written = await self._pipeline.accept(pending, words, own=own, start=False)
            except TooManyRequests as error:
                return ChatReplies(pending.language).too_many_requests(error.limit), new
            if written is not None:
                new.append(written)
        return None, new

    async def _follow(self, first: Request, others: Sequence[Request], note: MessageRef | None) -> None:
        try:
            if note is not None:
                await self._pipeline.adopt(first.id, str(note))
        finally:
            # whatever happened to the note: it is in the ledger, and has to go on
            for request in (first, *others):
                self._pipeline.start(request)
        if "unseen" not in first.reply_to.extra:
            direct_to = None if "guild" in first.reply_to.extra else int(first.requester.user)
            await self._context.memory.spoken_to(int(first.reply_to.chat), direct_to)

    async def _late(self, write: asyncio.Task[Written]) -> None:
        try:
            _, new = await write
        except (RedisError, OSError) as error:
            # if it landed all the same, the ledger brings it back
            log.info("a late request was not confirmed", error=str(error))
            return
        for request in new:
            self._pipeline.start(request)
