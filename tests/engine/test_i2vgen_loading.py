"""Where the model comes from: a folder, the Hub, its cache; and what is said when it cannot be had."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from tests.engine.engine_processes import ENVIRON, running_engine
from tests.engine.i2vgen_tiny import noisy_photo, parameters, save_tiny, tiny_model, tiny_renderer
from tests.waiting import wait_for
from wire_doubles.hub import REPO, Hub, serving

from unstill_engine.device.outcomes import Rendered
from unstill_engine.renderers.base import Photos, RenderError
from unstill_engine.renderers.download import telling
from unstill_engine.renderers.i2vgen_xl.renderer import I2VGenXL

UNET = "unet/diffusion_pytorch_model.safetensors"
TEXT = "text_encoder/model.safetensors"


@pytest.fixture
def folder(tiny_i2vgen: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(tiny_i2vgen, tmp_path / "model"))


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_a_weight(path: Path) -> None:
    weights = load_file(path)
    weights.pop(sorted(weights)[0])
    save_file(weights, path, metadata={"format": "pt"})


def of_another_shape(path: Path) -> None:
    weights = load_file(path)
    name = sorted(weights)[0]
    save_file({**weights, name: torch.zeros(3, 5)}, path, metadata={"format": "pt"})


def pickled(path: Path) -> None:
    torch.save(load_file(path), path.with_suffix(".bin"))
    path.unlink()


def no_json(path: Path) -> None:
    path.write_text("{")


@pytest.mark.parametrize(
    ("damage", "file", "said"),
    [
        (Path.unlink, "scheduler/scheduler_config.json", "is not whole: scheduler/scheduler_config.json is missing"),
        (Path.unlink, UNET, "is not whole: unet/*.safetensors is missing"),
        (pickled, "vae/diffusion_pytorch_model.safetensors", "is not whole: vae/*.safetensors is missing"),
        (shutil.rmtree, "tokenizer", "tokenizer/tokenizer_config.json is missing"),
        (cut_in_half, UNET, "The model's unet in"),
        (cut_in_half, TEXT, "The model's text_encoder in"),
        (without_a_weight, UNET, "it lacks the weights"),
        (without_a_weight, TEXT, "it lacks the weights"),
        (of_another_shape, UNET, "The model's unet in"),
        (of_another_shape, "image_encoder/model.safetensors", "The model's image_encoder in"),
        (no_json, "vae/config.json", "The model's vae in"),
        (no_json, "tokenizer/vocab.json", "The model's tokenizer in"),
        (no_json, "feature_extractor/preprocessor_config.json", "The model's feature_extractor in"),
    ],
)
def test_a_folder_that_holds_no_whole_model_is_said_in_two_sentences(
    folder: Path, tmp_path: Path, damage: Callable[[Path], object], file: str, said: str
) -> None:
    damage(folder / file)

    with pytest.raises(RenderError) as caught:
        tiny_renderer(folder, tmp_path)

    text = str(caught.value)
    assert caught.value.code == "model_unavailable"
    assert said in text
    assert "\n" not in text
    assert text.endswith(("Fetch the model anew.", "fetch the model anew."))


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="is missing"):
        tiny_renderer(tmp_path / "nowhere", tmp_path)


def test_the_variant_is_taken_where_it_is_there(tmp_path: Path) -> None:
    # Given a folder with both, of which only the variant is whole
    folder = save_tiny(tmp_path / "model", variant="fp16")
    for part in ("unet", "text_encoder"):
        variant = next((folder / part).glob("*.fp16.safetensors"))
        variant.with_name(variant.name.replace(".fp16", "")).write_bytes(b"damaged")
    # Then it loads
    renderer = tiny_renderer(folder, tmp_path)
    assert renderer.plan(parameters(), Photos(noisy_photo(tmp_path))).num_frames == 4


def environ(tmp_path: Path, endpoint: str) -> dict[str, str]:
    quiet = {"HF_HUB_DISABLE_TELEMETRY": "1", "OMP_NUM_THREADS": "1"}
    return {**ENVIRON, **quiet, "HF_HOME": str(tmp_path / "cache"), "HF_ENDPOINT": endpoint}


ASKS = """
import sys
from unstill_engine.renderers.base import Photos, RenderError
from unstill_engine.renderers.i2vgen_xl.contents import CONTENTS
from unstill_engine.renderers.download import model_folder
try:
    print(model_folder({"repo": sys.argv[1], "revision": sys.argv[2], "variant": sys.argv[3]}, CONTENTS))
except RenderError as error:
    print(error.code, error)
"""


def asked(tmp_path: Path, endpoint: str, repo: str = REPO, revision: str = "main", variant: str = "") -> str:
    """What a process of that environment says: the folder, or the code and the sentences."""
    return asked_and_logged(tmp_path, endpoint, repo, revision, variant)[0]


def asked_and_logged(
    tmp_path: Path, endpoint: str, repo: str = REPO, revision: str = "main", variant: str = ""
) -> tuple[str, list[str]]:
    """The same, and the lines of its log."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", ASKS, repo, revision, variant],
        env=environ(tmp_path, endpoint),
        capture_output=True,
        text=True,
        check=True,
    )
    (line,) = done.stdout.splitlines()
    return line, done.stderr.splitlines()


