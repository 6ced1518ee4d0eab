"""Folders for a moment, gone afterwards, and after a kill when the next process of the same kind starts."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def folder(prefix: str, base: Path | None = None) -> Iterator[Path]:
    """A new folder in `base`, or in the system's own for temporary files, which are made where they are not there.

    `prefix` names the kind of process, for `sweep`. Raises OSError where the folder cannot be made.
    """
    base = base or Path(tempfile.gettempdir())
    base.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f"{prefix}{os.getpid()}-", dir=base, ignore_cleanup_errors=True) as made:
        yield Path(made)


def sweep(prefix: str, base: Path | None = None) -> int:
    """Delete what processes of that kind left that were killed on this machine; returns how many folders that were.

    Called before the first `folder`, so that one of our own pid is a predecessor's.
    """
    swept = 0
    for path in (base or Path(tempfile.gettempdir())).glob(f"{prefix}*-*"):
        pid = path.name.removeprefix(prefix).partition("-")[0]
        if pid.isdecimal() and (int(pid) == os.getpid() or not process_runs(int(pid))):
            shutil.rmtree(path, ignore_errors=True)
            swept += 1
    return swept


def process_runs(pid: int) -> bool:
    """Whether there is a process of that number on this machine."""
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True
