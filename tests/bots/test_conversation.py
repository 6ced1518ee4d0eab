"""When a picture is taken at once, and when its person is asked for words."""

from __future__ import annotations

from typing import Any

from tests.bots.test_preparation import asked
from tests.bots.test_request_rate import Context, Sent, sent, usual

from unstill_bots.actions.preferences import Preferences
from unstill_bots.intake.conversation import Conversation, Question
from unstill_bots.intake.rules import Terms
from unstill_bots.intake.waiting import WaitingPictures
from unstill_bots.text.chat_replies import ChatReplies

__all__ = ["usual"]


async def test_who_has_a_preset_is_not_asked_for_words_and_who_has_none_is_by_what_is_served(usual: Context) -> None:
    usual.terms = Terms()
    questions: list[Question] = []

    async def ask(pending: Sent, question: Question) -> str:
        questions.append(question)
        return "1"

    async def unask(note: str) -> None:
        raise AssertionError(note)

    pipeline = usual.pipeline
    waiting: Any = WaitingPictures(usual.front.client.redis, "terminal", Sent)
    conversation = Conversation[Sent](pipeline, waiting, ask, unask)
    picture = sent(asked(1))
    ann = picture.who.person

    # Given a picture without words, of somebody who has set nothing
    assert not await conversation.suffices("", ann) and await conversation.suffices("waves", ann)
    await conversation.said([picture], "")
    await pipeline.background.drain(60)
    # Then they are asked once, of what the camera can do, and nothing is made
    says = ChatReplies("en")
    [question] = questions
    assert question.text == says.ask_words(1, draws=False)
    assert (question.to_answer, question.to_choose) == (says.ask_in_answer(draws=False), says.or_choose())
    assert await usual.front.ledger.open_ids() == []

    # When they have a preset of their own, then the next one is taken at once
    await pipeline.preferences.set(ann, Preferences(preset="preview"))
    assert await conversation.suffices("", ann)
    await conversation.said([sent(asked(2))], "")
    await pipeline.background.drain(60)
    assert await usual.front.ledger.find(asked(2).id) is not None and questions == [question]
