"""Conversations on Telegram as people see them: the real bot, engine and queue, and the platform's visible history."""

from __future__ import annotations

from tests.system.telegram_house import TelegramHouse, after, has_clips, ours, photo, says

CLIP_BUTTONS = (("Again", "Better", "Extend"), ("9:16", "Loop", "Delete", "Share"))


async def test_a_photo_with_a_caption_comes_back_moving(telegram: TelegramHouse) -> None:
    # Given a person who never wrote before
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    # When she sends a photo with words
    sent = ann.send_photo(chat, photo(), "waves rolling in --seed 7")
    # Then one message of the bot's, a reply to hers, has become the clip with its words and seed
    history = await chat.until(has_clips())
    assert len(history) == 2
    clip = history[1]
    assert (clip.kind, clip.reply_to, clip.edited) == ("animation", sent.id, True)
    assert "“waves rolling in”" in clip.text and "seed 7" in clip.text
    assert clip.buttons == CLIP_BUTTONS
    assert clip.media and clip.media.thumbnail and (clip.media.width, clip.media.height) == (64, 64)
    assert clip.media.file.data[4:8] == b"ftyp"


async def test_every_kind_of_picture_is_taken(telegram: TelegramHouse) -> None:
    # Given one photo as a document, as a sticker and forwarded from somebody else
    ann, bob = telegram.api.person("Ann"), telegram.api.person("Bob")
    chat = telegram.api.private(ann)
    ann.send_document(chat, photo("red"), "as a document")
    sticker = ann.send_sticker(chat, photo("blue"))
    original = bob.send_photo(telegram.api.private(bob), photo("green"), "my holiday")
    forwarded = ann.forward(original, chat)
    # When the sticker and what was forwarded, whose own words are no wish, are replied to with some
    ann.send_text(chat, "/animate a wink", reply_to=sticker)
    ann.send_text(chat, "by the sea", reply_to=forwarded)
    # Then each has its clip
    history = await chat.until(has_clips(3))
    clips = [shown for shown in ours(history) if shown.kind == "animation"]
    assert {clip.reply_to for clip in clips} >= {forwarded.id, sticker.id}
    assert any("“a wink”" in clip.text for clip in clips) and any("“by the sea”" in clip.text for clip in clips)


async def test_live_and_paid_photos_and_those_sent_through_a_bot_are_taken_and_the_others_told_why(
    telegram: TelegramHouse,
) -> None:
    ann, bob = telegram.api.person("Ann"), telegram.api.person("Bob")
    chat = telegram.api.private(ann)
    film = b"\0\0\0\x18ftypmp42"
    # When she sends a live photo, one found through another bot, one that she paid for, one that she did not, a story
    taken = [
        ann.send_live_photo(chat, photo("red"), film, "waves"),
        ann.send_photo(chat, photo("green"), "leaves", via=telegram.api.other_bot("Pic")),
        ann.forward_paid(chat, [photo("blue")], "clouds"),
    ]
    unpaid, story = ann.forward_paid(chat, [photo()], "rain", bought=False), ann.share_story(chat, bob)
    # Then three have their clips, and two are told why not
    history = await chat.until(lambda history: has_clips(3)(history) and len(ours(history)) == 5)
    shown = {one.reply_to: one for one in ours(history)}
    assert all(shown[message.id].kind == "animation" for message in taken)
    assert "has to be paid for first" in shown[unpaid.id].text and "not shown stories" in shown[story.id].text


