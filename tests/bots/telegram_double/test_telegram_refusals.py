"""The double of Telegram's Bot API, seen through the client library: what the platform refuses."""

from __future__ import annotations

import pytest
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
)
from telegram.error import (
    BadRequest,
    Forbidden,
    NetworkError,
)
from tests.bots.telegram_double.wire import png
from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram.people import Person
from wire_doubles.telegram_api import TelegramApi


async def test_what_is_gone_or_wrong_is_refused_in_the_platforms_words(
    telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat
) -> None:
    mine = await bot.send_message(chat.id, "mine")
    hers = ann.send_text(chat, "hers")
    gone = ann.send_photo(chat, png())
    ann.delete(gone)
    refusals = [
        ("hat not found", bot.send_message(12345, "x")),
        ("essage text is empty", bot.send_message(chat.id, " \n ")),
        ("essage is too long", bot.send_message(chat.id, "x" * 4097)),
        ("essage caption is too long", bot.send_photo(chat.id, png(), caption="🏔" * 513)),
        ("essage to be replied not found", bot.send_message(chat.id, "x", reply_to_message_id=gone.id)),
        ("essage to edit not found", bot.edit_message_text("x", chat.id, 999)),
        ("essage can't be edited", bot.edit_message_text("x", chat.id, hers.id)),
        ("essage is not modified", bot.edit_message_text("mine", chat.id, mine.message_id)),
        ("here is no caption", bot.edit_message_caption(chat.id, mine.message_id, caption="x")),
        ("essage to delete not found", bot.delete_message(chat.id, 999)),
        ("essage to react not found", bot.set_message_reaction(chat.id, 999, "👀")),
        ("(?i)image_process_failed", bot.send_photo(chat.id, b"no picture")),
        ("(?i)button_data_invalid", bot.send_message(chat.id, "x", reply_markup=_long_button())),
        ("essage thread not found", bot.send_message(chat.id, "x", message_thread_id=5)),
        ("here are no administrators", bot.get_chat_administrators(chat.id)),
    ]
    for text, call in refusals:
        with pytest.raises(BadRequest, match=text):
            await call
    told = await bot.send_message(chat.id, "x", reply_to_message_id=gone.id, allow_sending_without_reply=True)
    assert told.reply_to_message is None
    assert [shown.text for shown in chat.history()] == ["/start", "mine", "hers", "x"]


def _long_button() -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton("x", callback_data="é" * 33)]])


async def test_old_messages_can_be_neither_edited_nor_deleted(telegram: TelegramApi, bot: Bot, chat: Chat) -> None:
    message = await bot.send_message(chat.id, "old")
    telegram.clock.move(48 * 3600 + 60)
    with pytest.raises(BadRequest, match="an't be edited"):
        await bot.edit_message_text("new", chat.id, message.message_id)
    with pytest.raises(BadRequest, match="an't be deleted for everyone"):
        await bot.delete_message(chat.id, message.message_id)


async def test_those_who_do_not_want_the_bot_are_left_alone(telegram: TelegramApi, bot: Bot, ann: Person) -> None:
    bob = telegram.person("Bob")
    stranger = telegram.private(bob)
    with pytest.raises(Forbidden, match="bot can't initiate conversation with a user"):
        await bot.send_message(stranger.id, "hello")
    bob.send_text(stranger, "hi")
    bob.block()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(stranger.id, "hello")
    blocked = (await bot.get_updates(offset=-1, timeout=0))[0].my_chat_member
    assert blocked and blocked.new_chat_member.status == "kicked"
    bob.unblock()
    await bot.send_message(stranger.id, "hello")
    bob.deactivate()
    with pytest.raises(Forbidden, match="user is deactivated"):
        await bot.send_message(stranger.id, "hello")

    group = telegram.group("Family", [ann])
    group.mute_bot()
    with pytest.raises(BadRequest, match="ot enough rights to send text messages to the chat"):
        await bot.send_message(group.id, "hello")
    group.mute_bot(only=frozenset({"can_send_photos"}))
    await bot.send_message(group.id, "text passes")
    with pytest.raises(BadRequest, match="ot enough rights to send photos to the chat"):
        await bot.send_photo(group.id, png())
    group.kick_bot()
    with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
        await bot.send_message(group.id, "hello")


async def test_an_upload_over_50_mb_is_refused(telegram: TelegramApi, bot: Bot, chat: Chat) -> None:
    with pytest.raises(NetworkError, match="Request Entity Too Large"):
        await bot.send_document(chat.id, bytes(50 * 2**20 + 100_000), filename="big.mp4")
    assert len(chat.history()) == 1
