"""Where frames stand between renderer and clip: a folder for each job, gone afterwards, also after a kill."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from unstill_config.errors import ConfigError

PREFIX = "unstill-engine-"


def prepare(base: Path | None) -> None:
    """Make `base` if need be, and delete what killed engines left there.

    Raises:
        ConfigError: the folder cannot be made.
    """
    if base is not None:
        try:
            base.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"UNSTILL_ENGINE__SCRATCH={base}: {error.strerror}. Set a folder to write to.") from error
    sweep(base)


@contextmanager
def folder(base: Path | None) -> Iterator[Path]:
    """A new folder in `base`, or in the system's own for temporary files."""
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=base, ignore_cleanup_errors=True) as made:
        yield Path(made)


def sweep(base: Path | None) -> int:
    """Delete what engines left that were killed on this machine; returns how many folders that were.

    Called before the first job, so that a folder of our own pid is one of a predecessor's.
    """
    swept = 0
    for path in (base or Path(tempfile.gettempdir())).glob(f"{PREFIX}*-*"):
        pid = path.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdecimal() and not _runs(int(pid)):
            shutil.rmtree(path, ignore_errors=True)
            swept += 1
    return swept


def _runs(pid: int) -> bool:
    if pid == os.getpid():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
