"""The double of Discord, seen through the client library: the gateway."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import discord
import pytest
from tests.bots.discord_double.bot import INTENTS, Bot, png
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.gateway import GUILD_MEMBERS, MESSAGE_CONTENT
from wire_doubles.discord.guilds import Guild
from wire_doubles.discord.people import Person
from wire_doubles.discord_api import DiscordApi, File


async def test_the_bot_learns_of_its_servers(bot: Bot, cats: Guild, general: Channel, ann: Person) -> None:
    [guild] = bot.guilds
    assert (guild.name, guild.owner_id, guild.member_count) == ("Cats", ann.id, 2)
    assert [channel.name for channel in guild.text_channels] == ["general"]
    assert guild.me.guild_permissions.send_messages and not guild.me.guild_permissions.manage_guild
    # And of what changes in them
    cats.boost(3)
    cats.text_channel("new")
    await bot.until(lambda: len(guild.text_channels) == 2 and guild.premium_tier == 3)
    general.delete()
    await bot.until(lambda: [channel.name for channel in guild.text_channels] == ["new"])
    cats.outage()
    await bot.until(lambda: bot.guilds[0].unavailable)
    cats.outage_over()
    await bot.until(lambda: not bot.guilds[0].unavailable)
    cats.remove_bot()
    await bot.until(lambda: not bot.guilds)
    cats.add_bot()
    await bot.until(lambda: len(bot.guilds) == 1)


@pytest.mark.parametrize("loss", ["drop", "reconnect", "close"])
async def test_nothing_is_lost_by_a_lost_connection(
    discord_api: DiscordApi, bot: Bot, ann: Person, general: Channel, loss: str
) -> None:
    # Given a connection that ends while the platform cannot be reached
    me = discord_api.bot.mention
    ann.say(general, f"{me} before")
    await bot.until(lambda: len(bot.seen) == 1)
    discord_api.gateway.refusing = True
    getattr(discord_api.gateway, loss)()
    await bot.until(lambda: not discord_api.gateway.connected)
    # When something is said and asked meanwhile
    ann.say(general, f"{me} meanwhile")
    asked = ann.slash(general, "animate", image=File(png()))
    discord_api.gateway.refusing = False
    # Then the session goes on where it was
    await bot.until(lambda: len(bot.seen) >= 2)
    assert (await asked.answered()).text == "hello"
    assert [message.content.split()[-1] for message in bot.seen[:2]] == ["before", "meanwhile"]
    assert discord_api.gateway.resumed == 1
    assert len(discord_api.gateway.identified) == 1


async def test_a_session_that_is_over_begins_anew(
    discord_api: DiscordApi, bot: Bot, ann: Person, general: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def at_once(shard_id: int | None, *, initial: bool = False) -> None:
        """The library waits five seconds here, which is a client's to say."""

    monkeypatch.setattr(bot, "before_identify_hook", at_once)
    discord_api.gateway.invalidate()
    await bot.until(lambda: len(discord_api.gateway.identified) == 2)
    ann.say(general, f"{discord_api.bot.mention} again")
    await bot.until(lambda: bool(bot.seen))
    # One that is said to be resumable is resumed
    discord_api.gateway.invalidate(resumable=True)
    await bot.until(lambda: discord_api.gateway.resumed == 1)
    # And one that the platform forgot is not
    discord_api.gateway.forget()
    discord_api.gateway.drop()
    await bot.until(lambda: len(discord_api.gateway.identified) == 3)


async def test_the_platform_goes_down_and_comes_back(
    discord_api: DiscordApi, bot: Bot, ann: Person, general: Channel
) -> None:
    discord_api.gateway.refusing = False
    await discord_api.down()
    ann.say(general, f"{discord_api.bot.mention} hello?")
    await discord_api.up()
    await bot.until(lambda: bool(bot.seen))
    assert discord_api.gateway.resumed == 1


