"""Conversations on Discord as people see them: the real bot, engine and queue, and the platform's visible history."""

from __future__ import annotations

import re

from tests.system.discord_house import DiscordHouse, has_clips, ours, picture, says
from wire_doubles.discord_api import File

CLIP_BUTTONS = ("Again", "Better", "9:16", "Loop", "Extend", "Delete")


async def test_a_picture_with_words_comes_back_moving(discord: DiscordHouse) -> None:
    # Given a server with the bot in it
    channel, [ann] = discord.server()
    # When a member asks for a clip
    asked = ann.slash(channel, "animate", image=picture(), prompt="waves rolling in", seed=7)
    # Then she is answered at once, for all to see
    seen = await asked.answered()
    assert seen.kind == "message" and "Looking at your picture" in seen.text and seen.message
    # And that message, the only one, has become the clip with its words and seed
    history = await channel.until(has_clips())
    assert [(shown.author, shown.id) for shown in history] == [("Unstill", seen.message.id)]
    [clip] = history
    assert clip.edited and clip.text == "" and not clip.pinged
    assert "“waves rolling in”" in clip.words and "seed 7" in clip.words
    assert tuple(label for row in clip.buttons for label in row) == CLIP_BUTTONS
    [file] = clip.clips
    assert file.name == "unstill-waves-rolling-in.mp4" and file.data[4:8] == b"ftyp"


async def test_a_job_that_waits_shows_its_place_and_a_time(discord: DiscordHouse) -> None:
    # Given a slow render, and another request behind it
    channel, [ann] = discord.server()
    ann.slash(channel, "animate", image=picture(), prompt="slow first")
    await channel.until(lambda history: any("Cancel" in str(shown.buttons) for shown in ours(history)))
    ann.slash(channel, "animate", image=picture(), prompt="second")
    # Then it says when it will be ready: in the reader's own clock, where that is more than a few seconds away
    ready = re.compile(r"You are next\. Ready (in a few seconds|<t:\d+:R> \(about\))\.")
    await channel.until(lambda history: any(ready.search(shown.words) for shown in ours(history)))
    await channel.until(has_clips(2))


async def test_what_is_wrong_with_the_words_is_said_to_the_person_alone(discord: DiscordHouse) -> None:
    channel, [ann, bob] = discord.server(members=2)
    asked = ann.slash(channel, "animate", image=picture(), prompt="waves --speed 3")
    seen = await asked.answered()
    assert seen.kind == "message" and seen.message and seen.message.ephemeral
    assert "There is no option" in seen.text and channel.history(bob) == []


async def test_a_command_that_came_as_a_message_is_understood_or_pointed_to(discord: DiscordHouse) -> None:
    # Given somebody who types commands as messages, with a picture and without
    ann = discord.api.person("Typer", installed=True)
    chat = discord.api.dm(ann)
    ann.say(chat, "/animate waves rolling in", files=[picture()])
    history = await chat.until(has_clips(), viewer=ann)
    # Then the picture is animated by the words alone
    assert ours(history)[0].words.startswith("“waves rolling in”")
    # and they are told where the others are
    ann.say(chat, "/queue")
    history = await chat.until(says("or choose it from the list"), viewer=ann)
    assert re.match(r"Use </queue:\d+> here", ours(history)[-1].words)


async def test_in_a_server_whose_language_is_chinese_a_mention_is_answered_in_chinese(discord: DiscordHouse) -> None:
    ann = discord.api.person("An")
    channel = discord.api.guild("猫", ann, locale="zh-CN").text_channel("general")
    ann.say(channel, discord.api.bot.mention)
    history = await channel.until(lambda history: bool(ours(history)))
    assert ours(history)[0].words.startswith("这里没有图片")


async def test_a_mention_with_pictures_makes_a_clip_of_each(discord: DiscordHouse) -> None:
    # Given a message to the bot with two pictures
    channel, [ann] = discord.server()
    files = [picture("red"), picture("blue")]
    sent = ann.say(channel, f"{discord.api.bot.mention} leaves *falling*", files=files)
    # Then each comes back in a reply of its own, and what was written is no markup
    history = await channel.until(has_clips(2))
    assert [shown.reply_to for shown in ours(history)] == [sent.id, sent.id]
    assert all(r"“leaves \*falling\*”" in shown.words for shown in ours(history))
    assert len(history) == 3 and not any(shown.pinged for shown in ours(history))


async def test_what_is_not_said_to_the_bot_is_left_alone(discord: DiscordHouse) -> None:
    channel, [ann, bob] = discord.server(members=2)
    ann.say(channel, f"{bob.mention} look", files=[picture()])
    asked = ann.slash(channel, "animate", image=picture(), prompt="a wink")
    await asked.answered()
    history = await channel.until(has_clips())
    assert len(history) == 2


