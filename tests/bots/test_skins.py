"""What chats decide stands once, and a platform's folder stays small: no code twice, no file that is too long."""

from __future__ import annotations

import ast
from itertools import product
from pathlib import Path

import pytest

import unstill_bots

BOTS = Path(unstill_bots.__file__).parent
ROOT = BOTS.parents[1]
PACKAGES = ("config", "queue", "engine", "bots")

ALIKE_MOST = 5
"""Consecutive lines that two front ends may share by chance, blank lines and imports aside."""
FILE_MOST = 300
FOLDER_MOST = {"telegram": 2600, "discord": 3050}
"""Lines of a front end, all files of its folder together: what its wire, its limits and its controls take.

An early look is one of these: on Telegram it makes a photo of a text, which has a caption from then on and never is a
text again; on Discord it is an attachment, which an edit leaves where it stands. So is Telegram's list of many values.
"""


def code_of(path: Path) -> list[str]:
    """The lines that say something, without indentation."""
    text = path.read_text()
    imports: set[int] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports |= set(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    numbered = enumerate(text.splitlines(), start=1)
    return [line.strip() for number, line in numbered if line.strip() and number not in imports]


def runs(lines: list[str], length: int) -> set[tuple[str, ...]]:
    return {tuple(lines[start : start + length]) for start in range(len(lines) - length + 1)}


def test_no_two_files_of_both_front_ends_share_six_lines() -> None:
    telegram, discord = (sorted((BOTS / name).glob("*.py")) for name in ("telegram", "discord"))
    long = {path: runs(code_of(path), ALIKE_MOST + 1) for path in (*telegram, *discord)}

    shared = {(one.name, other.name): long[one] & long[other] for one, other in product(telegram, discord)}

    assert {pair: alike for pair, alike in shared.items() if alike} == {}


def test_only_the_service_lies_directly_in_the_bots_package() -> None:
    assert {path.name for path in BOTS.glob("*.py")} == {"__init__.py", "service.py"}


@pytest.mark.parametrize("name", PACKAGES)
def test_no_file_of_the_product_is_too_long_to_be_read_at_once(name: str) -> None:
    files = [path for path in (ROOT / name / f"unstill_{name}").rglob("*") if path.suffix in (".py", ".lua")]

    long = {path.name: lines for path in files if (lines := len(path.read_text().splitlines())) > FILE_MOST}

    assert files
    assert long == {}


@pytest.mark.parametrize(("folder", "most"), FOLDER_MOST.items())
def test_a_front_end_only_draws_and_stays_small(folder: str, most: int) -> None:
    assert sum(len(path.read_text().splitlines()) for path in (BOTS / folder).rglob("*.py")) <= most
