"""The gate before a model whose licence its host has to know and accept."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from unstill_config.catalog import Catalog
from unstill_config.errors import ConfigError
from unstill_config.settings import Settings
from unstill_engine.doctor import findings
from unstill_engine.licence import check_accepted, why_not_accepted

CATALOG = Catalog.load()
NAME = "UNSTILL_ENGINE__ACCEPT_LICENCES"


def settings(accepted: str | None, model: str = "i2vgen-xl", **more: str) -> Settings:
    environ = {"UNSTILL_ENGINE__MODEL": model, **more}
    return Settings.load(environ | ({} if accepted is None else {NAME: accepted}), Path("/nowhere"))


@pytest.mark.parametrize("accepted", [None, "", "camera", "i2vgen", "I2VGEN-XL "])
def test_without_the_hosts_word_it_is_refused(accepted: str | None) -> None:
    with pytest.raises(ConfigError) as refused:
        check_accepted(settings(accepted), CATALOG)
    # one line that says what both sources say and where, and what to do
    said = str(refused.value)
    assert "\n" not in said
    assert "MIT (https://huggingface.co/ali-vilab/i2vgen-xl)" in said
    assert "research and non-commercial use only (https://github.com/ali-vilab/VGen)" in said
    assert said.endswith(f"add i2vgen-xl to {NAME}.")


@pytest.mark.parametrize("accepted", ["i2vgen-xl", " camera , i2vgen-xl", '["i2vgen-xl"]'])
def test_with_it_nothing_is_in_the_way(accepted: str) -> None:
    assert why_not_accepted(settings(accepted), CATALOG) is None


def test_a_model_with_one_clear_licence_asks_for_nothing() -> None:
    assert why_not_accepted(settings(None, model="camera"), CATALOG) is None


@pytest.mark.parametrize(("accepted", "ok"), [("", False), ("i2vgen-xl", True)])
async def test_the_doctor_says_the_same(accepted: str, ok: bool) -> None:
    found = await findings(settings(accepted), CATALOG)
    (said,) = [finding for finding in found if finding["name"] == "model"]
    assert said["ok"] is ok
    assert (NAME in str(said["mend"])) is not ok


async def test_the_doctor_says_what_low_memory_costs() -> None:
    found = await findings(settings("i2vgen-xl", UNSTILL_ENGINE__MEMORY="low"), CATALOG)
    (said,) = [finding for finding in found if finding["name"] == "model"]
    assert re.search(r"within 6 GiB: slower, and no larger than 512 px", str(said["text"]))


def test_the_engine_ends_with_one_plain_line_before_it_loads_anything(tmp_path: Path) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("UNSTILL_")}
    done = subprocess.run(
        [sys.executable, "-m", "unstill_engine", "--model", "i2vgen-xl"],
        env={**kept, "UNSTILL_REDIS__DATA": str(tmp_path / "valkey")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stderr.startswith("unstill-engine: The licence of i2vgen-xl has to be accepted")
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "valkey").exists()