async def test_heartbeats_are_answered_unless_it_is_told_not_to(discord_api: DiscordApi, ann: Person) -> None:
    discord_api.gateway.heartbeat_seconds = 1.0
    async with aiohttp.ClientSession() as session:
        socket = await _connect(session, discord_api)
        await socket.send_json({"op": 1, "d": None})
        assert (await socket.receive_json())["op"] == 11
        discord_api.gateway.acks = False
        await socket.send_json({"op": 1, "d": None})
        # Silence, and then the platform gives up on who is silent, too
        message = await socket.receive(5)
        assert message.type is aiohttp.WSMsgType.CLOSE
        assert socket.close_code == 4009
        assert discord_api.gateway.heartbeats == 2


async def _connect(session: aiohttp.ClientSession, api: DiscordApi) -> aiohttp.ClientWebSocketResponse:
    socket = await session.ws_connect(api.gateway_url)
    hello = await socket.receive_json()
    assert (hello["op"], hello["d"]["heartbeat_interval"]) == (10, int(api.gateway.heartbeat_seconds * 1000))
    return socket


async def test_what_does_not_belong_there_closes_the_connection(discord_api: DiscordApi, ann: Person) -> None:
    # Given more servers than a shard may have here, however they are shared out
    token = discord_api.token
    discord_api.gateway.guilds_most = 1
    for name in ("One", "Two", "Three"):
        discord_api.guild(name, ann)
    identify = {"op": 2, "d": {"token": token, "intents": 1}}
    alone = {"op": 2, "d": {"token": token, "intents": 1, "shard": [10**9 - 1, 10**9]}}
    cases: list[tuple[list[object], int]] = [
        (["no json"], 4002),
        ([{"op": 3, "d": {}}], 4003),
        ([{"op": 2, "d": {"token": "x", "intents": 1}}], 4004),
        ([{"op": 2, "d": {"token": token, "intents": 1, "shard": [2, 2]}}], 4010),
        ([identify], 4011),
        ([{"op": 2, "d": {"token": token, "intents": 1 << 30}}], 4013),
        ([{"op": 2, "d": {"token": token, "intents": MESSAGE_CONTENT}}], 4014),
        ([alone, alone], 4005),
        ([alone, {"op": 99}], 4001),
        ([{"op": 1, "d": None}] * 121, 4008),
    ]
    async with aiohttp.ClientSession() as session:
        for said, code in cases:
            socket = await _connect(session, discord_api)
            for each in said:
                await socket.send_str(each if isinstance(each, str) else json.dumps(each))
            while not socket.closed:
                await socket.receive(5)
            assert socket.close_code == code, said


async def test_a_thousand_identifies_a_day(discord_api: DiscordApi) -> None:
    discord_api.gateway.identifies = 1
    async with Bot.connected(discord_api, sync=False) as bot:
        start = (await bot.http.request(discord.http.Route("GET", "/gateway/bot")))["session_start_limit"]
        assert (start["total"], start["remaining"]) == (1, 0)
    other = Bot()
    await other.login(discord_api.token)
    with pytest.raises(discord.ConnectionClosed) as refused:
        await asyncio.wait_for(other.connect(), 10)
    await other.close()
    assert refused.value.code == 4004
    # And the token is nobody's any more
    late = Bot()
    with pytest.raises(discord.LoginFailure):
        await late.login(discord_api.token)
    await late.close()


async def test_privileged_intents_are_granted_or_not(discord_api: DiscordApi, ann: Person, general: Channel) -> None:
    intents = discord.Intents(**{**dict(INTENTS), "message_content": True})
    bot = Bot(intents)
    await bot.login(discord_api.token)
    with pytest.raises(discord.PrivilegedIntentsRequired):
        await asyncio.wait_for(bot.connect(), 10)
    await bot.close()
    intents.members = True
    discord_api.gateway.privileged |= {MESSAGE_CONTENT, GUILD_MEMBERS}
    async with Bot.connected(discord_api, intents=intents) as bot:
        ann.say(general, "to nobody", files=[File(png())])
        await bot.until(lambda: bool(bot.seen))
        assert bot.seen[0].content == "to nobody"
        assert len(bot.seen[0].attachments) == 1
        # And the members of a server are told when they are asked for
        assert {member.name for member in bot.guilds[0].members} == {"ann", "unstill"}
