"""The same picture once more: what a press makes, how often, and when it makes nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from msgspec.structs import replace
from tests.bots.test_courier import FrontEnd
from tests.waiting import until

from unstill_bots.actions.variations import AGAIN, LOOP, Varied, vary, words_for
from unstill_bots.text.chat_replies import ChatReplies
from unstill_config.settings import Quota, Settings
from unstill_queue.contract.jobs import Failed, Outcome, Request, Succeeded
from unstill_queue.redis.embedded import EmbeddedValkey
from unstill_queue.storage.base import Storage

EN = ChatReplies("en")
FREE = Quota(person_jobs=0, chat_jobs=0, person_seconds=0, chat_seconds=0)


@pytest.fixture
async def front(valkey: EmbeddedValkey, storage: Storage) -> AsyncIterator[FrontEnd]:
    front = FrontEnd(valkey.url, Settings(quota=FREE), storage)
    yield front
    await front.client.close()


async def pressed(front: FrontEnd, request: Request, press: str, action: str = AGAIN) -> Varied:
    record = await front.ledger.read(request.id)
    return await vary(record, action, EN, front.pipeline, press=press)


async def made(front: FrontEnd, varied: Varied, outcome: Outcome | None = None) -> Request:
    """An engine takes what was asked for and files its outcome: by default a clip."""
    assert varied.request is not None, varied.said

    async def queued() -> bool:
        return (await front.ledger.read(varied.request.id)).job is not None if varied.request else False

    await until(queued, "the job")
    claim = await front.ledger.claim("camera", varied.request.id, "engine")
    assert claim and claim.job.id == varied.request.id
    done = Succeeded("clips/x.mp4", 9, 64, 48, 2.0, 24.0, claim.job.parameters, False, 0.5)
    assert await front.ledger.finish(claim, outcome or done)
    return varied.request


async def test_again_is_pressed_again_when_the_last_one_is_there(front: FrontEnd) -> None:
    first = await front.finished()
    # Given one more in the making
    one = await pressed(front, first, "1")
    # When Again is pressed meanwhile, Then that is said; the same press, told of twice, is one
    assert await pressed(front, first, "2") == Varied("One more is in the making. Press again when it is there.")
    assert await pressed(front, first, "1") == Varied(EN.already())
    await made(front, one)
    assert await pressed(front, first, "1") == Varied(EN.already())
    # When it is there, Then a press makes another, and where that failed the next one too
    await made(front, await pressed(front, first, "3"), Failed("deadline"))
    await made(front, await pressed(front, first, "4"))
    # and what would be the same each time is made once
    await made(front, await pressed(front, first, "5", LOOP))
    assert await pressed(front, first, "6", LOOP) == Varied(EN.already())


async def test_a_loop_closes_where_the_model_can_end_with_a_picture(front: FrontEnd) -> None:
    record = await front.ledger.read((await front.finished()).id)
    job, catalog = record.job, front.pipeline.catalog
    assert job is not None and "--loop yes" in words_for(record, job, LOOP, catalog)
    # Given a model that can, Then a press of Loop asks for that, unless the clip ends with another picture
    able = replace(job, parameters=replace(job.parameters, model="wan-i2v-a14b-fast"))
    assert '--loop "seamless"' in words_for(record, able, LOOP, catalog)
    assert "--loop yes" in words_for(record, replace(able, last_picture="pictures/b.png"), LOOP, catalog)
    assert "--loop yes" in words_for(record, replace(able, picture=""), LOOP, catalog)


async def test_no_move_comes_twice_and_when_all_were_seen_that_is_said(front: FrontEnd) -> None:
    first = await front.finished()
    moves, shown = front.pipeline.catalog.models["camera"].moves, [first]
    # When Again is pressed under the newest of the picture's clips, as often as there are moves
    for number in range(len(moves)):
        varied = await pressed(front, shown[-1], str(number))
        assert varied.said == f"On its way: {moves[number]}."
        shown.append(await made(front, varied))
    # Then each was another move of the same words, and there are no more
    words = [request.words for request in shown[1:]]
    assert all("Waves rolling in" in each and move in each for each, move in zip(words, moves, strict=True))
    assert await pressed(front, first, "x") == Varied(EN.no_more_moves())
    assert await pressed(front, shown[-1], "y") == Varied(EN.no_more_moves())
