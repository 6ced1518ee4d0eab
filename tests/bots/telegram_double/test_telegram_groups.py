"""The double of Telegram's Bot API, seen through the client library: groups, forums and channels."""

from __future__ import annotations

import pytest
from telegram import (
    Bot,
    InlineQueryResultArticle,
    InputMediaAnimation,
    InputTextMessageContent,
    ReplyParameters,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
)
from tests.bots.telegram_double.wire import png, the_update
from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram.people import Person
from wire_doubles.telegram_api import TelegramApi


async def test_in_privacy_mode_a_group_tells_only_of_commands_for_the_bot_and_of_replies_to_it(
    telegram: TelegramApi, bot: Bot, ann: Person
) -> None:
    group, other = telegram.group("Family", [ann]), telegram.other_bot("Other")
    telegram.world.updates.drop()
    # Given talk, photos, mentions, commands for another bot, and commands for any before the bot has spoken
    ann.send_text(group, "hello")
    picture = ann.send_photo(group, png())
    ann.send_photo(group, png(), "@Unstill_Bot zoom")
    ann.send_text(group, "/animate@other_bot zoom")
    ann.send_text(group, "/animate unheard", reply_to=picture)
    ann.send_text(group, "/animate@unstill_bot named")
    ann.send_photo(group, png(), "/animate@Unstill_Bot captioned")
    # When it speaks, commands for any are for it, until another bot speaks; replies are for the bot they answer
    said = group.messages[(await bot.send_message(group.id, "Send words")).message_id]
    ann.send_text(group, "/animate bare")
    theirs = group.bot_says(other, "Which?")
    ann.send_text(group, "/animate unheard")
    ann.send_text(group, "reply", reply_to=said)
    ann.send_text(group, "/start@other_bot", reply_to=said)
    ann.send_text(group, "unheard", reply_to=theirs)
    heard = [update.message for update in await bot.get_updates(timeout=0)]
    assert [message and (message.text or message.caption) for message in heard] == [
        "/animate@unstill_bot named", "/animate@Unstill_Bot captioned", "/animate bare", "reply",
    ]  # fmt: skip
    # and an admin hears all, as does a bot whose privacy mode is off
    assert not (await bot.get_me()).can_read_all_group_messages
    group.promote_bot()
    ann.send_text(group, "hello again")
    group.demote_bot()
    telegram.world.privacy = False
    ann.send_text(group, "@unstill_bot zoom")
    assert (await bot.get_me()).can_read_all_group_messages
    heard = [update.message for update in await bot.get_updates(timeout=0)]
    assert [message and message.text for message in heard[-3:]] == ["hello again", None, "@unstill_bot zoom"]


async def test_members_and_admins_are_told(telegram: TelegramApi, bot: Bot, ann: Person) -> None:
    bob, eve = telegram.person("Bob"), telegram.person("Eve")
    group = telegram.group("Family", [ann, bob])
    joined = (await bot.get_updates(timeout=0))[0].my_chat_member
    assert joined and (joined.old_chat_member.status, joined.new_chat_member.status) == ("left", "member")
    group.promote(bob)
    assert [(admin.user.first_name, admin.status) for admin in await bot.get_chat_administrators(group.id)] == [
        ("Ann", "creator"), ("Bob", "administrator"),
    ]  # fmt: skip
    assert (await bot.get_chat_member(group.id, eve.id)).status == "left"
    assert (await bot.get_chat_member(group.id, bot.id)).status == "member"
    full = await bot.get_chat(group.id)
    assert (full.title, full.type) == ("Family", "supergroup")
    await bot.leave_chat(group.id)
    with pytest.raises(Forbidden, match="bot is not a member of the supergroup chat"):
        await bot.send_message(group.id, "hello")


async def test_a_group_that_became_a_supergroup_says_where_it_is(telegram: TelegramApi, bot: Bot, ann: Person) -> None:
    old = telegram.group("Family", [ann], supergroup=False)
    telegram.world.updates.drop()
    new = telegram.migrate(old)
    with pytest.raises(ChatMigrated) as raised:
        await bot.send_message(old.id, "hello")
    assert raised.value.new_chat_id == new.id
    left, came = [update.message for update in await bot.get_updates(timeout=0)]
    assert left and left.migrate_to_chat_id == new.id and left.chat.id == old.id
    assert came and came.migrate_from_chat_id == old.id and came.chat.id == new.id
    await bot.send_message(new.id, "hello")
    assert [shown.text for shown in new.history()] == ["hello"]


