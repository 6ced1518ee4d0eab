"""How a clip's size answers to CRF, learnt from a piece of it.

x264's size falls with CRF along a curve that differs a hundredfold between grain and drawing, but
hardly between a piece of a clip and the whole: the middle quarter of the picture told the whole
clip's ln(size) to within 0.1 from CRF 18 to 30 on grain, fast motion and hard cuts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import ffmpeg
import msgspec

from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.encode import GLOBALS, constant_quality, frames_in, run_fed, video_options
from unstill_engine.clip.finish import Layout, floor_even, picture
from unstill_engine.clip.probe import probe
from unstill_engine.clip.spool import Source, feed

SIDE_LEAST = 32
#: x264 writes its settings into the first frame; they are no picture.
SETTINGS_BYTES = 650
CRF_MAX = 51.0
LEAST_FALL = 0.01
SOLVE_STEPS = 40


class Curve(msgspec.Struct, frozen=True):
    """ln(size in bytes) over CRF: a monotone cubic through the samples (Fritsch and Carlson, 1980)."""

    crfs: tuple[float, ...]
    logs: tuple[float, ...]

    @classmethod
    def through(cls, crfs: Sequence[float], sizes: Sequence[int]) -> Curve:
        """Sizes that do not fall with rising CRF are taken to fall by a little."""
        return cls.falling(crfs, [math.log(max(size, 1)) for size in sizes])

    @classmethod
    def falling(cls, crfs: Sequence[float], logs: Sequence[float]) -> Curve:
        fallen = [logs[0]]
        for log in logs[1:]:
            fallen.append(min(log, fallen[-1] - LEAST_FALL))
        return cls(tuple(crfs), tuple(fallen))

    def raised(self, by: float) -> Curve:
        return Curve(self.crfs, tuple(log + by for log in self.logs))

    def tilted(self, *misses: tuple[float, float]) -> Curve:
        """Corrected by what was missed, log(true) - log(here), at two CRFs; in proportion at all others."""
        (crf1, miss1), (crf2, miss2) = misses
        slope = (miss2 - miss1) / (crf2 - crf1) if crf2 != crf1 else 0.0
        logs = [log + miss2 + slope * (crf - crf2) for crf, log in zip(self.crfs, self.logs, strict=True)]
        return Curve.falling(self.crfs, logs)

    def at(self, crf: float) -> float:
        """Beyond the samples it goes on straight."""
        slopes, tangents = self._slopes()
        if crf <= self.crfs[0]:
            return self.logs[0] + slopes[0] * (crf - self.crfs[0])
        if crf >= self.crfs[-1]:
            return self.logs[-1] + slopes[-1] * (crf - self.crfs[-1])
        left = max(index for index, known in enumerate(self.crfs[:-1]) if known <= crf)
        width = self.crfs[left + 1] - self.crfs[left]
        t = (crf - self.crfs[left]) / width
        return (
            self.logs[left] * (2 * t**3 - 3 * t**2 + 1)
            + tangents[left] * width * (t**3 - 2 * t**2 + t)
            + self.logs[left + 1] * (3 * t**2 - 2 * t**3)
            + tangents[left + 1] * width * (t**3 - t**2)
        )

    def solve(self, log: float) -> float:
        """The CRF from 0 to CRF_MAX at which the curve comes nearest to that value."""
        low, high = 0.0, CRF_MAX
        for _ in range(SOLVE_STEPS):
            middle = (low + high) / 2
            low, high = (middle, high) if self.at(middle) > log else (low, middle)
        return high

    def _slopes(self) -> tuple[list[float], list[float]]:
        points = list(zip(self.crfs, self.logs, strict=True))
        slopes = [(log2 - log1) / (crf2 - crf1) for (crf1, log1), (crf2, log2) in pairwise(points)]
        inner = [2 * a * b / (a + b) for a, b in pairwise(slopes)]
        return slopes, [slopes[0], *inner, slopes[-1]]


async def sample(binary: Ffmpeg, source: Source, layout: Layout, crfs: Sequence[float], folder: Path) -> Curve:
    """Encode the middle quarter of the picture at each of these CRFs, in one run.

    Raises:
        ClipError: as `run`.
    """
    width = max(min(SIDE_LEAST, layout.inner_width), floor_even(layout.inner_width // 2))
    height = max(min(SIDE_LEAST, layout.inner_height), floor_even(layout.inner_height // 2))
    streams = (
        picture(frames_in(source), source, layout).filter("crop", width, height).filter_multi_output("split", len(crfs))
    )
    names = [f"sample-{index}.mp4" for index in range(len(crfs))]
    outputs = [
        ffmpeg.output(streams[index], f"file:{name}", **video_options(constant_quality(crf)), **{"threads": 1})
        for index, (name, crf) in enumerate(zip(names, crfs, strict=True))
    ]
    line: list[str] = ffmpeg.compile(ffmpeg.merge_outputs(*outputs).global_args(*GLOBALS), cmd=binary.path)
    await run_fed(line, lambda: feed(source), folder, lambda _: None)
    sizes = [probe(folder / name).video_bytes - SETTINGS_BYTES for name in names]
    for name in names:
        (folder / name).unlink()
    return Curve.through(crfs, sizes)
