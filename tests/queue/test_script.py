"""The ledger's script is made of one file a concern, and of one table of times."""

from __future__ import annotations

import re

import msgspec
import pytest
from tests.queue.ledger_machine import TIMES
from tests.queue.lua_source import LEDGER
from tests.queue.mutants import MUTANTS

from unstill_config.settings import Queue
from unstill_queue.ledger.script import LUA, script_text
from unstill_queue.ledger.times import Times


def test_the_script_is_made_of_every_file_once() -> None:
    # Given all Lua files of the package
    files = list((LEDGER / "lua").iterdir())
    # Then each is loaded, in one place of the order
    assert sorted(file.name for file in files) == sorted(f"{name}.lua" for name in LUA)
    # And the script holds every line of each
    assert all(file.read_text("utf-8") in script_text(TIMES) for file in files)


def test_every_time_of_the_script_stands_in_one_table() -> None:
    # Given the times that the files name
    text = "".join(file.read_text("utf-8") for file in (LEDGER / "lua").iterdir())
    named = set(re.findall(r"\bTIMES\.(\w+)", text))
    named |= {name for file in LEDGER.glob("*.py") for name in re.findall(r"\btimes\.(\w+)", file.read_text("utf-8"))}
    # Then all of them stand in the table, and no other
    assert named == {field.name for field in msgspec.structs.fields(Times)}
    # And nothing is put off, or kept, for a time that stands elsewhere
    assert re.findall(r"NOW [+-] \d+|'PX', \d+|EXPIRE', [^)]*, \d+", text) == []


def test_what_a_host_sets_is_what_the_script_is_given() -> None:
    # When a host sets what can be set
    text = script_text(Times.of(Queue(lease=1.5, wait_hours=2, keep_hours=3, audit=4)))
    # Then the script has it in milliseconds
    assert "lease = 1500, wait = 7200000, kept = 10800000, audit = 4000," in text.splitlines()[0]


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_bug_has_one_place(name: str) -> None:
    sound, planted = MUTANTS[name]

    assert script_text(TIMES).count(sound) == 1
    assert sound != planted
