"""What goes wrong on Telegram's side: things deleted, chats closed, calls lost, floods."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from tests.system.telegram_house import (
    ANIMATE,
    CLIPS,
    TelegramHouse,
    after,
    has_clips,
    ours,
    photo,
    says,
    telegram_house,
)
from tests.waiting import until
from wire_doubles.telegram.messages import Message

from unstill_queue.contract.jobs import Cancelled


@pytest.fixture(scope="module")
def unhurried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TelegramHouse]:
    """A house in which a chat takes one message a second."""
    with telegram_house(tmp_path_factory.mktemp("unhurried")) as house:
        yield house


async def test_a_clip_whose_status_message_was_deleted_comes_as_a_new_reply(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    sent = ann.send_photo(chat, photo(), "slow waves")
    status = ours(await chat.until(says("Rendering")))[0]
    ann.delete(status)
    history = await chat.until(has_clips())
    assert len(ours(history)) == 1 and ours(history)[0].reply_to == sent.id


async def test_a_clip_whose_request_was_deleted_still_comes(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    sent = ann.send_photo(chat, photo(), "slow waves")
    status = ours(await chat.until(says("Rendering")))[0]
    ann.delete(sent)
    ann.delete(status)
    history = await chat.until(has_clips())
    assert [shown.reply_to for shown in history] == [None]


async def test_an_upload_whose_answer_was_lost_shows_one_clip(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    telegram.api.trouble.next("editMessageMedia", "lost")
    telegram.api.trouble.next("editMessageMedia", "bad gateway")
    ann.send_photo(chat, photo(), "waves")
    history = await chat.until(has_clips())
    await asyncio.sleep(8)
    # edited again for the answer that was lost, so nothing stands there twice
    assert ours(chat.history()) and len(chat.history()) == len(history) == 2


async def test_who_blocked_the_bot_has_no_jobs_left(telegram: TelegramHouse) -> None:
    ann, gate = telegram.api.person("Ann"), telegram.house.gate()
    chat = telegram.api.private(ann)
    # Given a render that is held, and one that waits behind it
    ids = [f"telegram:{chat.id}:{ann.send_photo(chat, photo(), words).id}" for words in (f"{gate} waves", "leaves")]
    await until(gate.reached, "the render that is held")
    ledger = telegram.ledger()

    async def all_are_cancelled() -> bool:
        records = [await ledger.read(id) for id in ids]
        return all(record.unwanted or isinstance(record.outcome, Cancelled) for record in records)

    # When she blocks the bot
    try:
        ann.block()
        await until(all_are_cancelled, "the end of both")
    finally:
        gate.open()
        await ledger.redis.aclose()
    # Then both have ended, and she has no clip of them, nor is she told that anybody else ended them
    ann.unblock()
    await chat.until(lambda history: sum("the bot was shut out here" in shown.text for shown in history) == 2)
    sent = ann.send_text(chat, "/queue")
    await chat.until(after(sent, says("no clips in the making")))
    assert not any(shown.kind in CLIPS for shown in chat.history())


async def test_where_animations_are_forbidden_the_clip_is_a_video_and_where_both_are_a_sentence_says_so(
    telegram: TelegramHouse,
) -> None:
    ann = telegram.api.person("Ann")
    few, none = (telegram.api.group(title, [ann]) for title in ("Few", "None"))
    # Given a group that forbids animations, and one that forbids videos too
    few.mute_bot(only=frozenset({"can_send_other_messages"}))
    none.mute_bot(only=frozenset({"can_send_other_messages", "can_send_videos"}))
    # When a clip is asked for in each
    for group in (few, none):
        ann.send_photo(group, photo(), f"{ANIMATE} waves")
    # Then one has it as a video, and the other a sentence
    history = await few.until(has_clips())
    assert [shown.kind for shown in ours(history)][-1] == "video"
    assert "Again" in str(ours(history)[-1].buttons)
    await none.until(says("The bot may not send clips here."))


async def test_an_unknown_refusal_is_tried_three_times_and_then_said_and_a_gateways_page_is_one_line(
    unhurried: TelegramHouse,
) -> None:
    ann, bob = unhurried.api.person("Ann"), unhurried.api.person("Bob")
    refused, late = unhurried.api.private(ann), unhurried.api.private(bob)
    # Given a platform that answers a receipt with a page, and a clip with words that nobody knows
    unhurried.api.trouble.next("sendMessage", "gateway page")
    bob.send_photo(late, photo(), "leaves")
    await late.until(has_clips())
    before = len(unhurried.api.calls("editMessageMedia"))
    unhurried.api.trouble.refuse("editMessageMedia", "MEDIA_EMPTY", times=3)
    ann.send_photo(refused, photo(), "waves")
    # Then after three tries the person is told, and the clip can be asked for again
    history = await refused.until(says("The platform refuses to show the answer here."))
    assert len(ours(history)) == 1 and "Again" in str(ours(history)[0].buttons)
    assert len(unhurried.api.calls("editMessageMedia")) == before + 3
    log = unhurried.house.log("bot")
    assert log.count("an answer was refused") == 3 and "Media_empty" in log
    assert "nginx" not in log and "Traceback" not in log
    ann.press("Again", ours(history)[0])
    await refused.until(has_clips())


async def test_a_flood_of_one_chat_is_answered_within_the_limits(unhurried: TelegramHouse) -> None:
    # Given a group in which everybody asks at once, and one person in private
    people = [unhurried.api.person(f"P{number}") for number in range(6)]
    group = unhurried.api.group("Crowd", people)
    refused = unhurried.api.limits.refused
    for number, person in enumerate(people):
        person.send_photo(group, photo(), f"{ANIMATE} waves {number}")
    ann = unhurried.api.person("Ann")
    chat = unhurried.api.private(ann)
    ann.send_photo(chat, photo(), "leaves")
    # Then the one is not held up by the crowd, which is answered too, and no call drew a 429
    await chat.until(has_clips())
    await group.until(has_clips(6))
    assert unhurried.api.limits.refused == refused


async def test_a_429_halts_that_chat_alone_and_loses_nothing(unhurried: TelegramHouse) -> None:
    ann, bob = unhurried.api.person("Ann"), unhurried.api.person("Bob")
    mine, other = unhurried.api.private(ann), unhurried.api.private(bob)
    # Given a platform that allows less than it is known for: one message in five seconds
    limits = unhurried.api.limits
    try:
        limits.burst, limits.chat = 1, 0.2
        ann.send_photo(mine, photo(), "slow waves")
        await mine.until(lambda _: any(call.status == 429 for call in unhurried.api.log[-50:]))
    finally:
        limits.burst, limits.chat = 3, 1.0
    bob.send_photo(other, photo(), "leaves")
    await other.until(has_clips())
    history = await mine.until(has_clips())
    assert len(ours(history)) == 1


async def test_a_line_that_a_kill_left_behind_goes_when_its_button_is_pressed(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    chat = telegram.api.private(ann)
    sent = ann.send_photo(chat, photo(), "waves")
    clip = ours(await chat.until(has_clips()))[0]
    # Given a status message of that request which the bot does not know of
    world = telegram.api.world
    keyboard = [[{"text": "Cancel", "callback_data": f"cancel {chat.id}:{sent.id}"}]]
    number = world.next_message_id(chat)
    line = world.post(
        Message(number, chat, telegram.api.bot, world.clock.date(), "Got it.", keyboard=keyboard, reply_to=sent)
    )
    # When somebody presses its button, then it goes, and the clip stays
    assert "too late to cancel" in await ann.press("Cancel", line).answer()
    await chat.until(lambda history: [one.id for one in ours(history)] == [clip.id])
