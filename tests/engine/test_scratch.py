"""The frames of a killed engine do not stay on the disk."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from unstill_config.errors import ConfigError
from unstill_engine.worker import workdir as scratch


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


def test_a_base_that_was_deleted_is_made_anew(tmp_path: Path) -> None:
    base = tmp_path / "scratch"
    scratch.prepare(base)
    base.rmdir()
    with scratch.folder(base) as folder:
        assert folder.is_dir()
    assert scratch.trouble(base) is None


def test_a_base_that_cannot_be_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert scratch.trouble(tmp_path / "file" / "scratch") == (
        f"The folder {tmp_path}/file/scratch is a file, or lies under one. Move that file, or set "
        "UNSTILL_ENGINE__SCRATCH to another one."
    )


def test_a_disk_that_is_nearly_full_takes_no_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scratch, "ROOM_LEAST", 1 << 62)
    assert "MB left. Free some space" in str(scratch.trouble(tmp_path))


async def test_who_waits_for_it_is_told_once_and_goes_on_when_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scratch, "LOOK_EVERY", 0.01)
    base = tmp_path / "scratch"
    base.touch()
    with capture_logs() as logs:
        waiting = asyncio.create_task(scratch.until_usable(base))
        while not logs:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert not waiting.done()
        base.unlink()
        await waiting
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [
        ("this engine takes no jobs", "error"),
        ("this engine takes jobs again", "info"),
    ]
