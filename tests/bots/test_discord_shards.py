"""The connection to Discord's gateway: as many shards as are advised, and no more sessions started than are left."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from discord.gateway import KeepAliveHandler
from tests.waiting import until
from wire_doubles.discord_api import DiscordApi

from unstill_bots.discord.connection import Bot, is_invalid, open_bot, pause_between
from unstill_bots.host.breaker import Breaker
from unstill_config.platforms import Discord

if TYPE_CHECKING:
    from discord.types.gateway import SessionStartLimit

DAY = 24 * 3600


@pytest.fixture
async def api() -> AsyncIterator[DiscordApi]:
    async with DiscordApi() as double:
        yield double


@contextlib.asynccontextmanager
async def connected(api: DiscordApi) -> AsyncIterator[Bot]:
    bot = open_bot(Discord(api_url=api.url, gateway_url=api.gateway_url), Breaker(is_invalid))
    await bot.login(api.token)
    await bot.advised()
    running = asyncio.create_task(bot.connect())
    try:
        await until(lambda: is_connected(bot), what="all shards")
        yield bot
    finally:
        await bot.close()
        with contextlib.suppress(asyncio.CancelledError):
            running.cancel()
            await running
        # the library leaves those of connections that it gave up before they identified, which end after a minute
        for thread in threading.enumerate():
            if isinstance(thread, KeepAliveHandler):
                thread.stop()


def is_connected(bot: Bot) -> bool:
    """With all of its shards, as the library knows itself."""
    return len(bot.shards) == bot.shard_count and not any(shard.is_closed() for shard in bot.shards.values())


@pytest.mark.parametrize(
    ("remaining", "shards", "seconds"),
    [
        (1000, 1, 0.0),
        (501, 1, 0.0),
        (500, 1, DAY / 500),
        (500, 10, DAY / 50),
        (9, 10, DAY),
        (0, 1, DAY),
    ],
)
def test_what_is_left_of_a_days_sessions_lasts_until_there_are_more(
    remaining: int, shards: int, seconds: float
) -> None:
    limit: SessionStartLimit = {
        "total": 1000, "remaining": remaining, "reset_after": DAY * 1000, "max_concurrency": 1,
    }  # fmt: skip
    assert pause_between(limit, shards) == seconds


async def test_shards_identify_no_faster_than_the_platform_lets_them(api: DiscordApi) -> None:
    # Given two servers, a shard advised for each, and a platform that takes one in a while
    ann = api.person("Ann")
    for name in ("Cats", "Dogs"):
        api.guild(name, ann)
    api.gateway.guilds_advised = 1
    api.gateway.identify_seconds = 4.0
    # When a bot connects
    async with connected(api) as bot:
        # Then each shard has its session at the first try
        assert bot.shard_count == 2
        await until(lambda: api.gateway.connected, what="both sessions")
        assert sorted(session.shard for session in api.gateway.sessions.values()) == [(0, 2), (1, 2)]
        assert (api.gateway.hurried, len(api.gateway.identified)) == (0, 2)


async def test_a_session_that_would_be_one_of_the_last_is_not_started_before_its_time(
    api: DiscordApi, caplog: pytest.LogCaptureFixture
) -> None:
    # Given a bot whose platform takes two sessions a day
    api.gateway.identifies = 2
    caplog.set_level(logging.ERROR, "discord")
    async with connected(api) as bot:
        # When its session is over
        api.gateway.forget()
        api.gateway.drop()
        # Then it starts none, and keeps its token
        await until(lambda: "few sessions may be started today" in caplog.text, what="the refusal")
        assert len(api.gateway.identified) == 1
        assert not api.gateway.token_reset
        # And comes back as soon as there are more
        api.gateway.identifies = 1000
        await until(lambda: is_connected(bot), what="the session")
