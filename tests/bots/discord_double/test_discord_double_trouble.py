"""The double of Discord, seen through the client library: what goes wrong on the way."""

from __future__ import annotations

import threading

import aiohttp
import discord
import httpx
import pytest
from tests.bots.discord_double.bot import Bot, file
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.trouble import Refusal
from wire_doubles.discord_api import DiscordApi


async def test_a_lost_answer_comes_after_the_deed(discord_api: DiscordApi, bot: Bot, general: Channel) -> None:
    channel = bot.get_partial_messageable(general.id)
    discord_api.trouble.next("create_message", "lost")
    with pytest.raises(aiohttp.ClientError):
        await channel.send("was it said?", nonce="n1")
    await channel.send("was it said?", nonce="n1")
    discord_api.trouble.next("create_message", "dropped")
    with pytest.raises(aiohttp.ClientError):
        await channel.send("this was not")
    assert [shown.text for shown in general.history()] == ["was it said?"]
    assert [answered.status for answered in discord_api.calls("create_message")] == [0, 200, 0]


async def test_what_the_platform_cannot_do_now(discord_api: DiscordApi, bot: Bot, general: Channel) -> None:
    channel = bot.get_partial_messageable(general.id)
    discord_api.trouble.next("create_message", "overloaded")
    with pytest.raises(discord.DiscordServerError) as overloaded:
        await channel.send("x")
    assert (overloaded.value.status, overloaded.value.code) == (503, 130000)
    discord_api.trouble.next("create_message", "too large")
    with pytest.raises(discord.HTTPException) as large:
        await channel.send(file=file())
    assert (large.value.status, large.value.code) == (413, 40005)
    # The library tries a bad gateway again by itself
    discord_api.trouble.next("create_message", "bad gateway")
    await channel.send("x")
    assert [answered.status for answered in discord_api.calls("create_message")] == [503, 413, 502, 200]
    assert [shown.text for shown in general.history()] == ["x"]


@pytest.mark.parametrize(
    ("mishap", "status", "code"),
    [("slow mode", 429, 20028), ("too many edits", 429, 30046), ("file too large", 400, 50045), ("internal", 500, 0)],
)
async def test_every_refusal_has_its_code(
    discord_api: DiscordApi, general: Channel, mishap: Refusal, status: int, code: int
) -> None:
    discord_api.trouble.next("create_message", mishap)
    headers = {"Authorization": f"Bot {discord_api.token}"}
    url = f"{discord_api.url}/channels/{general.id}/messages"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(url, json={"content": "x"}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (status, code)
    assert general.history() == []


async def test_a_slow_answer_comes_after_the_deed(discord_api: DiscordApi, bot: Bot, general: Channel) -> None:
    discord_api.trouble.next("create_message", "slow", seconds=0.3)
    sent = bot.loop.create_task(bot.get_partial_messageable(general.id).send("x"))
    await bot.until(lambda: bool(general.history()))
    assert not sent.done()
    await sent


async def test_the_same_seed_brings_the_same_trouble() -> None:
    async def statuses(seed: int) -> list[int]:
        async with DiscordApi(seed=seed) as api, aiohttp.ClientSession() as session:
            api.limits.on = False
            api.trouble.lost = api.trouble.bad_gateway = 0.3
            api.trouble.only = frozenset({"get_gateway"})
            for _ in range(12):
                try:
                    async with session.get(f"{api.url}/gateway"):
                        pass
                except aiohttp.ClientError:
                    continue
            return [answered.status for answered in api.calls("get_gateway")]

    first = await statuses(1)
    assert first == await statuses(1)
    assert set(first) == {0, 200, 502}


def test_it_runs_in_a_thread_of_its_own() -> None:
    before = threading.enumerate()
    with DiscordApi.threaded() as api:
        general = api.guild("Cats", api.person("Ann")).text_channel("general")
        headers = {"Authorization": f"Bot {api.token}"}
        with httpx.Client(base_url=api.url, headers=headers) as http:
            answer = http.post(f"/channels/{general.id}/messages", json={"content": "hello"})
        assert answer.json()["content"] == "hello"
        assert general.transcript().endswith("Unstill: hello")
    assert "discord" not in [thread.name for thread in threading.enumerate() if thread not in before]
