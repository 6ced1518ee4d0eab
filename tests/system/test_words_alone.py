"""Words without a picture, where the model makes clips of words alone: which are one, and which are for a picture."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.system.clip_origin import index_of, origin
from tests.system.discord_house import discord_house, picture
from tests.system.processes import House, wait_for
from tests.system.rooms import BLUE, RED, Line, OnDiscord, OnTelegram, Room, clips, says, seen
from tests.system.telegram_house import has_clips, ours, telegram_house
from tests.system.telegram_house import says as tells

WHITE = (255, 255, 255)
"""What the model shows where there is no picture."""
HOUSES: dict[str, Any] = {"telegram": telegram_house, "discord": discord_house}
ROOMS: dict[str, Any] = {"telegram": OnTelegram, "discord": OnDiscord}
Rooms = Callable[..., Room]


@pytest.fixture(scope="module", params=HOUSES)
def able(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Any]]:
    """A house whose engine makes clips of words alone."""
    folder = tmp_path_factory.mktemp(request.param)
    with HOUSES[request.param](folder, quick=True, UNSTILL_ENGINE__MODEL="able") as house:
        house.house.wait_until_served("able")
        yield request.param, house


@pytest.fixture
def room(able: tuple[str, Any]) -> Rooms:
    """Make a chat of its own of whom it names: one alone is in a private chat, several are in a group."""
    name, house = able
    return lambda *names: ROOMS[name](house, *names)


def is_of(line: Line, words: str, colour: tuple[int, int, int]) -> bool:
    return (line.origin.prompt, line.origin.colour) == (words, index_of(colour))


async def test_words_alone_are_a_clip_and_so_are_other_words_in_reply_to_it(room: Rooms) -> None:
    chat = room("Ann")
    [ann] = chat.people
    # When she greets, and then writes what she wants to see
    chat.say(ann, "hello!")
    sent = chat.say(ann, "a storm at sea --seed 7")
    # Then that is a clip, in reply to it, and the greeting has no answer
    [first] = await clips(chat, 1)
    assert is_of(first, "a storm at sea", WHITE) and first.reply_to == sent.id
    assert "Made by AI from words alone." in first.text
    # When she replies to it with other words, and says that she wants it again
    chat.say(ann, "a calm lake", reply_to=first.message)
    assert is_of((await clips(chat, 2))[1], "a calm lake", WHITE)
    chat.say(ann, "again please", reply_to=first.message)
    again = (await clips(chat, 3))[2]
    assert is_of(again, "a storm at sea", WHITE) and again.origin.seed != 7
    # When she edits what she wrote first, Then there is one by the new words
    chat.edit(ann, sent, "a storm in the desert --seed 7")
    assert is_of((await clips(chat, 4))[3], "a storm in the desert", WHITE)
    # When an option is wrong, Then that is said as for a picture
    chat.say(ann, "a storm --sead 7")
    assert (await says(chat, "no option")).buttons == ("Edit",)
    assert len(chat.lines()) == 5


async def test_words_after_a_picture_are_for_it_unless_a_press_says_otherwise(room: Rooms) -> None:
    chat = room("Ann")
    [ann] = chat.people
    chat.photo(ann, RED, "waves")
    await clips(chat, 1)
    # When words come after the clip of a picture
    chat.say(ann, "clouds drifting")
    # Then its picture is offered, or none, and the press makes that very message the clip
    offer = await says(chat, "use your last one, or none")
    assert offer.buttons == ("With the last picture", "Without a picture")
    chat.press(ann, offer, "Without a picture")
    [_, second] = await clips(chat, 2)
    assert is_of(second, "clouds drifting", WHITE) and second.id == offer.id
    # and words in reply to the first one are for its picture
    chat.say(ann, "calmer waves", reply_to=(await clips(chat, 2))[0].message)
    assert is_of((await clips(chat, 3))[2], "calmer waves", RED)


async def test_a_picture_right_after_words_takes_them(room: Rooms, able: tuple[str, Any]) -> None:
    chat, house = room("Ann"), _house(able)
    [ann] = chat.people
    with house.gate() as gate:
        # Given words that are being made a clip of
        chat.say(ann, f"{gate} rain")
        await asyncio.to_thread(wait_for, gate.reached, what="the render of words alone")
        await seen(chat, lambda lines: lines and "Cancel" in lines[0].buttons, "the status message")
        # When their picture comes, without words
        chat.photo(ann, BLUE)
        await asyncio.to_thread(wait_for, lambda: gate.reached(2), what="the render of the picture")
    # Then that is the one clip, and the message of the other is gone
    (clip,) = await clips(chat, 1)
    assert is_of(clip, f"{gate} rain", BLUE)
    await seen(chat, lambda lines: len(lines) == 1, "the end of the other message")


async def test_pictures_that_wait_are_one_clip_by_words_that_say_so(room: Rooms) -> None:
    chat = room("Ann")
    [ann] = chat.people
    # Given two pictures without words, which are asked about
    chat.photo(ann, RED)
    chat.photo(ann, BLUE)
    await seen(chat, lambda lines: sum("Write a few words" in one.text for one in lines) >= 2, "the questions")
    # When words come that name both
    chat.say(ann, "it opens, from the first picture to the second")
    # Then there is one clip, and no question is left
    (clip,) = await clips(chat, 1)
    assert is_of(clip, "it opens, from the first picture to the second", RED)
    await seen(chat, lambda lines: len(lines) == 1, "the end of the questions")


async def test_new_words_make_one_clip_of_two_that_were_sent_together(room: Rooms, able: tuple[str, Any]) -> None:
    chat, house = room("Ann"), _house(able)
    [ann] = chat.people
    both = "it opens, from the first picture to the second"
    with house.gate() as gate:
        # Given two pictures of which clips are being made
        sent = chat.together(ann, [RED, BLUE], f"{gate} waves")
        await seen(chat, lambda lines: sum("Cancel" in one.buttons for one in lines) == 2, "the status messages")
        # When their words are changed to such that name both
        chat.edit(ann, sent, both)
        # Then there is one clip of both, and the message of the other is gone
        await seen(chat, lambda lines: len(lines) == 1, "the end of the other message")
    (clip,) = await clips(chat, 1)
    assert is_of(clip, both, RED)
    # When there are two clips already, and their words are changed, Then both stay, and the one of both is a third
    sent = chat.together(ann, [BLUE, RED], "waves")
    await clips(chat, 3)
    chat.edit(ann, sent, both)
    assert [is_of(one, both, BLUE) for one in await clips(chat, 4)] == [False, False, False, True]
    # When they are changed once more, Then a clip of both is made anew
    chat.edit(ann, sent, "it closes")
    assert is_of((await clips(chat, 5))[4], "it closes", BLUE)


async def test_in_a_group_words_alone_are_for_the_bot_only_where_they_name_it(room: Rooms) -> None:
    chat = room("Ann", "Bob")
    ann, bob = chat.people
    # When people talk, and one names the bot
    chat.say(bob, "what a storm at sea that was")
    chat.ask(ann, "a storm at sea")
    # Then only the latter is a clip, and what others say to it is talk
    [first] = await clips(chat, 1)
    assert is_of(first, "a storm at sea", WHITE)
    chat.say(bob, "and now a calm lake", reply_to=first.message)
    chat.ask(bob, "a calm lake")
    assert is_of((await clips(chat, 2))[1], "a calm lake", WHITE)
    assert len(chat.lines()) == 2


@pytest.mark.parametrize("able", ["discord"], indirect=True)
async def test_the_slash_command_takes_two_pictures_or_none(able: tuple[str, Any]) -> None:
    _, house = able
    chat = OnDiscord(house, "Ann", "Bob")
    [ann, _] = chat.people
    # When words are given without a picture
    ann.slash(chat._chat, "animate", prompt="a storm at sea")
    assert is_of((await clips(chat, 1))[0], "a storm at sea", WHITE)
    # When a picture and a last one are given
    sides = {"image": picture(f"rgb{RED}", "1.png"), "last_image": picture(f"rgb{BLUE}", "2.png")}
    ann.slash(chat._chat, "animate", **sides, prompt="it opens")
    second = (await clips(chat, 2))[1]
    assert is_of(second, "it opens", RED)
    # When there is only a last one, Then that is said
    said = await ann.slash(chat._chat, "animate", last_image=sides["last_image"], prompt="it opens").answered()
    assert "needs both" in str(said.text)
    # When there is neither, Then a form asks for both, and words are enough there, too
    opened = ann.slash(chat._chat, "animate")
    assert (await opened.answered()).kind == "modal"
    ann.submit(opened, words="a calm lake")
    assert is_of((await clips(chat, 3))[2], "a calm lake", WHITE)


@pytest.mark.parametrize("able", ["telegram"], indirect=True)
async def test_in_a_chat_that_the_bot_is_not_in_words_alone_are_enough_too(able: tuple[str, Any]) -> None:
    _, house = able
    ann, bob, name = house.api.person("Ann"), house.api.person("Bob"), house.api.bot.username
    group, chat = house.api.group("Friends", [ann, bob], bot=False), house.api.private(ann)
    ann.send_text(chat, "/start")
    await chat.until(tells("/help shows"))
    # When she names the bot with words, in reply to words of somebody else's
    ann.summon(group, f"@{name} a storm at sea", reply_to=bob.send_text(group, "what a storm that was"))
    # Then the clip of them stands in her own chat, and there
    own, there = await chat.until(has_clips()), await group.until(has_clips())
    mine, shown = ours(own)[-1], ours(there)[-1]
    assert mine.media and shown.media and mine.media.file == shown.media.file
    made = origin(mine.media.file.data)
    assert (made.prompt, made.colour) == ("a storm at sea", index_of(WHITE))
    # and a command or no words make none: there, too, a picture is asked for
    for said in ("", "/settings now"):
        ann.summon(group, f"{said} @{name}" if said else f"@{name}")
    await group.until(lambda history: sum("Reply to a photo with" in one.text for one in ours(history)) == 2)


def _house(able: tuple[str, Any]) -> House:
    house: House = able[1].house
    return house
