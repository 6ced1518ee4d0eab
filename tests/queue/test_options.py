"""The one schema: what it shows it takes, what it does not take it says, and what comes out a model can do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog, Model, Value
from unstill_queue.contract.errors import Allowed, OptionError
from unstill_queue.contract.options import MOTIONS, OPTIONS, PROMPT_MAX, SEED_MAX, Option, find
from unstill_queue.contract.resolving import resolve

CATALOG = Catalog.load()
NAMES = [name for option in OPTIONS for name in (option.name, *option.aliases)]
TYPES: dict[str, type | tuple[type, ...]] = {"int": int, "float": float, "text": str, "flag": bool, "choice": str}

# models like those to come: counts of 4n+1 and 8n+1 frames, and ranges whose ends are on no grid
OTHERS = """
[models.four]
title = "Four"
renderer = "a.b:C"
synthetic = true
abilities = ["prompt"]
size_multiple = 8
frame_grid = { multiple = 4, offset = 1 }
resolutions = [320, 480]
licence = { name = "x" }
defaults = { resolution = 480, num_frames = 17, fps = 7, num_inference_steps = 25, guidance_scale = 3.0 }
ranges = { num_frames = [8, 48], fps = [5, 16], num_inference_steps = [10, 60], guidance_scale = [1.5, 7.5] }
cost = { base = 1.0, per_unit = 0.5 }

[models.eight]
title = "Eight"
renderer = "a.b:C"
synthetic = true
abilities = ["prompt"]
size_multiple = 32
frame_grid = { multiple = 8, offset = 1 }
resolutions = [704]
licence = { name = "x" }
defaults = { resolution = 704, num_frames = 97, fps = 25, num_inference_steps = 40, guidance_scale = 3.0 }
ranges = { num_frames = [9, 254], fps = [8, 30], num_inference_steps = [20, 50], guidance_scale = [1.0, 9.9] }
cost = { base = 1.0, per_unit = 0.5 }

[presets.wild]
title = "Wild"
help = "beyond what any model can do"
values = { num_frames = 9999, fps = 1, num_inference_steps = 0, guidance_scale = 99.5, resolution = 5000 }
"""


def catalogue_with(models: str, folder: Path) -> Catalog:
    file = folder / "catalog.toml"
    file.write_text(models)
    return Catalog.load(file)


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    return catalogue_with(OTHERS, tmp_path_factory.mktemp("catalog"))


def shown_values(option: Option, catalog: Catalog) -> list[str]:
    """What a person may read off the option's own words."""
    words = Replies().allowed(option.allowed(catalog))
    if option.type == "choice":
        return [*words.split(", "), *option.synonyms]
    if option.type == "flag":
        return re.split(", | or ", words)
    if option.type == "text":
        return ["", "x" * int(re.findall(r"\d+", words)[0])]
    found = re.fullmatch(r"a (?:whole )?number from (\S+) to (\S+?)(?: (\w+))?", words)
    assert found
    low, high, unit = found.groups()
    return [low, high, *(f"{low} {unit}", f"{high}{unit}") * bool(unit)]


# -- the declaration


def test_no_name_means_two_options() -> None:
    assert len(NAMES) == len(set(NAMES))


@given(st.sampled_from(OPTIONS), st.data())
def test_every_name_finds_its_option_however_it_is_written(option: Option, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([option.name, *option.aliases]))
    assert find(name) is option
    assert find(name.upper()) is option
    assert find(name.replace("_", "-")) is option


@given(st.text() | st.sampled_from(NAMES).map(lambda name: name[:-1] + "x"))
def test_an_unknown_name_is_refused_with_one_that_is_known(name: str) -> None:
    try:
        option = find(name)
    except OptionError as error:
        assert error.unknown and error.option == name
        assert error.nearest is None or error.nearest in NAMES
    else:
        assert option in OPTIONS


@pytest.mark.parametrize(
    ("typed", "meant"), [("sede", "seed"), ("secnds", "seconds"), ("negativ", "negative"), ("presett", "preset")]
)
def test_a_slip_of_the_fingers_is_understood(typed: str, meant: str) -> None:
    with pytest.raises(OptionError) as refusal:
        find(typed)
    assert Replies().option_error(refusal.value) == f"There is no option {typed}. Did you mean {meant}?"


# -- one value


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_option_takes_what_it_shows(option: Option, catalog: Catalog) -> None:
    for shown in shown_values(option, catalog):
        value = option.parse(shown, catalog)
        assert isinstance(value, TYPES[option.type]) or value in option.choices
        # and what it made of it, it takes again
        assert option.parse(str(value), catalog) == value


