"""What people may ask of I2VGen-XL, and what they read when they ask for something else."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.bots.terminal_cli import Terminal

from unstill_bots.intake.captions import parse
from unstill_bots.intake.served import Served
from unstill_bots.terminal.recipe_caption import caption_of
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog
from unstill_queue.contract.codes import note
from unstill_queue.contract.errors import OptionError
from unstill_queue.contract.fairness import estimated_seconds
from unstill_queue.contract.jobs import Finish, Parameters
from unstill_queue.contract.recipe import Recipe
from unstill_queue.contract.resolving import resolve

CATALOG = Catalog.load()
MODEL = "i2vgen-xl"
RANGES = {"num_frames": (8, 32), "fps": (4, 30), "num_inference_steps": (10, 100), "guidance_scale": (1, 20)}


def understood(caption: str, default_model: str = MODEL) -> tuple[Parameters, Finish]:
    read = parse(caption, CATALOG, default_model)
    return resolve(read.prompt, read.given, CATALOG, default_model=default_model)


def refused(caption: str, default_model: str = MODEL) -> OptionError:
    with pytest.raises(OptionError) as caught:
        understood(caption, default_model)
    return caught.value


@pytest.mark.parametrize(
    ("preset", "resolution", "num_frames", "fps", "steps", "guidance", "fade"),
    [
        ("preview", 512, 8, 8, 30, 9, False),
        ("standard", 512, 16, 8, 50, 9, False),
        ("quality", 768, 24, 12, 80, 10, False),
        ("timelapse", 512, 24, 8, 60, 10, True),
        ("product", 768, 32, 8, 80, 11, False),
        ("unipc", 512, 16, 8, 25, 9, False),
        ("cache2", 512, 16, 8, 50, 9, False),
        ("cache3", 512, 16, 8, 50, 9, False),
        ("before", 512, 16, 8, 50, 9, False),
    ],
)
def test_a_preset_is_what_was_promised(
    preset: str, resolution: int, num_frames: int, fps: int, steps: int, guidance: float, fade: bool
) -> None:
    asked, finish = understood(f"waves --preset {preset}")
    assert (asked.model, asked.resolution, asked.num_frames, asked.fps) == (MODEL, resolution, num_frames, fps)
    assert (asked.num_inference_steps, asked.guidance_scale, finish.fade) == (steps, guidance, fade)


def test_the_ranges_are_those_that_were_promised() -> None:
    model = CATALOG.models[MODEL]
    assert model.ranges == RANGES
    assert model.resolutions == (512, 768, 1024)


@pytest.mark.parametrize(("fps", "told"), [(4, 8), (8, 8), (11, 8), (12, 16), (16, 16), (24, 16), (30, 16)])
def test_it_is_told_a_frame_rate_that_it_was_trained_with_and_the_file_has_the_persons(fps: int, told: int) -> None:
    asked, _ = understood(f"waves --fps {fps}")
    assert (asked.fps, asked.target_fps) == (fps, told)


def test_a_model_that_is_told_no_other_frame_rate_is_told_that_of_the_clip() -> None:
    assert {understood("waves", name)[0].target_fps for name in CATALOG.models if name != MODEL} == {0}


def test_its_makers_say_what_is_not_wanted_unless_somebody_does() -> None:
    asked, _ = understood("waves")
    assert asked.negative_prompt.startswith("Distorted, discontinuous, Ugly, blurry, low resolution, motionless")
    assert understood("waves --no fog")[0].negative_prompt == "fog"
    assert understood('waves --no ""')[0].negative_prompt == ""
    assert understood("waves", "camera")[0].negative_prompt == ""


def test_the_usual_clip_is_what_it_was_trained_on() -> None:
    asked, _ = understood("waves")
    assert (asked.num_frames, asked.fps, asked.target_fps) == (16, 8, 8)
    assert {understood(f"waves --frames {count}")[0].num_frames for count in (8, 32)} == {8, 32}


LOSSY = ["unipc", "cache2", "cache3"]


@pytest.mark.parametrize(
    ("preset", "scheduler", "interval"), [("unipc", "unipc", 1), ("cache2", "", 2), ("cache3", "", 3)]
)
def test_a_lossy_preset_says_that_it_is_and_the_clip_how_it_was_made(
    preset: str, scheduler: str, interval: int
) -> None:
    asked, _ = understood(f"waves --preset {preset}")
    assert (asked.scheduler, asked.cache_interval, asked.timestep_spacing) == (scheduler, interval, "trailing")
    shown = CATALOG.presets[preset]
    assert shown.help.startswith("lossy") and shown.title.startswith("Lossy")  # some skins show the title alone
    # nobody gets it without asking
    assert not any(CATALOG.presets[name].help.startswith("lossy") for name in CATALOG.presets.keys() - set(LOSSY))
    usual, _ = understood("waves")
    assert (usual.scheduler, usual.cache_interval) == ("", 1)
    # and it costs less, in turns and quotas too
    model = CATALOG.models[MODEL]
    assert estimated_seconds(asked, model, 1.0) < 0.8 * estimated_seconds(usual, model, 1.0)


def test_the_preset_that_is_called_the_fastest_costs_least() -> None:
    model = CATALOG.models[MODEL]
    costs = {name: estimated_seconds(understood(f"waves --preset {name}")[0], model, 1.0) for name in LOSSY}
    assert sorted(costs, key=costs.__getitem__) == ["unipc", "cache3", "cache2"]
    assert [name for name in LOSSY if "fastest" in CATALOG.presets[name].help] == ["unipc"]


@pytest.mark.parametrize("preset", [*LOSSY, "before"])
def test_a_preset_of_its_own_changes_nothing_of_another_model_which_is_said(preset: str) -> None:
    read = parse(f"waves --seed 7 --preset {preset}", CATALOG, "camera")
    assert read.notes == (note("options_not_read", options=f"--preset {preset}", model="Camera"),)
    assert understood(f"waves --seed 7 --preset {preset}", "camera") == understood("waves --seed 7", "camera")
    # it is offered where that model is served, and nowhere else
    for engines, offered in (({"camera"}, False), ({"camera", MODEL}, True)):
        assert (preset in Served.of(CATALOG, engines, None).presets) is offered
    assert preset not in CATALOG.presets_for("camera", "wan-ti2v-5b")
    assert "standard" in CATALOG.presets_for("camera")


@pytest.mark.parametrize("words", ["", "--no fog", '--no ""', "--fps 24", *(f"--preset {name}" for name in LOSSY)])
def test_its_recipe_asks_for_the_same_again(words: str) -> None:
    asked, finish = understood(f"waves --seed 7 {words}")
    caption = caption_of(Recipe("AI", MODEL, asked, finish, "Unstill"), CATALOG)
    assert understood(str(caption)) == (asked, finish)
    # what is its makers' need not be said
    assert "Distorted" not in str(caption)


@pytest.mark.parametrize("negative_prompt", ["", "fog"])
def test_the_recipe_of_a_clip_from_before_asks_for_what_was_made_then(negative_prompt: str) -> None:
    # Given the recipe of a clip from before the spacing, the frame rate to tell and the makers' words were named
    then = Parameters(MODEL, "waves", seed=7, num_frames=16, fps=24, resolution=512, num_inference_steps=30,
                      guidance_scale=9.0, negative_prompt=negative_prompt)  # fmt: skip
    told = json.loads(Recipe("AI", MODEL, then, Finish(), "Unstill").dump())
    for name in ("timestep_spacing", "target_fps", "scheduler", "cache_interval"):
        del told["parameters"][name]
    # When it is read, and what it asks for is asked again, then that is rendered as it was then
    recipe = Recipe.load(json.dumps(told))
    assert understood(str(caption_of(recipe, CATALOG))) == (then, Finish())


def test_the_recipe_of_a_model_that_is_gone_still_asks_for_something() -> None:
    gone = Parameters("gone", "waves", seed=7, num_frames=16, fps=24, resolution=512)
    assert caption_of(Recipe("AI", "gone", gone, Finish(), "Unstill"), CATALOG).given["model"] == "gone"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--steps 5", "--steps cannot be 5: it takes 10 to 100 with I2VGen-XL. Did you mean 10?"),
        ("--frames 100", "--frames cannot be 100: it takes 8 to 32 with I2VGen-XL. Did you mean 32?"),
        ("--fps 31", "--fps cannot be 31: it takes 4 to 30 with I2VGen-XL. Did you mean 30?"),
        # beyond what any model takes: what this one takes is said all the same
        ("--frames 5000", "--frames cannot be 5000: it takes a whole number from 8 to 32 frames. Did you mean 32?"),
        ("--seconds 60", "--seconds cannot be 60: it takes 1 to 4 seconds at 8 fps. Did you mean 4?"),
        ("--fps 16 --seconds 60", "--seconds cannot be 60: it takes 0.5 to 2 seconds at 16 fps. Did you mean 2?"),
        # of the wrong type
        (
            "--steps 12.5",
            "--steps cannot be 12.5: it takes a whole number from 10 to 100. Did you mean 12?",
        ),
        ("--steps many", "--steps cannot be many: it takes a whole number from 10 to 100."),
        ("--frames -3.7", "--frames cannot be -3.7: it takes a whole number from 8 to 32 frames. Did you mean 8?"),
    ],
)
def test_one_sentence_names_the_parameter_its_range_and_what_is_near(words: str, sentence: str) -> None:
    assert Replies().option_error(refused(f"waves {words}")) == sentence
    # whichever way the model is chosen, before or after
    assert Replies().option_error(refused(f"waves {words} --model {MODEL}", "camera")) == sentence
    assert "?" not in Replies("zh_CN").option_error(refused(f"waves {words}"))


@given(st.sampled_from(sorted(RANGES)), st.floats(-1e6, 1e6) | st.integers(-(10**6), 10**6))
def test_what_is_suggested_is_taken(name: str, value: float) -> None:
    low, high = RANGES[name]
    try:
        asked, _ = understood(f"waves --{name} {value!r}")
    except OptionError as error:
        assert error.option == name and error.nearest is not None
        suggested, _ = understood(f"waves --{name} {error.nearest}")
        near = getattr(suggested, name)
        assert low <= near <= high
        # and nothing that is taken is nearer, by more than a rounding
        assert abs(near - value) <= max(low - value, value - high, 0.5) + 1e-6 * abs(value)
    else:
        assert low <= getattr(asked, name) <= high


async def test_a_wrong_flag_in_the_terminal_queues_nothing_and_loses_nothing(tmp_path: Path) -> None:
    # Given a photo
    terminal = Terminal(tmp_path, UNSTILL_BOTS__LANGUAGE="en")
    photo = terminal.photo()
    before = photo.read_bytes()
    # When it is to be animated in a way that the model cannot
    wrong = terminal.run("animate", photo.name, "waves", "--model", MODEL, "--steps", "500")
    # Then one sentence says so, and no server was even started
    assert wrong.code == 2
    assert wrong.err == (
        "--num_inference_steps cannot be 500: it takes a whole number from 10 to 100. Did you mean 100?\n"
    )
    assert not terminal.state.exists()
    assert photo.read_bytes() == before
    assert Image.open(io.BytesIO(before)).size == (192, 128)
