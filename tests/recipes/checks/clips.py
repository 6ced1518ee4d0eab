"""The frames of a clip, and their size, as a player shows them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unstill_engine.clip.binary import Ffmpeg

SAMPLE = Path(__file__).parents[3] / "bots" / "unstill_bots" / "terminal" / "samples" / "lake.jpg"


def frames_of(clip: Path, binary: Ffmpeg, side: int) -> NDArray[np.int16]:
    """All frames in `side` x `side` pixels, (T, H, W, 3), RGB."""
    line = [binary.path, "-v", "error", "-i", str(clip), "-vf", f"scale={side}:{side}", "-f", "rawvideo"]
    raw = subprocess.run(
        [*line, "-pix_fmt", "rgb24", "pipe:1"], stdin=subprocess.DEVNULL, capture_output=True, check=True
    )
    return np.frombuffer(raw.stdout, np.uint8).reshape(-1, side, side, 3).astype(np.int16)


def size_of(clip: Path, binary: Ffmpeg) -> tuple[int, int]:
    """Width and height in pixels, as a decoder sees them."""
    line = [binary.path, "-v", "error", "-i", str(clip), "-frames:v", "1", "-f", "image2pipe", "-c:v", "ppm", "pipe:1"]
    ppm = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
    width, height = ppm.split(maxsplit=3)[1:3]
    return int(width), int(height)
