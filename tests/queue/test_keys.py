"""KEYS.md, and the heads of the Lua files, say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.queue.lua_source import KEY, LEDGER, NAMES, code_of, fields_in, header_of, keys_in, lua_files, transitions

from unstill_queue.contract.jobs import State

ROOT = Path(__file__).parents[2]
FILES = lua_files()
PAGE = (LEDGER / "KEYS.md").read_text("utf-8")


def table(title: str) -> list[list[str]]:
    """Return the cells of the table under that title, head and rule aside."""
    section = PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in rows]


def words(cell: str) -> list[str]:
    return re.findall(r"`(\w+)`", cell)


def test_every_key_is_on_the_page_and_no_other() -> None:
    # Given what Lua and Python name, a front end's own keys by its name
    named = {key for text in FILES.values() for key in keys_in(code_of(text))}
    for package in ("queue", "engine", "bots"):
        for file in (ROOT / package / f"unstill_{package}").rglob("*.py"):
            named |= keys_in(file.read_text("utf-8"))
    named = {re.sub(r"^(unstill:(?:telegram|discord|web):).*", r"\1", key) for key in named}

    told = [KEY.match(row[0].strip("`")) for row in table("Keys")]

    assert {key[0] for key in told if key} == named
    assert None not in told


def test_every_field_of_a_record_is_on_the_page_and_no_other() -> None:
    told = [name for row in table("Fields of a record") for name in words(row[0])]

    assert sorted(told) == sorted({name for text in FILES.values() for name in fields_in(text)})


def test_every_state_is_on_the_page_and_no_other() -> None:
    rows = {words(row[0])[0]: row for row in table("States")}

    assert rows.keys() == set(State)
    # And each of the others can be acted on by the script, and leads somewhere
    assert {state for state, row in rows.items() if not words(row[2])} == {state for state in State if state.final}
    acted_on = re.findall(r"^  (\w+) = \{|(?<=, )(\w+) = \{", FILES["base"].partition("local NUMBERS")[2], re.MULTILINE)
    assert {one or other for one, other in acted_on} == {state for state in State if not state.final}
    assert {word for row in rows.values() for word in words(row[2])} <= set(State)


def test_every_transition_is_on_the_page_and_no_other() -> None:
    told = {words(row[0])[0]: row for row in table("Transitions")}
    called = {name for file in LEDGER.glob("*.py") for name in re.findall(r'_run\(\s*"(\w+)"', file.read_text("utf-8"))}

    there = {name: stem for stem, text in FILES.items() for name in transitions(text)}

    assert {name: row[3] for name, row in told.items()} == there
    assert called == there.keys(), "a transition that nobody asks for"
    for row in told.values():
        assert {word for cell in row[1:3] for word in words(cell)} <= set(State)


@pytest.mark.parametrize("stem", FILES)
def test_the_head_of_a_file_names_its_keys(stem: str) -> None:
    code, head = code_of(FILES[stem]), header_of(FILES[stem])

    directly = keys_in(code) | {key for name, key in NAMES.items() if re.search(rf"\b{name}\b", code)}
    by_helpers = {"unstill:job:"} if re.search(r"\b[gs]et\(id, ", code) else set()
    by_helpers |= {"unstill:due"} if re.search(r"\bdue\(", code) else set()

    line = next(line for line in head.splitlines() if line.startswith(" Keys:"))
    assert keys_in(line) == directly | by_helpers


@pytest.mark.parametrize("stem", FILES)
def test_the_head_of_a_file_tells_arguments_and_answers_of_its_transitions(stem: str) -> None:
    head = header_of(FILES[stem])
    told = {name: (arguments, rest) for name, arguments, rest in re.findall(r"^ (\w+)\((.*?)\): (.*)$", head, re.M)}

    there = transitions(FILES[stem])

    assert told.keys() == there.keys()
    for name, (arguments, body) in there.items():
        assert re.sub(r"\w+\.\.\.", "...", told[name][0]) == arguments
        answers = set(re.findall(r"(?:return|and|or) \{ '(\w+)'", body))
        assert answers <= set(re.findall(r"'(\w+)'", told[name][1])), f"what {name} may answer"
