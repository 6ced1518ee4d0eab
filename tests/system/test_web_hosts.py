"""The host's decisions on the page and its API: a pause, a block, and a report that goes to the host's chat."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import pytest
from tests.system.telegram_house import photo
from tests.system.web_house import Visitor, WebHouse, web_house

from unstill_queue.contract.jobs import Failed
from unstill_queue.ledger.ledger import Ledger

HOST, PHOTO = "telegram:1", photo()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebHouse]:
    with web_house(tmp_path_factory.mktemp("hosts"), UNSTILL_BOTS__HOSTS=HOST) as web:
        yield web


@contextlib.asynccontextmanager
async def ledger_of(web: WebHouse) -> AsyncIterator[Ledger]:
    ledger = web.ledger()
    try:
        yield ledger
    finally:
        await ledger.redis.aclose()


def asked_by_api(visitor: Visitor) -> tuple[int, str]:
    """Return the status and the code of what the API says to a request for a clip."""
    token = {"Origin": visitor.url, "Sec-Fetch-Site": "same-origin"}
    answer = visitor.http.post(
        "/api/v1/clips", data={"prompt": "waves"}, files={"picture": ("a.png", PHOTO)}, headers=token
    )
    return answer.status_code, answer.json().get("code", "")


async def test_a_pause_and_a_block_hold_for_the_page_and_its_api(web: WebHouse) -> None:
    ann = web.visitor()
    ann.open()
    async with ledger_of(web) as ledger:
        # When the intake is paused, then page and API say so, and nothing is taken
        await ledger.pause("intake")
        page = await asyncio.to_thread(ann.ask, "waves")
        assert (page.status_code, "has paused it" in page.text) == (422, True)
        assert await asyncio.to_thread(asked_by_api, ann) == (503, "paused")
        await ledger.resume()
        # When they are blocked, by the name under which they used something, then each answer says so
        assert (await asyncio.to_thread(ann.ask, "waves")).status_code == 200
        await asyncio.to_thread(ann.until, lambda cards: cards and cards[0].clip, "the clip")
        [name] = [one.name for one in await ledger.spent() if one.what == "account"]
        await ledger.block([name])
        for _ in range(2):
            page = await asyncio.to_thread(ann.ask, "waves")
            assert (page.status_code, "has blocked you" in page.text) == (422, True)
            assert await asyncio.to_thread(asked_by_api, ann) == (403, "blocked")
        # and others are served
        assert (await asyncio.to_thread(web.visitor().ask, "waves")).status_code == 200
        await ledger.unblock([name])


async def test_a_clip_is_reported_on_the_page(web: WebHouse) -> None:
    ann = web.visitor()
    await asyncio.to_thread(ann.ask, "waves")
    [card] = await asyncio.to_thread(ann.until, lambda cards: cards and cards[0].clip, "the clip")
    # When it is reported, twice
    for _ in range(2):
        await asyncio.to_thread(ann.press, card, "Report")
    async with ledger_of(web) as ledger:
        news = [id async for id in ledger.redis.scan_iter("unstill:job:telegram:host:*")]
        # Then the host is told once, of that clip, by names
        [record] = [await ledger.read(id.decode().removeprefix("unstill:job:")) for id in news]
        assert record.request.requester.person == HOST and isinstance(record.outcome, Failed)
        assert "A clip on Web was reported." in record.outcome.message and "waves" not in record.outcome.message
        assert record.outcome.details["clip"].startswith("clips/")
    # and nobody reports a clip that is not on a card of theirs
    assert (await asyncio.to_thread(web.visitor().press, card, "Report")).status_code == 404
