"""Sounds beside the frames, as the child leaves them, and what a player hears of a clip."""

from __future__ import annotations

import subprocess
import wave
from pathlib import Path

import msgspec
import numpy as np
from tests.engine.renderers_for_tests import RATE, Samples

from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.spool import Source


def with_sound(source: Source, samples: Samples, *, rate: int = RATE) -> Source:
    """The source with these samples beside it, as the child leaves them."""
    path = source.path.with_suffix(".wav")
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return msgspec.structs.replace(source, sound=path)


def heard(path: Path, binary: Ffmpeg, *, rate: int = RATE, channels: int = 1) -> Samples:
    """What a player makes audible of a clip: (N, channels), -1 to 1."""
    line = [binary.path, "-v", "error", "-i", str(path), "-map", "0:a", "-ac", str(channels), "-ar", str(rate)]
    raw = subprocess.run([*line, "-f", "f32le", "pipe:1"], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return np.frombuffer(raw.stdout, "<f4").reshape(-1, channels)


def likeness(sound: Samples, wanted: Samples) -> float:
    """1 where they are the same but for their level, 0 where they have nothing in common."""
    count = min(len(sound), len(wanted))
    a, b = sound[:count].ravel(), wanted[:count].ravel()
    return float(a @ b) / max(1e-9, float(np.linalg.norm(a)) * float(np.linalg.norm(b)))


def level(sound: Samples) -> float:
    """Its root mean square in decibels below full scale."""
    return float(20 * np.log10(max(1e-6, np.sqrt(np.mean(sound.astype(np.float64) ** 2)))))
