"""Finishes as data: from what was asked to sizes, frames and a chain of filters. No text of a person enters it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import Any

import ffmpeg
import msgspec

from unstill_config.catalog import Shape
from unstill_engine.clip.spool import Source
from unstill_queue.contract.jobs import Finish

FADE_SECONDS = 0.5
FADE_SHARE = 4
#: A shape that is off by no more than a model's grid of sizes is filled by cutting the rest off.
NEARLY = 1.04
#: The backing is blurred at this share of the clip's size, by so many of its pixels, and is so much darker.
BACKING_SHARE, BACKING_SIGMA, BACKING_LIGHT = 1 / 20, 4.0, 0.65
#: Exact conversion: without these swscale rounds chroma at half the precision.
SCALE_FLAGS = "lanczos+accurate_rnd+full_chroma_int+full_chroma_inp"


class Layout(msgspec.Struct, frozen=True):
    """The finished clip: `width` x `height`, the picture in it `inner_width` x `inner_height` at (`left`, `top`).

    Those sizes are in pixels and even. Of each frame the middle `cut_width` x `cut_height` is used. `backing`: around
    the picture stands a blurred copy of it, else black. `fed` frames go in, `frames` at `rate` a second come out.
    """

    width: int
    height: int
    inner_width: int
    inner_height: int
    left: int
    top: int
    cut_width: int
    cut_height: int
    backing: bool
    fed: int
    frames: int
    rate: Fraction
    fade_frames: int

    @property
    def duration(self) -> float:
        return float(self.frames / self.rate)

    @property
    def pixels(self) -> int:
        """The picture's pixels in all frames that are encoded anew: bars and repeated frames cost nothing."""
        return self.inner_width * self.inner_height * min(self.fed, self.frames)

    @property
    def fade_start(self) -> int:
        """The first frame of the fade, which is still whole; the last one is black."""
        return self.frames - 1 - self.fade_frames


def lay_out(source: Source, finish: Finish, shape: Shape, scale: float = 1.0) -> Layout:
    """Where the picture goes. `scale` <= 1 shrinks the whole clip.

    An odd side of the photo's own shape loses its last row of pixels; it is not resampled for that.
    """
    cut_width, cut_height = source.width, source.height
    if shape.width and shape.height:
        width, height = even(shape.width * scale), even(shape.height * scale)
        fit, cover = sorted((width / source.width, height / source.height))
        if finish.fill == "crop" or (finish.fill == "" and cover <= fit * NEARLY):
            inner_width, inner_height = width, height
            cut_width = min(source.width, max(1, round(width / cover)))
            cut_height = min(source.height, max(1, round(height / cover)))
        else:
            inner_width, inner_height = min(width, even(source.width * fit)), min(height, even(source.height * fit))
    else:
        cut_width, cut_height = floor_even(source.width), floor_even(source.height)
        width = inner_width = cut_width if scale == 1 else even(source.width * scale)
        height = inner_height = cut_height if scale == 1 else even(source.height * scale)
    fed = len(order_of(source.num_frames, finish))
    rate = Fraction(finish.output_fps) if finish.output_fps else source.rate
    frames = max(1, int(fed * rate / source.rate + Fraction(1, 2)))
    wanted = min(round(FADE_SECONDS * rate), frames // FADE_SHARE)
    return Layout(
        width=width,
        height=height,
        inner_width=inner_width,
        inner_height=inner_height,
        left=floor_even((width - inner_width) // 2),
        top=floor_even((height - inner_height) // 2),
        cut_width=cut_width,
        cut_height=cut_height,
        backing=finish.fill != "pad" and (inner_width, inner_height) != (width, height),
        fed=fed,
        frames=frames,
        rate=rate,
        fade_frames=max(1, wanted) if finish.fade else 0,
    )


def order_of(num_frames: int, finish: Finish) -> Sequence[int]:
    """Return the numbers of the frames in the order in which a clip shows them.

    A loop runs forwards, then backwards, neither end twice. Where the last picture is the first one it is not shown
    twice, either, as the clip begins anew with it.
    """
    forwards = range(num_frames)
    if finish.loop:
        return [*forwards, *range(num_frames - 2, 0, -1)]
    return forwards[:-1] if finish.seamless and num_frames > 1 else forwards


def even(size: float) -> int:
    return max(2, round(size / 2) * 2)


def floor_even(size: int) -> int:
    return size - size % 2


def picture(stream: Any, source: Source, layout: Layout) -> Any:
    """RGB frames to BT.709 yuv420p at the picture's size in the clip, and the clip's frame rate.

    Whole frames are repeated or left out to change the rate: nothing is invented between them.
    """
    if (layout.cut_width, layout.cut_height) != (source.width, source.height):
        left, top = (source.width - layout.cut_width) // 2, (source.height - layout.cut_height) // 2
        stream = stream.filter("crop", layout.cut_width, layout.cut_height, left, top, exact=1)
    stream = stream.filter(
        "scale", layout.inner_width, layout.inner_height,
        flags=SCALE_FLAGS, out_color_matrix="bt709", out_range="tv",
    )  # fmt: skip
    stream = stream.filter("format", "yuv420p")
    if layout.rate != source.rate:
        stream = stream.filter("fps", f"{layout.rate.numerator}/{layout.rate.denominator}")
    return stream


def whole(stream: Any, source: Source, layout: Layout, over: Callable[[Any], Any] | None = None) -> Any:
    """`picture`, then what stands around it and what `over` lays over it, the fade, and how to read the colours."""
    stream = picture(stream, source, layout)
    if layout.backing:
        stream = _backed(stream, layout)
    elif (layout.inner_width, layout.inner_height) != (layout.width, layout.height):
        stream = stream.filter("pad", layout.width, layout.height, layout.left, layout.top, "black")
    if over is not None:
        stream = over(stream)
    if layout.fade_frames:
        # posters and thumbnails are cut from the first frame, so a clip never begins in the dark
        stream = stream.filter("fade", type="out", start_frame=layout.fade_start, nb_frames=layout.fade_frames)
    stream = stream.filter("setsar", 1)
    return stream.filter("setparams", color_primaries="bt709", color_trc="bt709", colorspace="bt709", range="tv")


def _backed(stream: Any, layout: Layout) -> Any:
    """The picture before a copy of itself that covers the whole clip, blurred and darker.

    Blurred small and enlarged, which shows no difference and takes a tenth of the time.
    """
    both = stream.filter_multi_output("split")
    cover = max(layout.width / layout.inner_width, layout.height / layout.inner_height)
    width, height = layout.width * BACKING_SHARE, layout.height * BACKING_SHARE
    behind = both[0].filter(
        "crop",
        min(layout.inner_width, even(layout.width / cover)),
        min(layout.inner_height, even(layout.height / cover)),
    )
    behind = behind.filter("scale", even(width), even(height), flags="area")
    behind = behind.filter("gblur", BACKING_SIGMA).filter("lutyuv", y=f"16+(val-16)*{BACKING_LIGHT}")
    behind = behind.filter("scale", layout.width, layout.height, flags="bicubic")
    return ffmpeg.overlay(behind, both[1], x=layout.left, y=layout.top)
