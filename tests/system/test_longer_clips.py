"""A clip that goes on from the end of another one: by a button and by words, on every platform, and under kills."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import cv2
import pytest
from tests.system.conversations import Seen, clips, recipe_of, seen, waiting
from tests.system.processes import kill, wait_for
from tests.system.test_same_conversations import TALKS
from tests.system.test_two_pictures import BLUE, ON_EACH, RED, edges, talk_on

FRAMES = 8
"""Frames of a piece."""


def frames_of(shown: Seen, folder: Path) -> int:
    """Return how many frames a clip has, as a player counts them."""
    assert shown.clip is not None
    file = folder / "shown.mp4"
    file.write_bytes(shown.clip)
    video, count = cv2.VideoCapture(str(file)), 0
    while video.read()[0]:
        count += 1
    video.release()
    return count


def stored(folder: Path) -> set[str]:
    """Return the files of clips that are kept."""
    return {path.suffix + path.stem[:6] for path in (folder / "storage" / "clips").rglob("*.*") if path.is_file()}


async def answered(talk: Any, count: int) -> list[Seen]:
    """Return the clips once that many messages of the bot show one and nothing is under way."""
    return clips(await seen(talk, lambda now: len(clips(now)) == count and not waiting(now), f"{count} clips"))


@pytest.mark.parametrize("platform", TALKS)
async def test_a_clip_goes_on_from_its_end_up_to_three_pieces(platform: str, tmp_path: Path) -> None:
    with talk_on(platform, tmp_path) as talk:
        talk.house.start_engine()
        talk.start_bot()
        # Given a clip
        talk.photo("waves --seed 7")
        [first] = await answered(talk, 1)
        assert frames_of(first, tmp_path) == FRAMES and "Extend" in first.buttons
        # When its person presses Extend
        talk.press(first.id, "Extend")
        second = (await answered(talk, 2))[1]
        # Then a clip of both pieces comes, in which the frame that they share stands once, with one recipe
        assert frames_of(second, tmp_path) == 2 * FRAMES - 1
        made = recipe_of(second)
        assert [one.seed for one in made.before] == [7] and made.parameters.prompt == "waves"
        # When it is pressed once more, Then nothing new is asked for
        talk.press(first.id, "Extend")
        # When words say so, without a picture, Then it goes on from the newest clip, with its options and new words
        talk.words("a ship sails in --extend --fade")
        third = (await answered(talk, 3))[2]
        assert frames_of(third, tmp_path) == 3 * FRAMES - 2
        made = recipe_of(third)
        assert [one.prompt for one in (*made.before, made.parameters)] == ["waves", "waves", "a ship sails in"]
        assert made.finish.fade
        # and it has as many pieces as it may
        assert "Extend" not in third.buttons
        talk.words("--extend")
        await seen(talk, lambda now: any("three pieces at most" in one.text for one in now), "that three are the most")
        # When a photo comes with these words, Then one sentence says what to do
        talk.photo("waves --extend")
        await seen(talk, lambda now: any("Answer one of yours with --extend" in one.text for one in now), "what to do")
        # When the clip that was gone on from is deleted, Then its end goes with it, and the longer ones stay
        before = stored(tmp_path)
        talk.press(first.id, "Delete")
        await seen(talk, lambda now: len(clips(now)) == 2, "the first clip's end")
        await asyncio.to_thread(wait_for, lambda: len(stored(tmp_path)) <= len(before) - 2, what="its files' end")


KILLED_ON = [pytest.param(one, marks=pytest.mark.storm) if one != "telegram" else one for one in TALKS]
"""A lease of ten seconds has to end in each."""


@pytest.mark.parametrize("platform", KILLED_ON)
async def test_a_longer_clip_is_one_answer_whatever_is_killed(platform: str, tmp_path: Path) -> None:
    with talk_on(platform, tmp_path) as talk, talk.house.gate() as gate:
        engine = talk.house.start_engine()
        talk.start_bot()
        talk.photo("waves --seed 7")
        [first] = await answered(talk, 1)
        # Given a longer clip whose piece is rendered
        talk.words(f"{gate} a ship sails in --extend")
        await asyncio.to_thread(wait_for, gate.reached, what="the render of the second piece")
        # When the engine is killed, and the bot, and both come back
        kill(engine.pid)
        talk.kill_bot()
        gate.open()
        talk.house.start_engine()
        talk.start_bot()
        # Then there is one clip more, of both pieces, and one message that shows it
        second = (await answered(talk, 2))[1]
        assert frames_of(second, tmp_path) == 2 * FRAMES - 1
        assert len(talk.seen()) == 2
        # When what another one is to go on from is deleted while that waits
        with talk.house.gate() as held:
            talk.photo(f"{held} rain --seed 8")
            await asyncio.to_thread(wait_for, held.reached, what="a render before it")
            talk.press(first.id, "Extend")
            await seen(talk, lambda now: len(waiting(now)) == 2, "that it waits")
            talk.press(first.id, "Delete")
            await seen(talk, lambda now: first.id not in [one.id for one in now], "the first clip's end")
        # Then that is said, and nothing is rendered of it
        await answered(talk, 2)
        assert any("was deleted, or is too old" in one.text for one in talk.seen())
        begun = [prompt for *_, event, prompt in talk.house.events() if event == "begin"]
        assert len(begun) == 4, begun


@pytest.mark.parametrize("platform", ON_EACH)
async def test_a_loop_closes_where_the_model_can_end_with_a_picture(platform: str, tmp_path: Path) -> None:
    with talk_on(platform, tmp_path) as talk:
        # Given an engine with a model that can
        talk.house.settings["UNSTILL_ENGINE__MODEL"] = "able"
        talk.house.start_engine()
        talk.start_bot()
        # When a loop is asked for that ends where it began
        talk.together([RED], "waves --loop seamless --seed 7")
        [first] = await answered(talk, 1)
        # Then the clip ends with its photo, which stands there once
        assert edges(first, tmp_path) == ("red", "red") and frames_of(first, tmp_path) == FRAMES - 1
        assert recipe_of(first).finish.seamless and "Loop" not in first.buttons
        # and a longer one of it ends with its first frame, too
        talk.press(first.id, "Extend")
        second = (await answered(talk, 2))[1]
        assert frames_of(second, tmp_path) == 2 * FRAMES - 2
        # When it is asked for the same of a clip that ends with another picture, Then that runs to and fro, and says so
        talk.together([RED, BLUE], "from the first picture to the last --loop seamless --seed 8")
        third = (await answered(talk, 3))[2]
        assert frames_of(third, tmp_path) == 2 * FRAMES - 2 and recipe_of(third).finish.loop
        assert "The clip could not end where it began, so it runs forwards, then backwards." in third.text
