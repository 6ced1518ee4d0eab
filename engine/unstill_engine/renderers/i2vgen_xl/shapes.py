"""How a photo is brought to a clip's shape and size."""

from __future__ import annotations

from PIL import Image

from unstill_engine.renderers.framing import Size, keeps_all
from unstill_engine.renderers.gaze import look


def crop(photo: Image.Image, frame: Size) -> Image.Image:
    """The largest part of the photo that has the frame's shape, where it keeps most of what matters."""
    if keeps_all(photo.size, frame):  # to look takes longer than three steps on a fast card
        return photo
    return photo.crop(look(photo).crop_box(frame))


def covering(photo: Image.Image, size: Size) -> Image.Image:
    """Scaled by averaging until it just covers `size`, and cropped to that in the middle.

    Stock I2VGenXLPipeline does the same, but for a black edge of one pixel where its division comes out below `size`.
    """
    scale = min(photo.width / size[0], photo.height / size[1])
    width, height = max(size[0], int(photo.width // scale)), max(size[1], int(photo.height // scale))
    scaled = photo.resize((width, height), Image.Resampling.BOX)
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    return scaled.crop((left, top, left + size[0], top + size[1]))
