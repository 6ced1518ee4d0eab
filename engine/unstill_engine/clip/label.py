"""The mark in a corner of a clip that AI made. We draw it, so that ffmpeg gets no text and needs no font."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ffmpeg
import msgspec

from unstill_engine.clip.finish import Layout

TEXT = "AI"
HEIGHT_SHARE, HEIGHT_LEAST = 1 / 14, 14
#: Of the label's own height: its letters, the room beside them, its distance from the edges.
LETTERS, BESIDE, DISTANCE = 0.62, 0.36, 0.4
INK, GROUND = (255, 255, 255, 255), (0, 0, 0, 150)


class Label(msgspec.Struct, frozen=True):
    """A picture in the folder of the encodes: raw RGBA, `width` x `height`, shown for `seconds` at (`left`, `top`)."""

    name: str
    width: int
    height: int
    left: int
    top: int
    seconds: float

    def over(self, stream: Any, protocols: str) -> Any:
        """Return the stream with the label on its first frames."""
        picture = ffmpeg.input(
            f"file:{self.name}",
            format="rawvideo",
            pix_fmt="rgba",
            video_size=(self.width, self.height),
            protocol_whitelist=protocols,
        )
        shown = f"lt(t,{self.seconds:.3f})"
        return ffmpeg.overlay(stream, picture, x=self.left, y=self.top, enable=shown, eof_action="repeat")


def draw_label(layout: Layout, folder: Path, seconds: float) -> Label:
    """Draw the label for clips of that size, top left in the picture. Raises OSError."""
    from PIL import Image, ImageDraw, ImageFont  # an engine without a label needs it nowhere else in this process

    height = max(HEIGHT_LEAST, round(min(layout.inner_width, layout.inner_height) * HEIGHT_SHARE / 2) * 2)
    font = ImageFont.load_default(height * LETTERS)
    left, top, right, bottom = font.getbbox(TEXT)
    width = round((right - left + 2 * height * BESIDE) / 2) * 2
    picture = Image.new("RGBA", (width, height))
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((0, 0, width - 1, height - 1), radius=height / 4, fill=GROUND)
    pen.text(((width - right - left) / 2, (height - bottom - top) / 2), TEXT, font=font, fill=INK)
    name = f"label-{width}x{height}.rgba"
    (folder / name).write_bytes(picture.tobytes())
    distance = round(height * DISTANCE / 2) * 2
    return Label(name, width, height, layout.left + distance, layout.top + distance, seconds)
