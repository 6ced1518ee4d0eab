"""What the host has shut: nobody, or one person, or one chat asks for clips, and what is in hand goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from tests.bots.test_courier import FrontEnd
from tests.bots.test_preparation import WORDS, asked
from tests.bots.test_request_rate import Context, sent

from unstill_bots.actions.variations import AGAIN, Varied, vary
from unstill_bots.intake.admission import Admission
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.settings import Settings
from unstill_queue.contract.errors import Blocked, Paused
from unstill_queue.contract.jobs import State
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

REPLIES = ChatReplies("en")
PAUSED, BLOCKED = REPLIES.declined(Paused()), REPLIES.declined(Blocked(told=False))


@pytest.fixture
async def context(valkey: EmbeddedValkey, storage: Storage) -> AsyncIterator[Context]:
    front = FrontEnd(valkey.url, Settings(), storage)
    yield Context(front)
    await front.client.close()


async def test_a_pause_refuses_what_comes_and_lets_what_is_here_go_on(context: Context) -> None:
    # Given a request that was written down, and a clip of the same person
    ledger = context.front.ledger
    before, made = asked(1), await context.front.finished()
    assert await context.pipeline.accept(sent(before), WORDS, start=False)

    # When the host pauses the intake
    assert await ledger.pause("intake")
    assert not await ledger.pause("intake"), "it is paused already"
    # Then new ones are told, by message, by form and by press, and none is written down
    assert not await context.take(asked(2))
    assert [text for _, text in context.told] == [PAUSED]
    written = await Admission(context.pipeline).write([sent(asked(3))] * 3, WORDS)
    assert (written.refused, list(written.new)) == (PAUSED, [])
    assert written.objection is not None and written.objection.code == "paused"
    assert await vary(await ledger.read(made.id), AGAIN, REPLIES, context.pipeline) == Varied(PAUSED)
    # and the one that was here is still the same, and is prepared
    assert not await context.take(before)
    assert await context.front.pipeline.prepare(before)
    assert (await ledger.read(before.id)).state is State.QUEUED

    # When the host resumes, then requests are taken again
    assert await ledger.resume() and not await ledger.resume()
    assert await context.take(asked(4))


async def test_who_is_blocked_is_told_once_and_asks_for_nothing(context: Context) -> None:
    # Given a person whom the host blocks by the id that the host knows, and who was forgotten since
    ledger = context.front.ledger
    person = asked(1).requester.person
    assert await ledger.block(ledger.names_of(person))
    await ledger.forget(person)
    # When they ask in two chats, by messages
    for n in (1, 2):
        assert not await context.take(asked(n))
        assert not await context.take(asked(n, chat="c2"))
    # Then they were told once, and others are served
    assert [text for _, text in context.told] == [BLOCKED]
    assert await context.take(asked(1, user="bob"))
    # A form that waits for an answer gets it each time
    for _ in range(2):
        assert (await Admission(context.pipeline).write([sent(asked(3))], WORDS)).refused == BLOCKED
    # and nothing of the server bears their name
    assert [key async for key in context.front.client.redis.scan_iter(f"*{person}*")] == []

    # When the host lets them in again
    assert await ledger.unblock(ledger.names_of(person)) and await ledger.blocked() == {}
    assert await context.take(asked(4))


async def test_a_chat_that_is_blocked_is_told_once_whoever_asks_in_it(context: Context) -> None:
    # Given a chat that is blocked by the name under which the host read of it
    ledger = context.front.ledger
    assert await context.take(asked(1))
    name = ledger.names.name("place", asked(1).requester.place)
    await ledger.block([name])
    assert list(await ledger.blocked()) == [name]
    # When several people ask there
    for user in ("ann", "bob", "cyd"):
        assert not await context.take(asked(7, user=user))
    # Then one of them was told, and elsewhere they are served
    assert [text for _, text in context.told] == [BLOCKED]
    assert await context.take(asked(8, user="bob", chat="c2"))


async def test_engines_that_rest_take_nothing_and_whoever_waits_is_told_so(context: Context) -> None:
    # Given a queued job
    ledger, request = context.front.ledger, asked(1)
    await context.front.pipeline.accept(sent(request), WORDS, start=False)
    await context.front.pipeline.prepare(request)
    record = await ledger.read(request.id)
    assert record.job is not None
    lane = record.job.parameters.model
    # When the host has the engines rest
    await ledger.pause("engines")
    # Then none takes it, and it is said why it waits
    assert await ledger.claim(lane, "owner", "engine") is None
    place = await ledger.place(request.id)
    assert place.held and place.eta is None
    assert "rest" in REPLIES.waiting(place)
    # When they go on, then it is taken
    await ledger.resume()
    assert await ledger.claim(lane, "owner", "engine") is not None


async def test_what_was_used_today_is_told_by_names_without_words(context: Context) -> None:
    # Given two clips of one person, and one of another
    for n, user in ((1, "ann"), (2, "ann"), (3, "bob")):
        await context.front.pipeline.accept(sent(request := asked(n, user=user)), WORDS, start=False)
        await context.front.pipeline.prepare(request)
    names = context.front.ledger.names
    # When the host looks
    spent = {one.name: one for one in await context.front.ledger.spent()}
    # Then there are counts and seconds of each, and of their chat
    who = asked(1).requester
    ann, chat = spent[names.name("account", who.person)], spent[names.name("place", who.place)]
    assert (ann.clips, ann.what) == (2, "account") and ann.seconds > 0
    assert (chat.clips, chat.what) == (3, "place") and chat.seconds == pytest.approx(1.5 * ann.seconds)
