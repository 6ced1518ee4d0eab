"""What an event comes to that its platform wants answered within seconds."""

from __future__ import annotations

from msgspec.structs import replace
from tests.bots.test_preparation import asked
from tests.bots.test_request_rate import Context, sent, usual

from unstill_bots.intake.admission import Admission
from unstill_bots.intake.rules import Terms
from unstill_bots.text.chat_replies import ChatReplies

__all__ = ["usual"]


async def test_what_is_written_down_twice_is_said_to_be_asked_for_already(usual: Context) -> None:
    # Given a picture that is written down
    usual.terms = Terms()
    admission, picture = Admission(usual.pipeline), asked(1)
    assert [one.id for one in (await admission.write([sent(picture)], "waves")).new] == [picture.id]

    # When its event comes again, and once more beside another picture
    again = await admission.write([sent(picture)], "waves")
    beside = await admission.write([sent(picture), sent(asked(2))], "waves")
    both = await admission.write([sent(picture), sent(asked(2))], "waves")

    # Then the person is told so, but where something new says all
    already = ChatReplies("en").already()
    assert (again.refused, list(again.new)) == (already, [])
    assert (beside.refused, [one.id for one in beside.new]) == (None, [asked(2).id])
    assert (both.refused, list(both.new)) == (already, [])


async def test_a_sentence_about_pictures_that_are_not_taken_stands_instead(usual: Context) -> None:
    # Given one picture that is written down, and one that its person may not ask for beside it
    admission, picture = Admission(usual.pipeline), asked(1)
    await admission.write([sent(picture)], "waves")
    wrong = sent(replace(asked(2), words="--fps many"))

    # When it comes with words that are wrong
    written = await admission.write([wrong], "--fps many")

    # Then what is wrong is said, and that other words would do
    assert written.words and written.refused not in (None, ChatReplies("en").already())
