"""The local folder that pictures and clips are written to.

obstore reads, lists and deletes there. It does not write: its local store renames a finished file into
place but syncs neither file nor folder (object_store 0.14, seen with strace), so that after a power
cut a clip that the ledger calls done could be empty.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

INCOMING = ".incoming"
CHUNK = 1 << 20

Why = Literal["full", "refused", "missing", "away"]
_WHY: dict[int, Why] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "full",
    errno.EACCES: "refused",
    errno.EPERM: "refused",
    errno.EROFS: "refused",
    errno.ENOENT: "missing",
    errno.ENOTDIR: "missing",
    errno.EEXIST: "missing",
}
_REASONS = {
    errno.ENOSPC: "is full. Free some space",
    errno.EDQUOT: "has used up its quota. Free some space",
    errno.EACCES: "may not be written by this user. Change its owner",
    errno.EPERM: "may not be written by this user. Change its owner",
    errno.EROFS: "is on a disk that is read-only. Mount it writable",
    errno.ENOENT: "is not there. Make it",
    errno.ENOTDIR: "is a file, or lies under one. Move that file",
    errno.EEXIST: "is a file, or lies under one. Move that file",
}


def why(error: OSError) -> Why:
    """What kind of trouble a folder is in: no room, no permission, no folder, or another."""
    return _WHY.get(error.errno or 0, "away")


def code_of(error: OSError) -> str:
    """Return the code of what keeps a job from its folder: disk_full, disk_refused, disk_missing or disk_away."""
    return f"disk_{why(error)}"


def explain(where: str, error: OSError, otherwise: str = "") -> str:
    """One sentence of what is wrong with the folder and one of what to do; `otherwise` is another way to mend it."""
    reason = _REASONS.get(error.errno or 0)
    if reason is None:
        return f"The folder {where} does not work: {error.strerror or error}. Check its disk."
    return f"The folder {where} {reason}{f', or {otherwise}' if otherwise else ''}."


class Folder:
    """Methods raise OSError."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self) -> None:
        """Do so where it is not there, at first or any more."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700, exist_ok=True)
        (self.path / INCOMING).mkdir(mode=0o700, exist_ok=True)

    def write(self, key: str, data: bytes | Path) -> None:
        """Whole or not at all, also after a power cut."""
        self.make()
        # named after the key, so that `drop` finds what a killed writer left
        incoming = self.path / INCOMING / f"{Path(key).name}.{uuid.uuid4().hex}"
        try:
            with incoming.open("xb") as out:
                if isinstance(data, Path):
                    with data.open("rb") as source:
                        shutil.copyfileobj(source, out, CHUNK)
                else:
                    out.write(data)
                out.flush()
                os.fsync(out.fileno())
            self._place(incoming, self.path / key)
        finally:
            incoming.unlink(missing_ok=True)

    def drop(self, key: str) -> None:
        """Remove what has been written so far of a key that is no longer wanted. Its writer, if it lives, fails."""
        for path in (self.path / INCOMING).glob(f"{Path(key).name}.*"):
            path.unlink(missing_ok=True)

    def tidy(self, before: datetime) -> None:
        """Remove what crashes left half written before then, and the empty folders of days gone by."""
        self.make()
        for path in (self.path / INCOMING).iterdir():
            with contextlib.suppress(FileNotFoundError):
                if path.stat().st_mtime < before.timestamp():
                    path.unlink()
        # not today's, nor yesterday's, into which a put of just before midnight may still be going
        today = datetime.now(UTC)
        recent = {f"{day:%Y%m%d}" for day in (today, today - timedelta(days=1))}
        for path in self.path.glob("*/[0-9]*"):
            if path.is_dir() and path.name not in recent:
                with contextlib.suppress(OSError):
                    path.rmdir()

    def _place(self, incoming: Path, final: Path) -> None:
        day = final.parent
        new = [folder for folder in (day.parent, day) if not folder.exists()]
        for folder in new:
            folder.mkdir(mode=0o700, exist_ok=True)
        incoming.rename(final)
        # a name is as lasting as the folder that holds it
        for folder in (day, *(folder.parent for folder in new)):
            _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
