"""What a table or a folder has wrong is said at load, in one plain sentence and what to do; nothing foreign is run."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import load_file, save_file
from tests.engine.diffusers_tiny import asked, loaded, noisy_photo, save_lora, save_wan, tiny_wan
from tests.engine.test_diffusers_clips import FIVE, FOURTEEN, frames
from tests.engine.test_i2vgen_loading import environ
from wire_doubles.hub import REPO, Hub, serving

from unstill_config.catalog import Model
from unstill_config.pipelines import Lora, Pipeline
from unstill_engine.renderers.base import Photos, RenderError

TRANSFORMER = "transformer/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_wan(tmp_path_factory.mktemp("whole") / "5b")


@pytest.fixture(scope="module")
def experts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_wan(tmp_path_factory.mktemp("experts") / "a14b", "a14b")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "model"))


def refusal(model: Model, name: str = FIVE) -> str:
    """What is said of a model that cannot be loaded: one line, of what happened and what to do."""
    with pytest.raises(RenderError) as caught:
        loaded(model, name)
    said = str(caught.value)
    assert caught.value.code == "model_unavailable"
    assert "\n" not in said and said.endswith(".") and ". " in said
    return said


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"class_name": "WanDreamPipeline"}, "has no pipeline WanDreamPipeline"),
        ({"class_name": "UNet2DModel"}, "has no pipeline UNet2DModel"),
        ({"text_class_name": "NoSuchPipeline"}, "has no pipeline NoSuchPipeline"),
        ({"arguments": {"num_frames": "video_length"}}, "the argument video_length, which it does not take"),
        ({"arguments": {"colour": "hue"}}, "names an argument for colour"),
        ({"fixed": {"sharpness": 2}}, "the argument sharpness, which it does not take"),
        ({"scheduler": {"flow_shft": 3.0}}, "the value flow_shft, which it does not take"),
        ({"packages": ("ftfy", "no_such_package")}, "needs no_such_package, which this machine has not"),
        ({"adapter": "unstill_engine.renderers.diffusers.nobody:Wan"}, "nobody:Wan, which cannot be imported"),
        ({"accelerate": "unstill_engine.renderers.diffusers.wan:faster"}, "wan:faster, which cannot be imported"),
        ({"adapter": "os.path:join"}, "os.path:join, which is not a class made from Adapter"),
        ({"accelerate": "os.path:sep"}, "os.path:sep, which is not a function"),
        ({"packages": ("no_such_package.inner",)}, "needs no_such_package.inner, which this machine has not"),
        ({"arguments": {"image": ""}}, "nothing for image, which it needs"),
        ({"text_class_name": "WanImageToVideoPipeline"}, "nothing for image, which it needs"),
        ({"text_class_name": "StableDiffusionPipeline"}, "has no unet, which StableDiffusionPipeline needs"),
        (
            {"denoisers": ("transformer", "transformer_3")},
            "has no transformer_3, which its table in the catalogue needs",
        ),
        ({"adapter": "unstill_engine.renderers.diffusers.kandinsky6:Kandinsky6"}, "has no audio_vae"),
        ({"class_name": "HunyuanVideoPipeline", "text_class_name": "", "packages": ()}, "text_encoder_2"),
    ],
)
def test_what_a_table_names_that_is_not_there(whole: Path, table: dict[str, Any], said: str) -> None:
    assert said in refusal(tiny_wan(whole, pipeline=table))


@pytest.mark.parametrize("package", ["ftfy", "peft"])
def test_a_package_that_is_not_installed(whole: Path, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *_: None if name == package else found(name))

    said = refusal(tiny_wan(whole, pipeline={"loras": (Lora(repo=".", file="any.safetensors"),)}))

    assert f"needs {package}, which this machine has not" in said
    assert "pip install 'unstill-engine[diffusion]'" in said


def test_no_table_at_all(whole: Path) -> None:
    assert "has no pipeline" in refusal(tiny_wan(whole).model_copy(update={"pipeline": None}))


def test_a_backend_that_would_fetch_code_is_no_backend() -> None:
    with pytest.raises(ValidationError, match="a stranger's code"):
        Pipeline(class_name="WanPipeline", attention=("native", "flash_hub"))


def test_code_that_came_with_a_model_is_not_run(folder: Path, tmp_path: Path) -> None:
    # Given a model that brings its own transformer
    ran = tmp_path / "ran"
    (folder / "transformer" / "model.py").write_text(f"open({str(ran)!r}, 'w')\nclass Own: ...\n")
    index = json.loads((folder / "model_index.json").read_text())
    index["transformer"] = ["model", "Own"]
    (folder / "model_index.json").write_text(json.dumps(index))
    # When it is loaded
    said = refusal(tiny_wan(folder))
    # Then that is said, and it did not run
    assert "is model.Own, which neither diffusers" in said
    assert "Code that comes with a model is never run" in said
    assert not ran.exists()


@pytest.mark.parametrize("entry", [["diffusers"], [], [{}, "Own"], [["diffusers"], "Own"], ["diffusers", 3]])
def test_a_list_of_parts_that_is_none(folder: Path, entry: list[Any]) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"transformer": entry}))
    assert "cannot be read (its transformer is no library and class)" in refusal(tiny_wan(folder))


def test_a_folder_without_what_draws_is_found_at_the_start_and_not_by_a_person(folder: Path) -> None:
    # Given a part that diffusers can do without, for an encoder that only encodes
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | {"transformer": [None, None]}))
    # Then the model is not loaded
    assert "has no transformer, which its table in the catalogue needs" in refusal(tiny_wan(folder))


def cut_in_half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def pickled(path: Path) -> None:
    torch.save(load_file(path), path.with_suffix(".bin"))
    path.unlink()


def without_a_weight(path: Path) -> None:
    weights = load_file(path)
    weights.pop(sorted(weights)[0])
    save_file(weights, path, metadata={"format": "pt"})


def sharded(path: Path) -> None:
    """As a large part is saved, with one of its two files not there yet."""
    weights = load_file(path)
    names = sorted(weights)
    half = {name: weights[name] for name in names[: len(names) // 2]}
    save_file(half, path.with_name("diffusion_pytorch_model-00001-of-00002.safetensors"), metadata={"format": "pt"})
    listed = {name: f"diffusion_pytorch_model-0000{1 if name in half else 2}-of-00002.safetensors" for name in names}
    path.with_name(f"{path.name}.index.json").write_text(json.dumps({"metadata": {}, "weight_map": listed}))
    path.unlink()


def with_half_a_list(path: Path) -> None:
    sharded(path)
    path.with_name(f"{path.name}.index.json").write_text('{"weight_map": {"blocks')


def no_json(path: Path) -> None:
    path.write_text("{")


@pytest.mark.parametrize(
    ("damage", "file", "said"),
    [
        (Path.unlink, "model_index.json", "is not whole: model_index.json is missing"),
        (no_json, "model_index.json", "model_index.json cannot be read"),
        (Path.unlink, TRANSFORMER, "is not whole: transformer/*.safetensors is missing"),
        (pickled, TRANSFORMER, "is not whole: transformer/*.safetensors is missing"),
        (sharded, TRANSFORMER, "transformer/diffusion_pytorch_model-00002-of-00002.safetensors is missing"),
        (with_half_a_list, TRANSFORMER, "transformer/diffusion_pytorch_model.safetensors.index.json is missing"),
        (cut_in_half, TRANSFORMER, "The model's transformer in"),
        (without_a_weight, "vae/diffusion_pytorch_model.safetensors", "it lacks the weights"),
        (cut_in_half, "text_encoder/model.safetensors", "The model's text_encoder in"),
        (Path.unlink, "scheduler/scheduler_config.json", "scheduler/scheduler_config.json is missing"),
        (no_json, "tokenizer/tokenizer.json", "The model's tokenizer in"),
    ],
)
def test_half_a_download(folder: Path, damage: Any, file: str, said: str) -> None:
    damage(folder / file)

    refused = refusal(tiny_wan(folder))

    assert said in refused
    assert refused.endswith(("Fetch the model anew.", "fetch the model anew."))


def lora(path: Path, part: str = "transformer") -> Lora:
    return Lora(repo=str(path.parent), file=path.name, part=part)


def test_a_pair_of_loras_is_laid_over_two_experts(experts: Path, tmp_path: Path) -> None:
    photos = Photos(noisy_photo(tmp_path))
    plain = frames(loaded(tiny_wan(experts, FOURTEEN), FOURTEEN), photos, FOURTEEN)
    pair = (
        lora(save_lora(tmp_path / "high.safetensors")),
        lora(save_lora(tmp_path / "low.safetensors"), "transformer_2"),
    )

    for loras in (pair[:1], pair[1:], pair):
        renderer = loaded(tiny_wan(experts, FOURTEEN, {"loras": loras}), FOURTEEN)
        assert not (frames(renderer, photos, FOURTEEN) == plain).all()
    # nothing of them is left beside the weights, so a step costs what it costs without
    assert not any("lora" in name for name, _ in renderer._loaded.photo.transformer.named_parameters())


@pytest.mark.parametrize(
    "given", [{"key": "blocks.9.self_attn.q"}, {"size": 28}, {"key": "unet.mid_block.attention"}, None]
)
def test_a_lora_of_another_model(experts: Path, tmp_path: Path, given: dict[str, Any] | None) -> None:
    path = tmp_path / "other.safetensors"
    if given is None:
        save_file({"lora_unet_down.alpha": torch.ones(1)}, path)
    else:
        save_lora(path, **given)

    said = refusal(tiny_wan(experts, FOURTEEN, {"loras": (lora(path, "transformer_2"),)}), FOURTEEN)

    assert f"The LoRA {path.name} in {tmp_path} does not match the transformer_2 of the model {FOURTEEN}" in said


def test_a_lora_that_is_not_there(experts: Path, tmp_path: Path) -> None:
    said = refusal(tiny_wan(experts, FOURTEEN, {"loras": (lora(tmp_path / "gone.safetensors"),)}), FOURTEEN)
    assert "gone.safetensors is missing" in said


ASKS = """
import sys
from unstill_config.catalog import Model
from unstill_engine.renderers.base import RenderError
from unstill_engine.renderers.diffusers.renderer import Diffusers
for line in sys.stdin:
    try:
        Diffusers("wan-ti2v-5b", Model.model_validate_json(line)).load("cpu")
        print("loaded", flush=True)
    except RenderError as error:
        print(error.code, error, flush=True)
