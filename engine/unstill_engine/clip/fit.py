"""Frames to a clip that is never over the limit, and that uses the room where the limit binds.

One encode at CRF 18 is enough for most clips. Where it comes out too large, one or two more aim at
the limit: a second pass of x264's two-pass, and where that missed, another one corrected by its miss.

Two-pass knows too little about a clip of a few dozen frames, which ends before its feedback sets in:
at 8 and 16 frames it missed by up to 60 %, and could still be over when corrected. There the size's
curve over CRF, learnt from a sample, gives the CRF to aim with.

A sound has its bytes first, and where the limit binds as many as `step_within` leaves it. The picture has the rest.
"""

from __future__ import annotations

import asyncio
import math
import shutil
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path

import msgspec

from unstill_config.catalog import Shape
from unstill_engine.clip.binary import Ffmpeg
from unstill_engine.clip.encode import Options, Track, command, constant_quality, encode, two_pass
from unstill_engine.clip.errors import ClipError, write_error
from unstill_engine.clip.finish import Layout, lay_out
from unstill_engine.clip.marks import Marks
from unstill_engine.clip.probe import Movie, probe
from unstill_engine.clip.sample import CRF_MAX, sample
from unstill_engine.clip.sound import bytes_of, encode_track, step_within
from unstill_engine.clip.spool import Source
from unstill_queue.contract.codes import megabytes, note
from unstill_queue.contract.jobs import Finish
from unstill_queue.storage.folder import why

CRF_BEST = 18.0
AIM = 0.965
#: A fuller clip than this is not tried to be made fuller; 0.92 is what is promised.
FULL_ENOUGH = 0.93
SHRINK = 0.75
SIDE_LEAST = 64
CRF_APART = 0.5
CRFS = (18.0, 22.0, 26.0, 30.0, 35.0, 41.0)
#: Frames up to which a clip is too short for two-pass.
SHORT = 96
#: What was encoded before gets one more: its curve bends where its own CRF is passed.
CURVE_TRIES, CURVE_TRIES_AGAIN = 2, 3
#: Bits a pixel below which a smaller picture looks better than a blurred one.
BITS_LEAST = 0.035
#: A raise is held back: bytes can grow faster than the bitrate (measured on grain: by its 1.45th power).
RAISE = 0.8
#: An original of so many limits is worth keeping: bounds what storage holds beside a clip.
ORIGINAL_MOST = 4
#: The least that a frame takes: a skipped picture, and its entries in the index.
FRAME_LEAST = 20
FILE_LEAST = 1500
#: The share of the whole progress at the end of each encode.
SHARES = (0.0, 0.6, 0.8, 0.9, 1.0)

OnProgress = Callable[[float], None]


class Clip(msgspec.Struct, frozen=True):
    """A finished file. Sizes in bytes and pixels, `duration` in seconds.

    `encodes`: how often the clip was encoded. `notes`: codes; "smaller:WxH" where the picture had to
    shrink to fit. `original`: the same at CRF_BEST, where that was asked for and is not the clip itself.
    """

    path: Path
    size: int
    width: int
    height: int
    duration: float
    fps: float
    encodes: int
    notes: tuple[str, ...] = ()
    original: Path | None = None


class _Try(msgspec.Struct, frozen=True):
    path: Path
    layout: Layout
    movie: Movie
    sound: int


