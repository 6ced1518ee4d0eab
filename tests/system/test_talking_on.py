"""Talking goes on: words in reply to what was made, before a photo or after it, on both platforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.system.clip_origin import index_of
from tests.system.conversations import recipe_in
from tests.system.rooms import BLUE, GREEN, RED, Line, OnDiscord, OnTelegram, Room, clips, says, seen
from tests.system.telegram_house import TelegramHouse

ROOMS: dict[str, Any] = {"telegram": OnTelegram, "discord": OnDiscord}
Rooms = Callable[..., Room]


@pytest.fixture(params=ROOMS)
def room(request: pytest.FixtureRequest) -> Rooms:
    """Make a chat of its own of whom it names: one alone is in a private chat, several are in a group."""
    house = request.getfixturevalue(request.param)
    return lambda *names: ROOMS[request.param](house, *names)


def is_of(line: Line, words: str, colour: tuple[int, int, int]) -> bool:
    return (line.origin.prompt, line.origin.colour) == (words, index_of(colour))


async def test_words_in_reply_to_a_clip_its_photo_or_its_refusal_make_a_new_clip_of_that_picture(room: Rooms) -> None:
    chat = room("Ann")
    [ann] = chat.people
    photo = chat.photo(ann, RED, "waves --seed 7")
    [first] = await clips(chat, 1)
    # When she praises the clip, and then replies with other words
    chat.say(ann, "wow, thanks!", reply_to=first.message)
    sent = chat.say(ann, "nice, but slower please", reply_to=first.message)
    # Then there is a clip of the same picture by these words, in reply to them, and praise has no answer
    [_, second] = await clips(chat, 2)
    assert is_of(second, "nice, but slower please", RED) and second.reply_to == sent.id
    # When the platform has lost the photo, and she replies to that
    chat.lose(photo)
    chat.say(ann, "leaves falling", reply_to=photo)
    # Then it is made of what is kept
    assert is_of((await clips(chat, 3))[2], "leaves falling", RED)
    # When a wrong option is refused, and she replies to the refusal with better words
    chat.photo(ann, BLUE, "waves --speed 3")
    refusal = await says(chat, "no option")
    chat.say(ann, "slow waves", reply_to=refusal.message)
    assert is_of((await clips(chat, 4))[3], "slow waves", BLUE)
    # When she only says that she wants it again
    chat.say(ann, "again please", reply_to=first.message)
    # Then it is the same words with another seed
    again = (await clips(chat, 5))[4]
    assert is_of(again, "waves", RED) and again.origin.seed != 7
    # When she says no more than how long it should be, Then it is the same clip of that length
    chat.say(ann, "make it 2s long", reply_to=first.message)
    longer = (await clips(chat, 6))[5]
    assert is_of(longer, "waves", RED) and longer.origin.seed == 7
    assert recipe_in(longer.clip or b"").parameters.num_frames == 16
    assert len(chat.lines()) == 7


async def test_words_after_a_clip_may_go_with_its_picture_by_a_press(room: Rooms) -> None:
    chat = room("Ann")
    [ann] = chat.people
    chat.photo(ann, RED, "waves")
    await clips(chat, 1)
    # When words come without a picture
    chat.say(ann, "clouds drifting")
    # Then the last one is offered, and the press makes that very message the clip, once
    offer = await says(chat, "use your last one")
    assert offer.buttons == ("With the last picture",)
    chat.press(ann, offer, "With the last picture")
    [_, second] = await clips(chat, 2)
    assert is_of(second, "clouds drifting", RED) and second.id == offer.id
    # and what can only be meant for the last one needs no press
    chat.say(ann, "Again!")
    assert is_of((await clips(chat, 3))[2], "clouds drifting", RED)
    assert len(chat.lines()) == 3
    # When words are edited whose offer stands, and which are no longer the last
    hills = chat.say(ann, "hills")
    offer = await says(chat, "use your last one")
    chat.say(ann, "trees")
    await seen(chat, lambda lines: len(lines) == 5, "the offer for the trees")
    chat.edit(ann, hills, "green hills")
    chat.say(ann, "rocks")
    await seen(chat, lambda lines: len(lines) == 6, "the offer for the rocks")
    chat.press(ann, offer, "With the last picture")
    # Then the clip is by the new words
    assert any(is_of(one, "green hills", RED) for one in await clips(chat, 4))


async def test_what_was_deleted_or_forgotten_is_offered_to_nobody(room: Rooms) -> None:
    chat = room("Ann")
    [ann] = chat.people
    chat.photo(ann, RED, "waves")
    [shown] = await clips(chat, 1)
    # When the clip is deleted, then her words have no picture
    chat.press(ann, shown, "Delete")
    await seen(chat, lambda lines: lines == [], "the clip's end")
    chat.say(ann, "clouds drifting")
    await says(chat, "There is no picture here yet")
    # When all of her is forgotten, then a reply to what still stands there is answered with what to do
    chat.photo(ann, BLUE, "leaves")
    [kept] = await clips(chat, 1)
    chat.command(ann, "forgetme")
    await says(chat, "are deleted")
    chat.say(ann, "calmer leaves", reply_to=kept.message)
    await says(chat, "no longer kept")
    assert len(await clips(chat, 1)) == 1


async def test_words_and_a_photo_belong_together_in_either_order(room: Rooms) -> None:
    chat = room("Ann")
    [ann] = chat.people
    # When words come first, and the photo without any
    chat.say(ann, "waves rolling in")
    await says(chat, "There is no picture here yet")
    chat.photo(ann, RED)
    assert is_of((await clips(chat, 1))[0], "waves rolling in", RED)
    # and what was said of the lack of one goes
    await seen(chat, lambda lines: len(lines) == 1, "the end of what is no longer so")
    # and when the photo has words of its own, then those said before are for no later one
    chat.say(ann, "a storm")
    await says(chat, "use your last one")
    chat.photo(ann, GREEN, "grass swaying")
    assert is_of((await clips(chat, 2))[1], "grass swaying", GREEN)
    await seen(chat, lambda lines: len(lines) == 2, "the end of the offer")
    # and when they come the other way round
    chat.photo(ann, BLUE)
    await says(chat, "How should the camera move")
    chat.say(ann, "leaves falling")
    assert is_of((await clips(chat, 3))[2], "leaves falling", BLUE)
    # Then those words were for one photo, and a reply to a photo that waits is for that one
    photo = chat.photo(ann, GREEN)
    await seen(chat, lambda lines: sum("How should the camera move" in one.text for one in lines) >= 1, "the question")
    chat.say(ann, "grass swaying", reply_to=photo)
    assert is_of((await clips(chat, 4))[3], "grass swaying", GREEN)


async def test_words_in_a_group_wait_for_their_photo_too(room: Rooms) -> None:
    chat = room("Ann", "Bob")
    ann, bob = chat.people
    chat.ask(ann, "waves rolling in")
    await says(chat, "There is no picture here yet")
    # When Bob sends a photo to the bot, and then Ann does
    chat.photo(bob, BLUE, "")
    # Then he is asked for what can reach the bot there
    assert "Answer this message" in (await says(chat, "How should the camera move")).text
    chat.photo(ann, RED, "")
    # Then the words were hers
    assert is_of((await clips(chat, 1))[0], "waves rolling in", RED)


async def test_in_a_group_the_owner_is_heard_in_reply_and_others_where_they_name_the_bot(room: Rooms) -> None:
    chat = room("Ann", "Bob")
    ann, bob = chat.people
    photo = chat.photo(ann, RED, "waves")
    [first] = await clips(chat, 1)
    # When Bob talks about the clip, with a picture of his own too, and Ann thanks
    chat.say(bob, "wow nice!", reply_to=first.message)
    chat.say(bob, "I would make it rain", reply_to=first.message)
    chat.photo(bob, GREEN, None, reply_to=first.message)
    chat.ask(bob, "thanks!", reply_to=first.message) if isinstance(chat, OnDiscord) else None
    chat.say(ann, "thank you all", reply_to=first.message)
    # and Ann says more in reply to the clip and to her photo
    calmer = chat.say(ann, "calmer waves", reply_to=first.message)
    assert (await clips(chat, 2))[1].reply_to == calmer.id
    # and Bob asks the bot for that picture
    storm = chat.ask(bob, "a storm", reply_to=first.message)
    third = (await clips(chat, 3))[2]
    assert is_of(third, "a storm", RED) and third.reply_to == storm.id
    # Then these have clips, and nothing else an answer, up to what is answered last
    if isinstance(chat, OnTelegram):
        chat.say(ann, "gentle waves", reply_to=photo)
        assert is_of((await clips(chat, 4))[3], "gentle waves", RED)
    chat.ask(ann, "one thing more")
    last = await says(chat, "There is no picture here yet")
    assert [one for one in chat.lines() if one.clip is None] == [last]


async def test_a_caption_that_is_edited_after_its_clip_makes_a_new_one(room: Rooms) -> None:
    chat = room("Ann")
    [ann] = chat.people
    photo = chat.photo(ann, RED, "waves")
    [first] = await clips(chat, 1)
    # When the caption is edited, twice to the same
    chat.edit(ann, photo, "a storm")
    chat.edit(ann, photo, "a storm")
    # Then there is a second clip, in a message of its own, and the first one stays
    [kept, second] = await clips(chat, 2)
    assert kept.id == first.id and is_of(second, "a storm", RED) and second.reply_to == photo.id
    # and nothing comes of another command
    chat.edit(ann, photo, "/presets gentle waves")
    # and the same goes for words in reply
    sent = chat.say(ann, "leaves", reply_to=first.message)
    await clips(chat, 3)
    chat.edit(ann, sent, "dry leaves")
    assert is_of((await clips(chat, 4))[3], "dry leaves", RED)
    assert len(chat.lines()) == 4


async def test_thanks_and_greetings_have_no_answer(room: Rooms) -> None:
    chat = room("Ann")
    [ann] = chat.people
    for words in ("Hello!", "谢谢", "😍😍", "haha so cool"):
        chat.say(ann, words)
    # Then nothing of that is the wish for the photo that comes next, and the question for one is the first that is said
    chat.photo(ann, RED)
    question = await says(chat, "How should the camera move")
    assert chat.lines() == [question]
    # and thanks are no wish for a photo that waits, either
    chat.say(ann, "thank you!")
    chat.say(ann, "waves rolling in")
    assert is_of((await clips(chat, 1))[0], "waves rolling in", RED)


async def test_of_what_is_forwarded_the_comment_is_the_wish_and_not_its_own_text(room: Rooms) -> None:
    chat = room("Ann")
    [ann] = chat.people
    post = chat.elsewhere(BLUE, "my holiday")
    # When she forwards somebody's photo, then its own words are not taken
    chat.forward(ann, post)
    await says(chat, "How should the camera move")
    # and her comment is, whether it comes after it or right before it
    chat.say(ann, "waves rolling in")
    assert is_of((await clips(chat, 1))[0], "waves rolling in", BLUE)
    chat.say(ann, "leaves falling")
    chat.forward(ann, post)
    assert is_of((await clips(chat, 2))[1], "leaves falling", BLUE)


async def test_what_was_sent_covered_is_for_its_sender_alone(room: Rooms) -> None:
    chat = room("Ann", "Bob")
    ann, bob = chat.people
    chat.photo(ann, RED, "waves", covered=True)
    [shown] = await clips(chat, 1)
    # When Bob asks for a clip of that picture
    chat.ask(bob, "a storm", reply_to=shown.message)
    # Then he is told why not, and Ann has hers, covered as the first
    await says(chat, "sent covered")
    chat.say(ann, "calmer waves", reply_to=shown.message)
    second = (await clips(chat, 2))[1]
    assert is_of(second, "calmer waves", RED) and second.covered
    # When he asks for an open one whose clip she has deleted, Then that is why not
    photo = chat.photo(ann, BLUE, "leaves")
    shown = (await clips(chat, 3))[2]
    chat.press(ann, shown, "Delete")
    await seen(chat, lambda lines: not any(one.id == shown.id for one in lines), "the clip's end")
    chat.ask(bob, "a storm", reply_to=photo)
    await says(chat, "clip of that picture was deleted")


async def test_a_photo_of_another_chat_can_be_replied_to_on_telegram(telegram: TelegramHouse) -> None:
    chat = OnTelegram(telegram, "Ann")
    [ann] = chat.people
    # When she replies here to what somebody sent elsewhere
    chat.say(ann, "waves rolling in", reply_to=chat.elsewhere(GREEN, "look"))
    assert is_of((await clips(chat, 1))[0], "waves rolling in", GREEN)


async def test_an_edit_that_asks_for_what_the_model_cannot_do_says_so_and_leaves_the_clips(room: Rooms) -> None:
    chat = room("Ann")
    [ann] = chat.people
    # Given two clips of pictures that were sent together
    sent = chat.together(ann, [RED, BLUE], "waves")
    made = await clips(chat, 2)
    # When their words are changed to ask for one of both, which the model does not make
    chat.edit(ann, sent, "from the first picture to the second")
    # Then that is said once, and the clips stay as they are
    await says(chat, "makes a clip of one picture, not from one to another")
    assert await clips(chat, 2) == made and len(chat.lines()) == 3
