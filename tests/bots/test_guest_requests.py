"""Requests from chats that the bot is not in: what is taken of them, and what is said there."""

from __future__ import annotations

from msgspec.structs import replace
from tests.bots.test_preparation import asked
from tests.bots.test_request_rate import Context, Sent, sent, usual

from unstill_bots.actions.preferences import Preferences
from unstill_bots.intake.guest_requests import GuestRequests
from unstill_bots.intake.media import Unfit
from unstill_bots.intake.rules import Terms
from unstill_bots.text.chat_replies import ChatReplies
from unstill_queue.contract.jobs import Cancelled

__all__ = ["usual"]

SAYS = ChatReplies("en")


class Summoner:
    """A message in such a chat, and the answers to it."""

    def __init__(self, *, known: bool = True) -> None:
        self.answers: list[tuple[str, str]] = []
        self._known = known

    async def answer(self, text: str, job: str = "") -> None:
        self.answers.append((text, job))

    async def may_write(self) -> bool:
        return self._known


async def said(
    context: Context,
    pending: Sent,
    words: str,
    *,
    known: bool = True,
    unfit: Unfit | None = None,
    sender: str = "",
) -> list[tuple[str, str]]:
    requests, summoner = GuestRequests(context.pipeline, "unstill_bot"), Summoner(known=known)
    await requests.take(pending, words, Preferences(), summoner, unfit=unfit, sender=sender)
    await context.pipeline.background.drain(60)
    return summoner.answers


async def test_a_request_is_taken_for_whom_the_bot_may_write_to(usual: Context) -> None:
    usual.terms, ledger = Terms(), usual.front.ledger
    # When somebody asks who has never begun with the bot, then it is ended, and they are told how to begin
    assert await said(usual, sent(asked(1)), "waves", known=False) == [(SAYS.guest_unknown("unstill_bot"), "")]
    assert (await ledger.read(asked(1).id)).outcome == Cancelled("guest")
    # When somebody asks who has, then their clip comes, and its end is shown there, too
    assert await said(usual, sent(asked(2)), "waves") == [(SAYS.guest_received(), asked(2).id)]
    assert await ledger.find(asked(2).id) is not None
    # and the same message again is no second request
    assert await said(usual, sent(asked(2)), "waves") == []


async def test_what_is_not_taken_is_said_there_and_thanks_are_not_answered(usual: Context) -> None:
    nothing = sent(replace(asked(1), source=""))
    assert await said(usual, nothing, "waves") == [(SAYS.guest_without_picture("unstill_bot"), "")]
    video = Unfit("picture_video")
    assert await said(usual, nothing, "waves", unfit=video) == [(SAYS.picture_error(video), "")]
    # nor is a picture that somebody else has covered
    covered = sent(replace(asked(1), spoiler=True))
    assert await said(usual, covered, "waves", sender="bob") == [(SAYS.picture_is_covered(), "")]
    assert await said(usual, sent(asked(1)), "thank you!") == []
    assert await usual.front.ledger.open_ids() == []
