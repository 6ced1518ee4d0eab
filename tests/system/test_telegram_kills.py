"""Kills at random moments under many chats on Telegram, a burst, and that the count tells a sound bot from another."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.system.processes import House
from tests.system.telegram_burst import burst
from tests.system.telegram_count import Asked, count
from tests.system.telegram_house import TelegramHouse, photo, telegram_house
from tests.system.telegram_kills import run
from wire_doubles.telegram.messages import Message
from wire_doubles.telegram_api import TelegramApi


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("requests", "chats", "kills", "seconds"),
    [
        (20, (12, 2), {"bot": 2, "engine": 1, "renderer": 1, "server": 1}, 8),
        pytest.param(100, (38, 12), {"bot": 4, "engine": 3, "renderer": 3, "server": 4}, 30, marks=pytest.mark.storm),
    ],
    ids=["short", "long"],
)
async def test_under_kills_each_request_has_one_answer_and_no_message_more(
    tmp_path: Path, requests: int, chats: tuple[int, int], kills: dict[str, int], seconds: float
) -> None:
    with telegram_house(tmp_path, engine=False, UNSTILL_BOTS__NOTIFY_AFTER="12", UNSTILL_QUEUE__LEASE="2") as telegram:
        # When bot, engine, renderer and server are killed while people ask, private and in groups
        counted, killed = await run(
            telegram, seed=20261121, requests=requests, chats=chats, kills=kills, seconds=seconds
        )
        print(counted, killed)
    # Then each request has its one answer, and every other message is a call or a line that a kill left behind
    assert counted.sound, counted
    assert (counted.requests, counted.answers) == (requests, requests)
    assert sum(killed.values()) == sum(kills.values())
    assert killed["bot"] >= kills["bot"] - 1 and killed["server"] == kills["server"]


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("photos", "chats"), [(30, 3), pytest.param(150, 15, marks=pytest.mark.storm)])
async def test_a_burst_is_answered_once_each(tmp_path: Path, photos: int, chats: int) -> None:
    with telegram_house(tmp_path, JOURNAL_STEP_SECONDS="0", UNSTILL_BOTS__NOTIFY_AFTER="3600") as telegram:
        # When many photos come in one moment, from as many groups as people
        seen = await burst(telegram, photos=photos, private=chats, groups=chats, within=900)
        print(seen)
    # Then each has its clip in its one message; how few calls are refused, make bench measures
    assert seen.counted.sound, seen
    assert seen.counted.messages == seen.counted.answers == photos
    assert seen.peak < 400


STATUS, CLIP, OPTION = "Got it. Looking at your picture …", "clip", "There is no option --sead. Did you mean --seed?"


@pytest.mark.parametrize(
    ("kind", "said", "kills", "sound"),
    [
        ("good", [CLIP], [], True),
        ("good", [CLIP, "Your clip is ready."], [], True),
        ("option", [OPTION], [], True),
        ("good", ["The engine stopped three times while it worked on this. Try again later."], [], True),
        ("good", [STATUS, CLIP], [0.5], True),
        # what must not pass
        ("good", [], [], False),
        ("good", [STATUS], [], False),
        ("good", [STATUS], [0.5], False),
        ("good", [CLIP, CLIP], [], False),
        ("good", [CLIP, CLIP], [0.5], False),
        ("good", [CLIP, "Your clip is ready.", "Your clip is ready."], [], False),
        ("good", [OPTION], [], False),
        ("option", [CLIP], [], False),
        ("good", [STATUS, CLIP], [], False),
        ("good", [STATUS, CLIP], [1.5], False),
        ("good", [CLIP, STATUS], [0.5], False),
    ],
)
def test_the_count_sees_each_fault(tmp_path: Path, kind: str, said: list[str], kills: list[float], sound: bool) -> None:
    # Given what the bot said to a request, a second apart, and when it was killed
    api = TelegramApi()
    ann = api.person("Ann")
    chat = api.private(ann)
    sent = ann.send_photo(chat, photo(), "waves")
    began = time.time()
    clip = api.files.clip(
        "animation", b"\0\0\0\x18ftyp", "a.mp4", width=64, height=64, duration=1, thumbnail=None
    )  # fmt: skip
    for number, text in enumerate(said):
        message = Message(
            api.world.next_message_id(chat), chat, api.bot, int(began), text,
            media=clip if text == CLIP else None, reply_to=sent,
        )  # fmt: skip
        api.world.post(message).posted_at = began + number
    # Then the count passes it, or not
    telegram = TelegramHouse(House(tmp_path), api)
    counted = count([Asked(sent, kind)], telegram, [began + kill for kill in kills])
    assert counted.sound is sound, counted


def test_a_message_that_answers_nobody_is_seen(tmp_path: Path) -> None:
    api = TelegramApi()
    chat = api.private(api.person("Ann"))
    api.world.post(Message(1, chat, api.bot, 0, STATUS))
    assert not count([], TelegramHouse(House(tmp_path), api)).sound
