"""The double of Discord, seen through the client library: messages, and what people see of them."""

from __future__ import annotations

import discord
import pytest
from discord import AllowedMentions, ui
from tests.bots.discord_double.bot import Bot, file, png
from wire_doubles.discord.channels import Channel
from wire_doubles.discord.guilds import Guild
from wire_doubles.discord.people import Person
from wire_doubles.discord_api import DiscordApi, File


async def test_a_mention_brings_the_picture_and_other_talk_does_not(
    discord_api: DiscordApi, bot: Bot, ann: Person, general: Channel
) -> None:
    ann.say(general, "nothing for you", files=[File(png())])
    ann.say(general, f"{discord_api.bot.mention} waves", files=[File(png(), "a b.png"), File(png(), "2.png")])
    await bot.until(lambda: len(bot.seen) == 2)
    other, mention = bot.seen
    assert (other.content, other.attachments) == ("", [])
    assert mention.content.endswith("waves")
    assert [each.filename for each in mention.attachments] == ["a_b.png", "2.png"]
    assert discord_api.bot.id in [user.id for user in mention.mentions]
    assert isinstance(mention.author, discord.Member)
    # A reply to the bot that calls it is a mention, too
    mine = await bot.get_partial_messageable(general.id).send("yes?")
    ann.say(general, "more", reply_to=general.messages[mine.id])
    await bot.until(lambda: len(bot.seen) == 4)
    assert bot.seen[-1].content == "more"
    assert bot.seen[-1].reference and bot.seen[-1].reference.message_id == mine.id


async def test_direct_messages_are_read_whole(discord_api: DiscordApi, bot: Bot, ann: Person) -> None:
    chat = discord_api.dm(ann)
    ann.say(chat, "waves", files=[File(png())])
    await bot.until(lambda: bool(bot.seen))
    assert bot.seen[0].content == "waves"
    assert isinstance(bot.seen[0].channel, discord.DMChannel)
    await bot.seen[0].reply("here", file=file())
    assert [(shown.author, shown.text, len(shown.clips)) for shown in chat.history()] == [
        ("Ann", "waves", 0), ("Unstill", "here", 1),
    ]  # fmt: skip


async def test_stickers_and_link_previews_have_addresses(
    discord_api: DiscordApi, bot: Bot, ann: Person, general: Channel
) -> None:
    sticker = discord_api.sticker(png(), format=1)
    picture = discord_api.cdn.external(png())
    preview = {"type": "image", "url": "https://example.org/p.png", "thumbnail": {"url": "x", "proxy_url": picture}}
    sent = ann.say(general, f"{discord_api.bot.mention} https://example.org/p.png", stickers=[sticker])
    ann.preview(sent, [preview])
    await bot.until(lambda: bool(bot.edited))
    assert bot.seen[0].stickers[0].url.endswith(f"/stickers/{sticker.id}.png")
    embeds = bot.edited[0].data["embeds"]
    assert embeds[0]["thumbnail"]["proxy_url"] == picture
    assert await bot.http.get_from_cdn(picture) == png()


async def test_a_status_message_becomes_the_clip(bot: Bot, ann: Person, general: Channel) -> None:
    # Given a status message in reply to a request
    asked = ann.say(general, "please")
    channel = bot.get_partial_messageable(general.id)
    reference = discord.MessageReference(message_id=asked.id, channel_id=general.id)
    sent = await channel.send(embed=discord.Embed(title="Waiting", description="2nd"), reference=reference)
    assert general.history()[-1].words == "Waiting\n2nd"
    # When it is edited into the clip
    await sent.edit(embed=None, content="done", attachments=[file(b"one")])
    # Then it is that, where it was, and a further edit keeps or replaces what hangs on it
    [_, shown] = general.history()
    assert (shown.reply_to, shown.text, shown.embeds, shown.edited) == (asked.id, "done", (), True)
    before = shown.attachments[0]
    await sent.edit(content="done again")
    assert general.history()[-1].attachments == (before,)
    fresh = await channel.fetch_message(sent.id)
    await fresh.edit(attachments=[*fresh.attachments, file(b"two", "two.mp4")])
    assert [each.data for each in general.history()[-1].attachments] == [b"one", b"two"]
    await fresh.edit(attachments=[file(b"three", "three.mp4")])
    assert [each.data for each in general.history()[-1].attachments] == [b"three"]
    await fresh.edit(attachments=[])
    assert general.history()[-1].attachments == ()


