"""The process that rates pictures: what it says, what it may not do, and what its death costs.

The network is the real one. None of these pictures is for adults; it rates plain colours differently, and that is
enough to tell them apart: red as 0.10, blue as 0.01. So a threshold between the two refuses red.
"""

from __future__ import annotations

import asyncio
import io
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from PIL import Image
from tests.waiting import until

from unstill_bots.actions.preferences import Preferences
from unstill_bots.intake.pending import AGE_RESTRICTED
from unstill_bots.intake.pictures import PictureError, SafePicture
from unstill_bots.safety.checks import COVERED_PICTURE, Safety, Shown
from unstill_bots.safety.frames import FramesUnreadable, frames_of
from unstill_bots.safety.rating import Bounds, Rating, RatingUnavailable
from unstill_config.programs import find_ffmpeg
from unstill_config.safety import Policy
from unstill_config.safety import Safety as SafetySettings
from unstill_queue.contract.jobs import ReplyAddress

RED, BLUE = (208, 16, 16), (16, 16, 208)
BETWEEN = 0.05
PEOPLE = Path(__file__).parents[1] / "engine" / "gaze_people"
PUBLIC = sorted(PEOPLE.glob("*.jpg"))
"""Photographs in the public domain, or freely licensed, of people and things."""

pytestmark = pytest.mark.asyncio(loop_scope="module")


def plain(colour: tuple[int, int, int], size: tuple[int, int] = (320, 240), kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


def safe(colour: tuple[int, int, int]) -> SafePicture:
    return SafePicture(plain(colour), "png", 320, 240, ("picture_main",))


def to(**extra: str) -> ReplyAddress:
    return ReplyAddress("discord", "1", "2", None, extra)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def rating() -> AsyncIterator[Rating]:
    async with Rating() as started:
        yield started


def checks(rating: Rating, policy: Policy = "refuse", threshold: float = BETWEEN) -> Safety:
    settings = SafetySettings(rating=True, threshold=threshold, policy=policy, loosest="allow")
    return Safety(settings, rating=rating, ffmpeg=find_ffmpeg(None) or "")


async def test_pictures_that_anybody_may_see_are_rated_low(rating: Rating) -> None:
    assert len(PUBLIC) >= 5
    scores = {file.name: await rating.picture(file.read_bytes()) for file in PUBLIC}

    assert all(score < 0.1 for score in scores.values()), scores
    # and the colours by which other tests tell a refusal from a clip are told apart
    assert await rating.picture(plain(BLUE, kind="JPEG")) < BETWEEN < await rating.picture(plain(RED))


async def test_the_process_gave_up_what_it_does_not_need(rating: Rating) -> None:
    await rating.picture(plain(BLUE))
    process = Path(f"/proc/{rating.pid}")
    status = (process / "status").read_text()

    # it computes in one thread, starts no program, and has no file, socket or telemetry of its library's open
    assert "\nThreads:\t1\n" in status and "\nSeccomp:\t2\n" in status
    opened = {each.name: each.readlink() for each in (process / "fd").iterdir()}
    assert sorted(opened) == ["0", "1", "2"], opened
    limits = (process / "limits").read_text()
    assert "Max open files            3 " in limits and "Max file size             0 " in limits
    environ = (process / "environ").read_bytes()
    assert b"UNSTILL_" not in environ and b"HOME=" not in environ


async def test_one_that_was_killed_is_followed_by_another_and_nothing_is_lost(rating: Rating) -> None:
    before = rating.pid
    assert before is not None
    os.kill(before, signal.SIGKILL)
    # also where nobody has noticed yet
    score = await rating.picture(plain(RED))
    assert score > BETWEEN and rating.pid not in (None, before)
    # When it is stopped in the middle, and killed then
    stopped = rating.pid
    assert stopped is not None
    os.kill(stopped, signal.SIGSTOP)
    asked = asyncio.create_task(rating.picture(plain(BLUE)))
    await until(lambda: rating._turn.locked(), what="the turn")
    os.kill(stopped, signal.SIGKILL)
    # Then the next one answers
    assert await asked < BETWEEN and rating.pid != stopped


async def test_who_stops_waiting_takes_nobody_elses_answer_along(rating: Rating) -> None:
    asked = asyncio.create_task(rating.picture(plain(RED, (2000, 2000))))
    before = rating.pid
    assert before is not None
    os.kill(before, signal.SIGSTOP)
    await until(lambda: rating._turn.locked(), what="the turn")
    await asyncio.sleep(0)
    asked.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asked

    assert await rating.picture(plain(BLUE)) < BETWEEN


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", marks=pytest.mark.storm, id="empty"),
        pytest.param(b"no picture", marks=pytest.mark.storm, id="text"),
        pytest.param(b"GIF89a", marks=pytest.mark.storm, id="gif"),
        pytest.param(plain(BLUE)[:-40], id="cut"),
    ],
)
async def test_what_is_no_picture_costs_only_its_own_answer(rating: Rating, data: bytes) -> None:
    with pytest.raises(RatingUnavailable):
        await rating.picture(data)

    assert await rating.picture(plain(BLUE)) < BETWEEN


