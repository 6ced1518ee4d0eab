"""The chaos driver's short run, and that its checker can tell a sound house from a broken one."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.system.chaos import check, run
from tests.system.platform import Message, Platform
from tests.system.processes import House


@pytest.mark.timeout(600)
async def test_300_requests_and_60_kills_give_300_answers(tmp_path: Path) -> None:
    # When everything is killed at random while requests arrive
    result = await run(tmp_path, seed=20261121, requests=300, kills=60, seconds=100)
    # Then each request has exactly one answer, none was rendered after it was shown, and no two at once on the device
    assert result.sound, result
    assert result.exactly_one == 300
    assert result.made_smaller > 30
    assert sum(result.kills.values()) == 60


@pytest.mark.deep
@pytest.mark.timeout(7200)
async def test_3000_requests_and_600_kills_give_3000_answers(tmp_path: Path) -> None:
    result = await run(tmp_path, seed=1, requests=3000, kills=600, seconds=1200)
    assert result.sound, result
    assert result.exactly_one == 3000


@pytest.mark.parametrize(
    ("contents", "events", "fault"),
    [
        ([], [], "none"),
        ([[{"text": "You are next."}]], [], "none"),
        ([[{"clip": "a"}], [{"clip": "a"}]], [], "several"),
        ([[{"text": "The picture is damaged. Save it as a JPEG or PNG."}]], [], "wrong"),
        ([[{"clip": "a"}]], ["1.0 cpu 7 begin request 0", "9.0 cpu 7 begin request 0"], "rendered_after_done"),
        (
            [[{"clip": "a"}]],
            ["1.0 cpu 7 begin request 0", "2.0 cpu 8 begin request 1", "3.0 cpu 7 step request 0"],
            "overlapping",
        ),
        ([[{"text": "…"}, {"clip": "a"}]], ["1.0 cpu 7 begin request 0", "2.0 cpu 7 end request 0"], ""),
    ],
)
def test_the_checker_sees_each_fault(
    tmp_path: Path, contents: list[list[dict[str, str]]], events: list[str], fault: str
) -> None:
    # Given what people saw and what the device did
    platform, house = Platform(tmp_path / "socket"), House(tmp_path)
    for number, said in enumerate(contents):
        platform.messages[number] = Message(number, "r0", list(said))
    platform.shown_at["r0"] = 5.0
    house.journal.write_text("".join(f"{event}\n" for event in events))
    # Then the checker names that fault alone
    result = check(platform, house, {"r0": "good"}, 0, {})
    assert result.sound is not bool(fault)
    for name in ("none", "several", "wrong", "rendered_after_done", "overlapping"):
        assert bool(getattr(result, name)) is (name == fault)


def test_the_checker_sees_a_render_for_a_clip_that_was_only_too_large(tmp_path: Path) -> None:
    platform, house = Platform(tmp_path / "socket"), House(tmp_path)
    platform.messages[0] = Message(0, "r0", [{"clip": "a"}])
    platform.too_large["r0"] = [(5.0, 30_000)]
    platform.shown_at["r0"] = 10.0
    house.journal.write_text("1.0 cpu 7 begin request 0\n9.0 cpu 7 begin request 0\n")
    result = check(platform, house, {"r0": "good"}, 0, {})
    assert result.rendered_after_done == ["request 0"] and result.made_smaller == 1
