"""The double of Discord, seen through the client library: commands, buttons, menus, modals, and the first answer."""

from __future__ import annotations

from typing import Any

import discord
import pytest
from discord import ui
from tests.bots.discord_double.bot import Bot, png
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.guilds import Guild
from wire_doubles.discord.people import Person
from wire_doubles.discord.permissions import Can
from wire_doubles.discord_api import DiscordApi, File


async def test_a_slash_command_with_a_picture_is_answered(bot: Bot, ann: Person, general: Channel) -> None:
    asked = ann.slash(general, "animate", image=File(png(), "cat.png"), prompt="zoom in", shape="portrait")
    seen = await asked.answered()
    assert (seen.kind, seen.text) == ("message", "hello")
    assert {**bot.options, "image": None} == {
        "image": None, "prompt": "zoom in", "preset": "", "seconds": 4.0, "shape": "portrait",
    }  # fmt: skip
    picture = bot.options["image"]
    assert (picture.filename, picture.size, picture.content_type) == ("cat.png", len(png()), "image/png")
    assert (picture.width, picture.height, picture.ephemeral) == (64, 48, True)
    assert await picture.read() == png()
    [shown] = general.history()
    assert (shown.author, shown.text, shown.reply_to) == ("Unstill", "hello", None)


async def test_the_bot_is_told_where_it_is_and_what_is_allowed(
    discord_api: DiscordApi, bot: Bot, ann: Person, cats: Guild, general: Channel
) -> None:
    # Given a boosted server whose owner speaks French, and a channel where the bot may not attach files
    cats.boost(2)
    ann.locale = "fr"
    general.forbid(Can.ATTACH_FILES)
    # When she asks
    await ann.slash(general, "animate", image=File(png())).answered()
    # Then the interaction says all of it
    used = bot.used[-1]
    assert used.filesize_limit == 50 << 20
    assert str(used.locale) == "fr"
    assert used.permissions.manage_guild and used.permissions.send_messages
    assert used.app_permissions.send_messages and not used.app_permissions.attach_files
    assert used.is_guild_integration() and not used.is_user_integration()
    assert used.context.guild
    discord_api.uploads.told = 123
    await ann.slash(general, "animate", image=File(png())).answered()
    assert bot.used[-1].filesize_limit == 123


async def test_what_is_typed_is_completed(bot: Bot, ann: Person, general: Channel) -> None:
    asked = ann.autocomplete(general, "animate", "preset", "slow", prompt="x")
    seen = await asked.answered()
    assert [choice["name"] for choice in seen.choices] == ["slow zoom", "slow pan"]


async def test_the_app_sends_nothing_that_the_command_does_not_take(bot: Bot, ann: Person, general: Channel) -> None:
    wrong: list[tuple[str, dict[str, object]]] = [
        ("needs", {}),
        ("takes no", {"image": File(png()), "colour": "red"}),
        ("offers", {"image": File(png()), "shape": "round"}),
        ("at most 10", {"image": File(png()), "seconds": 11.0}),
        ("takes a file", {"image": "cat.png"}),
    ]
    for text, options in wrong:
        with pytest.raises(AssertionError, match=text):
            ann.slash(general, "animate", **options)
    with pytest.raises(AssertionError, match="no command"):
        ann.slash(general, "settle")


async def test_commands_for_managers_are_shown_to_managers(
    discord_api: DiscordApi, bot: Bot, ann: Person, cats: Guild, general: Channel
) -> None:
    bob = discord_api.person("Bob")
    cats.join(bob)
    with pytest.raises(AssertionError, match="lacks"):
        bob.slash(general, "settings")
    cats.give(bob, cats.role("helpers", Can.MANAGE_GUILD))
    assert (await bob.slash(general, "settings").answered()).kind == "message"
    with pytest.raises(AssertionError, match="context 1"):
        bob.slash(discord_api.dm(bob), "settings")


async def test_the_context_menus_bring_what_was_pointed_at(
    bot: Bot, ann: Person, general: Channel, discord_api: DiscordApi
) -> None:
    # Given a message that the bot could not read by itself
    sent = ann.say(general, "look", files=[File(png(), "look.png")])
    await bot.until(lambda: bool(bot.seen))
    assert bot.seen[0].content == "" and bot.seen[0].attachments == []
    # When it is pointed at
    await ann.use_on_message("Animate", sent).answered()
    # Then it is handed over whole
    assert isinstance(bot.target, discord.Message)
    assert (bot.target.content, bot.target.attachments[0].filename) == ("look", "look.png")
    # And a person with the picture that they have
    ann.set_avatar(png())
    await ann.use_on_user("Animate avatar", ann, general).answered()
    assert isinstance(bot.target, discord.Member)
    assert bot.target.avatar and bot.target.avatar.key == ann.avatar


