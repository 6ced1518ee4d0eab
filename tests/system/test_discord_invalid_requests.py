"""Refused requests: few, whatever happens in a channel, and in all never near the number that shuts a bot out."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.system.discord_house import DiscordHouse, discord_house, has_clips, ours, picture
from tests.system.processes import wait_for
from tests.waiting import PATIENCE
from wire_doubles.discord.permissions import Can

from unstill_bots.discord.send_limit import AT_ONCE
from unstill_bots.host.breaker import BUDGET

MANY = 12
FEW = 8
"""A channel's refusals in a minute: three answers of them, one or two on their way at the same time."""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DiscordHouse]:
    """Its engine is started when all has been asked for."""
    with discord_house(
        tmp_path_factory.mktemp("rights"), engine=False, quick=True, JOURNAL_STEP_SECONDS="0.01"
    ) as discord:
        yield discord


@pytest.mark.parametrize(
    "right", [Can.VIEW_CHANNEL, Can.SEND_MESSAGES | Can.ATTACH_FILES | Can.EMBED_LINKS], ids=["view", "send"]
)
async def test_rights_lost_under_many_requests_cost_few_refusals_and_no_clip_that_a_token_can_bring(
    house: DiscordHouse, right: Can
) -> None:
    # Given many requests in a channel, half of them by commands and half by messages, and one elsewhere
    channel, [ann] = house.server()
    assert channel.guild
    other = channel.guild.text_channel("other")
    for number in range(MANY):
        if number % 2:
            ann.say(channel, f"{house.api.bot.mention} message {number}", files=[picture()])
        else:
            ann.slash(channel, "animate", image=picture(), prompt=f"command {number}")
    await channel.until(lambda history: len(ours(history)) == MANY)
    wrong = house.api.limits.wrongs
    # When the bot loses its rights there, and all clips come
    channel.forbid(right)
    ann.slash(other, "animate", image=picture(), prompt="the last")
    engine = house.house.start_engine()
    await other.until(has_clips())
    # Then each command has its clip, by its own token
    await channel.until(lambda history: sum(bool(one.clips) for one in history) >= MANY // 2)
    clips = [one.words for one in ours(channel.history()) if one.clips]
    assert sum("command" in words for words in clips) == MANY // 2
    # And the platform refused few calls, whatever the number of requests
    assert 0 < house.api.limits.wrongs - wrong <= FEW
    engine.terminate()
    engine.wait(PATIENCE)


async def test_what_is_refused_in_some_channels_shuts_the_bot_out_of_no_others(house: DiscordHouse) -> None:
    """The last here: where it was refused, the bot then asks nothing for ten minutes."""
    # Given a platform that refuses every change of a message
    house.api.limits.next("edit_message", retry_after=0.01, times=5000)
    places = [house.server(f"Storm{number}") for number in range(10)]
    # When so many ask that the bot would be refused more often than it allows itself
    for number in range(BUDGET // 4):
        channel, [ann] = places[number % len(places)]
        ann.slash(channel, "animate", image=picture(), prompt=f"storm {number}")
        await asyncio.sleep(0.02)
    wait_for(lambda: "too many requests were refused" in house.house.log("bot"), what="the breaker")
    # Then it stops at half of its budget there, however much is asked after that
    stopped = house.api.limits.wrongs
    for channel, [ann] in places:
        ann.slash(channel, "animate", image=picture(), prompt="after the storm")
    await asyncio.sleep(2)
    assert BUDGET // 2 <= stopped <= house.api.limits.wrongs <= BUDGET // 2 + AT_ONCE * len(places)
    # And a channel that refuses nothing has its clip
    house.api.limits.calm()
    calm, [bo] = house.server("Calm")
    house.house.start_engine()
    bo.say(calm, f"{house.api.bot.mention} calm", files=[picture()])
    await calm.until(has_clips())
