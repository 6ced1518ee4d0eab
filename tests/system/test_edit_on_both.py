"""Other words for the same picture: a refusal of words carries Edit, and what it asks for makes the clip."""

from __future__ import annotations

from tests.system import discord_house, telegram_house
from tests.system.discord_house import DiscordHouse
from tests.system.telegram_house import TelegramHouse

WRONG = "waves --sead 7 --frames 99"
TOLD = ("There is no option --sead. Did you mean --seed?", "--frames cannot be 99: it takes 8 to 16 with Journal.")
NOT_YOURS = "Only the person who asked for it can do that."


async def test_on_telegram_edit_asks_for_an_answer_which_makes_the_clip_of_the_same_photo(
    telegram: TelegramHouse,
) -> None:
    ann, bob = telegram.api.person("Ann"), telegram.api.person("Bob")
    group = telegram.api.group("Friends", [ann, bob])
    # Given a photo whose words have two faults, both of which are told
    sent = ann.send_photo(group, telegram_house.photo(), f"/animate@{telegram.api.bot.username} {WRONG}")
    history = await group.until(telegram_house.says(TOLD[0]))
    refusal = next(shown for shown in telegram_house.ours(history) if TOLD[0] in shown.text)
    assert TOLD[1] in refusal.text and refusal.buttons == (("Edit",),)
    # When somebody else presses Edit, and then the person
    assert await bob.press("Edit", refusal).answer() == NOT_YOURS
    ann.press("Edit", refusal)
    # Then she alone is asked, by a message to which her app opens an answer, with what she had written
    history = await group.until(telegram_house.says("Answer this message with the words as they should be."))
    question = history[-1]
    assert question.opens_answer and question.reply_to == sent.id and WRONG in question.text
    # to be copied by a touch
    assert [entity["type"] for entity in question.entities] == ["code"]
    # When somebody else answers it, and then she does, without a mention
    bob.send_text(group, "leaves --seed 8", reply_to=question)
    words = ann.send_text(group, "waves --seed 7", reply_to=question)
    # Then her words have their clip, and the question goes with the refusal
    await group.until(lambda history: refusal.id not in [shown.id for shown in history])
    history = await group.until(telegram_house.has_clips())
    (clip,) = [shown for shown in history if shown.kind in telegram_house.CLIPS]
    assert clip.reply_to == words.id and "seed 7." in clip.text
    assert question.id not in [shown.id for shown in history]


async def test_on_telegram_a_picture_without_words_in_a_group_is_answered_without_a_mention_or_by_one_press(
    telegram: TelegramHouse,
) -> None:
    ann = telegram.api.person("Ann")
    group = telegram.api.group("Friends", [ann])
    # Given two photos without words
    for number in (1, 2):
        ann.send_photo(group, telegram_house.photo(), f"/animate@{telegram.api.bot.username}")
        await group.until(lambda history, number=number: str(history).count("Or choose:") == number)  # type: ignore[misc]
    questions = [shown for shown in group.history() if shown.opens_answer]
    choices = [shown for shown in group.history() if shown.text == "Or choose:"]
    assert len(questions) == len(choices) == 2 and choices[0].buttons[0] == ("Preview", "Standard", "Quality")
    # When a preset is pressed for the second, and the first question is answered
    ann.press("Preview", choices[1])
    await group.until(telegram_house.has_clips())
    ann.send_text(group, "zoom in", reply_to=questions[0])
    # Then both have their clips, and nothing is left of the questions
    history = await group.until(telegram_house.has_clips(2))
    assert not any(shown.opens_answer or shown.text == "Or choose:" for shown in history)
    assert "zoom in" in history[-1].text


async def test_on_discord_edit_opens_a_form_filled_in_which_makes_the_clip_of_the_same_picture(
    discord: DiscordHouse,
) -> None:
    channel, [ann, bob] = discord.server(members=2)
    # Given a picture whose words have two faults, both of which are told
    ann.say(channel, f"{discord.api.bot.mention} {WRONG}", files=[discord_house.picture()])
    [refusal] = discord_house.ours(await channel.until(discord_house.says(TOLD[0])))
    assert TOLD[1] in refusal.words and refusal.buttons == (("Edit",),)
    # When somebody else presses Edit, and then the person
    assert (await bob.press(refusal, "Edit").answered()).text == NOT_YOURS
    opened = ann.press(refusal, "Edit")
    form = (await opened.answered()).modal
    # Then the form has what she had written, and what she makes of it has its clip
    assert form is not None and WRONG in str(form)
    ann.submit(opened, words="waves --seed 7")
    await channel.until(lambda history: refusal.id not in [shown.id for shown in history])
    history = await channel.until(discord_house.has_clips())
    (clip,) = [shown for shown in history if shown.clips]
    assert "seed 7." in clip.words and "“waves”" in clip.words


async def test_on_discord_what_one_person_was_told_alone_can_be_edited_without_an_upload(
    discord: DiscordHouse,
) -> None:
    channel, [ann] = discord.server()
    # Given words that a command refuses, to the person alone
    told = await ann.slash(channel, "animate", image=discord_house.picture(), prompt=WRONG).answered(finally_=True)
    assert told.message is not None and told.message.ephemeral and told.message.buttons == (("Edit",),)
    # When she edits them, wrong once more, and then right
    opened = ann.press(told.message, "Edit")
    assert WRONG in str((await opened.answered()).modal)
    again = await ann.submit(opened, words="waves --seed x").answered(finally_=True)
    assert again.message is not None and again.message.buttons == (("Edit",),)
    opened = ann.press(again.message, "Edit")
    assert "waves --seed x" in str((await opened.answered()).modal)
    ann.submit(opened, words="waves --seed 7")
    # Then the picture that she chose at first has its clip
    history = await channel.until(discord_house.has_clips())
    assert "seed 7." in discord_house.ours(history)[-1].words
