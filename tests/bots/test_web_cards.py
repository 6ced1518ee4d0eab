"""The cards of one person on the page: the newest stay, and what is under way."""

from __future__ import annotations

from msgspec.structs import replace

from unstill_bots.delivery.message import Phase
from unstill_bots.text.parts import Text
from unstill_bots.web.cards import MOST, Card, Cards
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey


async def test_cards_that_are_under_way_stay_however_many_they_are(valkey: EmbeddedValkey) -> None:
    redis = connect(valkey.url)
    cards = Cards(redis, 3600)
    # Given more requests under way than cards are kept
    one = Card("web:ann:0", "web:ann:0", 0.0, "en", Text("In the queue."), Phase.WAITING)
    for number in range(MOST + 2):
        await cards.put("ann", replace(one, id=f"web:ann:{number}", at=float(number)))
    # When one is answered, Then it stays, and none of those that wait has gone for it
    await cards.put("ann", replace(one, id="web:ann:last", at=1e6, phase=Phase.DONE))
    assert await cards.get("ann", "web:ann:0") is not None and await cards.get("ann", "web:ann:last") is not None
    assert len(await cards.all("ann")) == MOST
    # and of answered ones the oldest goes
    for number in range(MOST):
        await cards.put("ann", replace(one, id=f"web:ann:made{number}", at=2e6 + number, phase=Phase.DONE))
    assert await cards.get("ann", "web:ann:last") is None
    await redis.aclose()
