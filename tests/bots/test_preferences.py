"""What is set is kept, also beside a newer program; and one process leads."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from unstill_bots.actions.preferences import Preferences, PreferenceStore
from unstill_bots.host.leader import Leader, LeadershipLost
from unstill_bots.intake.captions import parse, with_defaults
from unstill_config.catalog import Catalog
from unstill_queue.redis.connection import connect
from unstill_queue.redis.embedded import EmbeddedValkey

CATALOG = Catalog.load()


@pytest.fixture
async def redis(valkey: EmbeddedValkey) -> AsyncIterator[Redis]:
    client = connect(valkey.url)
    yield client
    await client.aclose()


async def test_preferences_are_kept_moved_and_forgotten(redis: Redis) -> None:
    store = PreferenceStore(redis)
    mine = Preferences(language="zh_CN", preset="quality", shape="reels", resolution=512)
    assert await store.get("telegram:1") == Preferences()
    await store.set("telegram:1", mine)
    await store.move("telegram:1", "telegram:2")
    assert (await store.get("telegram:1"), await store.get("telegram:2")) == (Preferences(), mine)
    await store.forget("telegram:2")
    assert await store.get("telegram:2") == Preferences()


async def test_what_another_version_wrote_counts_as_nothing(redis: Redis) -> None:
    await redis.set("unstill:preferences:telegram:1", b"\x09anything")
    assert await PreferenceStore(redis).get("telegram:1") == Preferences()


def test_ones_own_options_give_way_to_those_that_are_typed() -> None:
    mine = Preferences(preset="quality", shape="reels", resolution=512)
    words = with_defaults("waves --shape square", mine.options, CATALOG)
    read = parse(words, CATALOG)
    assert words == "--preset quality --resolution 512 waves --shape square"
    assert read.given == {"preset": "quality", "shape": "square", "resolution": 512}
    # which is no contradiction, however a size or shape is typed, or left open
    assert not read.notes
    for typed in ("waves --size 1024x1024", "waves --hd", "waves --ar 16:9 --res auto"):
        assert "option_overruled" not in str(parse(with_defaults(typed, mine.options, CATALOG), CATALOG).notes)
    assert "reels" not in with_defaults("waves --shape auto", mine.options, CATALOG)
    assert with_defaults("waves", Preferences().options, CATALOG) == "waves"


async def test_one_leads_and_the_next_follows_when_it_leaves_or_dies(redis: Redis) -> None:
    first, second = Leader(redis, "telegram", term=0.6), Leader(redis, "telegram", term=0.6)
    async with first.lead():
        keeper = asyncio.create_task(first.keep())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(second.wait(), 1.5)
        keeper.cancel()
    # When it has left, the second leads at once
    await asyncio.wait_for(second.wait(), 0.5)
    # When that one is not heard of any more, the first leads again, and the second finds out
    await asyncio.wait_for(first.wait(), 3)
    with pytest.raises(LeadershipLost):
        await asyncio.wait_for(second.keep(), 2)
