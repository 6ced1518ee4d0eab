"""What goes wrong on Discord: things deleted, rights taken, tokens that run out, calls lost, links that expire."""

from __future__ import annotations

import asyncio

from tests.system.discord_house import DiscordHouse, has_clips, ours, picture, says
from tests.waiting import PATIENCE
from wire_doubles.discord.permissions import Can
from wire_doubles.discord_api import File

from unstill_queue.contract.jobs import State

QUARTER = 15 * 60.0 + 1
ENVELOPE = 65_536


async def test_a_clip_whose_status_message_was_deleted_comes_as_a_new_message(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    asked = ann.slash(channel, "animate", image=picture(), prompt="slow waves")
    seen = await asked.answered()
    assert seen.message
    await channel.until(says("▰"))
    ann.slash(channel, "queue")
    discord.api.world.remove(discord.api.world.find(seen.message))
    history = await channel.until(has_clips())
    assert len(history) == 1 and history[0].id != seen.message.id


async def test_when_the_token_is_over_the_bots_own_changes_the_message(discord: DiscordHouse) -> None:
    # Given a status message of an interaction
    channel, [ann] = discord.server()
    asked = ann.slash(channel, "animate", image=picture(), prompt="slow waves")
    seen = await asked.answered()
    # When a quarter of an hour passes
    discord.api.clock.move(QUARTER)
    # Then it becomes the clip all the same
    history = await channel.until(has_clips())
    assert seen.message and [shown.id for shown in history] == [seen.message.id]


async def test_where_the_bot_is_not_a_late_clip_comes_by_direct_message(discord: DiscordHouse) -> None:
    # Given somebody who brought the bot into a server where it is not
    ann, bob = discord.api.person("Ann", installed=True), discord.api.person("Bob")
    channel = discord.api.guild("Dogs", bob, [ann], bot=False).text_channel("general")
    asked = ann.slash(channel, "animate", image=picture(), prompt="slow waves")
    assert "DMs" in (await asked.answered()).text
    # When the token is over before the clip is there
    discord.api.clock.move(QUARTER)
    # Then it comes to her alone, once
    history = await discord.api.dm(ann).until(has_clips())
    assert len(history) == 1 and "“slow waves”" in history[0].words
    assert not any(shown.clips for shown in channel.history())


async def test_where_members_applications_may_only_whisper_the_answer_is_a_whisper(discord: DiscordHouse) -> None:
    # Given a server that keeps what its members bring along from speaking to all
    ann, bob = discord.api.person("Ann", installed=True), discord.api.person("Bob")
    guild = discord.api.guild("Owls", bob, [ann], bot=False)
    channel = guild.text_channel("general")
    channel.overwrite(ann, deny=Can.USE_EXTERNAL_APPS)
    ann.slash(channel, "animate", image=picture(), prompt="a nod")
    # Then she sees the clip, and nobody else does
    history = await channel.until(has_clips(), 60, viewer=ann)
    assert len(history) == 1 and channel.history(bob) == []


async def test_a_clip_that_cannot_be_brought_anywhere_is_given_up(discord: DiscordHouse) -> None:
    # Given somebody who takes no messages from the bot, in a server where it is not
    ann, bob = discord.api.person("Ann", installed=True), discord.api.person("Bob")
    channel = discord.api.guild("Dogs", bob, [ann], bot=False).text_channel("general")
    ann.door_closed = True
    asked = ann.slash(channel, "animate", image=picture(), prompt="slow waves")
    await asked.answered()
    # When the token is over before the clip is there
    discord.api.clock.move(QUARTER)
    # Then the ledger is done with it
    ledger = discord.ledger()
    try:
        async with asyncio.timeout(PATIENCE):
            while (await ledger.read(f"discord:{channel.id}:{asked.id}")).state is not State.UNDELIVERABLE:
                await asyncio.sleep(0.1)
    finally:
        await ledger.redis.aclose()


async def test_a_channel_that_is_gone_costs_one_call_and_no_other_channel(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    assert channel.guild
    other = channel.guild.text_channel("other")
    ann.slash(channel, "animate", image=picture(), prompt="slow waves")
    await channel.until(says("▰"))
    channel.delete()
    ann.slash(other, "animate", image=picture(), prompt="leaves")
    await other.until(has_clips())
    await asyncio.sleep(2)
    refused = [call for call in discord.api.log if call.status in (403, 404) and str(channel.id) in call.path]
    assert len(refused) <= 3


async def test_an_archived_thread_is_opened_again(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    thread = channel.thread("Waves", ann)
    ann.slash(thread, "animate", image=picture(), prompt="slow waves")
    await thread.until(says("▰"))
    thread.archive()
    history = await thread.until(has_clips())
    assert len(history) == 1


async def test_without_the_right_to_embed_the_words_stand_in_the_message(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    channel.forbid(Can.EMBED_LINKS)
    ann.say(channel, f"{discord.api.bot.mention} waves", files=[picture()])
    history = await channel.until(has_clips())
    assert "“waves”" in history[-1].text
    # And the platform had to say so once
    refused = [call for call in discord.api.log if call.status == 403 and str(channel.id) in call.path]
    assert len(refused) == 1


async def test_where_the_bot_may_not_speak_the_person_is_told_in_private(discord: DiscordHouse) -> None:
    # Given a channel in which the bot may read, and no more
    channel, [ann] = discord.server()
    channel.forbid(Can.SEND_MESSAGES)
    # When it is mentioned there
    ann.say(channel, f"{discord.api.bot.mention} waves", files=[picture()])
    # Then she hears of it
    await discord.api.dm(ann).until(says("may not send messages"))
    # And a command, whose answer needs no such right, is answered with the clip
    ann.slash(channel, "animate", image=picture(), prompt="leaves")
    await channel.until(has_clips())


async def test_rights_that_are_taken_while_it_renders_do_not_lose_the_clip(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    ann.slash(channel, "animate", image=picture(), prompt="slow waves")
    await channel.until(says("▰"))
    channel.forbid(Can.ATTACH_FILES)
    history = await channel.until(has_clips())
    assert len(history) == 1


async def test_a_message_whose_answer_may_hold_no_clip_any_more_is_answered_with_a_sentence(
    discord: DiscordHouse,
) -> None:
    # Given a request that no token can answer
    channel, [ann] = discord.server()
    sent = ann.say(channel, f"{discord.api.bot.mention} slow waves", files=[picture()])
    await channel.until(says("▰"))
    channel.forbid(Can.ATTACH_FILES)
    # Then its one message says that there is no clip, and why
    history = await channel.until(says("The bot may not send clips here."))
    assert [shown.reply_to for shown in ours(history)] == [sent.id]


async def test_an_upload_whose_answer_was_lost_shows_one_clip(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    asked = ann.slash(channel, "animate", image=picture(), prompt="slow waves")
    await asked.answered()
    discord.api.trouble.next("edit_message", "lost", times=2)
    discord.api.trouble.next("edit_message", "bad gateway")
    history = await channel.until(has_clips())
    await asyncio.sleep(2)
    assert len(channel.history()) == len(history) == 1


async def test_a_first_answer_that_was_lost_on_its_way_is_found_again(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    discord.api.trouble.next("answer_interaction", "lost")
    ann.slash(channel, "animate", image=picture(), prompt="waves")
    history = await channel.until(has_clips())
    assert len(history) == 1


async def test_a_first_answer_that_never_arrived_is_made_up_for(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    discord.api.trouble.next("answer_interaction", "dropped")
    ann.slash(channel, "animate", image=picture(), prompt="waves")
    history = await channel.until(has_clips())
    assert len(history) == 1


async def test_the_same_interaction_twice_is_one_job(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    asked = ann.slash(channel, "animate", image=picture(), prompt="waves")
    asked.deliver()
    await channel.until(has_clips())
    asked.deliver()
    await asyncio.sleep(2)
    assert len(channel.history(ann)) == 1


async def test_a_message_that_was_sent_again_is_one_job(discord: DiscordHouse) -> None:
    # Given a reply whose sending was answered by nothing
    channel, [ann] = discord.server()
    discord.api.trouble.next("create_message", "lost")
    ann.say(channel, f"{discord.api.bot.mention} waves", files=[picture()])
    history = await channel.until(has_clips())
    await asyncio.sleep(1)
    assert len(channel.history()) == len(history) == 2


async def test_a_link_that_has_expired_is_asked_for_anew(discord: DiscordHouse) -> None:
    # Given pictures that waited for words for longer than their links are good
    channel, [ann] = discord.server()
    ann.say(channel, discord.api.bot.mention, files=[picture()])
    [question] = ours(await channel.until(says("How should the camera move?")))
    discord.api.clock.move(25 * 3600)
    ann.say(channel, "clouds", reply_to=question)
    await channel.until(has_clips())


async def test_how_large_a_clip_may_be_is_what_the_platform_says_of_the_place(discord: DiscordHouse) -> None:
    # Given a server with boosts, one without, and a platform that says less to a command than anywhere else
    boosted, [ann] = discord.server("Boosted", tier=2)
    plain, [bob] = discord.server("Plain")
    words = f"{discord.api.bot.mention} waves"
    said = {
        f"discord:{boosted.id}:{ann.say(boosted, words, files=[picture()]).id}": 50 << 20,
        f"discord:{plain.id}:{bob.say(plain, words, files=[picture()]).id}": 20 << 20,
        f"discord:{boosted.id}:{ann.slash(boosted, 'animate', image=picture(), prompt='waves').id}": 50 << 20,
    }
    discord.api.uploads.told = 3_000_000
    try:
        asked = bob.slash(plain, "animate", image=picture(), prompt="waves")
    finally:
        discord.api.uploads.told = None
    said[f"discord:{plain.id}:{asked.id}"] = 3_000_000
    await boosted.until(has_clips(2))
    await plain.until(has_clips(2))
    # Then each request is held to it, with room for what an upload is wrapped in
    ledger = discord.ledger()
    try:
        held = {id: (await ledger.read(id)).request.upload_limit + ENVELOPE for id in said}
    finally:
        await ledger.redis.aclose()
    assert held == said


async def test_an_answer_to_a_message_that_was_deleted_comes_as_no_reply(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    sent = ann.say(channel, f"{discord.api.bot.mention} waves", files=[picture()])
    discord.api.world.remove(sent)
    history = await channel.until(has_clips())
    assert len(history) == 1


async def test_a_clip_that_is_refused_for_its_size_comes_smaller(discord: DiscordHouse) -> None:
    # Given a platform that takes less than it says
    channel, [ann] = discord.server()
    first = ann.slash(channel, "animate", image=picture(), prompt="waves", seed=1)
    await first.answered()
    [clip] = (await channel.until(has_clips()))[0].clips
    try:
        discord.api.uploads.taken = clip.size * 2 // 3
        ann.slash(channel, "animate", image=picture(), prompt="waves", seed=1)
        # Then the same clip comes again, within what is taken
        history = await channel.until(has_clips(2))
    finally:
        discord.api.uploads.taken = None
    assert len(history) == 2 and history[1].clips[0].size <= clip.size * 2 // 3


async def test_files_that_lie_are_answered_with_a_sentence(discord: DiscordHouse) -> None:
    channel, [ann] = discord.server()
    text = File(b"not a picture at all", "photo.png", "image/png")
    ann.slash(channel, "animate", image=text, prompt="waves")
    await channel.until(lambda history: any("picture" in one.words and not one.buttons for one in ours(history)))
    # And one that is far larger than it says
    large = File(b"\x89PNG" + b"\0" * 42_000_000, "photo.png", "image/png", size=1000)
    other, [bob] = discord.server()
    bob.slash(other, "animate", image=large, prompt="waves")
    await other.until(lambda history: any("large" in one.words or "MB" in one.words for one in ours(history)))


async def test_no_address_but_discords_own_is_ever_fetched(discord: DiscordHouse) -> None:
    # Given links in embeds to this machine, and one of the platform's that leads there
    cdn = discord.api.cdn
    stranger = cdn.elsewhere(picture().data)
    # one each, as a refusal goes with the next request of the same person
    channel, [ann, *others] = discord.server(members=3)
    addresses = (stranger, "http://127.0.0.1:1/x.png", cdn.redirect(stranger))
    for who, address in zip((ann, *others), addresses, strict=True):
        embed = {"type": "image", "url": address, "thumbnail": {"url": address, "proxy_url": address}}
        who.say(channel, f"{discord.api.bot.mention} waves", embeds=[embed])
    # Then each is answered with a sentence, and nobody was asked
    await channel.until(lambda history: sum(not one.buttons for one in ours(history)) == 3)
    assert not any("elsewhere" in download.path for download in cdn.downloads)
    # And the platform's own copy of a picture from elsewhere is one
    copy = cdn.external(picture().data)
    embed = {"type": "image", "url": stranger, "thumbnail": {"url": stranger, "proxy_url": copy}}
    ann.say(channel, f"{discord.api.bot.mention} leaves", embeds=[embed])
    await channel.until(has_clips())
