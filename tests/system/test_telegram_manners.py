"""Group manners on Telegram: when the bot speaks, where, and to whom it listens."""

from __future__ import annotations

import asyncio

from tests.system.telegram_house import ANIMATE, TelegramHouse, has_clips, ours, photo, says


async def test_only_what_is_meant_for_the_bot_is_answered(telegram: TelegramHouse) -> None:
    # Given a group whose bot sees everything
    ann, bob = telegram.api.person("Ann"), telegram.api.person("Bob")
    group = telegram.api.group("Friends", [ann, bob])
    group.promote_bot()
    await group.until(says("Reply to a picture with /animate"))
    # When people talk, send photos, call another bot, and Bob asks for Ann's photo
    picture = ann.send_photo(group, photo(), "my holiday")
    ann.send_photo(group, photo(), "/animate@another_bot waves")
    bob.send_text(group, "nice!")
    ask = bob.send_text(group, f"/animate@{telegram.api.bot.username} waves", reply_to=picture)
    mention = bob.send_photo(group, photo("red"), f"@{telegram.api.bot.username} leaves falling")
    # Then the two that are meant for it have their clips, and nothing else an answer
    history = await group.until(has_clips(2))
    clips = [shown for shown in ours(history) if shown.kind == "animation"]
    assert {clip.reply_to for clip in clips} == {ask.id, mention.id}
    assert any("“leaves falling”" in clip.text for clip in clips)
    assert len(ours(history)) == 3


async def test_in_privacy_mode_the_bot_says_what_reaches_it_and_offers_no_more(telegram: TelegramHouse) -> None:
    # Given a group whose bot is shown only commands and replies, as is Telegram's default
    ann, name = telegram.api.person("Ann"), telegram.api.bot.username
    group = telegram.api.group("Friends", [ann])
    [welcome] = ours(await group.until(says(f"Reply to a picture with /animate@{name} and a few words")))
    assert "only commands with its name and replies" in welcome.text and "admin" in welcome.text
    # When its admin looks how it may answer, and presses through
    ann.send_text(group, "/settings")
    menu = next(s for s in ours(await group.until(says("How this group"))) if "How this group" in s.text)
    assert "only commands with its name and replies" in menu.text
    await ann.press("Answers: when asked", menu).wait()
    await group.until(lambda history: any("Answers: never" in str(shown.buttons) for shown in history))
    await ann.press("Answers: never", menu).wait()
    await group.until(lambda history: any("Answers: when asked" in str(shown.buttons) for shown in history))
    # and makes it an admin, then every photo is among its choices
    group.promote_bot()
    await ann.press("Answers: when asked", menu).wait()
    history = await group.until(lambda history: any("Answers: to every photo" in str(s.buttons) for s in history))
    assert "only commands" not in next(shown for shown in history if shown.id == menu.id).text


async def test_only_the_owner_has_again_and_an_admin_may_delete(telegram: TelegramHouse) -> None:
    ann, bob, eve = (telegram.api.person(name) for name in ("Ann", "Bob", "Eve"))
    group = telegram.api.group("Friends", [ann, bob, eve])
    bob.send_photo(group, photo(), f"{ANIMATE} waves")
    clip = next(shown for shown in ours(await group.until(has_clips())) if shown.kind == "animation")
    # When somebody else presses, and an admin
    again, delete = eve.press("Again", clip), eve.press("Delete", clip)
    assert "Only the person" in await again.answer() and "Only the person" in await delete.answer()
    assert "Only the person" in await ann.press("Again", clip).answer()
    # Then only the admin's Delete does something
    assert await ann.press("Delete", clip).answer() == "Deleted."
    assert clip.id not in [shown.id for shown in group.history()]


