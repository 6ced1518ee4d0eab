"""The photo of a job, as a renderer reads it."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from unstill_engine.renderers.base import RenderError
from unstill_engine.renderers.framing import Size


def photo_size(picture: Path | None) -> Size:
    """Return width and height in pixels.

    Raises:
        RenderError: "picture_gone" or "picture_unreadable".
    """
    with _opened(picture) as image:
        return image.size


def load_photo(picture: Path | None) -> Image.Image:
    """All of the photo, in RGB. Raises RenderError as `photo_size` does."""
    with _opened(picture) as image:
        try:
            return image.convert("RGB")
        except (OSError, ValueError, SyntaxError) as error:
            raise RenderError("picture_unreadable", f"the photo cannot be read: {error}") from error


def _opened(picture: Path | None) -> Image.Image:
    if picture is None:
        raise RenderError("picture_gone", "the job has no photo")
    try:
        return Image.open(picture, formats=("PNG", "JPEG"))
    except FileNotFoundError as error:
        raise RenderError("picture_gone", f"there is no photo at {picture}") from error
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise RenderError("picture_unreadable", f"the photo cannot be read: {error}") from error
