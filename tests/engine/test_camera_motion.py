"""The camera's true motion, measured in the frames it made."""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from unstill_config.catalog import Catalog
from unstill_engine.renderers.base import Photos
from unstill_engine.renderers.camera import Camera
from unstill_queue.contract.jobs import Parameters

SAMPLE = Path(__file__).parents[2] / "bots/unstill_bots/terminal/samples/lake.jpg"
FRAMES = 13
RESOLUTION = 256
FRAME_WIDTH, FRAME_HEIGHT = 384, 256
PATCH = 120
TOLERANCE = 0.05

Floats = NDArray[np.float64]
Placement = tuple[float, float, float, float]
"""The picture point at the frame's middle, picture pixels a frame pixel, and radians clockwise."""


class Grating:
    """A picture whose brightness is known between its pixels too: one wave across, one down."""

    def __init__(self, width: int, folder: Path) -> None:
        self.width, self.height = width, width * 2 // 3
        self.wavelength = width / 29.7
        x, y = np.meshgrid(np.arange(self.width) + 0.5, np.arange(self.height) + 0.5)
        light = 127.5 + 60 * (np.cos(2 * np.pi * x / self.wavelength) + np.cos(2 * np.pi * y / self.wavelength))
        self.path = folder / "grating.png"
        Image.fromarray(np.repeat(light[..., None], 3, axis=2).round().astype(np.uint8)).save(self.path)


def frames_of(picture: Path, words: str, *, num_frames: int = FRAMES, seed: int = 3) -> NDArray[np.uint8]:
    camera = Camera("camera", Catalog.load().models["camera"])
    parameters = Parameters("camera", words, seed, num_frames, 12, RESOLUTION)
    plan = camera.plan(parameters, Photos(picture))
    chunks = camera.render(plan, Photos(picture), lambda done, total: None, lambda: False)
    return np.concatenate(list(chunks))


def eased(num_frames: int = FRAMES) -> Floats:
    t = np.linspace(0, 1, num_frames)
    return 3 * t**2 - 2 * t**3


def pan_right(grating: Grating, part: float) -> Placement:
    """16 % of the frame's width, in a view 1.16 times nearer than the whole picture."""
    scale = grating.width / FRAME_WIDTH / 1.16
    return grating.width / 2 + 0.16 * FRAME_WIDTH * scale * (part - 0.5), grating.height / 2, scale, 0.0


def zoom_in(grating: Grating, part: float) -> Placement:
    """By e^0.26, from the whole picture."""
    return grating.width / 2, grating.height / 2, grating.width / FRAME_WIDTH * math.exp(-0.26 * part), 0.0


def rotate_clockwise(grating: Grating, part: float) -> Placement:
    """7 degrees, in the widest view whose corners stay inside."""
    most = math.radians(7)
    across = FRAME_WIDTH * math.cos(most) + FRAME_HEIGHT * math.sin(most)
    down = FRAME_WIDTH * math.sin(most) + FRAME_HEIGHT * math.cos(most)
    scale = min(grating.width / across, grating.height / down)
    return grating.width / 2, grating.height / 2, scale, most * part


def pan_right_by_a_tenth(grating: Grating, part: float) -> Placement:
    scale = grating.width / FRAME_WIDTH / 1.1
    return grating.width / 2 + 0.1 * FRAME_WIDTH * scale * (part - 0.5), grating.height / 2, scale, 0.0


def zoom_in_by_half(grating: Grating, part: float) -> Placement:
    return grating.width / 2, grating.height / 2, grating.width / FRAME_WIDTH * 1.5**-part, 0.0


def rotate_by_a_quarter(grating: Grating, part: float) -> Placement:
    """90 degrees, in the widest view whose corners stay inside in every frame."""
    turns = math.pi / 2 * eased()
    across = np.max(FRAME_WIDTH * np.cos(turns) + FRAME_HEIGHT * np.sin(turns))
    down = np.max(FRAME_WIDTH * np.sin(turns) + FRAME_HEIGHT * np.cos(turns))
    scale = min(grating.width / float(across), grating.height / float(down))
    return grating.width / 2, grating.height / 2, scale, math.pi / 2 * part


USUAL = {"pan right": pan_right, "zoom in": zoom_in, "rotate clockwise": rotate_clockwise}
MEASURED = {
    "pan right by 10%": pan_right_by_a_tenth,
    "zoom 50% in": zoom_in_by_half,
    "rotate 90 degrees clockwise": rotate_by_a_quarter,
}
MOVES = USUAL | MEASURED


