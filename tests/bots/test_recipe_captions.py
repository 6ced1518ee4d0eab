"""A recipe's caption asks for all that a recipe has, whoever said it: a person, a preset or the model."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstill_bots.intake.captions import parse
from unstill_bots.terminal.recipe_caption import OF_THE_PHOTO, caption_of, unsaid
from unstill_bots.terminal.wording import Wording
from unstill_config.catalog import Catalog, Value
from unstill_config.preset import SAMPLING, VALUES, Preset
from unstill_queue.contract.jobs import Finish, Parameters
from unstill_queue.contract.options import FILLS, MOTIONS, SEAMLESS, SEED_MAX
from unstill_queue.contract.recipe import Recipe
from unstill_queue.contract.resolving import resolve

CATALOG = Catalog.load()
TEXTS = st.sampled_from(["", "fog", "zoom in", 'a "b" --c', "no: people, cars"])
OPTIONS: dict[str, st.SearchStrategy[Value]] = {
    "seed": st.integers(0, SEED_MAX),
    "num_frames": st.integers(8, 480),
    "fps": st.integers(4, 60),
    "resolution": st.integers(128, 1080),
    "negative_prompt": TEXTS,
    "num_inference_steps": st.integers(1, 100),
    "guidance_scale": st.integers(4, 80).map(lambda quarters: quarters / 4),
    "motion": st.sampled_from(sorted(MOTIONS)),
    "camera": TEXTS,
    "shape": st.sampled_from(sorted(CATALOG.finishes)),
    "fill": st.sampled_from(FILLS),
    "output_fps": st.integers(10, 60),
    "loop": st.booleans() | st.just(SEAMLESS),
    "fade": st.booleans(),
    "audio": st.booleans(),
}
UNSAID: dict[str, st.SearchStrategy[Value]] = {
    "step_cache": st.sampled_from([0.0, 0.05, 0.2]),
    "target_fps": st.sampled_from([0, 8, 16]),
    "cache_interval": st.integers(1, 4),
    **{name: st.sampled_from(known) for name, known in SAMPLING.items()},
}
"""Parameters that no option says, and a preset may."""


def understood(caption: str, catalog: Catalog, model: str) -> tuple[Parameters, Finish]:
    read = parse(caption, catalog, model)
    return resolve(read.prompt, read.given, catalog, default_model=model)


def test_the_law_knows_every_parameter() -> None:
    names = {field.name for kind in (Parameters, Finish) for field in msgspec.structs.fields(kind)}
    assert {*OPTIONS, *UNSAID} == set(VALUES) == names - {"model", "prompt", "seamless", *OF_THE_PHOTO}


@given(
    st.sampled_from(sorted(CATALOG.models)),
    st.fixed_dictionaries({}, optional={**OPTIONS, **UNSAID}),
    st.booleans(),
    st.fixed_dictionaries({}, optional=OPTIONS),
    st.none() | st.sampled_from(["hosts", *CATALOG.presets]),
)
def test_the_caption_of_a_recipe_is_understood_as_that_recipe(
    model: str, values: dict[str, Value], whole: bool, typed: dict[str, Any], preset: str | None
) -> None:
    # Given a host's preset, of all models or one, and what a person typed as the model takes it
    hosts = Preset(title="Ours", help="ours", **({"values": values} if whole else {"models": {model: values}}))
    catalog = CATALOG.model_copy(update={"presets": {**CATALOG.presets, "hosts": hosts}})
    entry = catalog.models[model]
    for name, (low, high) in entry.ranges.items():
        if name in typed:
            typed[name] = type(typed[name])(min(max(typed[name], low), high))
    if "resolution" in typed:
        typed["resolution"] = entry.resolutions[typed["resolution"] % len(entry.resolutions)]
    asked, finish = resolve("waves", typed | ({"preset": preset} if preset else {}), catalog, default_model=model)
    # When its recipe is made a caption, then that is understood as the same clip
    recipe = Recipe("AI", model, asked, finish, "Unstill")
    caption = caption_of(recipe, catalog)
    assert understood(str(caption), catalog, "camera") == (asked, finish)
    assert unsaid(recipe, caption, catalog) == ()


def made_by(caption: str, model: str) -> Recipe:
    return Recipe("AI", model, *understood(caption, CATALOG, model), "Unstill")


@pytest.mark.parametrize(
    ("words", "model", "preset"),
    [
        ("waves --seed 7", "wan-ti2v-5b", None),
        ("waves --seed 7 --preset quality", "wan-ti2v-5b", None),
        ("waves --seed 7 --preset preview --steps 30", "wan-ti2v-5b", "preview"),
        ("waves --seed 7 --preset cache3 --fps 24", "i2vgen-xl", "cache3"),
    ],
)
def test_a_preset_is_named_where_no_option_says_what_it_sets(words: str, model: str, preset: str | None) -> None:
    assert caption_of(made_by(words, model), CATALOG).given.get("preset") == preset


def test_what_nothing_here_asks_for_is_named() -> None:
    # Given a clip by a preset that the host has taken away since
    recipe = made_by("waves --seed 7 --preset cache3", "i2vgen-xl")
    presets = {name: preset for name, preset in CATALOG.presets.items() if name not in ("cache2", "cache3")}
    left = CATALOG.model_copy(update={"presets": presets})
    # When it is to be made again, then the caption is what comes nearest, and what it lacks is said
    caption = caption_of(recipe, left)
    assert "preset" not in caption.given and unsaid(recipe, caption, left) == ("cache_interval",)
    assert "no option or preset says cache_interval." in Wording().again(str(caption), ("cache_interval",))
    # as it is of a model, a shape and a size that are gone
    gone = CATALOG.model_copy(update={"models": {"camera": CATALOG.models["camera"]}})
    assert "model" in unsaid(recipe, caption_of(recipe, gone), gone)
    tall = made_by("waves --seed 7 --shape reels", "camera")
    unshaped = CATALOG.model_copy(update={"finishes": {"original": CATALOG.finishes["original"]}})
    assert unsaid(tall, caption_of(tall, unshaped), unshaped) == ("shape",)
