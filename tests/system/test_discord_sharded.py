"""A bot that grows beyond what one connection may carry, and one that was started too often."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterator

import pytest
from tests.system.discord_house import DiscordHouse, discord_house, has_clips, picture, says
from tests.system.processes import wait_for
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.gateway import shard_of
from wire_doubles.discord.people import Person


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DiscordHouse]:
    with discord_house(tmp_path_factory.mktemp("shards"), quick=True, bot=False) as discord:
        yield discord


def server_of_each(house: DiscordHouse) -> list[tuple[Channel, Person]]:
    """A server of each of two shards, however many have to be made for that."""
    found: dict[int, tuple[Channel, Person]] = {}
    while len(found) < 2:
        channel, [ann] = house.server(f"Server {len(house.api.world.guilds)}")
        assert channel.guild
        found[shard_of(channel.guild.id, 2)] = channel, ann
    return [found[0], found[1]]


async def test_a_bot_that_grew_takes_more_shards_and_misses_nothing(house: DiscordHouse) -> None:
    # Given a bot with one shard, which was spoken to in two servers
    gateway = house.api.gateway
    gateway.concurrency = 2
    house.start_bot()
    await asyncio.to_thread(house.wait_for_bot)
    both = server_of_each(house)
    for channel, ann in both:
        ann.say(channel, f"{house.api.bot.mention} waves")
        await channel.until(says("There is no picture here"))
    # When those are more than the platform allows a shard, and the session is over
    servers = len(gateway.guilds_of((0, 1)))
    gateway.guilds_most, gateway.guilds_advised = servers - 1, math.ceil(servers / 2)
    gateway.forget()
    gateway.drop()
    for channel, ann in both:
        ann.say(channel, f"{house.api.bot.mention} waves", files=[picture()])
    # Then it comes back with two of them, without being started again
    shards = {(0, 2), (1, 2)}
    await asyncio.to_thread(
        wait_for, lambda: {one.shard for one in gateway.sessions.values() if one.socket} == shards, what="two shards"
    )
    # And takes what was said meanwhile, and what is asked from then on, in each server and in direct messages
    for channel, ann in both:
        await channel.until(has_clips())
        assert (await ann.slash(channel, "status").answered(finally_=True)).kind == "message"
    direct = house.api.dm(ann)
    ann.say(direct, "clouds", files=[picture()])
    await direct.until(has_clips())
    assert house.bot
    assert house.bot.poll() is None
    assert house.stop_bot() == 0


async def test_a_bot_that_was_started_too_often_waits_and_keeps_its_token(house: DiscordHouse) -> None:
    # Given a day of which few sessions are left
    gateway = house.api.gateway
    gateway.identified.extend([house.now()] * 10)
    gateway.identifies = len(gateway.identified) + 2
    identified = len(gateway.identified)
    # When it is started again
    house.start_bot(log="late")
    log = "few sessions may be started today; waiting"
    await asyncio.to_thread(wait_for, lambda: log in house.house.log("late"), what="the word of it")
    # Then it uses none of them, and can be stopped
    assert house.stop_bot() == 0
    assert len(gateway.identified) == identified
    assert not gateway.token_reset
