"""The double of Discord, seen through the client library: what an interaction's token is good for, and how long."""

from __future__ import annotations

import discord
import pytest
from tests.bots.discord_double.bot import Bot, file, png
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.guilds import Guild
from wire_doubles.discord.interactions import Interaction
from wire_doubles.discord.people import Person
from wire_doubles.discord.permissions import Can
from wire_doubles.discord_api import DiscordApi, File


async def deferred(bot: Bot, person: Person, channel: Channel, *, ephemeral: bool = False) -> tuple[
    Interaction, discord.Interaction
]:  # fmt: skip
    """The person's view and the bot's, of an answer that shows that the bot is thinking."""

    async def defer(interaction: discord.Interaction) -> None:
        await interaction.response.defer(thinking=True, ephemeral=ephemeral)

    bot.on_use = defer
    asked = person.slash(channel, "animate", image=File(png()))
    seen = await asked.answered()
    assert seen.kind == "thinking"
    await bot.until(lambda: bot.used[-1].response.is_done())
    return asked, bot.used[-1]


async def test_thinking_becomes_the_clip(bot: Bot, ann: Person, general: Channel) -> None:
    asked, interaction = await deferred(bot, ann, general)
    assert general.history()[0].line().endswith("Unstill: is thinking...")
    await interaction.edit_original_response(content="here", attachments=[file()])
    seen = await asked.answered(finally_=True)
    assert seen.text == "here"
    [shown] = general.history()
    assert [clip.data for clip in shown.clips] == [b"clip"]
    assert not shown.edited


async def test_the_first_followup_fills_a_deferred_answer(bot: Bot, ann: Person, general: Channel) -> None:
    _, interaction = await deferred(bot, ann, general)
    first = await interaction.followup.send("first", wait=True)
    second = await interaction.followup.send("second", wait=True)
    assert [(shown.id, shown.text) for shown in general.history()] == [(first.id, "first"), (second.id, "second")]
    await second.edit(content="changed")
    await interaction.delete_original_response()
    assert [shown.text for shown in general.history()] == ["changed"]
    with pytest.raises(discord.NotFound) as refused:
        await interaction.edit_original_response(content="x")
    assert refused.value.code == 10008


async def test_what_is_ephemeral_is_shown_to_one_person_and_reached_by_token_alone(
    discord_api: DiscordApi, bot: Bot, ann: Person, general: Channel
) -> None:
    _, interaction = await deferred(bot, ann, general, ephemeral=True)
    message = await interaction.edit_original_response(content="between us")
    assert general.history() == []
    assert [shown.text for shown in general.history(ann)] == ["between us"]
    assert general.history(discord_api.person("Bob")) == []
    channel = bot.get_partial_messageable(general.id)
    with pytest.raises(discord.NotFound) as refused:
        await channel.get_partial_message(message.id).edit(content="x")
    assert refused.value.code == 10008
    await interaction.edit_original_response(content="still us")
    assert general.history(ann)[0].text == "still us"


async def test_a_token_is_over_after_fifteen_minutes(
    discord_api: DiscordApi, bot: Bot, ann: Person, general: Channel
) -> None:
    asked, interaction = await deferred(bot, ann, general)
    message = await interaction.original_response()
    discord_api.clock.move(14 * 60)
    await interaction.edit_original_response(content="nearly")
    discord_api.clock.move(61)
    for call in (interaction.edit_original_response(content="x"), interaction.followup.send("x")):
        with pytest.raises(discord.HTTPException) as refused:
            await call
        assert (refused.value.status, refused.value.code) == (401, 50027)
    # The bot's own token still reaches what all can see
    await bot.get_partial_messageable(general.id).get_partial_message(message.id).edit(content="done")
    assert asked.seen().text == "done"


async def test_an_answer_that_never_comes_is_given_up_with_the_token(
    discord_api: DiscordApi, bot: Bot, ann: Person, general: Channel
) -> None:
    asked, _ = await deferred(bot, ann, general)
    discord_api.clock.move(15 * 60 + 1)
    assert (asked.seen().kind, asked.seen().text) == ("failed", "The application did not respond")