async def test_a_forum_is_answered_in_its_topic(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    forum = telegram.api.group("Forum", [ann], forum=True)
    topic, other = forum.topic("Animals"), forum.topic("Places")
    ann.send_photo(forum, photo(), f"{ANIMATE} waves", topic=topic)
    history = await forum.until(has_clips())
    clip = next(shown for shown in ours(history) if shown.kind == "animation")
    assert clip.thread == topic.id
    # When the group is bound to that topic, then others are not answered
    ann.send_text(forum, "/settings", topic=topic)
    menu = next(shown for shown in ours(await forum.until(says("How this group"))) if "How this group" in shown.text)
    await ann.press("Topic: any", menu).wait()
    await forum.until(lambda history: any("Topic: only this one" in str(shown.buttons) for shown in history))
    ann.send_photo(forum, photo(), f"{ANIMATE} nothing", topic=other)
    ann.send_photo(forum, photo(), f"{ANIMATE} leaves", topic=topic)
    await forum.until(has_clips(2))
    await asyncio.sleep(1)
    assert not any(shown.thread == other.id for shown in ours(forum.history()))


async def test_admins_set_how_the_group_uses_the_bot(telegram: TelegramHouse) -> None:
    ann, bob = telegram.api.person("Ann"), telegram.api.person("Bob")
    group = telegram.api.group("Friends", [ann, bob])
    group.promote_bot()
    bob.send_text(group, "/settings")
    await group.until(says("Only this group's admins can change"))
    ann.send_text(group, "/settings")
    menu = next(s for s in ours(await group.until(says("How this group"))) if "How this group" in s.text)
    assert "Only this group's admins" in await bob.press("Who: everybody", menu).answer()
    # When only admins may ask, and every photo is answered
    await ann.press("Answers: when asked", menu).wait()
    await ann.press("Who: everybody", menu).wait()
    await group.until(lambda history: any("Who: admins" in str(shown.buttons) for shown in history))
    bob.send_photo(group, photo(), "waves")
    mine = ann.send_photo(group, photo(), "leaves")
    # Then Bob is told so, and Ann has her clip without a command
    history = await group.until(lambda history: has_clips()(history) and says("Only this group's admins may")(history))
    assert next(shown for shown in ours(history) if shown.kind == "animation").reply_to == mine.id


async def test_a_group_that_becomes_a_supergroup_takes_its_jobs_along(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    group = telegram.api.group("Friends", [ann], supergroup=False)
    ann.send_photo(group, photo(), f"{ANIMATE} slow waves")
    await group.until(says("Rendering"))
    # When it moves while the job runs
    supergroup = telegram.api.migrate(group)
    # Then the clip arrives in the new one, as its own message
    history = await supergroup.until(has_clips())
    assert len(ours(history)) == 1 and ours(group.history())[-1].kind != "animation"


async def test_a_comment_under_a_channels_post_is_answered_in_its_discussion(telegram: TelegramHouse) -> None:
    ann, bob = telegram.api.person("Ann"), telegram.api.person("Bob")
    group = telegram.api.group("Discussion", [ann, bob])
    channel = telegram.api.channel("News", ann, discussion=group)
    channel.publish("the sea", photo())
    copied = next(shown for shown in group.history() if shown.kind == "photo")
    ask = bob.send_text(group, f"{ANIMATE} waves", reply_to=copied)
    history = await group.until(has_clips())
    assert next(shown for shown in ours(history) if shown.kind == "animation").reply_to == ask.id


async def test_where_it_may_not_speak_it_is_silent_and_a_group_it_left_has_no_jobs(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    group = telegram.api.group("Friends", [ann])
    await group.until(says("Reply to a picture"))
    # Given a job that waits, when the bot is removed
    ann.send_photo(group, photo(), f"{ANIMATE} slow waves")
    await group.until(says("Rendering"))
    group.kick_bot()
    # Then the job is cancelled, and the person's next one elsewhere is next
    chat = telegram.api.private(ann)
    ann.send_photo(chat, photo(), "leaves")
    await chat.until(has_clips())
    ann.send_text(chat, "/queue")
    await chat.until(says("no clips in the making"))
