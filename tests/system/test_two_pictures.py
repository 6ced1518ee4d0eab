"""Two pictures are one clip where their person says so and the model can do that, on every platform."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import cv2
import pytest
from tests.system.conversations import Seen, Talk, clips, seen, waiting
from tests.system.telegram_house import photo, telegram_house
from tests.system.test_same_conversations import TALKS, OnTelegram

RED, BLUE = photo("red"), photo("blue")


class Together(Talk, Protocol):
    """A talk on a platform where pictures may be sent together."""

    def together(self, pictures: list[bytes], words: str) -> None:
        """Send pictures at once, with words."""


def edges(shown: Seen, folder: Path) -> tuple[str, str]:
    """Return the colours at the left and the right of a clip's first frame: of its picture and of its last one."""
    assert shown.clip is not None
    file = folder / "shown.mp4"
    file.write_bytes(shown.clip)
    video = cv2.VideoCapture(str(file))
    there, frame = video.read()
    video.release()
    assert there
    left, right = (frame[:, part].reshape(-1, 3).mean(axis=0) for part in (slice(2, 14), slice(-14, -2)))
    return _colour(left), _colour(right)


def _colour(bgr: Any) -> str:
    blue, _, red = bgr
    return "red" if red > 180 and blue < 80 else "blue" if blue > 180 and red < 80 else "noise"


@contextlib.contextmanager
def talk_on(platform: str, folder: Path) -> Iterator[Any]:
    """Open a talk there, where it does not wait for Telegram's limit of one message a second."""
    if platform != "telegram":
        with TALKS[platform](folder) as talk:
            yield talk
        return
    with telegram_house(folder, engine=False, bot=False, quick=True) as house:
        yield OnTelegram(house)


ON_EACH = [pytest.param(one, marks=pytest.mark.storm) if one == "web" else one for one in TALKS]
"""The page has another short test of its own, with the API and the terminal."""


@pytest.mark.parametrize("platform", ON_EACH)
async def test_a_clip_goes_from_one_picture_to_another(platform: str, tmp_path: Path) -> None:
    with talk_on(platform, tmp_path) as talk:
        # Given an engine whose model can end a clip with a picture
        talk.house.settings["UNSTILL_ENGINE__MODEL"] = "able"
        talk.house.start_engine()
        talk.start_bot()
        # When two pictures are sent with words that say so
        talk.together([RED, BLUE], "a door opens, from this picture to that one --seed 7")
        # Then there is one clip, from the first to the second
        (first,) = clips(await seen(talk, lambda now: bool(clips(now)) and not waiting(now), "the clip"))
        assert edges(first, tmp_path) == ("red", "blue") and "Made by AI from two still pictures." in first.text
        # and so is the next one of it
        talk.press(first.id, "Again")
        await seen(talk, lambda now: len(clips(now)) == 2 and not waiting(now), "the second clip")
        assert edges(clips(talk.seen())[1], tmp_path) == ("red", "blue")
        # When two are sent without such words, Then each is a clip of its own, which says that its sound is none
        talk.together([RED, BLUE], "waves --seed 7 --sound")
        await seen(talk, lambda now: len(clips(now)) == 4 and not waiting(now), "the two clips")
        both = clips(talk.seen())[2:]
        assert sorted(edges(one, tmp_path) for one in both) == [("blue", "noise"), ("red", "noise")]
        assert all("Able makes no sound, so the sound track is silent." in one.text for one in both)
        # When one is deleted, Then what it was made of goes with it as with any other
        talk.press(first.id, "Delete")
        await seen(talk, lambda now: len(clips(now)) == 3, "the clip's end")


@pytest.mark.parametrize("platform", ON_EACH)
async def test_what_the_model_cannot_do_is_said_and_nothing_is_queued(platform: str, tmp_path: Path) -> None:
    with talk_on(platform, tmp_path) as talk:
        # Given nothing but a model of one picture
        talk.house.start_engine()
        await asyncio.to_thread(talk.house.wait_until_served, "journal")
        talk.start_bot()
        # When a clip from one picture to another is asked for
        talk.together([RED, BLUE], "from the first picture to the last --seed 7")
        # Then one sentence says why there is none
        why = "Journal makes a clip of one picture, not from one to another."
        await seen(talk, lambda now: any(why in one.text for one in now), "the refusal")
        # When a last picture is named and there is none, Then that is said
        talk.photo("waves --last_image")
        await seen(talk, lambda now: any("needs both" in one.text for one in now), "that one is missing")
        # When words come without a picture, Then they are told to send one
        talk.words("a storm at sea")
        asks = ("There is no picture", "makes no clip of words alone")
        await seen(talk, lambda now: any(ask in one.text for one in now for ask in asks), "that there is no picture")
        # and all that while the engine was asked for nothing
        assert talk.house.events() == []
        assert clips(talk.seen()) == []