async def test_nothing_can_follow_before_the_first_answer(bot: Bot, ann: Person, general: Channel) -> None:
    codes: list[int] = []

    async def hurry(interaction: discord.Interaction) -> None:
        try:
            await interaction.followup.send("too early")
        except discord.HTTPException as error:
            codes.append(error.code)

    bot.on_use = hurry
    ann.slash(general, "animate", image=File(png()))
    await bot.until(lambda: bool(codes))
    assert codes == [10015]


async def test_a_place_that_is_gone_or_shut_takes_no_answer(
    bot: Bot, ann: Person, cats: Guild, general: Channel
) -> None:
    # Given answers in a thread and in a channel
    thread = general.thread("inside", ann)
    _, inside = await deferred(bot, ann, thread)
    await inside.edit_original_response(content="made")
    gone = cats.text_channel("gone")
    _, outside = await deferred(bot, ann, gone)
    # When one is locked and the other deleted
    thread.archive(locked=True)
    gone.delete()
    # Then the token reaches neither
    codes = []
    for call in (
        inside.edit_original_response(content="x"), inside.followup.send("x"),
        outside.edit_original_response(content="x"),
    ):  # fmt: skip
        with pytest.raises(discord.HTTPException) as refused:
            await call
        codes.append(refused.value.code)
    assert codes == [50083, 50083, 10008]


async def test_where_the_bot_is_not_the_token_is_all_there_is(discord_api: DiscordApi, bot: Bot) -> None:
    # Given somebody who brought the application along into a server without it
    bob, carol = discord_api.person("Bob", installed=True), discord_api.person("Carol")
    dogs = discord_api.guild("Dogs", carol, [bob], bot=False)
    walks = dogs.text_channel("walks")
    # When they use it
    asked, interaction = await deferred(bot, bob, walks)
    message = await interaction.edit_original_response(content="made")
    # Then all can see it, and the bot's own token cannot
    assert interaction.is_user_integration() and not interaction.is_guild_integration()
    assert [shown.text for shown in walks.history()] == ["made"]
    channel = bot.get_partial_messageable(walks.id)
    with pytest.raises(discord.Forbidden) as refused:
        await channel.get_partial_message(message.id).edit(content="x")
    assert refused.value.code == 50001
    # And five messages may follow
    for number in range(5):
        await interaction.followup.send(str(number))
    with pytest.raises(discord.HTTPException) as enough:
        await interaction.followup.send("six")
    assert enough.value.code == 40094
    # Who has it by no way is not shown the command
    with pytest.raises(AssertionError, match="neither by the server nor installed"):
        carol.slash(walks, "animate", image=File(png()))
    assert asked.seen().text == "made"


async def test_a_server_may_keep_brought_applications_quiet(discord_api: DiscordApi, bot: Bot) -> None:
    bob, carol = discord_api.person("Bob", installed=True), discord_api.person("Carol")
    walks = discord_api.guild("Dogs", carol, [bob], bot=False).text_channel("walks")
    walks.overwrite(bob, deny=Can.USE_EXTERNAL_APPS)
    await bob.slash(walks, "animate", image=File(png())).answered()
    assert walks.history() == []
    assert [shown.text for shown in walks.history(bob)] == ["hello"]


async def test_between_two_people_and_with_the_bot_alone(discord_api: DiscordApi, bot: Bot) -> None:
    bob, carol = discord_api.person("Bob", installed=True), discord_api.person("Carol")
    between = discord_api.private(bob, carol)
    await bob.slash(between, "animate", image=File(png())).answered()
    used = bot.used[-1]
    assert used.context.private_channel and isinstance(used.channel, discord.DMChannel)
    with pytest.raises(discord.NotFound) as refused:
        await bot.get_partial_messageable(between.id).send("x")
    assert refused.value.code == 10003
    alone = discord_api.dm(bob)
    await bob.slash(alone, "animate", image=File(png())).answered()
    assert bot.used[-1].context.dm_channel
    await bot.get_partial_messageable(alone.id).send("and by my own token")
    assert [shown.text for shown in alone.history()] == ["hello", "and by my own token"]
