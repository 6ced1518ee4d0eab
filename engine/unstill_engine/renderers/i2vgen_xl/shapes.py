"""Which frame a photo gets, and how the photo is brought to a size."""

from __future__ import annotations

from PIL import Image

from unstill_engine.renderers.framing import Size, frame_size
from unstill_engine.renderers.gaze import look
from unstill_queue.contract.jobs import Parameters

ASPECT_MOST = 2.0
"""What a clip costs grows with its long side, and the model has learnt from 1280x704."""


def size_for(photo: Size, parameters: Parameters, multiple: int) -> Size:
    """Width and height in pixels: multiples of `multiple`, in the photo's shape up to 2:1.

    The short side is `parameters.resolution`; `width` and `height` go before.
    """
    return frame_size(photo, parameters, multiple, aspect_most=ASPECT_MOST)


def cropped(photo: Image.Image, frame: Size) -> Image.Image:
    """The largest part of the photo that has the frame's shape, where it keeps most of what matters."""
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
