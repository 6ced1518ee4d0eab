"""Names of saved clips."""

from __future__ import annotations

import os
from datetime import datetime
from itertools import count
from pathlib import Path


def claim_path(folder: Path, now: datetime) -> Path:
    """A new, empty file video_YYYYMMDD_HHMMSS.mp4 in `folder`, which is ours alone from now on.

    Where that name is taken, _2, _3 and so on follow it; no file is ever overwritten, not even
    when several processes save in the same second.

    Raises:
        OSError: the folder cannot be made or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = f"video_{now:%Y%m%d_%H%M%S}"
    for number in count(1):
        path = folder / (f"{stem}.mp4" if number == 1 else f"{stem}_{number}.mp4")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
        except FileExistsError:
            continue
        return path
    raise AssertionError("count() ends")
