"""Names of saved clips."""

from __future__ import annotations

import os
from datetime import datetime
from itertools import count
from pathlib import Path

LONGEST = 200
"""Bytes of a photo's name that its clip has: file systems take 255, of which some are for a number and an ending."""


def stem_of(photo: str) -> str:
    """Return the name of a photo's file as that of its clip, without the ending."""
    return os.fsencode(Path(photo).stem.lstrip("."))[:LONGEST].decode("utf-8", "ignore")


def claim_path(folder: Path, now: datetime, stem: str = "") -> Path:
    """A new, empty file `stem`.mp4, or video_YYYYMMDD_HHMMSS.mp4, in `folder`, which is ours alone from now on.

    Where that name is taken, _2, _3 and so on follow it; no file is ever overwritten, not even
    when several processes save in the same second.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = stem or f"video_{now:%Y%m%d_%H%M%S}"
    for number in count(1):
        path = folder / (f"{stem}.mp4" if number == 1 else f"{stem}_{number}.mp4")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            continue
        return path
    raise AssertionError("count() ends")
