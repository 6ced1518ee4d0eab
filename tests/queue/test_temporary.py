"""What a killed process left in its folder for a moment goes when the next one of its kind starts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from unstill_queue.storage import temporary


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
    assert temporary.sweep("unstill-engine-", tmp_path) == 2
    # Then only the dead ones' are gone, also one's whose number came back
    assert sorted(tmp_path.iterdir()) == sorted([alive, foreign])


def test_a_folder_is_gone_afterwards(tmp_path: Path) -> None:
    with temporary.folder("unstill-bot-", tmp_path) as folder:
        (folder / "clip.mp4").write_bytes(b"x")
        assert folder.name.startswith(f"unstill-bot-{os.getpid()}-")
    assert list(tmp_path.iterdir()) == []