@pytest.mark.parametrize(
    "bounds",
    [
        pytest.param(Bounds(cpu=0.001), marks=pytest.mark.storm, id="computing"),
        pytest.param(Bounds(wall=0.001), marks=pytest.mark.storm, id="clock"),
        pytest.param(Bounds(memory=160 * 1024**2), id="memory"),
    ],
)
async def test_what_takes_too_much_is_ended(bounds: Bounds) -> None:
    async with Rating(bounds) as rating:
        with pytest.raises(RatingUnavailable):
            # 50 MB when it is decoded, four times what is ever kept of a picture
            await rating.picture(plain(BLUE, (4096, 4096)))
        assert rating.pid is None


async def test_a_picture_is_refused_covered_or_let_through_by_the_policy(rating: Rating) -> None:
    safety = checks(rating)
    # Given what is rated low, it comes through as it is
    for policy in ("refuse", "spoiler", "allow"):
        assert await safety.admitted(safe(BLUE), policy) == safe(BLUE)
    # and what is rated high does where all is allowed
    assert await safety.admitted(safe(RED), "allow") == safe(RED)
    # is noted where its clips are to be covered
    assert (await safety.admitted(safe(RED), "spoiler")).notes == ("picture_main", COVERED_PICTURE)
    # and is not taken where it is refused
    with pytest.raises(PictureError) as refused:
        await safety.admitted(safe(RED), "refuse")
    assert refused.value.code == "picture_refused"


async def test_where_nothing_can_be_rated_nothing_is_shown_open() -> None:
    async with Rating(Bounds(wall=0.001)) as broken:
        safety = checks(broken)
        with pytest.raises(PictureError) as refused:
            await safety.admitted(safe(BLUE), "refuse")
        assert refused.value.code == "picture_unrated"
        # the clip is looked at too, so that the picture may pass
        assert await safety.admitted(safe(BLUE), "spoiler") == safe(BLUE)
        assert await safety.shown(Path("/nowhere.mp4"), 1.0, "spoiler") is Shown.COVERED
        with pytest.raises(RatingUnavailable):
            await safety.shown(Path("/nowhere.mp4"), 1.0, "refuse")


async def test_a_clip_is_looked_at_over_its_whole_length(rating: Rating, tmp_path: Path) -> None:
    # Given a clip that is blue, and for its last half second red
    clip = tmp_path / "clip.mp4"
    ffmpeg = find_ffmpeg(None)
    assert ffmpeg is not None
    line = [ffmpeg, "-v", "error"]
    for colour, seconds in ((BLUE, 2.5), (RED, 0.5)):
        line += ["-f", "lavfi", "-i", f"color=0x{bytes(colour).hex()}:s=320x240:d={seconds}:r=8"]
    line += ["-filter_complex", "[0][1]concat", "-pix_fmt", "yuv420p", str(clip)]
    done = await asyncio.create_subprocess_exec(*line)
    assert await done.wait() == 0
    # Then its frames are spread over all of it
    frames, count = await frames_of(clip, 3.0, ffmpeg)
    assert count == 12
    shades = [frames[number * len(frames) // count] for number in range(count)]
    assert shades[0] < 60 < 150 < shades[-1]
    # and it is refused for its end
    assert await checks(rating).shown(clip, 3.0, "refuse") is Shown.REFUSED
    assert await checks(rating).shown(clip, 3.0, "spoiler") is Shown.COVERED
    assert await checks(rating).shown(clip, 3.0, "allow") is Shown.UNRATED
    assert await checks(rating, threshold=0.9).shown(clip, 3.0, "refuse") is Shown.OPEN
    # What is no clip is not taken for a harmless one
    clip.write_bytes(b"no clip")
    with pytest.raises(FramesUnreadable):
        await frames_of(clip, 3.0, ffmpeg)


@pytest.mark.parametrize(
    ("host", "loosest", "chosen", "extra", "holds"),
    [
        ("refuse", "spoiler", "", {}, "refuse"),
        ("refuse", "spoiler", "spoiler", {}, "spoiler"),
        # a group's admin is whoever made the group: the host says how far they may go
        ("refuse", "spoiler", "allow", {}, "refuse"),
        ("refuse", "allow", "allow", {}, "allow"),
        ("spoiler", "refuse", "refuse", {}, "refuse"),
        ("spoiler", "refuse", "", {}, "spoiler"),
        ("allow", "refuse", "allow", {}, "allow"),
        # what the platform keeps for adults has a policy of its own
        ("refuse", "spoiler", "refuse", {AGE_RESTRICTED: "1"}, "spoiler"),
    ],
)
async def test_a_chat_chooses_within_what_the_host_allows(
    rating: Rating, host: Policy, loosest: Policy, chosen: Policy, extra: dict[str, str], holds: Policy
) -> None:
    settings = SafetySettings(rating=True, policy=host, loosest=loosest)
    safety = Safety(settings, rating=rating)

    assert safety.policy(Preferences(rating=chosen), to(**extra)) == holds


async def test_without_the_check_everything_passes() -> None:
    async with Safety() as safety:
        assert await safety.admitted(safe(RED), safety.policy(Preferences(), to())) == safe(RED)
        assert await safety.shown(Path("/nowhere.mp4"), 1.0, "refuse") is Shown.OPEN
        assert not safety.rates