"""


class Loading:
    """A process that loads models from the Hub at `endpoint`, and says what came of it, a line each."""

    def __init__(self, tmp_path: Path, endpoint: str) -> None:
        command = [sys.executable, "-W", "error", "-c", ASKS]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environ(tmp_path, endpoint), text=True
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        assert self._process.returncode == 0

    def says(self, model: Model, **weights: str) -> str:
        assert self._process.stdin and self._process.stdout
        table = model.model_copy(update={"weights": {"repo": REPO, **weights}})
        self._process.stdin.write(table.model_dump_json() + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().rstrip("\n")


def test_a_repository_is_fetched_once_by_its_own_list_of_parts(whole: Path, tmp_path: Path) -> None:
    # Given a repository that has more than its pipeline takes
    model = tiny_wan(whole)
    repository = Path(shutil.copytree(whole, tmp_path / "repository"))
    (repository / "transformer" / "diffusion_pytorch_model.bin").write_bytes(b"pickled")
    (repository / "assets").mkdir()
    (repository / "assets" / "film.mp4").write_bytes(b"large")
    hub = Hub(repository)
    network = contextlib.ExitStack()
    with network, Loading(tmp_path, network.enter_context(serving(hub))) as loading:
        # When it is asked for as it is not to be had, then each time that is said
        assert "has no model somebody/tiny at revision v9" in loading.says(model, revision="v9")
        hub.gated = True
        said = loading.says(model)
        assert said.startswith("model_unavailable The makers of the model somebody/tiny give it to those who asked")
        assert said.endswith("set HF_TOKEN to that account's token.")
        hub.gated = False
        hub.sizes = {TRANSFORMER: 10**18}
        assert loading.says(model).startswith("disk_full ")
        # and when all is well, then that is fetched which it takes
        hub.sizes = {}
        assert loading.says(model) == "loaded"
        assert {TRANSFORMER, "text_encoder/model.safetensors", "tokenizer/tokenizer.json"} <= set(hub.fetched)
        assert not {name for name in hub.fetched if name.endswith((".bin", ".mp4"))}
        # and without a network it loads all the same
        network.close()
        assert loading.says(model) == "loaded"


def test_values_of_the_table_reach_the_scheduler(whole: Path) -> None:
    renderer = loaded(tiny_wan(whole, pipeline={"scheduler": {"flow_shift": 3.0}}))
    assert renderer._loaded.photo.scheduler.config.flow_shift == 3.0
    assert renderer.plan(asked(), Photos()).num_frames == 9