@given(st.sampled_from([option for option in OPTIONS if option.type in ("int", "float")]), st.data())
def test_every_number_in_the_range_is_taken_and_no_other(option: Option, data: st.DataObject) -> None:
    assert option.least is not None and option.most is not None
    if option.type == "int":
        inside: Any = data.draw(st.integers(int(option.least), int(option.most)))
    else:
        inside = data.draw(st.floats(option.least, option.most))
    for text in (str(inside), f" {inside} ", f"{inside} {option.unit}", f"{inside}{option.unit}".upper()):
        assert option.parse(text, CATALOG) == inside
    outside = data.draw(
        st.floats(max_value=option.least, exclude_max=True) | st.floats(min_value=option.most, exclude_min=True)
    )
    with pytest.raises(OptionError):
        option.parse(repr(outside), CATALOG)


@given(st.sampled_from(OPTIONS), st.text() | st.from_regex(r"[-+]?[0-9_]*[.,]?[0-9]*(e[0-9]+)?( ?[a-z%]+)?"))
@example(OPTIONS[2], "9" * 5000)
@example(OPTIONS[2], "1e999")
@example(OPTIONS[2], "nan")
@example(OPTIONS[7], "١٢")
@example(OPTIONS[7], "7.0")
def test_any_text_is_a_value_or_an_option_error(option: Option, typed: str) -> None:
    try:
        value = option.parse(typed, CATALOG)
    except OptionError as error:
        assert error.option == option.name and not error.unknown
        assert error.allowed == option.allowed(CATALOG)
        if error.nearest is not None:
            option.parse(error.nearest, CATALOG)
        return
    assert isinstance(value, TYPES[option.type])
    if isinstance(value, str) and option.type == "choice":
        assert value in option.choices_in(CATALOG)
    if isinstance(value, str):
        assert len(value) <= PROMPT_MAX
    elif not isinstance(value, bool):
        assert option.least is not None and option.most is not None
        assert option.least <= value <= option.most


def test_a_number_out_of_range_is_answered_with_the_nearest() -> None:
    with pytest.raises(OptionError) as refusal:
        find("fps").parse("99", CATALOG)
    error = refusal.value
    assert (error.option, error.value, error.nearest) == ("fps", "99", "60")
    assert error.allowed == Allowed("whole_number", least="4", most="60", unit="")
    assert Replies().option_error(error) == "fps cannot be 99: it takes a whole number from 4 to 60. Did you mean 60?"
    assert str(error) == "option fps: '99' is not of whole_number least=4 most=60 unit=, nearest is 60"


# -- all values together


@st.composite
def givens(draw: st.DrawFn, catalog: Catalog) -> dict[str, Value]:
    """Values that their options took, with no regard to what the model can do."""
    given: dict[str, Value] = {}
    for option in draw(st.lists(st.sampled_from(OPTIONS), unique_by=lambda option: option.name)):
        match option.type:
            case "flag":
                given[option.name] = draw(st.booleans())
            case "text":
                given[option.name] = draw(st.text(max_size=20))
            case "choice":
                given[option.name] = draw(st.sampled_from(option.choices_in(catalog)))
            case kind:
                assert option.least is not None and option.most is not None
                whole = st.integers(int(option.least), int(option.most))
                given[option.name] = draw(whole if kind == "int" else st.floats(option.least, option.most))
    return given


@st.composite
def possible(draw: st.DrawFn, catalog: Catalog, name: str) -> dict[str, Value]:
    """Values within what that model can do."""
    model = catalog.models[name]
    fits: dict[str, st.SearchStrategy[Any]] = {
        "resolution": st.sampled_from(model.resolutions),
        "preset": st.sampled_from(list(catalog.presets)),
    }
    for field, (low, high) in model.ranges.items():
        fits[field] = st.integers(int(low), int(high)) if find(field).type == "int" else st.floats(low, high)
    chosen = draw(st.lists(st.sampled_from(list(fits)), unique=True))
    return {"model": name, **{field: draw(fits[field]) for field in chosen}}


