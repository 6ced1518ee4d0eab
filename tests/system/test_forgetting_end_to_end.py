"""/forgetme: after its answer nothing of the person is in storage, in the server, or for long in the server's file."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.system.discord_house import discord_house
from tests.system.forgetting import (
    FORGOTTEN,
    WITHIN,
    DiscordSteps,
    Steps,
    TelegramSteps,
    end_delivery,
    expire_engine,
    kept_of,
    on_disk,
    stored,
    wait_until_gone,
)
from tests.system.processes import wait_for
from tests.system.telegram_house import telegram_house

from unstill_bots.actions.forgetting import WITHIN as WAITS_FOR_RENDERS
from unstill_config.settings import Queue

WORD = "zanzibar"
PLATFORMS = ("telegram", "discord")


@contextlib.contextmanager
def house(platform: str, folder: Path, *, jobs: int = 0, lease: int = 10) -> Iterator[Steps]:
    """`jobs`: the quota of a person, 0 without one; `lease` of the queue in seconds."""
    quota, seconds = str(jobs), str(lease)
    if platform == "telegram":
        with telegram_house(folder, UNSTILL_QUOTA__PERSON_JOBS=quota, UNSTILL_QUEUE__LEASE=seconds) as telegram:
            yield TelegramSteps(telegram)
    else:
        with discord_house(
            folder, quick=True, UNSTILL_QUOTA__PERSON_JOBS=quota, UNSTILL_QUEUE__LEASE=seconds
        ) as discord:
            yield DiscordSteps(discord)


def says(steps: Steps, text: str, *, group: bool = False) -> int:
    """How many of the bot's messages hold it."""
    return sum(text in one for one in steps.said(group=group))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_after_forgetme_nothing_of_a_person_is_left(platform: str, tmp_path: Path) -> None:
    with house(platform, tmp_path, jobs=2) as steps:
        storage = steps.house
        # Given a clip of Bob's, and clips of Ann's, two of which were asked for at once
        steps.ask("of Bob's", group=True, bob=True)
        wait_for(lambda: steps.clips(group=True) == 1, WITHIN, "Bob's clip")
        bobs = stored(storage)
        # its photo, itself, and its last frame
        assert len(bobs) == 3
        steps.ask(WORD, pictures=2)
        wait_for(lambda: steps.clips() == 2, WITHIN, "two clips")
        steps.ask(WORD, group=True)
        wait_for(lambda: steps.clips(group=True) == 2, WITHIN, "a clip in the group")
        # and pictures that wait for words
        for group in (False, True):
            steps.ask("", group=group)
            wait_for(lambda g=group: says(steps, "How should the camera move?", group=g), WITHIN, "a question")
        # and a render that is held, one whose picture is on its way, and one that waits
        with steps.house.gate() as gate:
            steps.ask(f"{gate} {WORD}", group=True)
            wait_for(gate.reached, WITHIN, "the render")
            steps.door.shut()
            steps.ask(f"{WORD} under way", group=True)
            wait_for(lambda: steps.door.waiting == 1, WITHIN, "a download")
            steps.ask(f"{WORD} waits")
            wait_for(lambda: says(steps, "You are next"), WITHIN, "a place")
            # and two that are over her quota
            for _ in range(2):
                steps.ask(f"{WORD} too much")
            wait_for(lambda: says(steps, "in the making already") == 2, WITHIN, "two refusals")
            traces = [WORD, *steps.names]
            assert len(kept_of(storage, traces)) > 10 and on_disk(storage, traces)
            assert len(stored(storage)) == len(bobs) + 3 * 3 + 2
            # When she wants it forgotten
            steps.forget()
            wait_for(steps.answered, WITHIN, "an answer")
            # Then that is said, with what stays how long
            assert FORGOTTEN in steps.answered() and "For two days it stays known" in steps.answered()
            assert "file of the host's queue" in steps.answered() and "being stopped" not in steps.answered()
            # and what was in the making has ended as cancelled
            assert sum(one == "Cancelled." for group in (False, True) for one in steps.said(group=group)) == 3
            # and by then nothing of hers is in storage, nor in the server
            assert stored(storage) == bobs
            assert kept_of(storage, traces) == []
        # and then not in the server's file
        wait_until_gone(storage, traces)
        # When the picture that was on its way arrives, and Bob's next has been made after it
        steps.door.open()
        wait_for(lambda: steps.door.waiting == 0, WITHIN, "the download")
        steps.ask("of Bob's again", group=True, bob=True)
        wait_for(lambda: steps.clips(group=True) == 3, WITHIN, "Bob's second clip")
        # Then nothing of hers came back
        assert len(stored(storage)) == 2 * len(bobs) and bobs < stored(storage)
        assert kept_of(storage, traces) == []


@pytest.mark.parametrize("killed", ["bot", "engine"])
@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_kill_in_the_middle_leaves_nothing_either(platform: str, killed: str, tmp_path: Path) -> None:
    with house(platform, tmp_path, lease=2) as steps, steps.house.gate() as gate:
        # Given a clip, and a render that is held
        steps.ask(WORD, group=True)
        wait_for(lambda: steps.clips(group=True) == 1, WITHIN, "a clip")
        steps.ask(f"{gate} {WORD}", group=True)
        wait_for(gate.reached, WITHIN, "the render")
        traces = [WORD, *steps.names]
        if killed == "engine":
            # When its engine is killed before she wants it forgotten
            engine, *_ = steps.house.started
            engine.kill()
            engine.wait()
            expire_engine(steps.house)
            steps.forget()
            wait_for(steps.answered, WITHIN, "an answer")
        else:
            # or the bot while it cannot show that the render was cancelled, so that the forgetting is under way
            steps.break_edits(broken=True)
            steps.forget()
            wait_for(lambda: steps.said(group=True) and not stored(steps.house), WITHIN, "the middle")
            assert not steps.answered() and kept_of(steps.house, traces)
            steps.kill_bot()
            steps.break_edits(broken=False)
            steps.start_bot()
            end_delivery(steps.house, steps.names[-1])
        # Then it goes all the same
        wait_for(lambda: "Cancelled." in steps.said(group=True), WITHIN, "the end of the render")
        wait_until_gone(steps.house, traces)
        assert stored(steps.house) == set()


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_render_that_is_slow_to_end_is_waited_for_before_the_answer(platform: str, tmp_path: Path) -> None:
    # a lease as it is when nobody sets it is waited for, too
    assert Queue().lease + 5 <= WAITS_FOR_RENDERS
    with house(platform, tmp_path, lease=3) as steps, steps.house.gate() as gate:
        # Given a render whose engine is killed, so that its lease has to run out before it ends
        steps.ask(f"{gate} {WORD}", group=True)
        wait_for(gate.reached, WITHIN, "the render")
        engine, *_ = steps.house.started
        engine.kill()
        # When its person wants all of it forgotten
        steps.forget()
        wait_for(steps.answered, WITHIN, "an answer")
        # Then the answer says so, and not that the bot had no time for it
        assert FORGOTTEN in steps.answered()
        assert stored(steps.house) == set()
