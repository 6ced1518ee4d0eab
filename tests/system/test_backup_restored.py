"""A backup that is taken at work and restored on another machine: what is owed is shown once, nothing else again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from redis import Redis
from tests.system.forgetting import FORGOTTEN, WITHIN, kept_of
from tests.system.processes import House, wait_for
from tests.system.test_forgetting_end_to_end import house

from unstill_queue.redis.embedded import EmbeddedValkey

WORD = "zanzibar"


def terminal(house: House, *words: str) -> str:
    """Run a command to its end, and return what it printed."""
    log = f"terminal-{words[0]}-{len(house.started)}"
    code = house.start("unstill_bots.terminal", *words, log=log).wait(WITHIN)
    return f"{code} {house.log(log)}"


def states(house: House) -> list[bytes]:
    with Redis.from_url(house.valkey.url) as redis:
        keys = list(redis.scan_iter("unstill:job:*", count=1000))
        return sorted(redis.hget(key, "state") or b"" for key in keys)


def leave(house: House) -> None:
    """The machine is gone: its processes, its server and its storage."""
    for process in house.started:
        process.kill()
        process.wait()
    house.valkey.kill()
    (house.folder / "storage").rename(house.folder / "gone")


@pytest.mark.parametrize("platform", ["telegram", pytest.param("discord", marks=pytest.mark.storm)])
def test_what_is_owed_is_shown_once_by_another_machine(platform: str, tmp_path: Path) -> None:
    with house(platform, tmp_path, lease=3) as steps:
        old = steps.house
        # Given a clip that was shown and forgotten
        steps.ask(WORD)
        wait_for(lambda: steps.clips() == 1, WITHIN, "a clip")
        steps.forget()
        wait_for(lambda: steps.answered().startswith(FORGOTTEN), WITHIN, "being forgotten")
        # and, while the front end is down, a clip that nobody has shown, a render, and a job that waits
        first, second = old.gate(), old.gate()
        steps.ask(f"{first} made", group=True, bob=True)
        wait_for(first.reached, WITHIN, "the first render")
        for number, words in enumerate((f"{second} runs", "waits"), 1):
            steps.ask(words, group=True, bob=True)
            wait_for(lambda n=number: states(old) == [b"queued"] * n + [b"running"], WITHIN, "jobs that wait")
        shown = len(steps.said())
        steps.kill_bot()
        first.open()
        wait_for(second.reached, WITHIN, "the second render")
        wait_for(lambda: b"done" in states(old), WITHIN, "a clip")
        # When that is backed up while it works, and the machine is lost
        backup = tmp_path / "unstill.backup"
        told = terminal(old, "backup", str(backup))
        # three pictures, a clip, and the frame with which it ends
        assert told.startswith("0 ") and "3 requests, 3 of them not answered yet, and 5 pictures and clips" in told
        assert backup.stat().st_mode & 0o777 == 0o600
        leave(old)
        # and another one gets it
        other = EmbeddedValkey(tmp_path / "other")
        old.valkey = other
        old.settings["UNSTILL_REDIS__URL"] = other.url
        other.start()
        restored = terminal(old, "restore", str(backup), "--json")
        assert restored.startswith("0 ")
        assert json.loads(restored[2:])["open"] == 3
        assert kept_of(old, [WORD]) == []
        old.start_engine()
        steps.start_bot()
        second.open()
        # Then each is shown, once, in the message that said that it was queued
        wait_for(lambda: is_over(old), WITHIN, "the end of all")
        assert steps.clips(group=True) == 3
        assert set(states(old)) == {b"sent"}
        # and nothing of what was forgotten comes again
        assert (len(steps.said()), steps.clips()) == (shown, 1)
        assert [event for *_, event, prompt in old.events() if WORD in prompt and event == "begin"] == ["begin"]


def is_over(house: House) -> bool:
    with Redis.from_url(house.valkey.url) as redis:
        return not redis.zrange("unstill:due", 0, -1)
