"""Finds the programs that we start."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec
from pathlib import Path


def find_ffmpeg(setting: Path | None) -> str | None:
    """Return the ffmpeg of the settings, else the PATH's, else the bundled one; None where there is none.

    Whether it can do what is needed is not looked at.
    """
    return shutil.which(setting.expanduser()) if setting else shutil.which("ffmpeg") or bundled_ffmpeg()


def bundled_ffmpeg() -> str | None:
    """Return the ffmpeg in imageio-ffmpeg, or the one that its IMAGEIO_FFMPEG_EXE names; None where there is neither.

    imageio-ffmpeg's own `get_ffmpeg_exe` runs what it finds, with the whole environment of the caller.
    """
    if named := os.environ.get("IMAGEIO_FFMPEG_EXE"):
        return named
    package = find_spec("imageio_ffmpeg")
    if package is None or package.origin is None:
        return None
    found = sorted((Path(package.origin).parent / "binaries").glob("ffmpeg-*"))
    return str(found[0]) if found else None