async def make_clip(
    source: Source,
    *,
    finish: Finish,
    shape: Shape,
    limit: int,
    marks: Marks,
    target: Path,
    ffmpeg: Ffmpeg,
    deadline: float,
    on_progress: OnProgress | None = None,
    original: Path | None = None,
) -> Clip:
    """Encode, finish, fit under `limit` bytes, give it its marks, and put in place at `target`.

    The working files stand in a folder of their own beside `target` and are gone afterwards, however
    it ends; `target` appears whole or not at all. Where the clip gave up quality to fit, its first
    encode is left at `original`, unless it is larger than ORIGINAL_MOST limits: then a still smaller
    clip can as well be made from this one.

    `deadline` is in seconds, for all of it; `on_progress` gets a rising share from 0 to 1.

    Raises:
        ClipError: encode_timeout, too_big, and all that `spool`, `encode` and `probe` raise.
    """
    source.check()
    try:
        folder = Path(tempfile.mkdtemp(prefix=".clip-", dir=target.parent))
    except OSError as error:
        raise _not_written(error) from error
    try:
        async with asyncio.timeout(deadline):
            fitting = _Fitting(source, finish, shape, limit, marks, ffmpeg, folder, on_progress or (lambda _: None))
            return await fitting.run(target, original)
    except TimeoutError as error:
        raise ClipError("encode_timeout", f"it was not encoded within {deadline:g} s") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Fitting:
    """One clip on its way into its limit."""

    def __init__(
        self, source: Source, finish: Finish, shape: Shape, limit: int, marks: Marks, ffmpeg: Ffmpeg, folder: Path,
        on_progress: OnProgress,
    ) -> None:  # fmt: skip
        self.source = source
        self.finish = finish
        self.shape = shape
        self.ffmpeg = ffmpeg
        self.folder = folder
        self.limit = limit
        self.marks = marks
        self.room = limit - marks.room
        self.on_progress = on_progress
        self.full = lay_out(source, finish, shape)
        self.encodes = 0
        self.sound: Track | None = None
        self.first: _Try | None = None

    async def run(self, target: Path, original: Path | None) -> Clip:
        best = await self._fit()
        marked = self.folder / "marked.mp4"
        try:
            await asyncio.to_thread(self.marks.write, best.path, marked)
            size = marked.stat().st_size
            if size > self.limit:
                raise self._too_big()
            marked.replace(target)
            keeps = original is not None and self._keep_first(best, original)
        except OSError as error:
            raise _not_written(error) from error
        self.on_progress(1.0)
        movie, layout = best.movie, best.layout
        return Clip(
            path=target,
            size=size,
            width=movie.width,
            height=movie.height,
            duration=movie.duration,
            fps=movie.fps,
            encodes=self.encodes,
            notes=(note("smaller", value=f"{layout.width}x{layout.height}"),) if layout != self.full else (),
            original=original if keeps else None,
        )

    def _keep_first(self, best: _Try, original: Path) -> bool:
        first = self.first
        if first is None or first is best or first.movie.size > ORIGINAL_MOST * self.limit:
            return False
        first.path.replace(original)
        return True

    async def _fit(self) -> _Try:
        if self.room < FILE_LEAST + FRAME_LEAST * self.full.frames:
            raise self._too_big()
        if self.finish.audio:
            self.sound = await encode_track(self.ffmpeg, self.source, self.full, self.folder)
        short = self.full.frames <= SHORT
        first = self.first = await self._encode(self.full, constant_quality(CRF_BEST, stats=not short))
        if self._fits(first):
            return first
        room, whole = self.room - (1 - AIM) * self.limit, first.movie.size - first.sound
        step = step_within(room, self.full.duration, whole, BITS_LEAST * self.full.pixels / 8)
        if self._sound_bytes > bytes_of(step, self.full.duration):
            self.sound = await encode_track(self.ffmpeg, self.source, self.full, self.folder, step)
        for layout in self._layouts():
            tries = self._by_curve(first, layout) if short else self._by_two_pass(first, layout)
            fitting: list[_Try] = []
            async for tried in tries:
                if self._fits(tried):
                    fitting.append(tried)
                    if self._full_enough(tried, first):
                        break
            await tries.aclose()
            if fitting:
                return max(fitting, key=lambda tried: tried.movie.size)
        raise self._too_big()

    async def _by_two_pass(self, first: _Try, layout: Layout) -> AsyncGenerator[_Try, None]:
        wanted = min(self._wanted(first), first.movie.video_bytes)
        second = await self._encode(layout, two_pass(round(wanted * 8 / layout.duration)))
        yield second
        ratio = self._wanted(second) / second.movie.video_bytes
        corrected = wanted * (ratio**RAISE if ratio > 1 else ratio)
        yield await self._encode(layout, two_pass(round(corrected * 8 / layout.duration)))

    async def _by_curve(self, first: _Try, layout: Layout) -> AsyncGenerator[_Try, None]:
        curve = await sample(self.ffmpeg, self.source, self.full, CRFS, self.folder)
        lift = math.log(first.movie.video_bytes) - curve.at(CRF_BEST)
        if layout != self.full:
            curve = await sample(self.ffmpeg, self.source, layout, CRFS, self.folder)
        curve = curve.raised(lift)
        crf = max(CRF_BEST, curve.solve(math.log(self._wanted(first))))
        known: tuple[float, float] | None = (CRF_BEST, 0.0) if layout == self.full else None
        for _ in range(CURVE_TRIES_AGAIN if self.source.encoded else CURVE_TRIES):
            tried = await self._encode(layout, constant_quality(crf))
            yield tried
            if crf == CRF_MAX and not self._fits(tried):
                return
            missed = math.log(tried.movie.video_bytes) - curve.at(crf)
            # two CRFs that lie close tell the curve's height and nothing of its slope
            apart = known is not None and abs(crf - known[0]) > CRF_APART
            curve = curve.tilted(known if known and apart else (CRF_BEST, missed), (crf, missed))
            known = (crf, 0.0)
            crf = max(CRF_BEST, curve.solve(math.log(self._wanted(tried))))

    def _layouts(self) -> Iterator[Layout]:
        """The largest that leaves BITS_LEAST to each pixel; then, where nothing fits so, half of that, and so on."""
        scale, layout = 1.0, self.full
        while (self.room - self._sound_bytes) * 8 < BITS_LEAST * layout.pixels:
            smaller = lay_out(self.source, self.finish, self.shape, scale * SHRINK)
            if _is_tiny(smaller):
                break
            scale, layout = scale * SHRINK, smaller
        yield layout
        while not _is_tiny(smaller := lay_out(self.source, self.finish, self.shape, scale / 2)):
            scale /= 2
            yield smaller

    async def _encode(self, layout: Layout, quality: Options) -> _Try:
        low, high = SHARES[min(self.encodes, len(SHARES) - 2) :][:2]
        self.encodes += 1
        path = self.folder / f"clip-{self.encodes}.mp4"

        def on_frame(done: int) -> None:
            self.on_progress(low + (high - low) * min(1.0, done / layout.frames))

        # what was encoded before has its label in its frames
        label = None if self.source.encoded else self.marks.label(layout, self.folder)
        line = command(self.ffmpeg, self.source, layout, quality, path.name, self.sound, label)
        await encode(line, self.source, self.finish, self.folder, on_frame)
        movie = probe(path)
        whole = (movie.width, movie.height, movie.has_audio) == (layout.width, layout.height, self.sound is not None)
        if not whole or abs(movie.frames - layout.frames) > 1:
            raise ClipError("encode_failed", f"the clip came out incomplete: {movie!r} for {layout!r}, {self.sound!r}")
        return _Try(path, layout, movie, self._sound_bytes)

    @property
    def _sound_bytes(self) -> int:
        return self.sound.size if self.sound else 0

    def _fits(self, tried: _Try) -> bool:
        return tried.movie.size <= self.room

    def _full_enough(self, tried: _Try, first: _Try) -> bool:
        full = tried.movie.size + self.limit - self.room >= FULL_ENOUGH * self.limit
        return full or tried.movie.video_bytes >= FULL_ENOUGH * first.movie.video_bytes

    def _wanted(self, tried: _Try) -> float:
        """Bytes of video to aim for: what sound and index of that try took, and will take, is known to the byte."""
        others = tried.movie.size - tried.movie.video_bytes - tried.sound + self._sound_bytes
        video = AIM * self.limit - (self.limit - self.room) - others
        if video <= 0:
            raise self._too_big()
        return video

    def _too_big(self) -> ClipError:
        reason = f"it does not fit into {self.limit} bytes: {self.source!r}, {self.encodes} encodes"
        return ClipError("too_big", reason, megabytes=megabytes(self.limit))


def _is_tiny(layout: Layout) -> bool:
    return min(layout.inner_width, layout.inner_height) < SIDE_LEAST


def _not_written(error: OSError) -> ClipError:
    return write_error(str(error), full=why(error) == "full")
