from __future__ import annotations

import re
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstill_config.catalog import Catalog, Cost, FrameGrid
from unstill_config.errors import ConfigError

MODEL = """
[models.mine]
title = "Mine"
renderer = "mine.renderer:Mine"
synthetic = true
abilities = ["prompt"]
size_multiple = 32
frame_grid = { multiple = 4, offset = 1 }
resolutions = [512]
licence = { name = "MIT" }
defaults = { num_frames = 49, resolution = 512 }
ranges = { num_frames = [5, 81] }
cost = { base = 1.0, per_unit = 0.1 }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "mine.toml"


def wrong(file: Path, text: str) -> str:
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        Catalog.load(file)
    line = str(caught.value)
    assert "\n" not in line
    assert str(file) in line
    return line


def test_what_ships_is_whole() -> None:
    catalog = Catalog.load()

    assert "camera" in catalog.models
    assert {"preview", "standard", "quality", "timelapse", "product"} <= catalog.presets.keys()
    assert {"terminal", "telegram", "discord"} <= catalog.platforms.keys()
    assert {"original", "reels", "square", "landscape"} <= catalog.finishes.keys()
    for model in catalog.models.values():
        assert model.licence.name


def test_every_preset_and_finish_can_be_told_to_people() -> None:
    catalog = Catalog.load()

    assert all(preset.title and preset.help for preset in catalog.presets.values())
    assert all(finish.title for finish in catalog.finishes.values())


def test_a_hosts_file_adds_a_model(file: Path) -> None:
    file.write_text(MODEL)

    catalog = Catalog.load(file)

    assert catalog.models["mine"].frame_grid.nearest(50) == 49
    assert catalog.models["camera"] == Catalog.load().models["camera"]


def test_a_hosts_file_changes_one_value_and_leaves_the_rest(file: Path) -> None:
    file.write_text(
        "[models.camera.defaults]\nnum_frames = 48\n[presets.preview.models.camera]\nfps = 10\n", "utf-8-sig"
    )

    ours, shipped = Catalog.load(file), Catalog.load()

    assert ours.models["camera"].defaults == shipped.models["camera"].defaults | {"num_frames": 48}
    before = shipped.presets["preview"].for_model("camera")
    assert ours.presets["preview"].for_model("camera") == before | {"fps": 10}
    assert ours.platforms == shipped.platforms


def test_a_preset_says_better_for_one_model() -> None:
    preview = Catalog.load().presets["preview"]

    assert preview.for_model("camera")["num_frames"] == 24
    assert preview.for_model("any other") == preview.values


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "[platforms.telegram]\nupload_limit = 0",
            "telegram.upload_limit = 0 is wrong. Allowed: greater than 0",
        ),
        ("[platforms.telegram]\nedit_seconds = 'x'", "platforms.telegram.edit_seconds = 'x'"),
        ("[platforms.mine]\nupload_limit = 5", "platforms.mine.download_limit is missing"),
        ("[model.mine]\nx = 1", "model is not known. Did you mean models?"),
        ("[models.camera]\ntitel = 'x'", "models.camera.titel is not known. Did you mean title?"),
        ("[models.camera.cost]\nbsae = 1", "models.camera.cost.bsae is not known. Did you mean base?"),
        ("[models.camera]\nrenderer = 'camera.py'", "'package.module:Class'"),
        ("[models.camera.ranges]\nfps = [60, 4]", "the range of fps begins at 60 and ends at 4"),
        ("[models.camera.defaults]\nfps = 90", "the default fps = 90 is not within 4 to 60"),
        ("[models.camera.defaults]\nresolution = 500", "the default resolution = 500 is none"),
        (MODEL.replace("= 49", "= 50"), "models.mine: the default num_frames = 50 is not on the frame grid"),
        ("[models.camera.cost]\nbase = inf", "a finite number"),
        ('[presets.x]\ntitle = "X"\nhelp = "x"\nvalues = { scheduler = "dpm" }', "scheduler = dpm is none of unipc"),
        ('[models.camera.defaults]\ntimestep_spacing = "linspace"', "timestep_spacing = linspace is none of trailing"),
        ("[presets.cache2.models.i2vgen-xl]\ncache_interval = 0", "cache_interval = 0 is no whole number from 1 on"),
        (
            "[presets.preview.models.camra]\nfps = 5",
            "toml: presets.preview.models.camra names no model. Did you mean camera?",
        ),
        *(
            (f"[presets.preview.values]\n{line}", f"toml: presets.preview{told}.")
            for line, told in (
                ("num_frames = 'many'", ": num_frames = many is no whole number"),
                ("num_frames = 8.5", ": num_frames = 8.5 is no whole number"),
                ("output_fps = 3", ": output_fps = 3 is no whole number from 10 to 60"),
                ("step_cache = 'much'", ": step_cache = much is no number from 0 on"),
                ("cache_interval = true", ": cache_interval = True is no whole number from 1 on"),
                ("motion = 'huge'", ": motion = huge is none of low, medium, high"),
                ("loop = 1", ": loop = 1 is none of false, true, seamless"),
                ("fade = 'no'", ": fade = no is neither true nor false"),
                ("camera = 3", ": camera = 3 is no text"),
                ("seconds = 3", ": seconds is nothing that a preset sets"),
                ("shape = 'circle'", " names no shape: circle"),
            )
        ),
        ("[presets.preview.values]\nsheduler = 'unipc'", "nothing that a preset sets. Did you mean scheduler?"),
        ("[presets.unipc.models.i2vgen-xl]\ntarget_fps = 12", "target_fps = 12 is none of the model's"),
        ("[models.camera.defaults]\nmotion = 'huge'", "motion = huge is none of low, medium, high"),
        ("[finishes.mine]\ntitle = 'x'\nwidth = 100", "width and height go together"),
        ("[finishes.square]\nwidth = 101", "even"),
        (
            "[finishes.square]\nfill = 'tile'",
            "finishes.square.fill = 'tile' is wrong. Allowed: '', 'pad', 'crop' or 'blur'",
        ),
        ("models = 3", "models = 3"),
        ("x ==", "not valid TOML"),
    ],
)
def test_a_wrong_value_is_told_in_one_line(text: str, told: str, file: Path) -> None:
    assert told in wrong(file, text)


def test_a_file_that_is_not_there_is_told(file: Path) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"{file} cannot be read: No such file or directory")):
        Catalog.load(file)


def test_a_file_in_another_encoding_is_told(file: Path) -> None:
    file.write_bytes('title = "ä"'.encode("latin-1"))
    with pytest.raises(ConfigError, match="not valid TOML"):
        Catalog.load(file)


@given(multiple=st.integers(1, 16), offset=st.integers(0, 16), num_frames=st.integers(0, 1000))
def test_law_the_nearest_count_is_on_the_grid_and_no_other_is_nearer(
    multiple: int, offset: int, num_frames: int
) -> None:
    grid = FrameGrid(multiple=multiple, offset=offset)

    nearest = grid.nearest(num_frames)

    assert nearest >= offset
    assert (nearest - offset) % multiple == 0
    assert abs(nearest - num_frames) <= max(multiple / 2, offset - num_frames)
    assert grid.nearest(nearest) == nearest


def test_cost_grows_with_the_work() -> None:
    cost = Cost(base=2, per_unit=0.5)

    assert cost.seconds(10, 4, 0.25) == 7.0
    assert cost.seconds(0, 4, 0.25) == 2.0
    # of five steps three are whole, and two cost a half
    assert Cost(base=0, per_unit=1, shallow=0.5).seconds(1, 5, 1, cache_interval=2) == 4.0


def test_loading_is_quick() -> None:
    # Given the modules are imported, when the catalogue is loaded ten times
    started = time.process_time()
    for _ in range(10):
        Catalog.load()

    # Then a command line does not feel it (measured: 4 ms each; wide margin for a busy machine)
    assert (time.process_time() - started) / 10 < 0.1


TERMINAL = Catalog.load().platforms["terminal"]


@given(refused=st.integers(2, 2**31), steps=st.lists(st.integers(1, 2**31), max_size=6), overhead=st.integers(0, 2**17))
def test_the_next_upload_limit_is_always_smaller_and_a_known_one_where_there_is_one(
    refused: int, steps: list[int], overhead: int
) -> None:
    platform = TERMINAL.model_copy(update={"upload_steps": tuple(steps), "multipart_overhead": overhead})
    below = platform.step_below(refused)
    assert 0 < below < refused
    known = [step - overhead for step in steps if 0 < step - overhead < refused]
    assert below == (max(known) if known else refused // 2)


def test_discords_steps_are_those_of_its_boosts() -> None:
    discord = Catalog.load().platforms["discord"]
    mebibytes: list[float] = []
    refused = 200 * 2**20
    while len(mebibytes) < 6:
        refused = discord.step_below(refused)
        mebibytes.append(round(refused / 2**20, 1))
    assert mebibytes == [99.9, 49.9, 19.9, 9.9, 7.9, 4.0]


@pytest.mark.parametrize("field", ["notice", "url"])
def test_a_field_that_is_gone_is_accepted_and_logged(file: Path, caplog: pytest.LogCaptureFixture, field: str) -> None:
    # Given a host's file from when licences had that field
    file.write_text(MODEL.replace('{ name = "MIT" }', f'{{ name = "MIT", {field} = "as it is" }}'), "utf-8")
    # When it is read, then it serves, and the log says what to do
    assert Catalog.load(file).models["mine"].licence.name == "MIT"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", f"{file}: models.mine.licence.{field} is no longer read. Remove it.")
    ]


@pytest.mark.parametrize("text", ["models = 1", "[models]\nmine = 1", "[models.mine]\nlicence = 1"])
def test_a_file_of_another_shape_is_wrong_all_the_same(file: Path, text: str) -> None:
    assert wrong(file, text)


def test_the_readme_says_how_much_of_the_machine_s_memory_each_model_needs() -> None:
    text = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    [said] = re.findall(r"\*\*Memory of the machine\.\*\*.*?stand there: (.*?)\. ", text, re.DOTALL)
    told = {name: float(size) for size, name in re.findall(r"(\d+)(?: GiB)? for\s+`([\w-]+)`", said)}
    assert told == {name: model.host_memory for name, model in Catalog.load().models.items() if model.host_memory}
