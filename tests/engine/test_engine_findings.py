"""What an engine's own doctor says of its card and its scratch folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from unstill_config.catalog import Catalog
from unstill_config.settings import Engine, Settings
from unstill_engine.doctor import Finding, findings


async def finding(name: str, engine: Engine) -> Finding:
    found = await findings(Settings(engine=engine), Catalog.load())
    return next(entry for entry in found if entry["name"] == name)


async def test_a_driver_that_complains_is_no_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a machine whose driver is not loaded: its program says so on stdout and exits with 9
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho NVIDIA-SMI has failed because it could not reach the driver.\nexit 9\n")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    # Then that is not taken for the name of a card
    said = await finding("device", Engine(device="cuda"))
    assert not said["ok"] and said["mend"]
    assert "NVIDIA-SMI has failed" in str(said["text"])


async def test_a_scratch_folder_that_the_engine_will_make_is_no_complaint(tmp_path: Path) -> None:
    said = await finding("scratch", Engine(scratch=tmp_path / "new" / "scratch"))
    assert "GB free" in str(said["text"])
