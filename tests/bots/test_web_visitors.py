"""Tests that all processes which serve the page recognise the same people."""

from __future__ import annotations

import asyncio

from unstill_bots.web.visitor import Visitors
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey


async def test_those_who_come_first_and_at_once_are_known_by_one_key(valkey: EmbeddedValkey) -> None:
    # Given two processes at a server that nobody came to yet
    redises = [connect(valkey.url) for _ in range(2)]
    processes = [Visitors(redis) for redis in redises]
    for process in processes:
        await process.check()
    # When many people come at once
    came = await asyncio.gather(*(processes[n % 2].by_cookie("", "203.0.113.7", "en") for n in range(12)))
    # Then one key was made, and their network is one
    assert len(await processes[0].keys.all()) == len(await processes[1].keys.all()) == 1
    assert len({visitor.scope for visitor in came}) == 1
    # and each of them is known at the next request, by either process
    for visitor in came:
        cookie = await processes[0].cookie_of(visitor)
        assert (await processes[1].by_cookie(cookie, "203.0.113.7", "en")).user == visitor.user
    for redis in redises:
        await redis.aclose()
