"""The chaos driver's short run, and that its checker can tell a sound house from a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.system.chaos import run
from tests.system.chaos_count import check
from tests.system.chaos_mutants import MUTANTS, copy_with
from tests.system.clip_origin import Origin, colour_of, index_of
from tests.system.platform import Message, Platform, Refused, Wire
from tests.system.processes import House


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("requests", "kills", "seconds"), [(50, 12, 18), pytest.param(300, 60, 100, marks=pytest.mark.storm)]
)
async def test_under_kills_each_request_has_exactly_one_answer(
    tmp_path: Path, requests: int, kills: int, seconds: float
) -> None:
    # When everything is killed at random while requests arrive
    result = await run(tmp_path, seed=20261121, requests=requests, kills=kills, seconds=seconds)
    # Then each request has exactly one answer, none was rendered after it was shown, and no two at once on the device
    assert result.sound, result
    assert result.exactly_one == requests
    assert result.made_smaller > requests // 10
    each = kills // 4
    assert result.kills == {"bot": each, "engine": each, "renderer": each, "server": each} and result.missed == 0


@pytest.mark.deep
@pytest.mark.timeout(7200)
async def test_3000_requests_and_600_kills_give_3000_answers(tmp_path: Path) -> None:
    result = await run(tmp_path, seed=1, requests=3000, kills=600, seconds=1200)
    assert result.sound, result
    assert result.exactly_one == 3000


OWN, OTHER = ({"clip": name} for name in ("own", "other"))
"""Two clips: the request's, and one of another's."""


def platform_with(folder: Path, said: list[list[dict[str, str]]]) -> Platform:
    """What people saw of one request, message by message."""
    platform = Platform(folder / "socket")
    platform.post("r0", "request 0 --seed 0", b"", chat="c0")
    platform.origins = {
        "own": Origin("request 0", 0, index_of(colour_of(0))),
        "other": Origin("request 1", 1, index_of(colour_of(1))),
        "made from another's picture": Origin("request 0", 0, index_of(colour_of(1))),
    }
    for number, contents in enumerate(said):
        platform.messages[number] = Message(number, "c0", "r0", list(contents))
    return platform


@pytest.mark.parametrize("name", MUTANTS)
def test_each_planted_bug_has_its_place_in_the_product(tmp_path: Path, name: str) -> None:
    copy_with(MUTANTS[name], tmp_path)


@pytest.mark.parametrize(
    ("contents", "events", "fault"),
    [
        ([], [], "none"),
        ([[{"text": "You are next."}]], [], "none"),
        ([[OWN], [OWN]], [], "several"),
        ([[{"text": "The picture is damaged. Save it as a JPEG or PNG."}]], [], "wrong"),
        ([[OTHER]], [], "misdirected"),
        ([[OTHER, OWN]], [], "misdirected"),
        ([[{"clip": "made from another's picture"}]], [], "misdirected"),
        ([[OWN]], ["1.0 cpu 7 begin request 0", "9.0 cpu 7 begin request 0"], "rendered_after_done"),
        (
            [[OWN]],
            ["1.0 cpu 7 begin request 0", "2.0 cpu 8 begin request 1", "3.0 cpu 7 step request 0"],
            "overlapping",
        ),
        ([[{"text": "…"}, OWN]], ["1.0 cpu 7 begin request 0", "2.0 cpu 7 end request 0"], ""),
    ],
)
def test_the_checker_sees_each_fault(
    tmp_path: Path, contents: list[list[dict[str, str]]], events: list[str], fault: str
) -> None:
    # Given what people saw and what the device did
    platform, house = platform_with(tmp_path, contents), House(tmp_path)
    platform.shown_at["r0"] = 5.0
    house.journal.write_text("".join(f"{event}\n" for event in events))
    # Then the checker names that fault alone
    result = check(platform, house, {"r0": "good"})
    assert result.sound is not bool(fault)
    for name in ("none", "several", "wrong", "misdirected", "rendered_after_done", "overlapping"):
        assert bool(getattr(result, name)) is (name == fault)


def test_the_checker_sees_a_render_for_a_clip_that_was_only_too_large(tmp_path: Path) -> None:
    platform, house = platform_with(tmp_path, [[OWN]]), House(tmp_path)
    platform.too_large["r0"] = [(5.0, 30_000)]
    platform.shown_at["r0"] = 10.0
    house.journal.write_text("1.0 cpu 7 begin request 0\n9.0 cpu 7 begin request 0\n")
    result = check(platform, house, {"r0": "good"})
    assert result.rendered_after_done == ["request 0"] and result.made_smaller == 1


async def test_the_platform_forgets_what_was_confirmed_and_tells_who_writes_into_another_chat(tmp_path: Path) -> None:
    async with Platform(tmp_path / "socket") as platform:
        wire = Wire(platform.path)
        for number in range(2):
            platform.post(f"r{number}", "words", b"", chat=f"c{number}")
        # Given a bot that confirmed the first update
        assert [update["n"] for update in (await wire.call(op="updates", after=0))["updates"]] == [1, 2]
        await wire.call(op="updates", after=1)
        # When it comes anew and knows of nothing, then it gets the second one alone
        assert [update["n"] for update in (await wire.call(op="updates", after=0))["updates"]] == [2]
        # When it replies in the right chat, then nothing is strange; else it is put down
        note = await wire.call(op="say", chat="c0", reply_to="r0", content={"text": "…"})
        assert platform.misaddressed == []
        with pytest.raises(Refused):
            await wire.call(op="edit", chat="c1", id=note["id"], content={"text": "…"})
        await wire.call(op="say", chat="c1", reply_to="r0", content={"text": "…"})
        assert len(platform.misaddressed) == 2
