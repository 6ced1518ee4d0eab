"""Each recipe of CONTRIBUTING.md does in a copy of the tree what it says: by its own commands and files."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.recipes.performing import FOLDERS, PAGE, ROOT, Copy, recipes

CHECKS = ROOT / "tests" / "recipes" / "checks"
RECIPES = recipes()
THINGS = ("an option", "a command", "a button", "a language", "a platform", "a model")


def test_there_is_a_recipe_for_each_kind_of_thing_and_a_check_of_each() -> None:
    assert set(RECIPES) == {f"Add {thing}" for thing in THINGS}
    assert {path.name for path in CHECKS.glob("check_*.py")} == {f"check_{thing.split()[1]}.py" for thing in THINGS}
    assert all(RECIPES.values())


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_does_what_it_says(title: str, tmp_path: Path) -> None:
    # Given a copy of the tree that the check does not hold in
    copy = Copy(tmp_path)
    check = f"tests/recipes/checks/check_{title.split()[-1]}.py"

    # When the recipe is performed, its own tests included
    copy.perform(RECIPES[title])

    # Then the thing is there, and style and imports are in order
    if check not in str(RECIPES[title]):
        copy.run(f".venv/bin/python -W error -m pytest -q {check}")
    for line in ("ruff check --no-cache", "ruff format --check --no-cache", "lint-imports --no-cache"):
        copy.run(f".venv/bin/{line}")


def commands_of(heading: str) -> list[str]:
    """Return the lines of a section's blocks."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    blocks: list[str] = re.findall(r"^```\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_a_release_has_one_number_in_all_distributions(tmp_path: Path) -> None:
    # Given a copy, and the command that sets the number
    copy = Copy(tmp_path)
    (command,) = [line for line in commands_of("Make a release") if line.startswith("sed ")]
    (number,) = re.findall(r'"([0-9.]+)"', command)

    copy.run(command)

    # Then every distribution has it, and the tag is the same
    for folder in (ROOT, copy.folder):
        wheels = tmp_path / f"wheels-{folder == ROOT}"
        for name in (*FOLDERS, "."):
            subprocess.run(
                [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(wheels)],
                cwd=folder / name, capture_output=True, check=True,
            )  # fmt: skip
        numbers = {file.name.split("-")[1] for file in wheels.iterdir()}
        assert len(numbers) == 1
        assert (numbers == {number}) == (folder == copy.folder)
    assert f"git tag --annotate v{number} " in "\n".join(commands_of("Make a release"))


def test_one_file_and_one_test_run_as_the_page_says(tmp_path: Path) -> None:
    lines = commands_of("Tests")
    assert len(lines) == 2
    for line in lines:
        path, _, name = line.split()[-1].partition("::")
        assert not name or f"def {name}(" in (ROOT / path).read_text("utf-8")
    said = Copy(tmp_path).run(lines[1])

    assert "1 passed" in said