async def test_a_picture_without_words_is_asked_about_and_words_do(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    ann.say(channel, discord.api.bot.mention, files=[picture()])
    [question] = ours(await channel.until(says("How should the camera move?")))
    ann.say(channel, "clouds drifting left", reply_to=question)
    history = await channel.until(has_clips())
    # Then the question goes, as the clip says it all
    assert "“clouds drifting left”" in history[-1].words and len(history) == 3


async def test_a_preset_is_an_answer_too_and_the_question_becomes_the_clip_here_as_well(discord: DiscordHouse) -> None:
    channel, [ann, bob] = discord.server(members=2)
    # Given two pictures in one message, without words
    asked = ann.say(channel, discord.api.bot.mention, files=[picture("red"), picture("blue")])
    [question] = ours(await channel.until(says("How should the camera move")))
    assert question.buttons == (("Preview", "Standard", "Quality", "Time-lapse", "Product"),)
    # When somebody else presses a preset, and then the person does, twice
    assert "Only the person" in (await bob.press(question, "Preview").answered(finally_=True)).text
    ann.press(question, "Preview")
    ann.press(question, "Preview")
    # Then each picture has its clip, the first one in the question itself
    history = await channel.until(has_clips(2))
    assert len(ours(history)) == 2
    assert (ours(history)[0].id, ours(history)[0].reply_to) == (question.id, asked.id)
    assert "How should the camera move" not in str(history)


async def test_in_direct_messages_nobody_needs_to_mention_anybody(discord: DiscordHouse) -> None:
    # Given somebody who has the bot for herself
    ann = discord.api.person("Ann", installed=True)
    chat = discord.api.dm(ann)
    # When she sends a picture with words, a text, and a video
    ann.say(chat, "clouds drifting", files=[picture()])
    await chat.until(has_clips())
    ann.say(chat, "waves")
    await chat.until(says("There is no picture with these words"))
    ann.say(chat, "this", files=[File(b"\0\0\0\x18ftypisom", "clip.mp4", "video/mp4")])
    history = await chat.until(lambda history: len(ours(history)) == 3)
    assert "video" in ours(history)[2].words


async def test_a_still_sticker_is_a_picture_too(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    sticker = discord.api.sticker(picture("orange").data)
    ann.say(channel, f"{discord.api.bot.mention} a wink", stickers=[sticker])
    history = await channel.until(has_clips())
    assert "“a wink”" in history[-1].words


async def test_in_a_thread_the_clip_comes_into_the_thread(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    thread = channel.thread("Waves", ann)
    ann.slash(thread, "animate", image=picture(), prompt="waves")
    history = await thread.until(has_clips())
    assert len(ours(history)) == 1 and ours(channel.history()) == []


async def test_a_forum_post_is_a_place_too(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    assert channel.guild
    post = ann.post(channel.guild.forum("art"), "Mine", f"{discord.api.bot.mention} sparks", files=[picture()])
    history = await post.until(has_clips())
    assert "“sparks”" in history[-1].words


async def test_where_the_bot_is_not_the_person_still_gets_the_clip(discord: DiscordHouse) -> None:
    # Given a server without the bot, and a member who brings it along
    ann, bob = discord.api.person("Ann", installed=True), discord.api.person("Bob")
    channel = discord.api.guild("Dogs", bob, [ann], bot=False).text_channel("general")
    asked = ann.slash(channel, "animate", image=picture(), prompt="a wagging tail")
    # Then she is told at the start what happens if it takes long
    seen = await asked.answered()
    assert "DMs" in seen.text
    # And the answer to her command has become the clip
    history = await channel.until(has_clips(), viewer=ann)
    assert len(history) == 1 and "DMs" not in history[0].words
    assert discord.api.dm(ann).history() == []


async def test_words_that_look_like_mentions_ping_nobody(discord: DiscordHouse) -> None:
    channel, [ann, _] = discord.server(members=2)
    ann.slash(channel, "animate", image=picture(), prompt="hey @everyone <@1> `code`")
    history = await channel.until(has_clips())
    assert not history[0].pinged and "@everyone" not in history[0].words


async def test_a_reply_to_a_picture_that_the_bot_is_not_shown_is_told_the_way(discord: DiscordHouse) -> None:
    # Given a picture that was posted for others, which the platform does not show to applications
    channel, [ann, bob] = discord.server(members=2)
    posted = bob.say(channel, "my cat", files=[picture()])
    # When somebody replies to it with a mention
    sent = ann.say(channel, f"{discord.api.bot.mention} a wink", reply_to=posted)
    # Then she hears how to point at it
    history = await channel.until(says("The bot is not shown that picture"))
    assert ours(history)[0].reply_to == sent.id