class Words(ui.Modal):
    def __init__(self) -> None:
        super().__init__(title="How?", custom_id="words")
        self.prompt: ui.TextInput[Words] = ui.TextInput(custom_id="prompt", required=False, max_length=20)
        self.preset: ui.Select[Words] = ui.Select(
            custom_id="preset", required=False, options=[discord.SelectOption(label="Slow zoom", value="zoom")]
        )
        self.add_item(ui.Label(text="What should move?", component=self.prompt))
        self.add_item(ui.Label(text="Preset", component=self.preset))

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"{self.prompt.value}|{self.preset.values}")


async def test_a_modal_is_filled_in(bot: Bot, ann: Person, general: Channel) -> None:
    async def ask(interaction: discord.Interaction) -> None:
        if interaction.type is discord.InteractionType.application_command:
            await interaction.response.send_modal(Words())

    bot.on_use = ask
    opened = ann.slash(general, "animate", image=File(png()))
    seen = await opened.answered()
    assert (seen.kind, seen.text) == ("modal", "How?")
    with pytest.raises(AssertionError, match="20 characters"):
        ann.submit(opened, prompt="x" * 21)
    with pytest.raises(AssertionError, match="no \\['colour'\\]"):
        ann.submit(opened, colour="red")
    sent = await ann.submit(opened, what_should_move="waves", preset="Slow zoom").answered()
    assert sent.text == "waves|['zoom']"
    # A modal sent with nothing in it
    again = ann.slash(general, "animate", image=File(png()))
    await again.answered()
    assert (await ann.submit(again).answered()).text == "|[]"


async def test_buttons_and_menus_change_their_message_or_answer(bot: Bot, ann: Person, general: Channel) -> None:
    # Given an answer with a button and a menu
    view = ui.View(timeout=None)
    view.add_item(ui.Button(label="Cancel", emoji="✖", custom_id="cancel"))
    view.add_item(ui.Button(label="Site", url="https://example.org"))
    options = [discord.SelectOption(label="Red", value="r"), discord.SelectOption(label="Blue", value="b")]
    view.add_item(ui.Select(custom_id="colour", placeholder="Colour", options=options))

    async def act(interaction: discord.Interaction) -> None:
        data: Any = interaction.data
        if interaction.type is discord.InteractionType.application_command:
            await interaction.response.send_message("made", view=view)
        elif data.get("custom_id") == "cancel":
            await interaction.response.edit_message(content="cancelled", view=None)
        else:
            await interaction.response.send_message(str(data["values"]), ephemeral=True)

    bot.on_use = act
    await ann.slash(general, "animate", image=File(png())).answered()
    [made] = general.history()
    assert made.buttons == (("✖ Cancel", "Site"), ("Colour",))
    # When they are used
    chosen = await ann.choose(made, "Colour", "Blue").answered()
    with pytest.raises(AssertionError, match="opens something"):
        ann.press(made, "Site")
    pressed = await ann.press(made, "Cancel").answered()
    # Then one answered to Ann alone, and the other changed what stood there
    assert chosen.message and chosen.message.ephemeral
    assert chosen.text == "['b']"
    assert (pressed.kind, pressed.text) == ("updated", "cancelled")
    assert [(shown.text, shown.buttons, shown.edited) for shown in general.history()] == [("cancelled", (), True)]
    assert [shown.text for shown in general.history(ann)] == ["cancelled", "['b']"]
    with pytest.raises(AssertionError, match="no 'Cancel'"):
        ann.press(general.history()[0], "Cancel")


async def test_no_answer_within_three_seconds_is_seen_and_final(
    discord_api: DiscordApi, bot: Bot, ann: Person, general: Channel
) -> None:
    failures: list[int] = []

    async def late(interaction: discord.Interaction) -> None:
        discord_api.clock.move(3.1)
        try:
            await interaction.response.defer()
        except discord.NotFound as error:
            failures.append(error.code)

    bot.on_use = late
    asked = ann.slash(general, "animate", image=File(png()))
    await bot.until(lambda: bool(failures))
    assert failures == [10062]
    assert asked.seen().text == "The application did not respond"
    assert general.history() == []


async def test_the_same_interaction_twice_can_be_answered_once(bot: Bot, ann: Person, general: Channel) -> None:
    codes: list[int] = []

    async def answer(interaction: discord.Interaction) -> None:
        try:
            await interaction.response.send_message("once")
        except discord.HTTPException as error:
            codes.append(error.code)

    bot.on_use = answer
    asked = ann.slash(general, "animate", image=File(png()))
    await asked.answered()
    asked.deliver()
    await bot.until(lambda: bool(codes))
    assert codes == [40060]
    assert [shown.text for shown in general.history()] == ["once"]
