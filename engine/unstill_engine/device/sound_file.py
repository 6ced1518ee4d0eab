"""The file through which a model's sound goes from the child to the encoder: 16-bit PCM in a WAV beside the frames."""

from __future__ import annotations

import math
import wave
from pathlib import Path

import numpy as np

from unstill_engine.device.frames_file import FULL, no_room
from unstill_engine.renderers.base import Plan, RenderError, Sound
from unstill_queue.storage.folder import code_of, explain

RATES = range(8_000, 96_001)
CHANNELS = (1, 2)
OFF_MOST = 1.0
"""Seconds by which a sound may be longer or shorter than its clip: vocoders work in pieces."""
SAMPLE_BYTES, LOUDEST = 2, 32_767


class WrongSound(Exception):
    """A renderer made a sound that is none, or not that of its clip: a fault of the renderer, for the operator."""


class SoundFile:
    """Takes one sound, as long as the clip of its plan, or none. What an earlier render left there is deleted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.restart()

    def restart(self) -> None:
        """Forget the sound so far; another one may come. Raises RenderError."""
        self.written = False
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise self._not_written(error) from error

    def write(self, sound: Sound, plan: Plan) -> None:
        """Write it, without what is longer than the clip. Samples beyond -1 and 1 become these.

        Raises:
            WrongSound: a second one, or of another shape, type, rate or length than it may have.
            RenderError: there is no room on the disk, or it cannot be written to.
        """
        if self.written:
            raise WrongSound("a second sound came")
        seconds = plan.num_frames / plan.fps
        _check(sound, seconds)
        samples = sound.samples[: math.ceil(seconds * sound.rate)]
        data = np.rint(np.clip(samples, -1, 1) * LOUDEST).astype("<i2").tobytes()
        try:
            with self._path.open("wb") as file, wave.open(file, "wb") as wav:
                wav.setparams((samples.shape[1], SAMPLE_BYTES, sound.rate, len(samples), "NONE", ""))
                wav.writeframes(data)
        except OSError as error:
            raise no_room(len(data)) if error.errno in FULL else self._not_written(error) from error
        self.written = True

    def _not_written(self, error: OSError) -> RenderError:
        return RenderError(code_of(error), explain(str(self._path.parent), error))


def _check(sound: Sound, seconds: float) -> None:
    samples = sound.samples
    if not isinstance(samples, np.ndarray) or samples.dtype != np.float32:
        raise WrongSound(f"samples are {getattr(samples, 'dtype', type(samples).__name__)}, not float32")
    if samples.ndim != 2 or samples.shape[1] not in CHANNELS or not len(samples):
        raise WrongSound(f"samples are of shape {samples.shape}, not (N, 1) or (N, 2)")
    if sound.rate not in RATES:
        raise WrongSound(f"there are {sound.rate!r} samples a second, not {RATES[0]} to {RATES[-1]}")
    if abs(len(samples) / sound.rate - seconds) > OFF_MOST:
        raise WrongSound(f"the sound is {len(samples) / sound.rate:g} s long, and its clip {seconds:g} s")
    if not np.isfinite(samples).all():
        raise WrongSound("samples are not finite")