async def test_a_repository_is_fetched_once_and_then_needs_no_network(tiny_i2vgen: Path, tmp_path: Path) -> None:
    # Given a repository that has more than we need
    repository = Path(shutil.copytree(tiny_i2vgen, tmp_path / "repository"))
    (repository / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"pickled")
    (repository / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"another variant")
    (repository / "sample.mp4").write_bytes(b"large")
    hub = Hub(repository)
    # When it is asked for
    with serving(hub) as endpoint:
        said, log = asked_and_logged(tmp_path, endpoint)
        folder = Path(said)
        # Then it is said how much that will be, and once it is there nothing is said
        assert len(log) == 1 and re.match(rf"Fetching 0\.\d GB of {REPO} at main into .*, once\.$", log[0])
        assert asked_and_logged(tmp_path, endpoint) == (said, [])
    # and it was fetched, and nothing else
    fetched = set(hub.fetched)
    assert {UNET, TEXT, "tokenizer/vocab.json", "scheduler/scheduler_config.json"} <= fetched
    assert not {name for name in fetched if name.endswith((".bin", ".mp4")) or "fp16" in name}
    assert folder.is_relative_to(tmp_path / "cache")
    # and when the Hub is gone, then an engine starts all the same, and renders
    table = tiny_model(tmp_path, tmp_path / "catalog.toml").model_copy(update={"weights": {"repo": REPO}})
    offline = environ(tmp_path, "http://127.0.0.1:9")
    async with running_engine(tmp_path, model=table, environ=offline) as engine:
        rendered = await engine.process.plan_and_render(
            "job",
            parameters(),
            Photos(noisy_photo(tmp_path)),
            engine.spool,
            deadline=lambda plan: 60,
            on_progress=lambda step, steps: None,
        )
        assert isinstance(rendered, Rendered)


def test_a_long_fetch_says_how_far_it_is_while_something_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    # Given a cache that has a part of a model, of which more is to come
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    blobs = tmp_path / f"models--{REPO.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / "first").write_bytes(b"a part")
    logged = ""

    def says(what: str) -> bool:
        nonlocal logged
        logged += capfd.readouterr().err
        return what in logged

    with telling(REPO, 2_000_000_000, every=0.01), (blobs / "second.incomplete").open("wb") as second:
        # When half of it has come, Then that is said
        second.truncate(1_000_000_000)
        wait_for(lambda: says(f"Fetched 1.0 of 2.0 GB of {REPO}."), what="how far it is")
        # and once it is more, once more
        second.truncate(1_500_000_000)
        wait_for(lambda: says("Fetched 1.5 of"), what="how far it is then")
    # and nothing is said while nothing comes
    assert logged.count("Fetched") == 2


def test_no_network_and_no_model(tmp_path: Path) -> None:
    said = asked(tmp_path, "http://127.0.0.1:9")
    assert said.startswith(f"model_unavailable The model {REPO} is not on this machine, and http://127.0.0.1:9 cannot")
    assert said.endswith("Connect the machine, or name a folder that holds the model as weights.repo in the catalogue.")


@pytest.mark.parametrize("weights", [{"repo": "nobody/nothing"}, {"revision": "v9"}, {"repo": "no such name"}])
def test_a_repository_or_a_revision_that_is_not_there(
    tiny_i2vgen: Path, tmp_path: Path, weights: dict[str, str]
) -> None:
    with serving(Hub(tiny_i2vgen)) as endpoint:
        said = asked(tmp_path, endpoint, **weights)
    assert said.startswith("model_unavailable ")
    assert "Check weights.repo and weights.revision" in said


def test_a_repository_without_the_variant(tiny_i2vgen: Path, tmp_path: Path) -> None:
    with serving(Hub(tiny_i2vgen)) as endpoint:
        said = asked(tmp_path, endpoint, variant="fp16")
    assert "has no unet/*.safetensors. Check weights.variant" in said


def test_too_little_room_for_the_model_is_said_before_anything_is_fetched(tiny_i2vgen: Path, tmp_path: Path) -> None:
    hub = Hub(tiny_i2vgen, sizes={UNET: 10**18})
    with serving(hub) as endpoint:
        said = asked(tmp_path, endpoint)
    assert said.startswith("disk_full ")
    assert "needs 1000000000.0 GB on" in said
    assert not hub.fetched


def test_a_fetch_that_was_broken_off_goes_on(tiny_i2vgen: Path, tmp_path: Path) -> None:
    # Given a Hub that went away in the middle
    repository = Path(shutil.copytree(tiny_i2vgen, tmp_path / "repository"))
    kept = (repository / UNET).read_bytes()
    hub = Hub(repository, missing={UNET})
    with serving(hub) as endpoint:
        assert asked(tmp_path, endpoint).startswith("model_unavailable ")
        # When it is back
        hub.missing.clear()
        said = asked(tmp_path, endpoint)
    # Then the model is whole
    assert (Path(said) / UNET).read_bytes() == kept
    assert hub.fetched.count("tokenizer/vocab.json") == 1


def test_the_checkpoint_is_as_the_public_one_is(tiny_i2vgen: Path) -> None:
    """The tests' own model stands for the real one: the same files, classes and schedule."""
    scheduler = json.loads((tiny_i2vgen / "scheduler" / "scheduler_config.json").read_text())
    assert (scheduler["_class_name"], scheduler["prediction_type"]) == ("DDIMScheduler", "v_prediction")
    assert json.loads((tiny_i2vgen / "unet" / "config.json").read_text())["_class_name"] == "I2VGenXLUNet"
    assert I2VGenXL.__module__ == "unstill_engine.renderers.i2vgen_xl.renderer"
