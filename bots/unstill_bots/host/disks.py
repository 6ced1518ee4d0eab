"""The room on the disks that pictures, clips and the queue are kept on."""

from __future__ import annotations

import shutil
from pathlib import Path

from unstill_config.settings import Settings

DISK_BYTES = 1_000_000_000
"""Free bytes below which a disk is nearly full."""


def free_room(settings: Settings) -> list[tuple[Path, int]]:
    """Return a folder of ours on each disk, with the bytes that are free there. Raises OSError."""
    folders = {settings.storage.folder, None if settings.redis.url else settings.redis.data}
    places: dict[int, tuple[Path, int]] = {}
    for folder in filter(None, folders):
        there = next((path for path in (folder.absolute(), *folder.absolute().parents) if path.exists()), Path("/"))
        places[there.stat().st_dev] = folder, shutil.disk_usage(there).free
    return list(places.values())
