"""How many requests a minute are taken from one account, wherever they come from."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
from msgspec.structs import replace
from tests.bots.test_courier import FrontEnd
from tests.bots.test_preparation import WORDS, asked

from unstill_bots.actions.variations import AGAIN, Varied, vary
from unstill_bots.intake.pending import PendingRequest
from unstill_bots.intake.pipeline import Pipeline
from unstill_bots.intake.rules import Terms
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.settings import Quota, Settings
from unstill_queue.contract.errors import TooManyRequests
from unstill_queue.contract.jobs import ReplyAddress, Request, Requester
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

TOLD = ChatReplies("en").too_many_requests(1)
MINUTE_MS = 60_000


class Sent(PendingRequest, frozen=True, kw_only=True):
    """A picture of somebody's, sent just now."""

    asked: Request

    @property
    def id(self) -> str:
        return self.asked.id

    @property
    def chat(self) -> str:
        return self.asked.reply_to.chat

    @property
    def who(self) -> Requester:
        return self.asked.requester

    @property
    def picture(self) -> Request:
        return self.asked

    def address(self, job: str = "") -> ReplyAddress:
        return replace(self.asked.reply_to, extra={"job": job} if job else {})


def sent(asked: Request) -> Sent:
    return Sent(user=asked.requester.user, language="en", sent_at=time.time(), upload_limit=1_000_000, asked=asked)


class Context:
    """A front end's way in, and what it told people beside their jobs."""

    def __init__(self, front: FrontEnd) -> None:
        self.front = front
        # so that no picture is read
        self.terms = Terms("not here")
        self.told: list[tuple[str, str]] = []
        self.pipeline = Pipeline(
            front.client,
            front.storage,
            front.pipeline.catalog,
            front.pipeline.settings,
            front.chat,
            front.status,
            rules=self._rule,
            tell=self._tell,
        )

    async def _rule(self, request: Request) -> Terms:
        return self.terms

    async def _tell(self, to: ReplyAddress, text: str) -> None:
        assert "job" not in to.extra
        self.told.append((to.chat, text))

    async def take(self, request: Request) -> bool:
        taken = await self.pipeline.take(sent(request), request.words)
        await self.pipeline.background.drain(60)
        return taken

    async def use_up(self) -> None:
        """Whoever has asked for something has asked for all that a minute holds."""
        redis: Any = self.front.client.redis
        seconds, _ = await redis.time()
        async for key in redis.scan_iter("unstill:pace:*"):
            await redis.set(key, seconds * 1000 + MINUTE_MS, keepttl=True)


@pytest.fixture
async def context(valkey: EmbeddedValkey, storage: Storage) -> AsyncIterator[Context]:
    # one a minute, so that a slow machine has a whole one
    front = FrontEnd(valkey.url, Settings(quota=Quota(person_requests=1)), storage)
    yield Context(front)
    await front.client.close()


@pytest.fixture
async def usual(valkey: EmbeddedValkey, storage: Storage) -> AsyncIterator[Context]:
    front = FrontEnd(valkey.url, Settings(quota=Quota()), storage)
    yield Context(front)
    await front.client.close()


async def test_who_asks_too_fast_is_told_once_in_each_chat_and_nothing_is_written_down(context: Context) -> None:
    # Given somebody whose minute is used up
    assert await context.take(asked(1))
    await context.use_up()
    before = set(await context.front.client.redis.keys("*"))
    # When they ask for more, in two chats
    for n in (2, 3, 4):
        assert not await context.take(asked(n))
        assert not await context.take(asked(n, chat="c2"))
    # Then they were told once in each, and the server holds nothing more
    assert context.told == [("c1", TOLD), ("c2", TOLD)]
    assert set(await context.front.client.redis.keys("*")) == before
    # and others are not held to it
    assert await context.take(asked(1, user="bob"))
    # nor is the same update, seen again, one too many
    assert not await context.take(asked(1))
    assert len(context.told) == 2


async def test_a_minutes_requests_may_come_at_once_and_what_counts_them_expires(usual: Context) -> None:
    # When four albums of ten come in the same moment, then all are taken
    assert all(await asyncio.gather(*(usual.take(asked(n, chat=f"c{n // 10}")) for n in range(40))))
    # When a hundred and sixty more come, then no more are taken than while they came there was room for
    taken = await asyncio.gather(*(usual.take(asked(n)) for n in range(40, 200)))
    assert sum(taken) < 160
    assert sum(taken) + 40 == len(await usual.front.ledger.open_ids())
    # and the counter is gone when the minute is over
    [key] = await usual.front.client.redis.keys("unstill:pace:*")
    assert 0 < await usual.front.client.redis.pttl(key) <= 60_000


async def test_channels_of_a_chat_share_its_minute(context: Context) -> None:
    def of_channel(n: int) -> Request:
        request = asked(n, user=f"-{n}")
        return replace(request, requester=replace(request.requester, persona=True))

    assert await context.take(of_channel(1))
    await context.use_up()
    assert not await context.take(of_channel(2))
    assert await context.take(asked(3))


async def test_a_press_is_told_by_its_answer(context: Context) -> None:
    # Given a clip of somebody whose minute is used up
    context.terms = Terms()
    request = await context.front.finished()
    await context.pipeline.may_ask(request)
    await context.use_up()
    record = await context.front.ledger.read(request.id)

    # When they want another one
    varied = await vary(record, AGAIN, ChatReplies("en"), context.pipeline)
    # Then that is the answer, and they are not told beside it
    assert varied == Varied(TOLD) and context.told == []
    # nor may they change their words to have more
    assert not await context.pipeline.may_ask(request)
    with pytest.raises(TooManyRequests):
        await context.pipeline.enter(asked(5), start=False)


async def test_the_terminal_and_a_host_without_a_limit_take_what_comes(
    context: Context, valkey: EmbeddedValkey, storage: Storage
) -> None:
    # The terminal's way in is not limited
    for n in range(60):
        assert await context.front.pipeline.accept(sent(asked(n)), WORDS, start=False)
    front = FrontEnd(valkey.url, Settings(quota=Quota(person_requests=0)), storage)
    free = Context(front)
    for n in range(60):
        assert await free.take(asked(n, chat="c2"))
    await front.client.close()
