"""The double of Discord, seen through the client library: what else a bot asks for and changes."""

from __future__ import annotations

import discord
import pytest
from tests.bots.discord_double.bot import Bot
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.guilds import Guild
from wire_doubles.discord.people import Person
from wire_doubles.discord_api import DiscordApi


async def test_who_and_where_it_is(
    discord_api: DiscordApi, bot: Bot, ann: Person, cats: Guild, general: Channel
) -> None:
    about = await bot.application_info()
    assert (about.id, about.name, about.approximate_guild_count) == (discord_api.bot.id, "Unstill", 1)
    assert (await bot.fetch_user(ann.id)).global_name == "Ann"
    assert [guild.name async for guild in bot.fetch_guilds()] == ["Cats"]
    guild = await bot.fetch_guild(cats.id, with_counts=False)
    assert [channel.name for channel in await guild.fetch_channels()] == ["general"]
    assert {role.name for role in await guild.fetch_roles()} == {"@everyone", "Unstill"}
    assert (await guild.fetch_member(ann.id)).name == "ann"
    general.thread("open", ann)
    general.thread("shut", ann).archive()
    assert [thread.name for thread in await guild.active_threads()] == ["open"]
    start = await bot.http.request(discord.http.Route("GET", "/gateway/bot"))
    assert start["session_start_limit"]["remaining"] == 999
    await guild.leave()
    assert not cats.bot_is_in
    assert [guild.name async for guild in bot.fetch_guilds()] == []


async def test_it_types_and_opens_threads(bot: Bot, ann: Person, cats: Guild, general: Channel) -> None:
    channel = await bot.fetch_channel(general.id)
    assert isinstance(channel, discord.TextChannel)
    async with channel.typing():
        pass
    assert [user.name for user in general.typing] == ["Unstill"]
    opened = await channel.create_thread(name="mine", type=discord.ChannelType.public_thread)
    sent = await channel.send("about this")
    upon = await sent.create_thread(name="this")
    await upon.send("here")
    hers = general.thread("hers", ann)
    thread = await bot.fetch_channel(hers.id)
    assert isinstance(thread, discord.Thread)
    await thread.join()
    assert {each.name for each in general.threads.values()} == {"mine", "this", "hers"}
    assert (upon.id, opened.owner_id) == (sent.id, bot.user.id if bot.user else 0)
    with pytest.raises(discord.HTTPException) as refused:
        await bot.http.start_thread_without_message(
            cats.forum("art").id, name="x", auto_archive_duration=60, type=discord.ChannelType.public_thread.value
        )
    assert refused.value.code == 50024


async def test_single_commands_come_change_and_go(discord_api: DiscordApi, bot: Bot, cats: Guild) -> None:
    id = discord_api.bot.id
    made = await bot.http.upsert_guild_command(id, cats.id, {"name": "here", "description": "Only here", "type": 1})
    [listed] = await bot.tree.fetch_commands(guild=discord.Object(cats.id))
    assert (listed.name, str(listed.id)) == ("here", made["id"])
    await listed.edit(description="Here alone")
    assert (await bot.tree.fetch_command(listed.id, guild=discord.Object(cats.id))).description == "Here alone"
    await listed.delete()
    assert await bot.tree.fetch_commands(guild=discord.Object(cats.id)) == []
    # Two hundred new ones a day
    made_before = len(discord_api.commands.listed()) + 1
    for number in range(200 - made_before):
        discord_api.commands.put({"name": f"c{number}", "description": "x", "type": 1}, cats.id)
    with pytest.raises(discord.HTTPException) as refused:
        await bot.http.upsert_guild_command(id, cats.id, {"name": "more", "description": "x", "type": 1})
    assert refused.value.code == 30034
    discord_api.clock.move(24 * 3600 + 1)
    await bot.http.upsert_guild_command(id, cats.id, {"name": "more", "description": "x", "type": 1})


async def test_what_the_double_does_not_have_is_not_found(discord_api: DiscordApi, bot: Bot) -> None:
    with pytest.raises(discord.NotFound):
        await bot.fetch_premium_sticker_packs()
    assert discord_api.log[-1].operation == "unknown GET /api/v10/sticker-packs"
