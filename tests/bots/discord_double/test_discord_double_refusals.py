"""The double of Discord, seen through the client library: what the platform refuses, with its codes."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import discord
import pytest
from discord import ui
from tests.bots.discord_double.bot import Bot, file
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.guilds import Guild
from wire_doubles.discord.people import Person
from wire_doubles.discord.permissions import Can
from wire_doubles.discord_api import DiscordApi

ROUTE = discord.http.Route


async def refused(call: Awaitable[Any]) -> tuple[int, int]:
    with pytest.raises(discord.HTTPException) as error:
        await call
    return error.value.status, error.value.code


async def test_what_is_missing_has_a_code(
    discord_api: DiscordApi, bot: Bot, ann: Person, cats: Guild, general: Channel
) -> None:
    channel = bot.get_partial_messageable(general.id)
    hers = ann.say(general, "hers")
    secret = cats.text_channel("secret")
    secret.forbid(Can.VIEW_CHANNEL)
    gone = cats.text_channel("gone")
    gone.delete()
    there = discord_api.guild("Dogs", ann, bot=False).text_channel("walks")
    nobody = discord_api.person("Nobody")
    stranger = await bot.http.start_private_message(nobody.id)
    ann.door_closed = True
    shut = await bot.http.start_private_message(ann.id)
    cases = [
        (bot.get_partial_messageable(1).send("x"), (404, 10003)),
        (bot.get_partial_messageable(gone.id).send("x"), (404, 10003)),
        (bot.get_partial_messageable(secret.id).send("x"), (403, 50001)),
        (bot.get_partial_messageable(there.id).send("x"), (403, 50001)),
        (bot.get_partial_messageable(int(stranger["id"])).send("x"), (403, 50278)),
        (bot.get_partial_messageable(int(shut["id"])).send("x"), (403, 50007)),
        (channel.fetch_message(1), (404, 10008)),
        (channel.get_partial_message(hers.id).edit(content="x"), (403, 50005)),
        (channel.get_partial_message(hers.id).delete(), (403, 50013)),
        (bot.fetch_user(1), (404, 10013)),
        (bot.http.get_member(cats.id, nobody.id), (404, 10007)),
        (bot.http.get_member(1, nobody.id), (404, 10004)),
        (bot.http.request(ROUTE("GET", "/applications/{application_id}/commands", application_id=1)), (404, 10002)),
        (bot.http.get_global_command(discord_api.bot.id, 1), (404, 10063)),
        (bot.http.request(ROUTE("GET", "/soundboard-default-sounds")), (404, 0)),
        (bot.http.request(ROUTE("GET", "/users/me")), (400, 50035)),
    ]
    for call, told in cases:
        assert await refused(call) == told
    assert general.history()[-1].text == "hers"


async def test_permissions_are_those_of_roles_and_overwrites(
    bot: Bot, ann: Person, cats: Guild, general: Channel
) -> None:
    channel = bot.get_partial_messageable(general.id)
    general.forbid(Can.SEND_MESSAGES)
    assert await refused(channel.send("x")) == (403, 50013)
    assert await refused(channel.typing().__aenter__()) == (403, 50013)
    general.forbid(Can.ATTACH_FILES)
    await channel.send("words")
    assert await refused(channel.send(file=file())) == (403, 50013)
    general.forbid(Can.EMBED_LINKS)
    assert await refused(channel.send(embed=discord.Embed(title="x"))) == (403, 50013)
    general.forbid(Can.READ_MESSAGE_HISTORY)
    hers = ann.say(general, "hers")
    reference = discord.MessageReference(message_id=hers.id, channel_id=general.id)
    assert await refused(channel.send("x", reference=reference)) == (400, 160002)
    assert await refused(channel.fetch_message(hers.id)) == (403, 50013)
    thread = general.thread("inside", ann)
    general.forbid(Can.SEND_MESSAGES_IN_THREADS)
    assert await refused(bot.get_partial_messageable(thread.id).send("x")) == (403, 50013)
    # A role gives back what everybody lacks
    cats.allow(cats.everyone, Can.VIEW_CHANNEL)
    quiet = cats.text_channel("quiet")
    assert await refused(bot.get_partial_messageable(quiet.id).send("x")) == (403, 50013)
    cats.allow_bot(Can.SEND_MESSAGES)
    await bot.get_partial_messageable(quiet.id).send("x")
    # Who is timed out says nothing
    cats.time_out(bot_of(bot, cats))
    assert await refused(bot.get_partial_messageable(quiet.id).send("x")) == (403, 50013)
    # And who was thrown out is not there
    cats.remove_bot()
    assert await refused(bot.get_partial_messageable(quiet.id).send("x")) == (403, 50001)


def bot_of(bot: Bot, guild: Guild) -> Any:
    assert bot.user
    return guild.members[bot.user.id].user


async def test_a_private_thread_is_seen_by_who_was_let_in(bot: Bot, ann: Person, cats: Guild, general: Channel) -> None:
    thread = general.thread("whisper", ann, private=True)
    assert await refused(bot.get_partial_messageable(thread.id).send("x")) == (403, 50001)
    thread.add(bot_of(bot, cats))
    await bot.until(lambda: "THREAD_CREATE" in bot.events)
    await bot.get_partial_messageable(thread.id).send("x")


async def test_what_is_too_much_is_refused(discord_api: DiscordApi, bot: Bot, general: Channel) -> None:
    channel = bot.get_partial_messageable(general.id)
    long_button = ui.View(timeout=None)
    long_button.add_item(ui.Button(label="x", custom_id="é" * 101))
    twins = ui.View(timeout=None)
    twins.add_item(ui.Button(label="a", custom_id="same"))
    twins.add_item(ui.Button(label="b", custom_id="same"))
    huge = [discord.Embed(description="x" * 3001), discord.Embed(description="x" * 3000)]
    cases: list[Awaitable[Any]] = [
        channel.send("x" * 2001),
        channel.send(embed=discord.Embed(title="x" * 257)),
        channel.send(embed=discord.Embed(description="x" * 4097)),
        channel.send(embeds=huge),
        channel.send(embed=discord.Embed(title="x", url="javascript:alert(1)")),
        channel.send("x", view=long_button),
        channel.send("x", view=twins),
        channel.send("x", nonce="x" * 26),
        channel.send("x", files=[file(name=f"{number}.mp4") for number in range(11)]),
        channel.send("x", reference=discord.MessageReference(message_id=1, channel_id=general.id)),
    ]
    for call in cases:
        assert await refused(call) == (400, 50035)
    assert await refused(channel.send("  ")) == (400, 50006)
    assert await refused(channel.send()) == (400, 50006)
    sent = await channel.send("x")
    assert await refused(sent.edit(content=None)) == (400, 50006)
    discord_api.uploads.taken = 1000
    assert await refused(channel.send(file=file(b"x" * 1001))) == (413, 40005)
    assert await refused(sent.edit(attachments=[file(b"x" * 1001)])) == (413, 40005)
    await channel.send(file=file(b"x" * 1000))
    kept = discord.MessageReference(message_id=1, channel_id=general.id, fail_if_not_exists=False)
    assert (await channel.send("x", reference=kept)).id
    assert [shown.reply_to for shown in general.history()] == [None] * 3


async def test_a_wrong_token_is_told(discord_api: DiscordApi, general: Channel) -> None:
    bot = Bot()
    with pytest.raises(discord.LoginFailure):
        await bot.login("x" + discord_api.token)
    await bot.close()
    assert discord_api.calls("get_me")[0].status == 401


COMMAND = {"name": "x", "description": "x", "type": 1}
WRONG_COMMANDS: list[dict[str, Any]] = [
    {**COMMAND, "name": "Capital"},
    {**COMMAND, "name": "two words"},
    {**COMMAND, "name": "x" * 33},
    {**COMMAND, "description": "x" * 101},
    {**COMMAND, "description": ""},
    {**COMMAND, "name_localizations": {"xx": "x"}},
    {**COMMAND, "description_localizations": {"zh-CN": "字" * 101}},
    {**COMMAND, "contexts": [3]},
    {**COMMAND, "options": [{"type": 3, "name": f"o{n}", "description": "x"} for n in range(26)]},
    {**COMMAND, "options": [{"type": 3, "name": "o", "description": "x"}] * 2},
    {**COMMAND, "options": [{"type": 3, "name": "o", "description": "x", "min_value": 1}]},
    {
        **COMMAND,
        "options": [
            {"type": 3, "name": "a", "description": "x"},
            {"type": 3, "name": "b", "description": "x", "required": True},
        ],
    },
    {
        **COMMAND,
        "options": [
            {
                "type": 3,
                "name": "o",
                "description": "x",
                "choices": [{"name": str(n), "value": str(n)} for n in range(26)],
            }
        ],
    },
    {
        **COMMAND,
        "options": [{"type": 4, "name": "o", "description": "x", "choices": [{"name": "one", "value": "1"}]}],
    },
    {
        **COMMAND,
        "options": [
            {
                "type": 3,
                "name": f"o{n}",
                "description": "x" * 100,
                "choices": [{"name": f"{m:02}" + "y" * 90, "value": "z" * 100} for m in range(5)],
            }
            for n in range(8)
        ],
    },
    {"name": "Menu", "description": "x", "type": 3},
]


async def test_commands_are_held_to_the_platforms_limits(discord_api: DiscordApi, bot: Bot) -> None:
    known = discord_api.commands.listed()
    id = discord_api.bot.id
    for command in WRONG_COMMANDS:
        assert await refused(bot.http.bulk_upsert_global_commands(id, [command])) == (400, 50035), command
    assert await refused(bot.http.bulk_upsert_global_commands(id, [COMMAND, COMMAND])) == (400, 50035)
    many = [{**COMMAND, "name": f"c{number}"} for number in range(101)]
    assert await refused(bot.http.bulk_upsert_global_commands(id, many)) == (400, 30032)
    assert discord_api.commands.listed() == known
    # What is fine is kept under its name, with its id
    synced = await bot.tree.sync()
    assert {command.id for command in synced} == {int(command["id"]) for command in known}
    fetched = await bot.tree.fetch_commands()
    assert sorted(command.name for command in fetched) == ["Animate", "Animate avatar", "animate", "settings"]
