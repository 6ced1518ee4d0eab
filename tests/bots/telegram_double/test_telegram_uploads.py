"""The double of Telegram's Bot API, seen through the client library: what people send."""

from __future__ import annotations

from pathlib import Path

import pytest
from telegram import (
    Bot,
    PaidMediaPhoto,
    PaidMediaPreview,
)
from telegram.error import (
    BadRequest,
    InvalidToken,
)
from tests.bots.telegram_double.wire import client, png, the_update
from wire_doubles.telegram.chats import Chat
from wire_doubles.telegram.people import Person
from wire_doubles.telegram_api import TelegramApi


async def test_a_photo_arrives_recompressed_in_several_sizes_with_its_caption(
    bot: Bot, ann: Person, chat: Chat
) -> None:
    ann.send_photo(chat, png(1600, 1200), "/animate@unstill_bot zoom 🏔")
    message = (await the_update(bot)).message
    assert message and message.caption == "/animate@unstill_bot zoom 🏔"
    assert [(size.width, size.height) for size in message.photo] == [(90, 68), (320, 240), (800, 600), (1280, 960)]
    (command,) = message.caption_entities
    assert message.parse_caption_entity(command) == "/animate@unstill_bot"
    data = bytes(await (await message.photo[-1].get_file()).download_as_bytearray())
    assert data[:2] == b"\xff\xd8"
    assert len(data) == message.photo[-1].file_size


async def test_a_document_arrives_as_it_was_sent(bot: Bot, ann: Person, chat: Chat) -> None:
    picture = png()
    ann.send_document(chat, picture, "zoom", name="lake.png")
    message = (await the_update(bot)).message
    assert message and message.document
    assert (message.document.file_name, message.document.mime_type) == ("lake.png", "image/png")
    assert message.document.thumbnail
    assert bytes(await (await message.document.get_file()).download_as_bytearray()) == picture


async def test_stickers_and_videos_say_what_they_are(bot: Bot, ann: Person, chat: Chat, mp4: bytes) -> None:
    ann.send_sticker(chat, png(512, 512))
    ann.send_sticker(chat, b"tgs", animated=True)
    ann.send_video(chat, mp4, "a video")
    ann.send_video(chat, mp4, animation=True)
    still, moving, video, animation = [update.message for update in await bot.get_updates(timeout=0)]
    assert still and still.sticker and not still.sticker.is_animated
    assert moving and moving.sticker and moving.sticker.is_animated
    assert video and video.video and video.video.duration
    assert animation and animation.animation and animation.document


async def test_an_album_is_one_update_a_picture_with_the_words_on_the_first(bot: Bot, ann: Person, chat: Chat) -> None:
    ann.send_album(chat, [png(), png(80, 80), png(90, 90)], "all of them")
    messages = [update.message for update in await bot.get_updates(timeout=0)]
    assert [message and message.caption for message in messages] == ["all of them", None, None]
    assert len({message and message.media_group_id for message in messages}) == 1


async def test_a_forward_says_where_it_comes_from(telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat) -> None:
    bob = telegram.person("Bob", 8)
    family = telegram.group("Family", [bob, ann], bot=False)
    ann.forward(bob.send_photo(family, png()), chat)
    message = (await the_update(bot)).message
    assert message and message.photo
    assert message.forward_origin and message.forward_origin.to_dict()["sender_user"]["first_name"] == "Bob"


async def test_a_file_over_20_mb_and_one_that_is_gone_cannot_be_downloaded(
    telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat
) -> None:
    ann.send_document(chat, png(), size=20 * 2**20 + 1)
    lost = ann.send_photo(chat, png())
    assert lost.media
    telegram.files.lose(lost.media)
    big, gone = [update.message for update in await bot.get_updates(timeout=0)]
    assert big and big.document and gone
    with pytest.raises(BadRequest, match=r"^File is too big"):
        await big.document.get_file()
    with pytest.raises(BadRequest, match="file_id or the file is temporarily unavailable"):
        await gone.photo[-1].get_file()
    with pytest.raises(BadRequest, match="nvalid file_id"):
        await bot.get_file("AgACnonsense")


async def test_a_link_to_a_file_lives_an_hour(telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat) -> None:
    ann.send_photo(chat, png())
    message = (await the_update(bot)).message
    assert message
    link = await message.photo[-1].get_file()
    telegram.clock.move(3700)
    with pytest.raises(InvalidToken):
        await link.download_as_bytearray()
    assert await (await message.photo[-1].get_file()).download_as_bytearray()


async def test_a_local_server_hands_over_paths_of_any_size(tmp_path: Path, ann: Person) -> None:
    async with TelegramApi(folder=tmp_path) as telegram:
        bob = telegram.person("Bob")
        chat = telegram.private(bob)
        bob.send_document(chat, png(), size=30 * 2**20)
        async with client(telegram, local=True) as bot:
            message = (await the_update(bot)).message
            assert message and message.document
            link = await message.document.get_file()
            assert link.file_path and Path(link.file_path).read_bytes() == png()
            out = tmp_path / "clip.png"
            out.write_bytes(png(32, 32))
            await bot.send_document(chat.id, out)
            media = chat.history()[-1].media
            assert media and media.data == out.read_bytes()


async def test_live_photos_paid_media_and_stories_come_as_the_platform_tells_of_them(
    telegram: TelegramApi, bot: Bot, ann: Person, chat: Chat, mp4: bytes
) -> None:
    ann.send_live_photo(chat, png(), mp4, "zoom")
    ann.forward_paid(chat, [png()], "zoom")
    ann.forward_paid(chat, [png()], bought=False)
    ann.share_story(chat, telegram.person("Bob"))
    ann.send_photo(chat, png(), via=telegram.other_bot("Pic"))
    live, bought, unpaid, story, via = [update.message for update in await bot.get_updates(timeout=0)]
    assert live and live.photo and live.live_photo and live.live_photo.photo == live.photo and live.caption == "zoom"
    assert bought and bought.paid_media and bought.caption == "zoom" and not bought.photo
    [paid] = bought.paid_media.paid_media
    assert isinstance(paid, PaidMediaPhoto)
    assert await (await bot.get_file(paid.photo[-1].file_id)).download_as_bytearray()
    assert unpaid and unpaid.paid_media and isinstance(unpaid.paid_media.paid_media[0], PaidMediaPreview)
    assert story and story.story and story.story.chat.first_name == "Bob"
    assert via and via.photo and via.via_bot and via.via_bot.username == "pic_bot"
