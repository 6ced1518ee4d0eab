"""A clip that goes on from the end of another one: by a button and by words, on every platform, and under kills."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import pytest
import redis
from tests.system.conversations import Seen, clips, recipe_of, seen, waiting
from tests.system.processes import wait_for
from tests.system.test_same_conversations import TALKS
from tests.system.test_two_pictures import BLUE, ON_EACH, RED, edges, talk_on

from unstill_engine.clip.binary import find_ffmpeg

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


@pytest.mark.parametrize("platform", ON_EACH)
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


FFMPEG = """#!/bin/sh
for given in "$@"; do
    name="{folder}/hold-${{given#file:}}"
    if [ -e "$name" ]; then touch "$name.reached"; while [ -e "$name" ]; do sleep 0.02; done; fi
done
exec {ffmpeg} "$@"
"""
"""Waits before it writes a file for as long as there is one of that name with `hold-` before it."""
QUICK = {"UNSTILL_QUEUE__LEASE": "2"}
"""What a test of kills waits for."""
WRITTEN = {"join": "whole.rgb", "encode": "clip-1.mp4", "last frame": "last.png", "reel": "reel.mp4"}
"""The file that an engine is writing when it is killed, by what is done then."""
STEPS = (*WRITTEN, "store", "finish", "delivery")


class Killer:
    """Kills what works on a request at one step of it, and has it come back."""

    def __init__(self, talk: Any, folder: Path) -> None:
        self._talk = talk
        self._folder = folder
        self._redis: Any = redis.Redis.from_url(talk.house.valkey.url)
        program = folder / "ffmpeg"
        program.write_text(FFMPEG.format(folder=folder, ffmpeg=asyncio.run(find_ffmpeg()).path))
        program.chmod(0o755)
        talk.house.settings |= QUICK | {"UNSTILL_ENGINE__FFMPEG": str(program)}
        self._engine = talk.house.start_engine()
        talk.start_bot()

    def records(self) -> dict[str, dict[bytes, bytes]]:
        return {key.decode(): self._redis.hgetall(key) for key in self._redis.scan_iter("unstill:job:*")}

    def kill(self, step: str, ask: Callable[[], None]) -> None:
        """Kill the engine at a step of what is asked for, and the bot with it from the store on."""
        known, hold = self.records().keys(), self._folder / f"hold-{WRITTEN.get(step, 'nothing')}"
        hold.touch()
        ask()

        def there() -> bool:
            if step in WRITTEN:
                return hold.with_name(f"{hold.name}.reached").exists()
            new = [record for id, record in self.records().items() if id not in known]
            if step == "store":
                return any(record.get(b"clips") for record in new)
            states = (b"done", b"sending", b"sent") if step == "finish" else (b"sending", b"sent")
            return any(record.get(b"state") in states for record in new)

        wait_for(there, what=step)
        self._engine.kill()
        # one that nobody has asked for its end seems to run, and keeps its folders
        self._engine.wait()
        if step not in WRITTEN:
            self._talk.kill_bot()
        hold.unlink()
        hold.with_name(f"{hold.name}.reached").unlink(missing_ok=True)
        self._engine = self._talk.house.start_engine()
        if step not in WRITTEN:
            self._talk.start_bot()

    def named(self) -> set[str]:
        """Return the names of the files that records name."""
        return {Path(key.decode()).name for one in self.records().values() for key in one.get(b"clips", b"").split()}


ON_ONE = [pytest.param(one, marks=pytest.mark.storm) if one != "telegram" else one for one in TALKS]
LOOPS_ON = [one for one in ON_ONE if one != "web"]
KILLS = [
    ("telegram", ("join",)),
    pytest.param("telegram", STEPS, marks=pytest.mark.storm),
    pytest.param("discord", STEPS, marks=pytest.mark.storm),
    pytest.param("web", tuple(WRITTEN), marks=pytest.mark.storm),
    pytest.param("web", STEPS[len(WRITTEN) :], marks=pytest.mark.storm),
]


@pytest.mark.parametrize(("platform", "steps"), KILLS)
def test_a_longer_clip_is_one_answer_whichever_step_is_killed(
    platform: str, steps: tuple[str, ...], tmp_path: Path
) -> None:
    with talk_on(platform, tmp_path) as talk:
        killer = Killer(talk, tmp_path)
        for number, step in enumerate(steps):
            # Given a clip
            talk.photo(f"waves {number} --seed 7")
            asyncio.run(answered(talk, 2 * number + 1))
            # When it goes on, and what works on that is killed at one step, and comes back
            killer.kill(step, partial(talk.words, f"a ship sails in {number} --extend"))
            # Then there is one clip more, of both pieces
            shown = asyncio.run(answered(talk, 2 * number + 2))
            both = next(one for one in shown if recipe_of(one).parameters.prompt == f"a ship sails in {number}")
            assert [one.prompt for one in recipe_of(both).before] == [f"waves {number}"], step
            assert frames_of(both, tmp_path) == 2 * FRAMES - 1
            # beside what calls whoever waited for long to it
            others = [one.text for one in talk.seen() if one.clip is None]
            assert all(text.endswith("Your clip is ready.") for text in others), (step, others)
        # and nothing is left of the tries that were lost
        clips = tmp_path / "storage" / "clips"
        wait_for(
            lambda: {one.name for one in clips.rglob("*.*") if one.is_file()} == killer.named(),
            what="the end of all else",
        )
        wait_for(lambda: not any((tmp_path / "scratch").glob("*/*")), what="an empty scratch folder")


@pytest.mark.parametrize("platform", ON_ONE)
async def test_what_is_deleted_before_it_is_gone_on_from_is_said_and_costs_no_render(
    platform: str, tmp_path: Path
) -> None:
    with talk_on(platform, tmp_path) as talk, talk.house.gate() as held:
        talk.house.start_engine()
        talk.start_bot()
        talk.photo("waves --seed 7")
        [first] = await answered(talk, 1)
        # When what another one is to go on from is deleted while that waits
        talk.photo(f"{held} rain --seed 8")
        await asyncio.to_thread(wait_for, held.reached, what="a render before it")
        talk.press(first.id, "Extend")
        await seen(talk, lambda now: len(waiting(now)) == 2, "that it waits")
        talk.press(first.id, "Delete")
        await seen(talk, lambda now: first.id not in [one.id for one in now], "the first clip's end")
        held.open()
        # Then that is said, and nothing is rendered of it
        await answered(talk, 1)
        assert any("was deleted, or is too old" in one.text for one in talk.seen())
        begun = [prompt for *_, event, prompt in talk.house.events() if event == "begin"]
        assert len(begun) == 2, begun


@pytest.mark.parametrize("platform", LOOPS_ON)
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
        # When Loop is pressed under a clip of one photo, Then it closes, and no sentence is needed
        talk.together([RED], "rain --seed 9")
        fourth = (await answered(talk, 4))[3]
        talk.press(fourth.id, "Loop")
        fifth = (await answered(talk, 5))[4]
        assert recipe_of(fifth).finish.seamless and frames_of(fifth, tmp_path) == FRAMES - 1
        assert "could not end" not in fifth.text
