"""Each recipe of CONTRIBUTING.md does in a copy of the tree what it says: by its own commands and files."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.recipes.performing import ROOT, Copy, recipes

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
