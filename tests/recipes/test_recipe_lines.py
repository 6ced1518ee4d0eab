"""The recipes of CONTRIBUTING.md change lines that are there: what test_recipes.py finds minutes later."""

from __future__ import annotations

import pytest
from tests.recipes.performing import ROOT, Change, changed, recipes

RECIPES = recipes()


@pytest.mark.parametrize("title", RECIPES)
def test_what_a_recipe_changes_stands_there_once(title: str) -> None:
    files: dict[str, list[str]] = {}
    for change in (step for step in RECIPES[title] if isinstance(step, Change)):
        path = ROOT / change.file
        if change.file not in files:
            files[change.file] = path.read_text("utf-8").splitlines() if path.exists() else []
        files[change.file] = changed(files[change.file], change)
    assert files
