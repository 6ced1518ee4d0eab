"""Kernels are compiled before the weights are there, all at once, and once: for a machine, and for most shapes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.engine.i2vgen_tiny import tiny_model

from unstill_engine.renderers.torch import compile_ahead

ROOT = Path(__file__).resolve().parents[2]
KERNELS = {"_channel_sums", "_layer_norm", "_moments", "_normalise", "_temporal_attention"}
MOST = 80
FEW = 2
"""A shape that was never seen before needs so many kernels more at most, of about 50."""


def loaded(scratch: Path, *options: str) -> Any:
    environment = {**os.environ, "TRITON_CACHE_DIR": str(scratch / "triton")}
    command = [sys.executable, "-m", "tests.engine.i2vgen_compiled", str(scratch), *options]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "compiled ahead" not in done.stderr
    return json.loads(done.stdout)


def test_a_start_foresees_what_almost_any_shape_needs(tiny_i2vgen: Path, tmp_path: Path) -> None:
    tiny_model(tiny_i2vgen, tmp_path / "catalog.toml")
    # Given a machine that never compiled anything, When the model is loaded, Then all its kernels are asked for
    told = loaded(tmp_path, "--count")
    assert {*told["kernels"]} >= KERNELS
    assert told["wanted"] <= MOST
    # and a shape that was never seen needs hardly more
    assert all(count <= FEW for count in told["more"].values()), told["more"]
    # and for that nothing was imported that takes long
    assert told["imported"] == []


@pytest.mark.storm
def test_a_start_compiles_for_its_card_and_the_next_does_not(tiny_i2vgen: Path, tmp_path: Path) -> None:
    tiny_model(tiny_i2vgen, tmp_path / "catalog.toml")
    # Given a machine that never compiled anything, When the model is loaded, Then its kernels are compiled
    cold = loaded(tmp_path)
    assert {*cold["kernels"]} >= KERNELS
    assert (cold["found"], cold["imported"]) == (0, [])
    # When it is loaded once more, Then all of them are loaded, and nothing is compiled
    warm = loaded(tmp_path)
    assert (warm["compiled"], warm["found"], warm["imported"]) == (0, cold["compiled"], [])
    # and when the list is broken or gone, Then it is made anew
    (listed,) = (path for path in (tmp_path / "triton").iterdir() if path.name.startswith("unstill-"))
    text = listed.read_text()
    listed.write_text(text[:-5])
    again = loaded(tmp_path)
    assert (again["compiled"], again["found"]) == (0, cold["compiled"])
    assert listed.read_text() == text


def test_what_cannot_be_compiled_ahead_is_said_and_is_no_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    listed = tmp_path / "cache" / "list.json"
    monkeypatch.setattr(compile_ahead, "_list_of", lambda about: listed)
    # Given a forward that fails, Then that is said, and the next start tries again
    assert compile_ahead.compile_once("kernels", lambda: 1 / 0).wait() == 0  # type: ignore[arg-type]
    assert "Not all kernels are compiled ahead: ZeroDivisionError" in capsys.readouterr().err
    assert not listed.exists()
    # and given a Triton that cannot say what it compiles for, Then so is that
    monkeypatch.setattr(compile_ahead, "_list_of", raises)
    assert compile_ahead.compile_once("kernels", lambda: None).wait() == 0
    assert "AttributeError: no knobs" in capsys.readouterr().err


def raises(about: str) -> Path:
    raise AttributeError("no knobs")
