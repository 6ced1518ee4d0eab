"""What people may ask of I2VGen-XL, and what they read when they ask for something else."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from tests.bots.terminal_cli import Terminal

from unstill_bots.intake.captions import parse
from unstill_bots.terminal.options import caption_of
from unstill_bots.text.replies import Replies
from unstill_config.catalog import Catalog
from unstill_queue.contract.errors import OptionError
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


@pytest.mark.parametrize("words", ["waves", "waves --no fog", 'waves --no ""'])
def test_its_recipe_asks_for_the_same_again_with_the_words_that_are_not_wanted(words: str) -> None:
    asked, finish = understood(f"{words} --seed 7")
    caption = caption_of(Recipe("AI", MODEL, asked, finish, "Unstill"), CATALOG)
    assert understood(str(caption)) == (asked, finish)
    # which need not be said where they are its makers'
    assert ("Distorted" in str(caption)) is False


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