def assert_possible(model: Model, parameters: Any) -> None:
    for name, (low, high) in model.ranges.items():
        assert low <= getattr(parameters, name) <= high, name
    assert parameters.resolution in model.resolutions
    assert model.frame_grid.nearest(parameters.num_frames) == parameters.num_frames
    assert 0 <= parameters.seed <= SEED_MAX
    assert parameters.motion in MOTIONS.values()


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_what_comes_out_is_possible_or_an_option_error(catalog: Catalog, data: st.DataObject) -> None:
    given = data.draw(givens(catalog))
    default = data.draw(st.sampled_from(list(catalog.models)))
    try:
        parameters, finish = resolve("waves", given, catalog, default_model=default)
    except OptionError as error:
        # an option is to blame that was given
        assert error.option in given
        return
    assert parameters.model == given.get("model", default)
    assert_possible(catalog.models[parameters.model], parameters)
    assert finish.shape in catalog.finishes


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_what_a_model_can_do_is_never_refused_and_said_is_done(catalog: Catalog, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(catalog.models)))
    given = data.draw(possible(catalog, name))
    parameters, _ = resolve("waves", given, catalog, default_model="camera")
    model = catalog.models[name]
    assert_possible(model, parameters)
    for field in given.keys() - {"preset", "num_frames"}:
        assert getattr(parameters, field) == given[field]
    if "num_frames" in given:
        assert abs(parameters.num_frames - int(given["num_frames"])) < model.frame_grid.multiple


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_a_value_that_is_suggested_is_accepted(catalog: Catalog, data: st.DataObject) -> None:
    given = data.draw(givens(catalog))
    # each refusal may be followed once: after as many as there are options, all is well
    for _ in range(len(OPTIONS) + 1):
        try:
            resolve("waves", given, catalog, default_model="camera")
            return
        except OptionError as error:
            assert error.nearest is not None
            refused = given[error.option]
            given = {**given, error.option: find(error.option).parse(error.nearest, catalog)}
            assert given[error.option] != refused
    raise AssertionError(f"the suggestions lead nowhere: {given}")


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_seconds_become_frames(catalog: Catalog, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(list(catalog.models)))
    model = catalog.models[name]
    fps = data.draw(st.integers(*map(int, model.ranges["fps"])))
    seconds = data.draw(st.floats(0.2, 20))
    low, high = model.ranges["num_frames"]
    assume(low <= seconds * fps <= high)
    parameters, _ = resolve("", {"seconds": seconds, "fps": fps}, catalog, default_model=name)
    assert abs(parameters.num_frames - seconds * fps) <= model.frame_grid.multiple
    assert_possible(model, parameters)


def test_explicit_values_win_over_the_presets_and_those_over_the_models(catalog: Catalog) -> None:
    model = catalog.models["camera"]
    plain, _ = resolve("", {}, catalog, default_model="camera")
    preset, finish = resolve("", {"preset": "timelapse"}, catalog, default_model="camera")
    explicit, _ = resolve("", {"preset": "timelapse", "num_frames": 30}, catalog, default_model="camera")
    assert plain.num_frames == model.defaults["num_frames"] == 72
    assert (preset.num_frames, finish.fade) == (96, True)
    assert explicit.num_frames == 30


def test_a_preset_that_asks_for_more_than_a_model_can_do_gets_what_it_can(catalog: Catalog) -> None:
    for name, model in catalog.models.items():
        parameters, _ = resolve("", {"preset": "wild"}, catalog, default_model=name)
        assert_possible(model, parameters)
        assert parameters.fps == model.ranges["fps"][0]
        assert parameters.resolution == max(model.resolutions)


def test_a_missing_seed_is_drawn_and_a_given_one_kept(catalog: Catalog) -> None:
    drawn = {resolve("", {}, catalog, default_model="camera")[0].seed for _ in range(20)}
    assert len(drawn) > 1
    assert resolve("", {"seed": 0}, catalog, default_model="camera")[0].seed == 0


def test_a_model_that_is_not_there_is_refused_with_those_that_are(catalog: Catalog) -> None:
    with pytest.raises(OptionError) as refusal:
        resolve("", {}, catalog, default_model="none")
    said = Replies().option_error(refusal.value)
    assert said.startswith(f"model cannot be none: it takes {', '.join(catalog.models)}")


def test_a_preset_says_whether_steps_take_over_what_changes_little() -> None:
    made = [
        resolve("waves", {"preset": preset}, CATALOG, default_model=model)[0].step_cache
        for preset, model in (("preview", "wan-ti2v-5b"), ("standard", "wan-ti2v-5b"), ("preview", "wan-i2v-a14b-fast"))
    ]
    assert made == [0.05, 0.0, 0.0]
