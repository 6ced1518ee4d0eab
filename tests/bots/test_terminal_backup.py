"""`unstill backup` where it cannot write: one sentence, no trace of Python's, and no half a file."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from unstill_queue.redis.embedded import EmbeddedValkey


@pytest.mark.parametrize(
    "way", ["full", "folder", *(pytest.param(one, marks=pytest.mark.storm) for one in ("pipe", "nowhere"))]
)
def test_a_backup_that_cannot_be_written_is_said_in_a_sentence(
    way: str, valkey: EmbeddedValkey, tmp_path: Path
) -> None:
    # Given a disk that is full, a reader that has gone, a folder of that name, or none for it
    (tmp_path / "folder").mkdir()
    reading, writing = os.pipe()
    os.close(reading)
    out = os.open("/dev/full", os.O_WRONLY) if way == "full" else writing
    file, code, reason = {
        "full": ("-", 1, "No space left on device"),
        "pipe": ("-", 1, "Broken pipe"),
        "folder": ("folder", 2, "Is a directory"),
        "nowhere": ("nowhere/file", 1, "No such file or directory"),
    }[way]
    # When a backup is written there
    done = subprocess.run(
        [sys.executable, "-m", "unstill_bots.terminal", "backup", file, "--force", "--language", "en"],
        env={**os.environ, "HOME": str(tmp_path), "UNSTILL_REDIS__URL": valkey.url}, cwd=tmp_path, stdout=out,
        stderr=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    for one in {out, writing}:
        os.close(one)
    # Then that is all that is said, and nothing is left
    assert (done.returncode, done.stderr) == (
        code,
        f"{file} cannot be written ({reason}). Name another place for it.\n",
    )
    assert [path.name for path in tmp_path.rglob("*") if ".part" in path.name or path.is_file()] == []
