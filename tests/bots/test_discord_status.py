"""A job's one message on Discord, as it is written."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unstill_bots.delivery import presentation
from unstill_bots.delivery.message import SHUT_OUT
from unstill_bots.discord.chat import nonce_of
from unstill_bots.discord.marks import plain
from unstill_bots.discord.message_ref import ClipRef, MessageRef
from unstill_bots.discord.status import BAR, bar, status
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog
from unstill_queue.contract.jobs import Cancelled, Failed, Progress, ReplyAddress, Request, Requester, State
from unstill_queue.ledger.ledger import Place, Record

SNOWFLAKES = st.integers(0, 2**63 - 1)


def record(state: State, outcome: Failed | Cancelled | None = None) -> Record:
    who = Requester("discord", "1", "2", "en")
    request = Request("discord:3:4", who, ReplyAddress("discord", "3", "4"), "", "waves", 1000)
    return Record("discord:3:4", state, request, time.time(), outcome=outcome)


def test_who_waits_sees_the_place_and_a_time_that_counts_down() -> None:
    place = Place(State.QUEUED, 3, "camera", engines=1, eta=40.0)
    before = int(time.time())
    shown = status(presentation.waiting(record(State.QUEUED).request, place))
    found = re.fullmatch(r"2 others are ahead of you\. Ready <t:(\d+):R> \(about\)\.", shown.description or "")
    assert found and before + 39 <= int(found[1]) <= time.time() + 41


def test_a_countdown_that_would_soon_be_over_is_words() -> None:
    place = Place(State.QUEUED, 1, "camera", engines=1, eta=9.0)
    shown = status(presentation.waiting(record(State.QUEUED).request, place))
    assert shown.description == "You are next. Ready in a few seconds."
    shown = status(presentation.rendering(record(State.RUNNING), Progress("rendering", 5, 10, 9.0)))
    assert (shown.description or "").endswith("Rendering: 50 %, a few seconds left.")


def test_who_waits_without_an_engine_sees_no_time() -> None:
    place = Place(State.QUEUED, 1, "camera", engines=0)
    shown = status(presentation.waiting(record(State.QUEUED).request, place))
    assert shown.description == "No engine is running at the moment. Your picture waits in the queue."


def test_progress_is_a_bar_with_a_time() -> None:
    shown = status(presentation.rendering(record(State.RUNNING), Progress("rendering", 5, 10, 20.0)))
    first, second = (shown.description or "").split("\n")
    assert first == "▰" * 6 + "▱" * 6
    assert re.fullmatch(r"Rendering: 50 %\. Ready <t:\d+:R> \(about\)\.", second)


def test_what_ended_as_the_bot_was_shut_out_is_nobodys_doing() -> None:
    # said also where it is back before that could be shown
    said = status(presentation.cancelled(record(State.SENDING, Cancelled(SHUT_OUT)), SHUT_OUT)).description
    assert said == "This ended while the bot was shut out here. Send the picture again if you still want it."


@pytest.mark.parametrize("outcome", [Failed("deadline", ""), Cancelled("discord:1")])
def test_an_answer_in_words_shows_no_bar(outcome: Failed | Cancelled) -> None:
    ended = record(State.SENDING, outcome)
    if isinstance(outcome, Failed):
        message, said = presentation.failed(ended, outcome, Catalog.load()), Replies("en").failed(outcome)
    else:
        message, said = presentation.cancelled(ended, outcome.by), "Cancelled."
    assert status(message).description == said


@given(st.floats(-0.5, 2.0))
def test_a_bar_has_always_the_same_length(share: float) -> None:
    assert len(bar(share)) == BAR


@given(st.text(st.characters(codec="utf-8"), max_size=200))
@example("<@0 @everyone <@&123456789012345678>")
def test_nobodys_words_are_markup_or_mentions(text: str) -> None:
    shown = plain(text)
    assert not re.search(r"<@[!&]?\d|@everyone|@here", shown)
    assert not re.search(r"(?<!\\)[*`~|]", re.sub(r"\\\\", "", shown))


@given(SNOWFLAKES, SNOWFLAKES, st.booleans(), SNOWFLAKES)
def test_notes_and_receipts_come_back_as_they_were(channel: int, message: int, by_token: bool, file: int) -> None:
    note = MessageRef(str(channel), message, by_token)
    assert MessageRef.of(str(note)) == note
    receipt = ClipRef(note, str(file))
    assert ClipRef.of(str(receipt)) == receipt and MessageRef.of(str(receipt)) == note
    assert ClipRef.of(str(note)) is None


@given(st.text(), st.text())
def test_nonces_fit_and_differ_with_what_they_are_made_of(one: str, other: str) -> None:
    assert len(nonce_of(one)) == 25
    assert (nonce_of(one) == nonce_of(other)) == (one == other)
