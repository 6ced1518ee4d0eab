"""The double of Discord, seen through the client library: how often a bot may call, and how often it may be wrong."""

from __future__ import annotations

import asyncio

import aiohttp
import discord
import pytest
from tests.bots.discord_double.bot import Bot
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.guilds import Guild
from wire_doubles.discord.permissions import Can
from wire_doubles.discord_api import DiscordApi


async def test_the_library_keeps_to_what_the_headers_say(
    discord_api: DiscordApi, bot: Bot, cats: Guild, general: Channel
) -> None:
    # Given a route of five calls in a while for each channel
    discord_api.limits.on = True
    discord_api.limits.hurry = 20
    other = cats.text_channel("other")
    # When more is sent than that
    sending = [bot.get_partial_messageable(general.id).send(str(number)) for number in range(12)]
    await asyncio.gather(*sending, bot.get_partial_messageable(other.id).send("meanwhile"))
    # Then all of it arrives, and nothing was refused
    assert discord_api.limits.refused == 0
    assert (len(general.history()), len(other.history())) == (12, 1)


async def test_a_client_that_pays_no_heed_is_refused_and_told_for_how_long(
    discord_api: DiscordApi, general: Channel
) -> None:
    discord_api.limits.on = True
    discord_api.clock.stop()
    url = f"{discord_api.url}/channels/{general.id}/messages"
    headers = {"Authorization": f"Bot {discord_api.token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        left = []
        for number in range(5):
            async with session.post(url, json={"content": str(number)}) as answer:
                left.append(answer.headers["X-RateLimit-Remaining"])
                assert 0 < float(answer.headers["X-RateLimit-Reset-After"]) <= 5
        assert left == ["4", "3", "2", "1", "0"]
        async with session.post(url, json={"content": "6"}) as answer:
            body = await answer.json()
            assert answer.status == 429
            assert answer.headers["X-RateLimit-Scope"] == "user"
            assert (body["global"], body["code"]) == (False, 0)
            assert 0 < body["retry_after"] <= 5
        discord_api.clock.move(body["retry_after"] + 0.01)
        async with session.post(url, json={"content": "6"}) as answer:
            assert answer.status == 200
        # And so many calls in all
        discord_api.clock.move(60)
        statuses = []
        for _ in range(11):
            async with session.get(f"{discord_api.url}/users/{discord_api.bot.id}") as answer:
                statuses.append((answer.status, answer.headers.get("X-RateLimit-Scope")))
        assert (429, "user") in statuses
        discord_api.clock.move(60)
        discord_api.limits.overall = 2
        for path in ("/users/@me", "/gateway/bot", "/applications/@me"):
            async with session.get(discord_api.url + path) as answer:
                statuses.append((answer.status, answer.headers.get("X-RateLimit-Scope")))
        assert statuses[-3:] == [(200, None), (200, None), (429, "global")]
    assert len(general.history()) == 6


async def test_the_library_waits_out_a_refusal(discord_api: DiscordApi, bot: Bot, general: Channel) -> None:
    discord_api.limits.next("create_message", retry_after=0.05, scope="global")
    discord_api.limits.next("create_message", retry_after=0.05, scope="shared")
    await bot.get_partial_messageable(general.id).send("in the end")
    assert [answered.status for answered in discord_api.calls("create_message")] == [429, 429, 200]
    # What is shared with others is nobody's fault
    assert discord_api.limits.wrongs == 1


async def test_who_is_wrong_too_often_is_shut_out(discord_api: DiscordApi, bot: Bot, general: Channel) -> None:
    discord_api.limits.invalid = 3
    channel = bot.get_partial_messageable(general.id)
    general.forbid(Can.VIEW_CHANNEL)
    for _ in range(3):
        with pytest.raises(discord.Forbidden):
            await channel.send("x")
    assert discord_api.limits.banned
    with pytest.raises(discord.HTTPException) as refused:
        await channel.send("x")
    assert (refused.value.status, refused.value.code) == (429, 0)
    assert "1015" in refused.value.text
    # For ten minutes
    discord_api.clock.move(601)
    general.overwrite(discord_api.bot)
    await channel.send("x")
    assert discord_api.limits.wrongs == 0
