"""The frames of a killed engine do not stay on the disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unstill_config.errors import ConfigError
from unstill_engine import scratch


def test_a_folder_is_gone_after_its_job(tmp_path: Path) -> None:
    with scratch.folder(tmp_path) as folder:
        (folder / "frames.rgb").write_bytes(b"x")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_made_or_said_in_one_line(tmp_path: Path) -> None:
    scratch.prepare(tmp_path / "new" / "scratch")
    with scratch.folder(tmp_path / "new" / "scratch") as folder:
        assert folder.is_dir()
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"UNSTILL_ENGINE__SCRATCH=.*file/scratch"):
        scratch.prepare(tmp_path / "file" / "scratch")


def test_only_what_the_dead_left_is_swept(tmp_path: Path) -> None:
    # Given folders of an engine that was killed, of one that runs, and of somebody else
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f"unstill-engine-{dead.pid}-abc"
    alive = tmp_path / f"unstill-engine-{os.getppid()}-abc"
    reborn = tmp_path / f"unstill-engine-{os.getpid()}-abc"
    foreign = tmp_path / "unstill-engine-notes"
    for folder in (left, alive, reborn, foreign):
        folder.mkdir()
        (folder / "frames.rgb").write_bytes(b"x")
    # When an engine starts
    assert scratch.sweep(tmp_path) == 2
    # Then only the dead ones' are gone, also one's whose number came back
    assert sorted(tmp_path.iterdir()) == sorted([alive, foreign])
