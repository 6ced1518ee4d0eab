"""Whose clip it is: what its recipe says, and what its frames show of the picture that it was made from."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2

from unstill_queue.contract.recipe import read_recipe

LEVELS = 8
"""Of each channel, 32 apart: a colour survives JPEG, a render, and an encode at low quality."""
COLOURS = LEVELS**3

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Origin:
    """`colour` is by `index_of`."""

    prompt: str
    seed: int
    colour: int


def colour_of(number: int) -> Colour:
    """A request's own picture: the same for two of them only where they are a multiple of COLOURS apart."""
    # neighbours, which are in the making together, differ widely
    red, green, blue = (number * 197) % COLOURS // LEVELS**2, (number * 197) // LEVELS % LEVELS, number * 197 % LEVELS
    return 16 + 32 * red, 16 + 32 * green, 16 + 32 * blue


def index_of(colour: Colour) -> int:
    """The number that all colours have in common which a clip cannot tell apart."""
    red, green, blue = (min(LEVELS - 1, value // 32) for value in colour)
    return (red * LEVELS + green) * LEVELS + blue


def origin(data: bytes) -> Origin:
    """Raises RecipeError, Mp4Error, and ValueError where no frame can be decoded."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        file.write(data)
        file.flush()
        parameters = read_recipe(Path(file.name)).parameters
        video = cv2.VideoCapture(file.name)
        there, frame = video.read()
        video.release()
    if not there:
        raise ValueError("no frame can be decoded")
    height, width = frame.shape[:2]
    # the journalled renderer paints the left quarter in the picture's colour; its edges are blurred
    inner = frame[height // 8 : -height // 8, width // 32 : width * 5 // 32]
    blue, green, red = (round(float(inner[..., channel].mean())) for channel in range(3))
    return Origin(parameters.prompt, parameters.seed, index_of((red, green, blue)))
