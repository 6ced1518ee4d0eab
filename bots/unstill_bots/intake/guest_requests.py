"""Requests from chats that the bot is not in: taken as the person's own, answered in their chat with the bot."""

from __future__ import annotations

from typing import Protocol

from msgspec.structs import replace

from unstill_bots.actions.preferences import Preferences
from unstill_bots.intake.inputs import takes_words_alone
from unstill_bots.intake.media import Unfit
from unstill_bots.intake.objection import Objection
from unstill_bots.intake.pending import PendingRequest
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.text.chatter import is_chatter
from unstill_queue.contract.errors import NotTaken
from unstill_queue.contract.jobs import Request


class Summoner(Protocol):
    """The message that named the bot there, and who sent it. Neither method raises."""

    async def answer(self, text: str, job: str = "") -> None:
        """Answer that message, once; where it is for a `job`, the answer shows the end of that, too."""

    async def may_write(self) -> bool:
        """Return whether the bot may write to the person."""


class GuestRequests:
    """Takes such requests. `name` is what the bot is called."""

    def __init__(self, pipeline: Pipeline, name: str) -> None:
        self._pipeline = pipeline
        self._name = name

    async def take(
        self,
        pending: PendingRequest,
        words: str,
        own: Preferences,
        summoner: Summoner,
        *,
        unfit: Unfit | None = None,
        sender: str = "",
    ) -> None:
        """Write a request down; what is said there follows. `pending` is for the person's chat with the bot.

        `own` is what the person has set, and `unfit` what stands in the picture's place. `sender` is who posted the
        picture, as in `Requester.user`. Raises RedisError.
        """
        if is_chatter(words):
            return
        refusal = await self._refusal(pending, words, unfit, sender)
        if pending.picture.source:
            pending = replace(pending, author=self._pipeline.consent.author(pending.who, sender))
        if refusal is None:
            try:
                request = await self._pipeline.accept(pending, words, own=own, start=False)
            except NotTaken as error:
                objection = Objection.to_asking(error, pending.replies)
                if objection.silent:
                    return
                refusal = objection.said
            else:
                if request is not None:
                    self._pipeline.background.spawn(self._begin(request, pending, summoner))
                return
        self._pipeline.background.spawn(summoner.answer(refusal))

    async def _refusal(self, pending: PendingRequest, words: str, unfit: Unfit | None, sender: str) -> str | None:
        replies = pending.replies
        if unfit is not None:
            return replies.picture_error(unfit)
        if not pending.picture.source:
            alone = words and takes_words_alone(words, await self._pipeline.serving.now())
            return None if alone else replies.guest_without_picture(self._name)
        return replies.picture_is_covered() if pending.picture.spoiler and sender != pending.user else None

    async def _begin(self, request: Request, pending: PendingRequest, summoner: Summoner) -> None:
        """Have it prepared once there is a message to show the end in; not for whom the bot may not write to."""
        if await summoner.may_write():
            await summoner.answer(pending.replies.guest_received(), request.id)
            self._pipeline.start(request)
        else:
            await self._pipeline.client.ledger.cancel(request.id, "guest")
            await summoner.answer(pending.replies.guest_unknown(self._name))
