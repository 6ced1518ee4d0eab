"""The double of Telegram's Bot API, seen through the client library: what the bot sends."""

from __future__ import annotations

import html
import io

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from telegram import (
    Bot,
    BotCommand,
    BotCommandScopeAllPrivateChats,
    InlineQueryResultCachedMpeg4Gif,
    InputMediaAnimation,
    InputMediaPhoto,
    InputMediaVideo,
    ReplyParameters,
)
from telegram.error import (
    BadRequest,
)
from tests.bots.telegram_double.wire import BUTTONS, png, the_update
from wire_doubles.telegram import entities
from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram.people import Person
from wire_doubles.telegram_api import TelegramApi


async def test_people_see_what_the_bot_sends_in_order(
    telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat, mp4: bytes
) -> None:
    photo = ann.send_photo(chat, png(), "zoom in")
    status = await bot.send_message(
        chat.id, "Waiting", reply_markup=BUTTONS, reply_parameters=ReplyParameters(photo.id)
    )
    await bot.send_photo(chat.id, png(100, 50), caption="<b>look</b> & see", parse_mode=None)
    await bot.send_video(chat.id, mp4, width=64, height=48, duration=1, supports_streaming=True, filename="c.mp4")
    await bot.send_animation(chat.id, mp4, width=64, height=48, duration=1, caption="again", filename="c.mp4")
    await bot.send_document(chat.id, b"notes", filename="notes.txt", disable_notification=True)
    await bot.send_media_group(chat.id, [InputMediaPhoto(png()), InputMediaVideo(mp4)], caption="both")
    await bot.set_message_reaction(chat.id, photo.id, "👀")
    assert chat.transcript() == (
        "#1 Ann: /start\n"
        "#2 Ann: [photo 64x48] zoom in 👀\n"
        "#3 Unstill > #2: Waiting\n"
        "   [Cancel]\n"
        "#4 Unstill: [photo 100x50] <b>look</b> & see\n"
        "#5 Unstill: [video 64x48 1 s]\n"
        "#6 Unstill: [animation 64x48 1 s] again\n"
        "#7 Unstill: [document notes.txt]\n"
        "#8 Unstill: [photo 64x48] both\n"
        "#9 Unstill: [video 0 s]"
    )
    history = chat.history()
    assert status.message_id == history[2].id
    assert [shown.id for shown in history if shown.silent] == [7]
    assert history[5].media and history[5].media.data == mp4
    assert history[7].album and history[7].album == history[8].album


async def test_a_status_message_becomes_the_clip(bot: Bot, ann: Person, chat: Chat, mp4: bytes) -> None:
    status = await bot.send_message(chat.id, "Waiting", reply_markup=BUTTONS)
    await bot.edit_message_text("Rendering", chat.id, status.message_id)
    thumbnail = io.BytesIO()
    Image.new("RGB", (64, 48)).save(thumbnail, "JPEG")
    edited = await bot.edit_message_media(
        InputMediaAnimation(mp4, caption="zoom in", width=64, height=48, duration=1, thumbnail=thumbnail.getvalue()),
        chat.id,
        status.message_id,
        reply_markup=BUTTONS,
    )
    shown = chat.history()[-1]
    assert not isinstance(edited, bool) and edited.animation
    assert (shown.kind, shown.text, shown.edited, shown.buttons) == ("animation", "zoom in", True, (("Cancel",),))
    assert shown.media and shown.media.thumbnail and shown.media.thumbnail.width == 64
    assert shown.id == status.message_id

    # the same file by its id is no change, and other words are one
    media = InputMediaAnimation(edited.animation.file_id, caption="zoom in")
    with pytest.raises(BadRequest, match="not modified"):
        await bot.edit_message_media(media, chat.id, status.message_id, reply_markup=BUTTONS)
    await bot.edit_message_caption(chat.id, status.message_id, caption="zoom out")
    assert (chat.history()[-1].text, chat.history()[-1].buttons) == ("zoom out", ())
    with pytest.raises(BadRequest, match="here is no text in the message to edit"):
        await bot.edit_message_text("text", chat.id, status.message_id)
    await bot.edit_message_reply_markup(chat.id, status.message_id, reply_markup=BUTTONS)
    assert chat.history()[-1].buttons == (("Cancel",),)


async def test_a_file_id_is_sent_again_without_its_bytes(bot: Bot, chat: Chat, mp4: bytes) -> None:
    first = await bot.send_video(chat.id, mp4, width=64, height=48, duration=1)
    assert first.video
    await bot.send_video(chat.id, first.video.file_id)
    one, two = chat.history()[-2:]
    assert one.media == two.media
    with pytest.raises(BadRequest, match=r"(?i)wrong file identifier/http url specified"):
        await bot.send_video(chat.id, "BAACAgIAAxkB")
    with pytest.raises(BadRequest, match="an't use file of type video as photo"):
        await bot.send_photo(chat.id, first.video.file_id)


