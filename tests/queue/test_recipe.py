"""A recipe as text: it comes back exactly, or is refused in one way."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstill_queue.contract.jobs import Finish, Parameters
from unstill_queue.contract.recipe import Recipe, RecipeError, recipe_in, tags_of

texts = st.text(st.characters(exclude_categories=()), max_size=200)
recipes = st.builds(
    Recipe,
    made_by=st.sampled_from(["AI", "camera"]),
    filled=st.booleans(),
    model=texts,
    parameters=st.builds(
        Parameters,
        model=texts,
        prompt=texts,
        negative_prompt=texts,
        camera=texts,
        seed=st.integers(0, 2**32 - 1),
        num_frames=st.integers(1, 480),
        fps=st.integers(1, 60),
        resolution=st.integers(1, 2048),
        guidance_scale=st.floats(0, 20),
        motion=st.floats(0, 2),
        width=st.none() | st.integers(1, 2048),
        height=st.none() | st.integers(1, 2048),
    ),
    finish=st.builds(Finish, shape=texts, output_fps=st.none() | st.integers(10, 60), loop=st.booleans()),
    software=texts,
    notes=st.lists(texts, max_size=3).map(tuple),
)


@given(recipes)
def test_recipe_comes_back_exactly(recipe: Recipe) -> None:
    text = recipe.dump()
    assert text.isascii()
    assert text.isprintable()
    assert Recipe.load(text) == recipe
    assert recipe.comment().isprintable()


def test_its_comment_names_every_parameter_that_is_not_as_usual() -> None:
    # Given a clip by the model's own values, and one of which everything is another
    usual = Parameters("m", "waves", seed=7, num_frames=16, fps=8, resolution=512)
    assert (
        Recipe("AI", "m", usual, Finish(), "s").comment()
        == "Made by AI (m). Prompt: waves. Seed 7, 16 frames at 8 fps. s."
    )
    others: dict[str, Any] = {"str": "unipc", "int": 3, "float": 0.25}
    fields = [field for field in msgspec.structs.fields(Parameters) if not field.required]
    named = [field.name for field in fields if field.name not in ("width", "height")]
    values = {field.name: others[type(field.default).__name__] for field in fields if field.name in named}
    # When that one says how it was made, then each is named with its value
    said = Recipe("AI", "m", msgspec.structs.replace(usual, **values), Finish(), "s").comment()
    for name, value in values.items():
        assert f", {name} " + (f'"{value}"' if isinstance(value, str) else f"{value:g}") in said


@given(st.text(max_size=300) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_any_other_text_is_refused_in_one_way(text: str) -> None:
    with pytest.raises(RecipeError):
        Recipe.load(text)


@given(st.data())
def test_changed_recipes_are_read_or_refused(data: st.DataObject) -> None:
    values: dict[str, Any] = json.loads(data.draw(recipes).dump())
    values[data.draw(st.sampled_from(sorted(values)))] = data.draw(
        st.none() | st.integers() | st.text() | st.lists(st.none())
    )
    try:
        Recipe.load(json.dumps(values))
    except RecipeError as error:
        assert str(error)


def test_newer_version_says_to_update() -> None:
    recipe = Recipe("AI", "m", Parameters("m", "p", 1, 8, 8, 512), Finish(), "s")
    newer = recipe.dump().replace('"version":1', '"version":2')
    with pytest.raises(RecipeError, match=r"version 2.*Update"):
        Recipe.load(newer)


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(RecipeError):
        Recipe.load("[" * 100_000)


def test_clip_without_a_recipe() -> None:
    recipe = Recipe("AI", "m", Parameters("m", "p", 1, 8, 8, 512), Finish(), "s")
    assert recipe_in(tags_of(recipe)) == recipe
    with pytest.raises(RecipeError, match="tells no recipe"):
        recipe_in({"©cmt": "a holiday"})