async def test_a_picture_without_words_is_asked_about_and_words_do(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    # Given a picture without words
    sent = ann.send_photo(chat, photo())
    history = await chat.until(says("How should the camera move?"))
    assert ours(history)[0].reply_to == sent.id
    assert ours(history)[0].buttons[0] == ("Preview", "Standard", "Quality")
    # When words follow
    ann.send_text(chat, "clouds drifting left")
    # Then the question goes, and the picture is animated with them
    history = await chat.until(has_clips())
    assert [shown.kind for shown in history] == ["photo", "text", "animation"]
    assert history[2].reply_to == sent.id and "“clouds drifting left”" in history[2].text


async def test_a_preset_is_an_answer_too_and_the_question_becomes_the_clip(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    sent = ann.send_photo(chat, photo())
    question = ours(await chat.until(says("How should the camera move?")))[0]
    # When a preset is pressed, twice
    ann.press("Preview", question)
    ann.press("Preview", question)
    # Then the question itself has become the one clip
    history = await chat.until(has_clips())
    assert [shown.kind for shown in history] == ["photo", "animation"]
    assert (history[1].id, history[1].reply_to) == (question.id, sent.id)


async def test_an_album_makes_a_job_of_each_picture_with_one_caption_for_all(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    sent = ann.send_album(chat, [photo("red"), photo("green"), photo("blue")], "leaves falling")
    history = await chat.until(has_clips(3))
    # two pictures of one person are prepared at a time, and either may be first
    assert sorted(clip.reply_to or 0 for clip in ours(history)) == [message.id for message in sent]
    assert all("“leaves falling”" in clip.text for clip in ours(history))


async def test_the_edited_caption_of_a_waiting_request_changes_it(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    # Given a slow render before it, of the same person's
    ann.send_photo(chat, photo(), "slow first")
    second = ann.send_photo(chat, photo(), "wavs")
    await chat.until(lambda history: sum("Cancel" in str(shown.buttons) for shown in ours(history)) == 2)
    # When the caption is corrected, twice
    ann.edit(second, "wave")
    ann.edit(second, "waves")
    # Then the last words count, in the same one message
    history = await chat.until(has_clips(2))
    assert len(ours(history)) == 2
    clip = next(shown for shown in ours(history) if shown.reply_to == second.id)
    assert "“waves”" in clip.text


async def test_a_wrong_option_is_explained_and_its_correction_is_made(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    sent = ann.send_photo(chat, photo(), "waves --sead 7")
    await chat.until(says("Did you mean --seed?"))
    ann.edit(sent, "waves --seed 7")
    history = await chat.until(has_clips())
    assert len(ours(history)) == 1 and "seed 7" in ours(history)[0].text


async def test_what_is_no_picture_is_said_and_nothing_is_queued(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    ann.send_photo(chat, photo(), "waves")
    clip = ours(await chat.until(has_clips()))[0]
    # When she sends clips, and other things that are no still pictures
    ann.forward(clip, chat)
    assert clip.media
    ann.send_video(chat, clip.media.file.data, "waves")
    ann.send_document(chat, clip.media.file.data, "waves", name="a.mov", mime="application/octet-stream")
    ann.send_sticker(chat, b"tgs", animated=True)
    ann.send_document(chat, b"%PDF-1.7", "waves", name="a.pdf", mime="application/pdf")
    ann.send_document(chat, b"no picture at all", "waves")
    ann.send_document(chat, photo(), "waves", size=21 * 2**20)
    ann.send_text(chat, "waves rolling in")
    # Then each has its answer, and none is a job's
    history = await chat.until(lambda history: len(ours(history)) == 9 and not says("Looking at")(history))
    texts = [shown.text for shown in ours(history)]
    assert sum("This is a video" in text for text in texts) == 3
    assert sum("Animated stickers" in text for text in texts) == 1
    assert sum("not a picture that can be read" in text for text in texts) == 2
    assert sum("too large to be fetched" in text for text in texts) == 1
    [offer] = [shown for shown in ours(history) if "There is no picture with these words" in shown.text]
    assert not any(shown.buttons for shown in ours(history) if shown.id not in (clip.id, offer.id))


async def test_words_in_any_script_and_markup_arrive_as_they_are(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    words = "<b>жёлтый</b> _海浪_ *مرحبا* [x](https://e.org) {0} & \\n 👩‍🚀"
    ann.send_photo(chat, photo(), words)
    ann.send_photo(chat, photo(), "x" * 1024)
    history = await chat.until(has_clips(2))
    assert len(ours(history)) == 2
    assert any(f"“{words}”" in shown.text for shown in ours(history))
    # of words as long as a caption can be, the clip's own caption has as many as there is room for
    assert any(f"“{'x' * 500}" in shown.text for shown in ours(history))


async def test_commands_answer(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    expected = {
        "/start": "get it back moving",
        "/help": "\n/options: all options of a clip",
        "/options": "--num_frames",
        "/tips": "How to write it",
        "/presets": "timelapse:",
        "/queue": "no clips in the making",
        "/status": "engine is running",
        "/privacy": "/forgetme",
        "/forgetme": "are deleted",
        "/cancel": "nothing that could be cancelled",
        "/animate": "There is no picture here",
    }
    for command, text in expected.items():
        sent = ann.send_text(chat, command)
        history = await chat.until(after(sent, says(text)))
        assert history[-1].reply_to == sent.id


async def test_the_help_is_set_apart_and_its_commands_are_links(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    sent = ann.send_text(chat, "/help")
    history = await chat.until(after(sent, says("Your clips")))
    [help] = [one for one in ours(history) if one.id > sent.id]
    # and so does who writes it in their own words, or asks for one of its pages
    asked = ann.send_text(chat, "help?")
    await chat.until(after(asked, lambda history: ours(history)[-1:] != [] and ours(history)[-1].text == help.text))
    page = ann.send_text(chat, "/help options")
    await chat.until(after(page, says("--num_frames")))
    kinds = [each["type"] for each in help.entities]
    assert kinds.count("bold") == 3 and kinds.count("code") == 1
    assert kinds.count("bot_command") == help.text.count("\n/")


async def test_in_a_group_a_command_that_may_be_another_bots_is_left_alone(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    group = telegram.api.group("Friends", [ann])
    # Given a command that is none of ours, and one that is said to be
    ann.send_text(group, "/imagine a cat")
    named = ann.send_text(group, "/imagine@unstill_bot a cat")
    # Then only the second is answered, in one line
    history = await group.until(says("There is no command /imagine."))
    assert [one.reply_to for one in ours(history) if "no command" in one.text] == [named.id]


async def test_a_chinese_person_is_answered_in_chinese(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("安", language="zh-hans")
    chat = telegram.api.private(ann)
    ann.send_photo(chat, photo(), "海浪")
    history = await chat.until(has_clips())
    assert "种子" in ours(history)[0].text
    assert ours(history)[0].buttons[0][0] == "再来一次"


async def test_cancel_by_button_and_by_command(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    ann.send_photo(chat, photo(), "slow one")
    second = ann.send_photo(chat, photo(), "slow two")
    third = ann.send_photo(chat, photo(), "slow three")
    history = await chat.until(lambda history: sum("Cancel" in str(shown.buttons) for shown in history) == 3)
    # When the owner commands it for one that is not the newest, and presses for another
    shown = {one.reply_to: one for one in ours(history)}
    ann.send_text(chat, "/cancel", reply_to=second)
    query = ann.press("Cancel", shown[third.id])
    # Then both end as cancelled, and the first is made
    history = await chat.until(has_clips())
    by_request = {one.reply_to: one for one in ours(history)}
    assert by_request[second.id].text == by_request[third.id].text == "Cancelled."
    assert not by_request[second.id].buttons
    assert await query.answer() == "Cancelled."


async def test_the_buttons_under_a_clip_change_what_they_say_and_twice_is_once(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    ann.send_photo(chat, photo(), "waves --seed 7")
    first = ours(await chat.until(has_clips()))[0]
    # When each button is pressed twice
    for button in ("Again", "9:16", "Loop"):
        ann.press(button, first)
        ann.press(button, first)
    # Then each made one clip more
    history = await chat.until(has_clips(4))
    clips = ours(history)
    assert len(clips) == 4
    seeds = ["seed 7." in clip.text for clip in clips]
    assert seeds.count(True) == 3
    assert sum(clip.media is not None and (clip.media.width, clip.media.height) == (1080, 1920) for clip in clips) == 1
    assert sum("Loop" not in clip.buttons[1] for clip in clips) == 1
    # and Delete takes the clip away
    query = ann.press("Delete", first)
    await chat.until(lambda history: len(ours(history)) == 3)
    assert first.id not in [shown.id for shown in chat.history()]
    assert await query.answer() == "Deleted."


async def test_inline_lists_ones_own_clips(telegram: TelegramHouse) -> None:
    ann, bob = telegram.api.person("Ann"), telegram.api.person("Bob")
    chat = telegram.api.private(ann)
    ann.send_photo(chat, photo(), "waves in spring")
    await chat.until(has_clips())
    ann.send_photo(chat, photo(), "leaves in autumn")
    await chat.until(has_clips(2))
    queries = [ann.inline(""), ann.inline("AUTUMN"), ann.inline("winter"), bob.inline("")]
    await chat.until(lambda _: all(query.answered for query in queries))
    assert [len(query.results) for query in queries] == [2, 1, 0, 0]
    # When one is chosen, it stands in the other chat without a new upload
    group = telegram.api.group("Friends", [ann, bob])
    shared = ann.choose(queries[1], 0, group)
    assert shared.media and shared.media.kind == "animation" and shared.shown().at_once == "“leaves in autumn”"
    # and where there is none, the way leads to the bot itself
    assert queries[0].button is None
    assert queries[3].button and queries[3].button["text"] == "No clip of yours fits. Make one"
    bob.start(queries[3])
    await telegram.api.private(bob).until(says("get it back moving"))


async def test_share_leads_to_another_chat_with_that_clip_for_its_owner_only(telegram: TelegramHouse) -> None:
    ann, bob = telegram.api.person("Ann"), telegram.api.person("Bob")
    group = telegram.api.group("Friends", [ann, bob])
    # Given three clips, of which one is covered
    ann.send_photo(group, photo(), "/animate@unstill_bot waves --seed 1")
    first = next(one for one in ours(await group.until(has_clips())) if one.media)
    ann.send_photo(group, photo(), "/animate waves --seed 2")
    await group.until(has_clips(2))
    ann.send_photo(group, photo(), "/animate the end", spoiler=True)
    covered = next(one for one in ours(await group.until(has_clips(3))) if one.spoiler)
    # When she presses Share under the first, then that one alone is offered
    query = ann.share("Share", first)
    [offered] = await query.answer()
    assert first.media and offered["mpeg4_file_id"] == first.media.file.id
    # and somebody else gets nothing by that button
    assert await bob.share("Share", first).answer() == []
    # and what is covered, which would be shown open there, is not shared in any way
    assert "Share" not in str(covered.buttons)
    assert await ann.inline("end").answer() == []
    # When a clip is deleted, then it is not offered any more
    assert await ann.press("Delete", first).answer() == "Deleted."
    assert [one["title"] for one in await ann.inline("").answer()] == ["waves"]