async def test_a_forum_keeps_its_topics_apart(telegram: TelegramApi, bot: Bot, ann: Person) -> None:
    forum = telegram.group("Studio", [ann], forum=True)
    clips, talk = forum.topic("Clips"), forum.topic("Talk")
    telegram.world.updates.drop()
    asked = ann.send_photo(forum, png(), "/animate@unstill_bot zoom", topic=clips)
    message = (await the_update(bot)).message
    assert message and message.is_topic_message and message.message_thread_id == clips.id
    assert message.reply_to_message and message.reply_to_message.forum_topic_created
    await bot.send_message(forum.id, "Waiting", message_thread_id=clips.id)
    await bot.send_message(forum.id, "Me too", reply_parameters=ReplyParameters(asked.id))
    await bot.send_message(forum.id, "General")
    assert [shown.text for shown in forum.history(topic=clips)] == ["/animate@unstill_bot zoom", "Waiting", "Me too"]
    assert [shown.text for shown in forum.history() if shown.thread is None] == ["General"]
    forum.close_topic(talk)
    with pytest.raises(BadRequest, match=r"(?i)topic_closed"):
        await bot.send_message(forum.id, "hello", message_thread_id=talk.id)
    forum.delete_topic(clips)
    with pytest.raises(BadRequest, match="essage thread not found"):
        await bot.send_message(forum.id, "hello", message_thread_id=clips.id)


async def test_comments_under_a_channels_post_are_a_thread(telegram: TelegramApi, bot: Bot, ann: Person) -> None:
    group = telegram.group("Comments", [ann])
    channel = telegram.channel("News", ann, discussion=group)
    telegram.world.updates.drop()
    post = channel.publish("a lake", png())
    ann.send_text(group, "/animate@unstill_bot zoom", reply_to=post)
    message = (await the_update(bot)).message
    assert message and message.reply_to_message and message.reply_to_message.is_automatic_forward
    assert message.reply_to_message.sender_chat and message.reply_to_message.sender_chat.title == "News"
    assert message.message_thread_id == post.id and not message.is_topic_message
    await bot.send_message(group.id, "Waiting", message_thread_id=post.id)
    assert group.history()[-1].thread == post.id
    with pytest.raises(BadRequest, match="essage thread not found"):
        await bot.send_message(group.id, "Waiting", message_thread_id=999)


async def test_an_anonymous_admin_speaks_as_the_group(telegram: TelegramApi, bot: Bot, ann: Person) -> None:
    group = telegram.group("Family", [ann])
    telegram.world.updates.drop()
    ann.send_text(group, "/settings@unstill_bot", as_chat=group)
    message = (await the_update(bot)).message
    assert message and message.from_user and message.from_user.username == "GroupAnonymousBot"
    assert message.sender_chat and message.sender_chat.id == group.id


async def test_a_guest_answers_once_and_shows_only_what_was_sent_before(
    telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat, mp4: bytes
) -> None:
    group = telegram.group("Friends", [ann], bot=False)
    query = ann.summon(group, "@unstill_bot zoom", reply_to=ann.send_photo(group, png()))
    message = (await the_update(bot)).guest_message
    assert (
        message and message.guest_query_id == query.id and message.reply_to_message and message.reply_to_message.photo
    )
    # the answer stands there, and can be edited
    article = InlineQueryResultArticle("1", "Waiting", InputTextMessageContent("Waiting"))
    sent = await bot.answer_guest_query(query.id, article)
    with pytest.raises(BadRequest, match=r"(?i)query is too old"):
        await bot.answer_guest_query(query.id, article)
    await bot.edit_message_text("Rendering", inline_message_id=sent.inline_message_id)
    # a new file cannot be put there, the id of an old one can
    with pytest.raises(BadRequest, match=r"(?i)invalid message content"):
        await bot.edit_message_media(InputMediaAnimation(mp4), inline_message_id=sent.inline_message_id)
    clip = await bot.send_animation(chat.id, mp4, filename="c.mp4")
    assert clip.animation
    shown = InputMediaAnimation(clip.animation.file_id, caption="zoom")
    assert await bot.edit_message_media(shown, inline_message_id=sent.inline_message_id) is True
    assert [one.text for one in group.history()] == ["", "@unstill_bot zoom", "zoom"]
    assert group.history()[-1].kind == "animation" and group.history()[-1].reply_to == message.message_id
    with pytest.raises(Forbidden, match="not a member"):
        await bot.send_message(group.id, "hello")
