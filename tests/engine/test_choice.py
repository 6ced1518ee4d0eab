"""Which model AUTO becomes on which machine, and what is refused for want of the machine's own memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from unstill_config.catalog import Catalog
from unstill_config.errors import ConfigError
from unstill_config.settings import Settings
from unstill_engine.choice import check_names, chosen
from unstill_engine.doctor import findings
from unstill_engine.host_memory import GIB, HostMemory, host_memory, why_too_little

BASE = """
[models.{name}]
title = "{name}"
renderer = "tests.engine.renderers_for_tests:Steady"
synthetic = true
abilities = ["prompt"]
size_multiple = 2
resolutions = [64]
licence = {{ name = "Some", statements = {statements} }}
defaults = {{ resolution = 64, num_frames = 8, fps = 8, num_inference_steps = 1, guidance_scale = 1.0 }}
ranges = {{ num_frames = [8, 16], fps = [4, 30], num_inference_steps = [1, 1], guidance_scale = [1.0, 1.0] }}
cost = {{ base = 1.0, per_unit = 0.0 }}
auto = {{ rank = {rank}, card = {card} }}
host_memory = {host}
"""
STATED = '[{ source = "its makers", says = "not for all", url = "https://example.org" }]'
CARDS = ["GPU-aaaa", "GPU-bbbb"]


def nvidia(folder: Path, *sizes: int) -> dict[str, str]:
    """A driver's program that tells of cards of so many MiB."""
    listed = "\n".join(f"GPU {n}: NVIDIA (UUID: {CARDS[n]})" for n in range(len(sizes)))
    listed += "\n  MIG 1g.10gb     Device  0: (UUID: MIG-cccc)"
    told = "\n".join(f"{CARDS[n]}, {size}" for n, size in enumerate(sizes))
    program = folder / "nvidia-smi"
    program.write_text(
        f"#!/bin/sh\nif [ \"$1\" = -L ]; then cat <<'END'\n{listed}\nEND\nelse cat <<'END'\n{told}\nEND\nfi\n"
    )
    program.chmod(0o700)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """One that draws and needs 16 GB, a better one for 24 GB whose licence is in doubt, and one no host could hold."""
    tables = [("draws", "[]", 2, 16, 0.001), ("better", STATED, 1, 24, 0.001), ("huge", "[]", 0, 16, 1e6)]
    rows = [dict(zip(("name", "statements", "rank", "card", "host"), table, strict=True)) for table in tables]
    (tmp_path / "catalog.toml").write_text("".join(BASE.format(**row) for row in rows))
    return tmp_path / "catalog.toml"


def settings(file: Path, **values: str) -> Settings:
    given = {f"UNSTILL_ENGINE__{name}": value for name, value in values.items()}
    return Settings.load({"UNSTILL_CATALOG__FILE": str(file), **given}, file.parent)


@pytest.mark.parametrize(
    ("sizes", "device", "accepted", "visible", "expected"),
    [
        ((16376,), "cuda", "", None, "draws"),
        # a card of 16 GB with error correction
        ((15360,), "cuda", "", None, "draws"),
        ((12288,), "cuda", "", None, "camera"),
        ((24564,), "cuda", "", None, "draws"),
        ((24564,), "cuda", "better", None, "better"),
        ((8192, 81559), "cuda:0", "", None, "camera"),
        ((8192, 81559), "cuda:1", "better", None, "better"),
        # CUDA counts what it is shown
        ((8192, 81559), "cuda:0", "better", "1", "better"),
        ((8192, 81559), "cuda:0", "better", "GPU-b", "better"),
        ((81559,), "cuda:0", "", "MIG-cccc", "camera"),
        ((81559,), "cpu", "", None, "camera"),
        ((), "cuda", "", None, "camera"),
    ],
)
def test_the_best_that_fits_and_is_free_is_taken(
    file: Path, tmp_path: Path, sizes: tuple[int, ...], device: str, accepted: str, visible: str | None, expected: str
) -> None:
    environ = nvidia(tmp_path, *sizes) | ({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible})
    given = settings(file, MODEL="auto", DEVICE=device, ACCEPT_LICENCES=accepted)
    choice = chosen(given, given.load_catalog(), environ)
    assert choice.models == (expected,)
    # and it is said why, and what was in the way of those that come before it
    assert "\n" not in choice.why and "huge needs" in choice.why
    assert ("the licence of better is not accepted" in choice.why) == (sizes == (24564,) and not accepted)
    assert ("UNSTILL_ENGINE__DEVICE=cuda would" in choice.why) == (device == "cpu")


def test_nothing_set_stays_the_camera_and_several_are_each_served_once(file: Path, tmp_path: Path) -> None:
    environ = nvidia(tmp_path, 24564)
    nothing = settings(file, DEVICE="cuda")
    assert chosen(nothing, nothing.load_catalog(), environ).models == ("camera",)
    assert (nothing.engine.usual, settings(file, MODEL="auto").engine.usual) == (None, None)

    # several replace the one, and AUTO may be among them
    several = settings(file, MODEL="i2vgen-xl", MODELS="camera, auto,draws", DEVICE="cuda")
    assert chosen(several, several.load_catalog(), environ).models == ("camera", "draws")
    assert several.engine.usual == "camera"
    check_names(several, several.load_catalog())