async def test_json_and_a_query_string_are_understood_too(telegram: TelegramApi, chat: Chat) -> None:
    async with httpx.AsyncClient(base_url=f"{telegram.url}/bot{telegram.token}") as http:
        posted = await http.post("/sendMessage", json={"chat_id": chat.id, "text": "json"})
        gotten = await http.get("/SENDMESSAGE", params={"chat_id": chat.id, "text": "query"})
        refused = await http.post("/sendMessage", data={"chat_id": "99", "text": "nobody"})
    assert (posted.status_code, gotten.status_code) == (200, 200)
    assert [shown.text for shown in chat.history()][1:] == ["json", "query"]
    assert refused.status_code == 400
    assert refused.json() == {"ok": False, "error_code": 400, "description": "Bad Request: chat not found"}


async def test_formatting_is_read_and_broken_formatting_refused(bot: Bot, chat: Chat) -> None:
    message = await bot.send_message(chat.id, "🏔 <b>bold</b> &lt;i&gt; <a href='https://a.b'>link</a>", "HTML")
    assert message.text == "🏔 bold <i> link"
    assert {kind.type: message.parse_entity(kind) for kind in message.entities} == {"bold": "bold", "text_link": "link"}
    marked = await bot.send_message(chat.id, r"*bold* 1\.5 `a.b`", "MarkdownV2")
    assert (marked.text, [entity.type for entity in marked.entities]) == ("bold 1.5 a.b", ["bold", "code"])
    for text, mode, why in [
        ("<b>bold", "HTML", "can't find end tag corresponding to start tag"),
        ("a <3 b", "HTML", "unsupported start tag"),
        ("1.5", "MarkdownV2", "character '.' is reserved and must be escaped"),
        ("*bold", "MarkdownV2", "can't find end of bold entity"),
    ]:
        with pytest.raises(BadRequest, match=f"an't parse entities: {why}"):
            await bot.send_message(chat.id, text, mode)


@given(st.text())
def test_escaped_words_are_shown_as_they_were(words: str) -> None:
    assert entities.parse(html.escape(words), "HTML")[0] == words


@given(st.text(alphabet="ab🏔@_/ ."))
def test_what_is_found_lies_where_it_says(words: str) -> None:
    units = words.encode("utf-16-le")
    for entity in entities.find(words):
        found = units[2 * entity["offset"] :][: 2 * entity["length"]].decode("utf-16-le")
        assert found[0] == {"bot_command": "/", "mention": "@"}[entity["type"]]
        assert found in words


async def test_the_bot_tells_about_itself_by_language_and_scope(bot: Bot) -> None:
    private = BotCommandScopeAllPrivateChats()
    await bot.set_my_commands([BotCommand("animate", "Move")])
    await bot.set_my_commands([BotCommand("animate", "动起来")], scope=private, language_code="zh")
    assert (await bot.get_my_commands())[0].description == "Move"
    assert (await bot.get_my_commands(scope=private, language_code="zh"))[0].description == "动起来"
    assert await bot.get_my_commands(scope=private) == ()
    with pytest.raises(BadRequest, match=r"(?i)bot_command_invalid"):
        await bot.set_my_commands([BotCommand("Animate", "Move")])
    await bot.set_my_description("Photos that move")
    await bot.set_my_short_description("会动的照片", language_code="zh")
    assert (await bot.get_my_description()).description == "Photos that move"
    assert (await bot.get_my_short_description(language_code="zh")).short_description == "会动的照片"


async def test_a_pressed_button_is_answered_once_and_soon(
    telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat
) -> None:
    message = await bot.send_message(chat.id, "Waiting", reply_markup=BUTTONS)
    pressed = ann.press("Cancel", chat.history()[-1])
    query = (await the_update(bot)).callback_query
    assert query and query.data == "c:1" and query.message and query.message.message_id == message.message_id
    await query.answer("Cancelled")
    assert await pressed.answer() == "Cancelled"
    with pytest.raises(BadRequest, match="uery is too old"):
        await query.answer("Cancelled")
    late = ann.press("Cancel", chat.history()[-1])
    telegram.clock.move(telegram.world.query_seconds + 1)
    with pytest.raises(BadRequest, match="uery is too old"):
        await bot.answer_callback_query(late.id)
    assert not late.answered


async def test_inline_results_are_chosen_into_any_chat(
    telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat, mp4: bytes
) -> None:
    clip = await bot.send_animation(chat.id, mp4, width=64, height=48, duration=1)
    assert clip.animation
    asked = ann.inline("lake")
    query = (await the_update(bot)).inline_query
    assert query and query.query == "lake"
    with pytest.raises(BadRequest, match="rong file identifier"):
        await query.answer([InlineQueryResultCachedMpeg4Gif("1", "nonsense")])
    await query.answer([InlineQueryResultCachedMpeg4Gif("1", clip.animation.file_id, caption="lake")], is_personal=True)
    assert [result["id"] for result in await asked.answer()] == ["1"]
    friends = telegram.group("Friends", [ann], bot=False)
    ann.choose(asked, 0, friends)
    assert [(shown.kind, shown.text) for shown in friends.history()] == [("animation", "lake")]
    chosen = (await bot.get_updates(offset=-1, timeout=0))[0].chosen_inline_result
    assert chosen and chosen.result_id == "1"
