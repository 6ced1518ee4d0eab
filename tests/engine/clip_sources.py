"""Clips to encode: hard ones for the fit, plain ones whose frames can be told apart, and a reader of the result."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstill_config.catalog import Catalog
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.fit import Clip, make_clip
from unstill_engine.clip.marks import Marks
from unstill_engine.clip.spool import Source
from unstill_queue.contract.jobs import Finish, Parameters
from unstill_queue.contract.recipe import Recipe
from unstill_queue.storage import mp4

Frame = NDArray[np.uint8]
PARAMETERS = Parameters(model="i2vgen_xl", prompt="Waves rolling in", seed=7, num_frames=16, fps=8, resolution=512)
RECIPE = Recipe(made_by="AI", model="i2vgen_xl", parameters=PARAMETERS, finish=Finish(), software="Unstill 0.1.0")
SHAPES = Catalog.load().finishes


def texture(width: int, height: int, seed: int) -> Frame:
    """Detail at four scales, as a photo of leaves or gravel has it."""
    random = np.random.default_rng(seed)
    total = np.full((height, width, 3), 128.0, np.float32)
    for cell, contrast in ((64, 60), (16, 35), (4, 25), (2, 18)):
        noise = random.standard_normal((height // cell + 2, width // cell + 2, 3)).astype(np.float32)
        total += contrast * noise.repeat(cell, 0).repeat(cell, 1)[:height, :width]
    return np.clip(total, 0, 255).astype(np.uint8)


def grain(width: int, height: int, num_frames: int) -> Iterator[Frame]:
    """Noise that is new in every frame over a picture that drifts."""
    random = np.random.default_rng(5)
    base = texture(width, height, 1).astype(np.int16)
    for number in range(num_frames):
        noise = random.integers(-24, 25, base.shape, dtype=np.int16)
        yield np.clip(np.roll(base, number, 1) + noise, 0, 255).astype(np.uint8)


def motion(width: int, height: int, num_frames: int) -> Iterator[Frame]:
    """A camera thrown about over fine detail, up to a fifth of the picture from frame to frame."""
    large = texture(width * 2, height * 2, 2)
    for number in range(num_frames):
        top = int((np.sin(number * 0.37) + 1) / 2 * height)
        left = int((np.cos(number * 0.23) + 1) / 2 * width)
        yield large[top : top + height, left : left + width]


def cuts(width: int, height: int, num_frames: int) -> Iterator[Frame]:
    """Another scene after every five frames."""
    scene = texture(width, height, 100)
    for number in range(num_frames):
        if number % 5 == 0:
            scene = texture(width, height, 100 + number)
        yield np.roll(scene, 2 * (number % 5), 0)


def changing(width: int, height: int, num_frames: int) -> Iterator[Frame]:
    """Nearly still, with stretches of grain between: for long clips, whose parts have little in common."""
    random = np.random.default_rng(6)
    large = texture(width + num_frames // 4 + 8, height + num_frames // 4 + 8, 3)
    for number in range(num_frames):
        shift = number // 4
        frame = large[shift : shift + height, shift : shift + width].astype(np.int16)
        if number // 200 % 2:
            frame = frame + random.integers(-10, 11, (height, width, 1), dtype=np.int16)
        yield np.clip(frame, 0, 255).astype(np.uint8)


def steps(width: int, height: int, num_frames: int) -> Iterator[Frame]:
    """Each frame one grey, brighter than the last: a frame's brightness tells its number."""
    for number in range(num_frames):
        yield np.full((height, width, 3), grey_of(number, num_frames), np.uint8)


def grey_of(number: int, num_frames: int) -> int:
    return 30 + round(200 * number / max(1, num_frames - 1))


HARD: dict[str, Callable[[int, int, int], Iterator[Frame]]] = {
    "grain": grain, "motion": motion, "cuts": cuts, "long": changing,
}  # fmt: skip


def spooled(path: Path, frames: Iterable[Frame], fps: float = 8) -> Source:
    """The frames as a renderer leaves them."""
    shape: tuple[int, ...] = ()
    count = 0
    with path.open("wb") as spool:
        for frame in frames:
            shape = frame.shape
            spool.write(np.ascontiguousarray(frame).tobytes())
            count += 1
    return Source(path=path, width=shape[1], height=shape[0], num_frames=count, fps=fps)


async def clip_of(
    source: Source, binary: Ffmpeg, *, finish: Finish | None = None, limit: int = 50_000_000, **more: Any
) -> Clip:
    finish = finish or Finish()
    marks = Marks(more.pop("recipe", RECIPE))
    given: dict[str, Any] = {"marks": marks, "target": source.path.with_name("clip.mp4"), "deadline": 120.0} | more
    return await make_clip(source, finish=finish, shape=SHAPES[finish.shape], limit=limit, ffmpeg=binary, **given)


def decoded(clip: Clip, binary: Ffmpeg) -> Frame:
    """What a player shows: (T, H, W, 3) uint8 RGB."""
    line = [binary.path, "-v", "error", "-i", str(clip.path), "-map", "0:v", "-fps_mode", "passthrough"]
    line += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-sws_flags", "accurate_rnd+full_chroma_int", "pipe:1"]
    raw = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
    return np.frombuffer(raw, np.uint8).reshape(-1, clip.height, clip.width, 3)


def has_constant_rate(path: Path) -> bool:
    """Whether all frames of the MP4 stay equally long, by the table of times of its first track."""
    with path.open("rb") as file:
        data, moov = mp4.read_moov(file, mp4.top_level(file))
    times = mp4.find(data, moov, b"trak", b"mdia", b"minf", b"stbl", b"stts")
    assert times is not None
    runs = mp4.big_endian("I", data[times.body + 8 : times.end])
    return len({length for number, length in zip(runs[::2], runs[1::2], strict=True) if number}) == 1
