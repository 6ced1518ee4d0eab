"""Where pictures stand on Discord: in what is forwarded, linked, previewed and shown by other applications."""

from __future__ import annotations

from tests.system.discord_house import DiscordHouse, has_clips, ours, picture, says

LINK = "https://example.org/waves"


async def test_a_forwarded_picture_is_asked_about_and_words_do(discord: DiscordHouse) -> None:
    # Given a picture with a text of its own, which somebody posted in a server
    channel, [ann, bob] = discord.server(members=2)
    posted = bob.say(channel, "my cat --steps 999", files=[picture()])
    direct = discord.api.dm(ann)
    # When she forwards it to the bot, and says what should move
    ann.forward(posted, direct)
    await direct.until(says("How should the camera move?"))
    ann.say(direct, "a wink")
    # Then the clip is of that picture, by her words
    history = await direct.until(has_clips())
    assert "“a wink”" in history[-1].words


async def test_a_forward_without_a_picture_is_answered_as_such(discord: DiscordHouse) -> None:
    channel, [ann, bob] = discord.server(members=2)
    direct = discord.api.dm(ann)
    ann.forward(bob.say(channel, "only words"), direct)
    await direct.until(says("There is no picture here"))


async def test_what_another_application_shows_in_a_gallery_is_made_to_move_by_the_menu(discord: DiscordHouse) -> None:
    # Given a post of another application: a gallery with two files and a linked picture, and a thumbnail
    channel, [ann] = discord.server()
    assert channel.guild
    poster = discord.api.application("Poster")
    channel.guild.join(poster)
    copy = discord.api.cdn.external(picture("green").data)
    linked = {"url": LINK, "proxy_url": copy, "content_type": "image/png", "width": 32, "height": 24}
    shown = [
        {"type": 17, "components": [
            {"type": 10, "content": "News"},
            {"type": 12, "items": [
                {"media": {"url": "attachment://one.png"}},
                {"media": {"url": "attachment://two.png"}, "spoiler": True},
                {"media": linked},
            ]},
            {"type": 9, "components": [{"type": 10, "content": "More"}],
             "accessory": {"type": 11, "media": {"url": "attachment://three.png"}}},
        ]},
    ]  # fmt: skip
    files = [picture(colour, f"{name}.png") for colour, name in (("red", "one"), ("blue", "two"), ("gold", "three"))]
    post = poster.say(channel, files=files, shown=shown)
    # When she points at it, and says what should move
    opened = ann.use_on_message("Animate", post)
    assert (await opened.answered()).kind == "modal"
    ann.submit(opened, words="waves")
    # Then each picture comes back, and the one that was covered is so
    history = await channel.until(has_clips(4))
    assert [one.clips[0].spoiler for one in ours(history)].count(True) == 1


async def test_what_somebody_else_sent_covered_is_not_made_to_move_by_the_menu(discord: DiscordHouse) -> None:
    # Given a message with one picture that is covered, and one with a second that is not
    channel, [ann, bob] = discord.server(members=2)
    covered = bob.say(channel, files=[picture(name="SPOILER_one.png")])
    mixed = bob.say(channel, files=[picture(name="SPOILER_two.png"), picture(name="three.png")])
    # When another points at the first, she is told so, and no form opens
    answer = await ann.use_on_message("Animate", covered).answered()
    assert "was sent covered" in answer.text
    # When she points at the second, the open one is made to move
    opened = ann.use_on_message("Animate", mixed)
    assert (await opened.answered()).kind == "modal"
    ann.submit(opened, words="waves")
    history = await channel.until(has_clips())
    assert [one.clips[0].spoiler for one in ours(history)] == [False]
    # When who sent it points at it, it is his, and stays covered
    own = bob.use_on_message("Animate", covered)
    assert (await own.answered()).kind == "modal"
    bob.submit(own, words="waves")
    history = await channel.until(has_clips(2))
    assert [one.clips[0].spoiler for one in ours(history)].count(True) == 1


async def test_a_moving_picture_that_was_linked_is_one(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    still = discord.api.cdn.external(picture().data)
    embed = {
        "type": "gifv", "url": LINK, "thumbnail": {"url": LINK, "proxy_url": still, "width": 320, "height": 240},
        "video": {"url": f"{LINK}.mp4", "proxy_url": f"{LINK}.mp4"},
    }  # fmt: skip
    # When its link is written as a spoiler
    ann.say(channel, f"{discord.api.bot.mention} waves ||{LINK}||", embeds=[embed])
    # Then the clip is one too
    history = await channel.until(has_clips())
    assert ours(history)[0].clips[0].spoiler
    assert "waves" in history[-1].words and LINK not in history[-1].words
    # And a link alone says nothing of what moves
    direct = discord.api.dm(ann)
    ann.say(direct, LINK, embeds=[embed])
    await direct.until(says("How should the camera move?"))


async def test_nobody_else_uses_what_was_linked_as_a_spoiler(discord: DiscordHouse) -> None:
    # Given a link that is covered, in a message to the bot
    channel, [ann, bob] = discord.server(members=2)
    copy = discord.api.cdn.external(picture().data)
    embed = {"type": "image", "url": LINK, "thumbnail": {"url": LINK, "proxy_url": copy}}
    posted = bob.say(channel, f"{discord.api.bot.mention} ||{LINK}||", embeds=[embed])
    # When another member wants it to move
    ann.say(channel, f"{discord.api.bot.mention} waves", reply_to=posted)
    # Then she is told that it is covered, and he is asked what should move
    await channel.until(says("That picture was sent covered"))
    await channel.until(says("How should the camera move?"))


async def test_a_link_is_waited_for_until_its_preview_is_there(discord: DiscordHouse) -> None:
    # Given a link, which Discord has not looked at yet
    channel, [ann] = discord.server()
    sent = ann.say(channel, f"{discord.api.bot.mention} waves {LINK}")
    # When it shows a preview
    copy = discord.api.cdn.external(picture().data)
    ann.preview(sent, [{"type": "article", "url": LINK, "title": "x", "thumbnail": {"url": LINK, "proxy_url": copy}}])
    # Then that is the picture, and nothing was said of none
    history = await channel.until(has_clips())
    assert len(ours(history)) == 1
    # And beside a picture it is none
    other = discord.api.cdn.external(picture("green").data)
    page = {"type": "article", "url": LINK, "title": "x", "thumbnail": {"url": LINK, "proxy_url": other}}
    ann.say(channel, f"{discord.api.bot.mention} leaves {LINK}", files=[picture()], embeds=[page])
    history = await channel.until(has_clips(2))
    assert len(ours(history)) == 2


async def test_a_link_that_shows_nothing_is_no_picture(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    ann.say(channel, f"{discord.api.bot.mention} waves {LINK}")
    history = await channel.until(says("There is no picture here"))
    assert len(ours(history)) == 1


async def test_who_speaks_to_the_bots_role_is_told_how_to_speak_to_the_bot(discord: DiscordHouse) -> None:
    # Given a server where people pick the bot's role, which has its name
    channel, [ann] = discord.server()
    assert channel.guild
    role = channel.guild.bot_role.mention
    # When one sends a picture to it, of which the platform shows the bot nothing
    sent = ann.say(channel, f"{role} waves", files=[picture()])
    # Then she hears how it goes
    history = await channel.until(says("What is said to the bot's role is not shown to it"))
    assert [one.reply_to for one in ours(history)] == [sent.id]
