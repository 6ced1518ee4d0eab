"""Where a program is that a Python package brings along."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path


def bundled_ffmpeg() -> str | None:
    """The ffmpeg in imageio-ffmpeg, or the one that its IMAGEIO_FFMPEG_EXE names; None where there is neither.

    imageio-ffmpeg's own `get_ffmpeg_exe` runs what it finds, with the whole environment of the caller.
    """
    if named := os.environ.get("IMAGEIO_FFMPEG_EXE"):
        return named
    package = find_spec("imageio_ffmpeg")
    if package is None or package.origin is None:
        return None
    found = sorted((Path(package.origin).parent / "binaries").glob("ffmpeg-*"))
    return str(found[0]) if found else None
