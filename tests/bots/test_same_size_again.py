"""A clip's recipe asks for a clip of the same size again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstill_bots.terminal.recipe_caption import caption_of
from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.jobs import Finish, Parameters
from unstill_queue.contract.recipe import Recipe
from unstill_queue.contract.resolving import resolve
from unstill_queue.contract.sizing import Size, sized, uncropped

CATALOG = Catalog.load()
SIDES = st.integers(16, 3000)
OPTIONS = st.fixed_dictionaries(
    {"seed": st.just(7)},
    optional={
        "model": st.sampled_from(["camera", "i2vgen-xl"]),
        "shape": st.sampled_from(["original", "reels", "square", "landscape"]),
        "fill": st.sampled_from(["pad", "crop", "blur"]),
        "resolution": st.sampled_from([512, 768, 1024]),
        "preset": st.sampled_from(list(CATALOG.presets)),
    },
)


def made(options: dict[str, Value], photo: Size) -> tuple[Parameters, Finish]:
    parameters, finish = resolve("waves", options, CATALOG, default_model="camera")
    return sized(parameters, finish, options, CATALOG, photo), finish


@given(OPTIONS, SIDES, SIDES, st.booleans())
def test_the_same_photo_gives_the_same_frames_again(
    options: dict[str, Value], width: int, height: int, whole: bool
) -> None:
    photo = (width, height)
    asked, finish = made(options, photo)
    shape = CATALOG.finishes[finish.shape]
    rendered = asked
    if whole and finish.fill == "" and shape.width and shape.height:
        # a crop would have lost what matters
        rendered = uncropped(asked, (shape.width, shape.height), photo)
    recipe = Recipe("camera", asked.model, rendered, finish, "Unstill")
    again, finish_again = made(dict(caption_of(recipe, CATALOG).given), photo)
    assert finish_again == finish
    assert again == asked


@pytest.mark.parametrize("model", ["camera", "kandinsky-6-lite"])
@pytest.mark.parametrize("options", [{}, {"audio": True}, {"audio": False}])
def test_the_same_sound_again_whether_or_not_the_model_makes_one(model: str, options: dict[str, Value]) -> None:
    asked, finish = made({"model": model, "seed": 7, **options}, (800, 600))
    # a model that makes sound is heard where nobody says otherwise
    assert finish.audio is options.get("audio", model == "kandinsky-6-lite")
    caption = caption_of(Recipe("AI", model, asked, finish, "Unstill"), CATALOG)
    assert made(dict(caption.given), (800, 600)) == (asked, finish)
    assert ("audio" in caption.given) is (finish.audio is not (model == "kandinsky-6-lite"))
