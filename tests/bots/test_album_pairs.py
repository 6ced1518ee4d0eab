"""An album of two that is one clip: also where one of its messages is told of again, as after a kill."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace
from tests.bots.test_preparation import asked
from tests.bots.test_request_rate import Context, Sent, sent, usual

from unstill_bots.intake.albums import Albums, GatheringPictures, Part
from unstill_bots.intake.conversation import Conversation, Question

__all__ = ["usual"]
WORDS = "it opens, from the first picture to the second"


async def test_the_last_picture_of_an_album_is_no_request_of_its_own_when_it_comes_again(usual: Context) -> None:
    async def ask(pending: Sent, question: Question) -> str | None:
        raise AssertionError(question)

    async def unask(note: str) -> None:
        raise AssertionError(note)

    # Given an album of two, whose words are for both
    pictures: Any = GatheringPictures(usual.front.client.redis, "terminal", Sent)
    conversation = Conversation[Sent](usual.pipeline, pictures, ask, unask)
    albums = Albums[Sent](pictures, usual.pipeline, conversation)
    first, last = (
        replace(sent(replace(asked(number), source=f"file {number}")), album="together") for number in (1, 2)
    )
    for part in (Part(first, WORDS, True), Part(last, "", False)):
        await pictures.gather(part)
    # When it is complete, and its second message is told of again
    await albums._take(f"{first.chat}:together")
    await pictures.gather(Part(last, "", False))
    await albums._take(f"{first.chat}:together")
    await usual.pipeline.background.drain(60)
    # Then there was one request, of both
    record = await usual.front.ledger.find(first.id)
    assert record is not None
    assert (record.request.source, record.request.last_source) == ("file 1", "file 2")
    assert await usual.front.ledger.find(last.id) is None