async def test_a_nonce_makes_a_message_once(discord_api: DiscordApi, bot: Bot, general: Channel) -> None:
    channel = bot.get_partial_messageable(general.id)
    first = await channel.send("once", nonce="abc")
    assert (await channel.send("once", nonce="abc")).id == first.id
    assert (await channel.send("twice", nonce="abd")).id != first.id
    discord_api.clock.move(600)
    assert (await channel.send("later", nonce="abc")).id != first.id
    assert [shown.text for shown in general.history()] == ["once", "twice", "later"]


async def test_only_who_may_be_called_is_called(
    discord_api: DiscordApi, bot: Bot, ann: Person, cats: Guild, general: Channel
) -> None:
    bob = discord_api.person("Bob")
    cats.join(bob)
    carol = discord_api.person("Carol")
    helpers = cats.role("helpers")
    cats.join(carol)
    cats.give(carol, helpers)
    text = f"{ann.mention} {bob.mention} <@&{helpers.id}> @everyone"
    channel = bot.get_partial_messageable(general.id)
    cases: list[tuple[AllowedMentions, set[str]]] = [
        (AllowedMentions.all(), {"Ann", "Bob", "@helpers", "@everyone"}),
        (AllowedMentions.none(), set()),
        (AllowedMentions(everyone=False, roles=False, users=[ann]), {"Ann"}),
    ]
    for allowed, called in cases:
        await channel.send(text, allowed_mentions=allowed)
        assert set(general.history()[-1].pinged) == called
    assert [len(person.pings) for person in (ann, bob, carol)] == [2, 1, 1]
    # A reply calls its author unless it says not, and an edit calls nobody
    asked = ann.say(general, "please")
    reference = discord.MessageReference(message_id=asked.id, channel_id=general.id)
    await channel.send("quietly", reference=reference, mention_author=False)
    sent = await channel.send("loudly", reference=reference)
    await sent.edit(content=bob.mention)
    assert [message.id for message in ann.pings[2:]] == [sent.id]
    assert len(bob.pings) == 1


class Parts(ui.LayoutView):
    text: ui.TextDisplay[Parts] = ui.TextDisplay("# Made of parts")
    row: ui.ActionRow[Parts] = ui.ActionRow()

    def __init__(self) -> None:
        super().__init__(timeout=None)
        self.row.add_item(ui.Button(label="Again", custom_id="again"))


async def test_a_message_may_be_made_of_parts(bot: Bot, ann: Person, general: Channel) -> None:
    channel = bot.get_partial_messageable(general.id)
    sent = await channel.send("words")
    with pytest.raises(discord.HTTPException) as refused:
        await sent.edit(view=Parts())
    assert refused.value.code == 50035
    await sent.edit(content=None, view=Parts())
    [shown] = general.history()
    assert (shown.words, shown.buttons) == ("# Made of parts", (("Again",),))
    ann.press(shown, "Again")
    await bot.until(lambda: bool(bot.used))
    assert bot.used[0].data and bot.used[0].data["custom_id"] == "again"  # type: ignore[typeddict-item]


async def test_history_is_read_in_pages(bot: Bot, ann: Person, general: Channel) -> None:
    sent = [ann.say(general, f"{bot.mention} {number}") for number in range(120)]
    channel = bot.get_partial_messageable(general.id)
    found = [
        message.content.split()[-1] async for message in channel.history(limit=None, after=discord.Object(sent[9].id))
    ]
    assert found == [str(number) for number in range(10, 120)]
    newest = [message.content.split()[-1] async for message in channel.history(limit=3)]
    assert newest == ["119", "118", "117"]