def misplacement(frame: NDArray[np.uint8], grating: Grating, placement: Placement) -> float:
    """By how many frame pixels the frame is off, at the worst of five places.

    The wave around a place is compared with the wave that the placement promises there: the angle between
    the two is the error, exact to about a thousandth of a pixel.
    """
    centre_x, centre_y, scale, turn = placement
    light = frame[..., 1].astype(np.float64) - 127.5
    worst = 0.0
    for at_u, at_v in ((0.5, 0.5), (0.25, 0.35), (0.75, 0.35), (0.25, 0.65), (0.75, 0.65)):
        left, top = round(at_u * FRAME_WIDTH) - PATCH // 2, round(at_v * FRAME_HEIGHT) - PATCH // 2
        u, v = np.meshgrid(np.arange(left, left + PATCH) + 0.5, np.arange(top, top + PATCH) + 0.5)
        right, below = (u - FRAME_WIDTH / 2) * scale, (v - FRAME_HEIGHT / 2) * scale
        x = centre_x + right * math.cos(turn) + below * math.sin(turn)
        y = centre_y - right * math.sin(turn) + below * math.cos(turn)
        weighed = np.outer(np.hanning(PATCH), np.hanning(PATCH)) * light[top : top + PATCH, left : left + PATCH]
        for place in (x, y):
            angle = np.angle(np.sum(weighed * np.exp(-2j * np.pi * place / grating.wavelength)))
            worst = max(worst, abs(float(angle)) * grating.wavelength / (2 * np.pi * scale))
    return worst


def worst_of(frames: NDArray[np.uint8], grating: Grating, words: str) -> float:
    parts = eased(len(frames))
    return max(
        misplacement(frame, grating, MOVES[words](grating, float(part)))
        for frame, part in zip(frames, parts, strict=True)
    )


def whole_pixel_frames(grating: Grating, words: str) -> NDArray[np.uint8]:
    """The same moves by a camera that cuts at whole pixels and turns by tenths of a degree."""
    frames = []
    with Image.open(grating.path) as image:
        for part in eased():
            x, y, scale, turn = MOVES[words](grating, float(part))
            level = image.rotate(-round(math.degrees(turn), 1), Image.Resampling.BICUBIC)
            half_width, half_height = scale * FRAME_WIDTH / 2, scale * FRAME_HEIGHT / 2
            box = (round(x - half_width), round(y - half_height), round(x + half_width), round(y + half_height))
            frames.append(np.asarray(level.crop(box).resize((FRAME_WIDTH, FRAME_HEIGHT), Image.Resampling.LANCZOS)))
    return np.stack(frames)


@pytest.mark.parametrize(
    ("words", "width"), [*itertools.product(USUAL, (300, 600, 1800)), *((words, 600) for words in MEASURED)]
)
def test_every_frame_is_where_the_eased_path_puts_it(words: str, width: int, tmp_path: Path) -> None:
    # Given a picture that is known between its pixels, smaller or larger than the frames
    grating = Grating(width, tmp_path)
    # When the camera moves over it
    frames = frames_of(grating.path, words)
    # Then no frame is off by a twentieth of a pixel, anywhere in it
    assert worst_of(frames, grating, words) < TOLERANCE


@pytest.mark.parametrize("words", USUAL)
def test_a_camera_on_whole_pixels_is_caught(words: str, tmp_path: Path) -> None:
    grating = Grating(600, tmp_path)
    assert worst_of(whole_pixel_frames(grating, words), grating, words) > 2 * TOLERANCE


def shifts(frames: NDArray[np.uint8]) -> Floats:
    """The optical flow from each frame to the next, to the right: the median over the frame, in pixels."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    moved = []
    for before, after in itertools.pairwise(grey):
        field = flow.calc(before, after, np.zeros((*before.shape, 2), np.float32))
        moved.append(float(np.median(field[16:-16, 32:-32, 0])))
    return np.array(moved)


def test_a_slow_pan_over_a_photo_flows_without_steps() -> None:
    # Given a pan so slow that each frame moves by a fraction of a pixel
    frames = frames_of(SAMPLE, "pan very slowly to the left", num_frames=72)
    # When the optical flow is measured from each frame to the next
    moved = shifts(frames)
    promised = np.diff(0.3 * 0.16 * FRAME_WIDTH * eased(72))
    # Then all of it goes one way, swells and fades, and never leaves the eased path
    assert float(np.max(promised)) < 0.5
    assert float(np.max(np.abs(moved - promised))) < TOLERANCE
    assert np.all(moved > -0.01)
    steady = np.convolve(moved, np.ones(5) / 5, "valid")
    peak = int(np.argmax(steady))
    assert np.all(np.diff(steady[: peak + 1]) > -0.01)
    assert np.all(np.diff(steady[peak:]) < 0.01)


def test_the_flow_of_a_pan_on_whole_pixels_has_steps() -> None:
    with Image.open(SAMPLE) as image:
        small = np.asarray(image.convert("RGB").resize((512, 341), Image.Resampling.LANCZOS))
    places = np.round(40 - 0.3 * 0.16 * FRAME_WIDTH * eased(72)).astype(int)
    frames = np.stack([small[:FRAME_HEIGHT, at : at + FRAME_WIDTH] for at in places])
    promised = np.diff(0.3 * 0.16 * FRAME_WIDTH * eased(72))
    assert float(np.max(np.abs(shifts(frames) - promised))) > 0.3


def test_sharpness_does_not_breathe_while_panning() -> None:
    # A resampler whose blur depends on where a pixel falls shimmers, however exact its path.
    frames = frames_of(SAMPLE, "pan very slowly to the left", num_frames=72)[28:44]
    detail = [float(cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_64F).var()) for frame in frames]
    assert (max(detail) - min(detail)) / np.mean(detail) < 0.06
