"""What a group's admins set, in a house that calls people at once and lets each have two clips in the making."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.system.telegram_house import ANIMATE, TelegramHouse, has_clips, ours, photo, says, telegram_house
from wire_doubles.telegram.groups import Group
from wire_doubles.telegram.people import Person

from unstill_bots.telegram.media import Picture
from unstill_queue.contract.jobs import ReplyAddress, Request, Requester


@pytest.fixture(scope="module")
def telegram(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TelegramHouse]:
    folder = tmp_path_factory.mktemp("groups")
    with telegram_house(folder, quick=True, UNSTILL_BOTS__NOTIFY_AFTER="0", UNSTILL_QUOTA__PERSON_JOBS="2") as house:
        yield house


async def set_to(group: Group, admin: Person, button: str, value: str) -> None:
    """Press a button of /settings until it shows that value."""
    admin.send_text(group, ANIMATE.replace("animate", "settings"))
    menu = next(one for one in ours(await group.until(says("How this group"))) if "How this group" in one.text)
    for _ in range(6):
        shown = next(label for row in group.messages[menu.id].shown().buttons for label in row if button in label)
        if shown == f"{button}: {value}":
            break
        await admin.press(shown, menu).wait()
        await group.until(lambda history, old=shown: not any(old in str(one.buttons) for one in history))  # type: ignore[misc]
    else:
        raise AssertionError(f"{button} never became {value}:\n{group.transcript()}")
    await admin.press("Done", menu).wait()
    await group.until(lambda history: not says("How this group")(history))


def calls(group: Group) -> int:
    return sum(one.text == "Your clip is ready." for one in ours(group.history()))


async def test_a_quiet_group_is_not_called(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    loud, quiet = telegram.api.group("Loud", [ann]), telegram.api.group("Quiet", [ann])
    # Given a group whose admin wants no calls
    await set_to(quiet, ann, "Quiet", "yes")
    # When a clip is asked for in each
    ann.send_photo(quiet, photo(), f"{ANIMATE} leaves")
    await quiet.until(has_clips())
    ann.send_photo(loud, photo(), f"{ANIMATE} waves")
    await loud.until(lambda _: calls(loud) == 1)
    # Then only the other one was called
    assert calls(quiet) == 0


async def test_at_a_time_a_group_has_as_many_clips_in_the_making_as_its_admins_say(telegram: TelegramHouse) -> None:
    ann, bob = telegram.api.person("Ann"), telegram.api.person("Bob")
    group = telegram.api.group("Friends", [ann, bob])
    await set_to(group, ann, "At a time", "1")
    # Given one in the making
    first = ann.send_photo(group, photo(), f"{ANIMATE} slow waves")
    await group.until(says("Rendering"))
    # When somebody else asks, then they are told so
    second = bob.send_photo(group, photo(), f"{ANIMATE} leaves")
    history = await group.until(says("This group allows 1 clip in the making at a time"))
    assert next(one for one in ours(history) if "allows 1" in one.text).reply_to == second.id
    # and when the first is there, the next one is made
    await group.until(has_clips())
    third = bob.send_photo(group, photo(), f"{ANIMATE} leaves")
    history = await group.until(has_clips(2))
    assert {one.reply_to for one in ours(history) if one.kind == "animation"} == {first.id, third.id}


async def test_of_many_that_come_at_once_a_group_has_no_more_in_the_making(telegram: TelegramHouse) -> None:
    people = [telegram.api.person(f"P{number}") for number in range(6)]
    group = telegram.api.group("Crowd", people)
    await set_to(group, people[0], "At a time", "1")
    # When six ask in the same moment
    for person in people:
        person.send_photo(group, photo(), f"{ANIMATE} slow waves")
    # Then one gets a clip, and five a sentence
    history = await group.until(
        lambda history: has_clips()(history) and sum("allows 1" in one.text for one in ours(history)) == 5, 120
    )
    assert sum(one.kind == "animation" for one in ours(history)) == 1


async def test_a_person_over_the_hosts_quota_is_told_so_in_a_group_too(telegram: TelegramHouse) -> None:
    ann, bob = telegram.api.person("Ann"), telegram.api.person("Bob")
    group = telegram.api.group("Friends", [ann, bob])
    for _ in range(3):
        ann.send_photo(group, photo(), f"{ANIMATE} slow waves")
    third = bob.send_photo(group, photo(), f"{ANIMATE} leaves")
    # Then Ann's third is too much, and Bob's first is not
    history = await group.until(
        lambda history: has_clips(3)(history) and says("You have 2 clips in the making already")(history), 120
    )
    assert third.id in {one.reply_to for one in ours(history) if one.kind == "animation"}


async def test_every_photo_means_photos_and_no_more(telegram: TelegramHouse) -> None:
    ann = telegram.api.person("Ann")
    group = telegram.api.group("Gallery", [ann])
    group.promote_bot()
    await set_to(group, ann, "Quiet", "yes")
    await set_to(group, ann, "Answers", "to every photo")
    # When people talk, send a sticker, files that are no picture or do not say so, and two photos, one without words
    ann.send_text(group, "nice weather")
    ann.send_sticker(group, photo())
    ann.send_document(group, b"%PDF-1.7", name="a.pdf", mime="application/pdf")
    ann.send_document(group, b"minutes of the meeting", name="minutes", mime="application/octet-stream")
    plain, worded = ann.send_photo(group, photo()), ann.send_photo(group, photo(), "leaves")
    # Then the photos have their clips, and nothing else an answer
    history = await group.until(has_clips(2))
    answered = {one.reply_to for one in ours(history) if "Admins choose" not in one.text}
    assert answered == {plain.id, worded.id}
    # and when it is switched off, not even a command is answered, but for /settings
    await set_to(group, ann, "Answers", "never")
    before = len(ours(group.history()))
    ann.send_photo(group, photo(), f"{ANIMATE} waves")
    await set_to(group, ann, "Answers", "when asked")
    ann.send_photo(group, photo(), f"{ANIMATE} waves")
    await group.until(has_clips(3))
    assert len(ours(group.history())) == before + 1


async def test_a_groups_rules_hold_for_what_a_killed_bot_had_not_read(telegram: TelegramHouse) -> None:
    ann, bob = telegram.api.person("Ann"), telegram.api.person("Bob")
    admins, narrow = telegram.api.group("Admins", [ann, bob]), telegram.api.group("Narrow", [ann, bob])
    await set_to(admins, ann, "Who", "admins")
    await set_to(narrow, ann, "At a time", "1")
    # Given requests that were written down by a bot that was killed before it read them
    assert telegram.stop_bot() == 0
    ledger = telegram.ledger(intake=0)
    try:
        for group, person in ((admins, bob), (admins, ann), (narrow, bob), (narrow, ann)):
            sent = person.send_photo(group, photo(), f"{ANIMATE} slow waves")
            telegram.api.world.updates.drop()
            assert sent.media
            who = Requester("telegram", str(person.id), str(group.id))
            id = f"telegram:{group.id}:{sent.id}"
            to = ReplyAddress("telegram", str(group.id), str(sent.id), None, {"job": id})
            source = Picture(sent.media.file.id, sent.media.size).source
            assert await ledger.accept(Request(id, who, to, source, "slow waves", 1_000_000))
    finally:
        await ledger.redis.aclose()
    # When the next one reads them
    telegram.start_bot()
    # Then they are answered as the group's admins want it
    history = await admins.until(
        lambda history: has_clips()(history) and says("Only this group's admins may")(history), 90
    )
    assert len(ours(history)) == 3
    await narrow.until(lambda history: has_clips()(history) and says("allows 1")(history))
