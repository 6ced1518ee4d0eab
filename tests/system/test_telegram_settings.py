"""What people set for themselves on Telegram, and albums, which are several messages to a bot and one to a person."""

from __future__ import annotations

from tests.system.telegram_house import TelegramHouse, has_clips, ours, photo, says

from unstill_config.languages import LANGUAGES


async def test_ones_own_defaults_hold_until_something_else_is_typed(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    # Given a shape and a language of her own
    ann.send_text(chat, "/settings")
    menu = ours(await chat.until(says("Your own defaults")))[0]
    await ann.press("Shape: not set", menu).wait()
    await chat.until(lambda history: any("Shape: 9:16" in str(shown.buttons) for shown in history))
    # of the language, which is one of many, she chooses from a list
    await ann.press("Language: automatic", menu).wait()
    history = await chat.until(lambda history: any("Language: Español" in str(shown.buttons) for shown in history))
    listed = [label for row in ours(history)[0].buttons for label in row]
    assert listed == [f"Language: {name}" for name in ("automatic", *(one.title for one in LANGUAGES.values()))] + [
        "Done"
    ]
    await ann.press("Language: Español", menu).wait()
    await chat.until(lambda history: any("Idioma: Español" in str(shown.buttons) for shown in history))
    await ann.press("Idioma: Español", menu).wait()
    await chat.until(lambda history: any("Idioma: English" in str(shown.buttons) for shown in history))
    await ann.press("Idioma: English", menu).wait()
    await chat.until(lambda history: any("Shape: 9:16" in str(shown.buttons) for shown in history))
    await ann.press("Done", menu).wait()
    await chat.until(lambda history: not ours(history))
    # When she sends a photo, and another with a shape
    ann.send_photo(chat, photo(), "waves")
    ann.send_photo(chat, photo(), "leaves --shape square")
    # Then the first has hers, the second the one that she typed
    history = await chat.until(has_clips(2))
    sizes = {(shown.media.width, shown.media.height) for shown in ours(history) if shown.media}
    assert sizes == {(1080, 1920), (1080, 1080)}


async def test_an_album_without_words_is_asked_about_once(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    sent = ann.send_album(chat, [photo("red"), photo("green")])
    question = ours(await chat.until(says("How should the camera move over these 2 pictures?")))[0]
    assert question.reply_to == sent[0].id
    ann.send_text(chat, "leaves falling")
    history = await chat.until(has_clips(2))
    assert [clip.reply_to for clip in ours(history)] == [message.id for message in sent]


async def test_one_bad_picture_in_an_album_costs_only_itself(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    good = ann.send_document(chat, photo(), "waves", album="a")
    ann.send_document(chat, b"%PDF-1.7", name="a.pdf", mime="application/pdf", album="a")
    broken = ann.send_document(chat, b"no picture", album="a")
    history = await chat.until(lambda history: has_clips()(history) and len(ours(history)) == 3)
    (clip,) = [one for one in ours(history) if one.media]
    assert clip.reply_to == good.id
    # what is seen at once to be none is said for all; what only its bytes tell, by its own message
    (told,) = [one for one in ours(history) if "2 of 3 pictures are taken." in one.text]
    assert "1 is not: This is not a picture that can be read" in told.text
    (own,) = [one for one in ours(history) if one.reply_to == broken.id]
    assert "not a picture that can be read" in own.text
