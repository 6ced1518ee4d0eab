"""Which cards are visible, as CUDA would count them, with a driver's program that lists three."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from tests.waiting import until

from unstill_config.errors import ConfigError
from unstill_config.settings import Engine, Settings
from unstill_engine.device.cards import visible_devices
from unstill_engine.fleet import Fleet, names_by_device

IDS = [f"GPU-{letter * 8}-0000-0000-0000-000000000000" for letter in "abc"]
LIST = "\n".join(f"GPU {number}: NVIDIA H200 (UUID: {id})" for number, id in enumerate(IDS))


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n[ \"$1\" = -L ] && cat <<'END'\n{LIST}\nEND\n")
    program.chmod(0o700)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}"}


@pytest.mark.parametrize(
    ("visible", "count"),
    [
        (None, 3),
        ("0,1,2", 3),
        ("2", 1),
        ("1, 0", 2),
        ("", 0),
        ("-1", 0),
        ("0,-1,1", 1),
        ("0,7,1", 1),
        (f"{IDS[2]},{IDS[0]}", 2),
        ("GPU-b", 1),
        ("GPU-x", 0),
        ("MIG-1f4bdf2e-0000", 1),
    ],
)
def test_the_environment_decides_as_cuda_reads_it(environ: dict[str, str], visible: str | None, count: int) -> None:
    chosen = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert visible_devices(environ | chosen) == [f"cuda:{number}" for number in range(count)]


def test_without_the_program_the_drivers_folder_counts(tmp_path: Path) -> None:
    nothing = {"PATH": str(tmp_path)}
    driver = tmp_path / "gpus"
    assert visible_devices(nothing, driver) == []
    for bus in ("0000:01:00.0", "0000:41:00.0"):
        (driver / bus).mkdir(parents=True)
    assert visible_devices(nothing, driver) == ["cuda:0", "cuda:1"]


def test_a_program_that_fails_shows_no_card(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho no driver\nexit 9\n")
    assert visible_devices(environ, tmp_path / "none") == []


def test_each_engine_of_a_fleet_has_a_name_of_its_own(environ: dict[str, str]) -> None:
    names = names_by_device(Settings(engine=Engine(device="all", name="studio")), environ)
    assert names == {"cuda:0": "studio-0", "cuda:1": "studio-1", "cuda:2": "studio-2"}


def test_a_fleet_without_cards_says_what_to_look_at(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no card is visible here"):
        names_by_device(Settings(engine=Engine(device="all")), {"PATH": str(tmp_path)})


async def test_a_fleet_passes_on_that_settings_are_to_be_read_anew(tmp_path: Path) -> None:
    # Given two engines, each of which writes down what it is told
    script = (
        "import os, pathlib, signal, sys, time\n"
        "file = pathlib.Path(sys.argv[1], os.environ['UNSTILL_ENGINE__NAME'])\n"
        "signal.signal(signal.SIGHUP, lambda *_: file.write_text('told'))\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "file.write_text('ready')\n"
        "while True: time.sleep(0.01)\n"
    )
    names = {"cuda:0": "card-0", "cuda:1": "card-1"}
    fleet = Fleet(names, dict(os.environ), (sys.executable, "-c", script, str(tmp_path)))
    running = asyncio.create_task(fleet.run())

    def all_say(word: str) -> bool:
        return [file.read_text() for file in sorted(tmp_path.iterdir())] == [word, word]

    # an engine may be ready before its fleet has been told that it runs
    await until(lambda: all_say("ready") and len(fleet._running) == len(names))
    fleet.reload()
    await until(lambda: all_say("told"))
    # Then they go on, until they are drained
    assert not running.done()
    fleet.drain()
    assert await running == 0
