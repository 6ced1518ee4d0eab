"""Sounds to encode, whose every moment can be told, and what a player hears of a clip."""

from __future__ import annotations

import subprocess
import wave
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.spool import Source

Samples = NDArray[np.float32]
RATE = 44_100


def warbling(seconds: float, *, rate: int = RATE, channels: int = 1) -> Samples:
    """(N, channels) from -1 to 1: tones that change by chance every 20 ms, so that no piece of it is like another."""
    random = np.random.default_rng(11)
    count = round(seconds * rate)
    tones = random.uniform(300, 1500, (channels, int(seconds * 50) + 2)).repeat(rate // 50 + 1, axis=1)[:, :count]
    return (0.4 * np.sin(2 * np.pi * np.cumsum(tones, axis=1) / rate)).T.astype(np.float32)


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
