"""Pictures on their way in from Discord: the ledger first, then everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from typing import Any

import discord
import structlog
from redis.exceptions import RedisError

from unstill_bots.actions.preferences import Preferences
from unstill_bots.actions.user_jobs import UserJobs
from unstill_bots.discord import rules
from unstill_bots.discord.answering import answer, quickly
from unstill_bots.discord.context import Context
from unstill_bots.discord.message_ref import Note
from unstill_bots.discord.pending import PLATFORM, PendingRequest
from unstill_bots.intake.reception import Reception
from unstill_bots.intake.studio import Terms
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.errors import TooManyRequests
from unstill_queue.contract.jobs import Request
from unstill_queue.ledger.ledger import Record

log = structlog.get_logger(__name__)

MOST_ADMITTED = 10_000
"""Interactions that are remembered, the newest: by far more than there are within one's three seconds."""

Written = tuple[str | None, list[Request]]
"""A sentence that refuses it, or what of it is not new, and the requests that are new."""
Writing = Coroutine[Any, Any, Written]


class Intake:
    """One front end's way in."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self.reception = Reception(context.client, context.studio, context.errands, self._rule, context.chat.tell)
        self.own = UserJobs(context.client, self.reception)
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

    async def write(self, interaction: discord.Interaction, asks: Sequence[PendingRequest], words: str) -> Written:
        """Into the ledger, with the person's own defaults before their words. Raises RedisError."""
        own = await self._preferences(asks[0])
        words = _with(own, words)
        channels, roles = rules.standing(interaction.channel, interaction.user)
        refusal = await rules.refusal(self._context, asks[0], words, channels, roles)
        if refusal is not None:
            return refusal, []
        new: list[Request] = []
        for ask in asks:
            request = ask.request(words)
            try:
                if await self.reception.write(request):
                    new.append(request)
            except TooManyRequests as error:
                return ChatReplies(ask.language).too_many_requests(error.limit), new
        return None, new

    async def _follow(self, first: Request, others: Sequence[Request], note: Note | None) -> None:
        try:
            if note is not None:
                await self.reception.note(first.id, str(note))
        finally:
            # whatever happened to the note: it is in the ledger, and has to go on
            for request in (first, *others):
                self.reception.prepare(request)
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
            self.reception.prepare(request)

    async def take(self, ask: PendingRequest, words: str) -> bool:
        """One request that no interaction waits for: it is in the ledger when this returns. False: it was here before,
        or it is one too many.

        Raises RedisError, and OSError.
        """
        own = await self._preferences(ask)
        return await self.reception.take(ask.request(_with(own, words)), ask.age)

    async def leave(self, guild: int) -> None:
        """The bot was removed from a server: nothing more is made for it, and its settings go."""
        place = f"{PLATFORM}:{guild}"
        for id in await self._context.client.ledger.open_ids():
            if not id.startswith(f"{PLATFORM}:"):
                continue
            record = await self.record(id)
            if record is not None and record.request.requester.place == place:
                await self._context.client.cancel(id, "system")
        await self._context.preferences.forget(place)

    async def record(self, id: str) -> Record | None:
        return await self.reception.record(id)

    async def _preferences(self, ask: PendingRequest) -> Preferences:
        return await self._context.preferences.get(f"{ask.who.person}")

    async def _rule(self, request: Request) -> Terms:
        """Channels and roles are held at the way in, where the person's are known; here only how many at a time."""
        return await rules.terms(self._context, request.requester)


def _with(own: Preferences, words: str) -> str:
    return " ".join(filter(None, (own.options, words)))