def test_names_and_licences_are_looked_at_before_anything_is_loaded(file: Path, tmp_path: Path) -> None:
    wrong = settings(file, MODELS="camera,drws")
    with pytest.raises(ConfigError, match="UNSTILL_ENGINE__MODELS=drws: there is no such model; known: auto, camera,"):
        check_names(wrong, wrong.load_catalog())
    doubtful = settings(file, MODELS="camera,better")
    with pytest.raises(ConfigError, match="The licence of better has to be accepted"):
        check_names(doubtful, doubtful.load_catalog())
    # a host's catalogue may leave nothing to take
    nothing = settings(file, MODEL="auto", DEVICE="cuda")
    catalog = nothing.load_catalog()
    models = {name: model.model_copy(update={"auto": None}) for name, model in catalog.models.items()}
    with pytest.raises(ConfigError, match=r"UNSTILL_ENGINE__MODEL=auto: no model of the catalogue fits here"):
        chosen(nothing, catalog.model_copy(update={"models": models}), nvidia(tmp_path))


def machine(folder: Path, total: int, group: str, limits: dict[str, str]) -> HostMemory | None:
    (folder / "proc" / "self").mkdir(parents=True)
    (folder / "proc" / "meminfo").write_text(f"MemTotal:       {total // 1024} kB\nMemFree: 1 kB\n")
    (folder / "proc" / "self" / "cgroup").write_text(group)
    for path, limit in limits.items():
        (folder / "cgroup" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "cgroup" / path).write_text(limit + "\n")
    return host_memory(proc=folder / "proc", cgroups=folder / "cgroup")


@pytest.mark.parametrize(
    ("group", "limits", "expected"),
    [
        ("0::/\n", {"memory.max": "max"}, (64, False)),
        # within a container, whose own group is the root of what it sees
        ("0::/\n", {"memory.max": str(24 * GIB)}, (24, True)),
        ("0::/docker/abc\n", {"memory.max": str(24 * GIB)}, (24, True)),
        # a service of systemd within a slice that is narrower
        (
            "0::/a.slice/b.service\n",
            {"a.slice/memory.max": str(8 * GIB), "a.slice/b.service/memory.max": "max"},
            (8, True),
        ),
        ("4:memory:/x\n3:cpu:/y\n", {"memory/x/memory.limit_in_bytes": str(GIB)}, (1, True)),
        ("4:memory:/x\n", {"memory/x/memory.limit_in_bytes": "9223372036854771712"}, (64, False)),
    ],
)
def test_the_limit_of_a_container_counts_as_its_memory(
    tmp_path: Path, group: str, limits: dict[str, str], expected: tuple[int, bool]
) -> None:
    found = machine(tmp_path, 64 * GIB, group, limits)
    assert found == HostMemory(expected[0] * GIB, limited=expected[1])


def test_what_needs_more_memory_than_there_is_is_refused_in_one_line(file: Path, tmp_path: Path) -> None:
    catalog = Catalog.load(file)
    assert why_too_little("draws", catalog, HostMemory(GIB)) is None
    assert why_too_little("huge", catalog, None) is None
    whole = why_too_little("huge", catalog, HostMemory(64 * GIB))
    assert whole == (
        "huge needs 1e+06 GiB of the machine's memory, and this machine has 64.0 GiB. "
        "Use a larger machine, or another model."
    )
    limited = why_too_little("huge", catalog, HostMemory(24 * GIB, limited=True))
    assert limited is not None and "the limit of this container or service is 24.0 GiB. Raise it" in limited

    # what is enough for one is not for an engine on each of two cards
    wan = "wan-ti2v-5b"
    enough = HostMemory(round(catalog.models[wan].host_memory * GIB), limited=True)
    assert why_too_little(wan, catalog, enough) is None
    both = why_too_little(wan, catalog, HostMemory(enough.size, limited=True, engines=2))
    assert both is not None and "GiB for 2 engines. Raise it" in both

    # When an engine is started with it, Then it says so and ends, before it loads anything
    done = subprocess.run(
        [sys.executable, "-m", "unstill_engine", "--model", "huge"],
        env={**os.environ, "UNSTILL_CATALOG__FILE": str(file), "UNSTILL_REDIS__DATA": str(tmp_path / "valkey")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr.count("\n")) == (4, 1)
    assert done.stderr.startswith("unstill-engine: huge needs")
    assert not (tmp_path / "valkey").exists()


async def test_the_doctor_says_each_model_and_why_auto_took_it(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", nvidia(tmp_path, 16376)["PATH"])
    given = settings(file, MODELS="camera,auto,better,huge,other", DEVICE="cuda")
    said = [found for found in await findings(given, given.load_catalog()) if found["name"] == "model"]
    assert [found["ok"] for found in said] == [True, True, False, False, False]
    assert str(said[1]["text"]).startswith(
        "draws (Some): the best for a card of 17 GB whose licence is free; huge needs"
    )
    assert "ACCEPT_LICENCES" in str(said[2]["mend"]) and "machine" in str(said[3]["text"])
    assert str(said[4]["mend"]).startswith("Set UNSTILL_ENGINE__MODELS to auto, or to one of")


def test_a_program_asks_the_engine_which_models_it_would_serve(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "unstill_engine", "--models"],
        env={**os.environ, "UNSTILL_ENGINE__MODEL": "auto"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == ["camera"]
