"""Where the depth renderer is offered, what of it is told, and what its process has open."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.engine.depth_tiny import FILE, network

from unstill_config.settings import Settings
from unstill_engine.choice import chosen
from unstill_engine.doctor import findings
from unstill_engine.presence import why_not_here

LACKING = "[models.depth.needs]\npackages = ['onnxruntime', 'no_such_package']\n"


def host(folder: Path, catalog: str = "", **values: str) -> Settings:
    """One whose weights are to lie in a folder of its own."""
    file = folder / "catalog.toml"
    file.write_text(f"[models.depth.weights]\nrepo = '{folder / 'weights'}'\n{catalog}", "utf-8")
    given = {f"UNSTILL_ENGINE__{name}": value for name, value in values.items()}
    return Settings.load({"UNSTILL_CATALOG__FILE": str(file), **given}, folder)


def engine(folder: Path, *arguments: str, **values: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "unstill_engine", *arguments],
        env={**os.environ, "UNSTILL_CATALOG__FILE": str(folder / "catalog.toml"), **values},
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip


async def test_auto_takes_depth_where_weights_and_packages_are_there_and_else_the_camera(tmp_path: Path) -> None:
    # Given a host without a card and without weights
    without = host(tmp_path, MODEL="auto")
    choice = chosen(without, without.load_catalog(), {})
    # Then its engine serves the camera, and says what is in the way
    assert choice.models == ("camera",)
    assert choice.why.endswith("depth has no weights on this machine")
    (said,) = [found for found in await findings(without, without.load_catalog()) if found["name"] == "model"]
    assert said["ok"] and str(said["text"]).startswith("camera (Apache-2.0): the best for no card")
    assert "depth has no weights on this machine" in str(said["text"])

    # When they are there, then it serves depth
    network(tmp_path / "weights" / FILE)
    choice = chosen(without, without.load_catalog(), {})
    assert choice.models == ("depth",) and "wan-ti2v-5b needs a card" in choice.why
    (said,) = [found for found in await findings(without, without.load_catalog()) if found["name"] == "model"]
    assert said["ok"] and str(said["text"]).startswith("depth (Apache-2.0): ")

    # And where a package is missing, the camera again
    lacking = host(tmp_path, LACKING, MODEL="auto")
    choice = chosen(lacking, lacking.load_catalog(), {})
    assert choice.models == ("camera",)
    assert choice.why.endswith("depth needs no_such_package, not installed here")


async def test_who_names_it_has_its_weights_fetched_but_no_package(tmp_path: Path) -> None:
    named = host(tmp_path, MODELS="depth,camera")
    said = [found for found in await findings(named, named.load_catalog()) if found["name"] == "model"]
    assert [found["text"] for found in said] == [
        "depth (Apache-2.0), whose weights are fetched once at its start",
        "camera (Apache-2.0)",
    ]

    lacking = host(tmp_path, LACKING, MODELS="depth,camera")
    first = next(found for found in await findings(lacking, lacking.load_catalog()) if found["name"] == "model")
    assert (first["ok"], first["text"]) == (False, "depth needs no_such_package, not installed here.")
    assert first["mend"] == "Run: pip install 'unstill-engine[depth]', or use another model."
    # and an engine of it alone ends with that sentence, before anything is started
    ended = engine(tmp_path, UNSTILL_ENGINE__MODEL="depth")
    assert (ended.returncode, ended.stderr) == (4, f"unstill-engine: {first['text']} {first['mend']}\n")
    assert not (tmp_path / "valkey").exists()


def test_weights_that_were_fetched_once_are_found_without_asking_anybody(tmp_path: Path) -> None:
    # Given the Hub's cache as its client leaves it, and a network that is not there
    (tmp_path / "catalog.toml").write_text("", "utf-8")
    hub = tmp_path / "hub" / "models--onnx-community--depth-anything-v2-small"
    environ = {
        "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_ENDPOINT": "http://127.0.0.1:1", "UNSTILL_ENGINE__MODEL": "auto",
    }  # fmt: skip
    assert json.loads(engine(tmp_path, "--models", **environ).stdout) == ["camera"]
    network(hub / "snapshots" / ("0" * 40) / FILE)
    (hub / "refs").mkdir()
    (hub / "refs" / "main").write_text("0" * 40)
    assert json.loads(engine(tmp_path, "--models", **environ).stdout) == ["depth"]


def test_a_model_that_says_nothing_of_what_it_needs_is_not_looked_at(tmp_path: Path) -> None:
    catalog = host(tmp_path).load_catalog()
    assert why_not_here("wan-ti2v-5b", catalog) is None and why_not_here("camera", catalog) is None


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_onnx_runtime_tells_nobody_and_has_no_more_threads_than_the_camera(tmp_path: Path) -> None:
    # Given a process that has loaded the renderer and judged a picture
    network(tmp_path / "weights" / FILE)
    looks = (
        "import os, sys; from pathlib import Path; from PIL import Image\n"
        "from unstill_engine.renderers.depth.network import Network\n"
        "before = {entry.name for entry in Path('/proc/self/task').iterdir()}\n"
        "judge = Network(Path(sys.argv[1]), 3); judge.nearness(Image.new('RGB', (60, 40), (0, 0, 9)))\n"
        "print(len({entry.name for entry in Path('/proc/self/task').iterdir()} - before))\n"
        "links = (Path('/proc/self/fd', fd) for fd in os.listdir('/proc/self/fd') if int(fd) > 2)\n"
        "print(*(link.readlink() for link in links if link.is_symlink()), sep='\\n')\n"
    )
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", looks, str(tmp_path / "weights" / FILE)],
        env={**os.environ, "HOME": str(home), "OPENBLAS_NUM_THREADS": "1"}, cwd=tmp_path, stdin=subprocess.DEVNULL,
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    threads, *opened = done.stdout.splitlines()
    # Then it has started the pool's threads and no other, opened no socket, and written nothing into the home folder
    assert int(threads) == 2
    assert [name for name in opened if "socket" in name or str(home) in name] == []
    assert list(home.rglob("*")) == []