async def test_people_and_the_bot_delete_messages(bot: Bot, ann: Person, general: Channel) -> None:
    channel = bot.get_partial_messageable(general.id)
    sent = await channel.send("mine")
    hers = ann.say(general, "hers")
    await bot.until(lambda: len(bot.seen) == 2)
    with pytest.raises(discord.Forbidden):
        await channel.get_partial_message(hers.id).delete()
    ann.delete(general.history()[0])
    await bot.until(lambda: "MESSAGE_DELETE" in bot.events)
    with pytest.raises(discord.NotFound) as refused:
        await sent.edit(content="x")
    assert refused.value.code == 10008
    assert general.transcript().endswith("Ann: hers")


async def test_threads_and_forum_posts_are_channels(bot: Bot, ann: Person, cats: Guild, general: Channel) -> None:
    thread = general.thread("details", ann)
    post = ann.post(cats.forum("art"), "My cat", f"{bot.mention} zoom", files=[File(png())])
    await bot.until(lambda: bool(bot.seen))
    assert isinstance(bot.seen[0].channel, discord.Thread)
    assert bot.seen[0].channel.name == "My cat"
    await bot.seen[0].reply("made")
    await bot.get_partial_messageable(thread.id).send("here")
    assert [shown.text for shown in post.history()][1:] == ["made"]
    assert [shown.text for shown in thread.history()] == ["here"]
    # An archived thread opens when somebody writes, is not edited while it is archived, and a locked one stays shut
    sent = await bot.get_partial_messageable(thread.id).send("again")
    thread.archive()
    with pytest.raises(discord.HTTPException) as archived:
        await sent.edit(content="x")
    assert archived.value.code == 50083
    await bot.get_partial_messageable(thread.id).send("awake")
    assert not thread.archived
    for archived_too, code in ((True, 50083), (False, 160005)):
        thread.set(archived=archived_too, locked=True)
        with pytest.raises(discord.HTTPException) as locked:
            await bot.get_partial_messageable(thread.id).send("x")
        assert locked.value.code == code
    thread.open()
    thread.archive()
    found = await bot.fetch_channel(thread.id)
    assert isinstance(found, discord.Thread)
    await found.edit(archived=False)
    await sent.edit(content="edited")


async def test_what_is_forwarded_is_told_without_who_wrote_it(
    discord_api: DiscordApi, bot: Bot, ann: Person, general: Channel
) -> None:
    # Given a picture in a server, which is changed after somebody forwards it to the bot
    posted = ann.say(general, "my cat", files=[File(png(), "cat.png")])
    ann.forward(posted, discord_api.dm(ann))
    ann.edit(posted, "my dog")
    await bot.until(lambda: any(message.guild is None for message in bot.seen))
    # Then the bot is told of it as it stood, where it stands, and can have the picture
    [message] = [message for message in bot.seen if message.guild is None]
    [snapshot] = message.message_snapshots
    assert (message.content, snapshot.content) == ("", "my cat")
    assert message.reference and message.reference.type is discord.MessageReferenceType.forward
    assert message.reference.message_id == posted.id
    assert await snapshot.attachments[0].read() == png()


async def test_what_an_application_shows_by_components_is_told_with_where_it_is(
    discord_api: DiscordApi, bot: Bot, ann: Person, cats: Guild, general: Channel
) -> None:
    poster = discord_api.application("Poster")
    cats.join(poster)
    gallery = {"type": 12, "items": [{"media": {"url": "attachment://cat.png"}, "spoiler": True}]}
    poster.say(general, bot.mention, files=[File(png(), "cat.png")], shown=[gallery])
    await bot.until(lambda: bool(bot.seen))
    # Then the file stands in the gallery alone
    [message] = bot.seen
    [component] = message.components
    assert isinstance(component, discord.MediaGalleryComponent)
    [item] = component.items
    assert (item.spoiler, item.media.width, item.media.content_type) == (True, 64, "image/png")
    assert item.media.attachment_id and not message.attachments
    # And who is no application sends none
    with pytest.raises(AssertionError, match="no application"):
        ann.say(general, shown=[gallery])
