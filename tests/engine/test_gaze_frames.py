"""Heads in the frames that were rendered, looked for by their pixels and not by what the camera says of itself."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from tests.engine.gaze_pictures import SCENES, Box

from unstill_config.catalog import Catalog
from unstill_engine.renderers.base import Photos
from unstill_engine.renderers.camera import Camera
from unstill_queue.contract.jobs import Parameters

CATALOG = Catalog.load()
MODEL = CATALOG.models["camera"]
#: A head at an edge or in a corner, each in its own way.
NAMES = ("portrait of an officer", "in the upper right corner", "low in a tall picture", "at the right")
#: How alike a head and its place in a frame are at least, by their normalised correlation.
ALIKE = 0.9


def ends(picture: Path, words: str, camera: str = "") -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The first frame and the last."""
    renderer = Camera("camera", MODEL)
    plan = renderer.plan(Parameters("camera", words, 3, 8, 8, 256, camera=camera), Photos(picture))
    chunks = list(renderer.render(plan, Photos(picture), lambda done, total: None, lambda: False))
    return np.asarray(chunks[0][0]), np.asarray(chunks[-1][-1])


def likeness(frame: NDArray[np.uint8], photo: Image.Image, head: Box) -> float:
    """How much the part of the frame that is most like the head is like it, at any size from a zoom out to one in."""
    whole = np.asarray(photo.convert("L").crop(tuple(round(edge) for edge in head)))  # type: ignore[arg-type]
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    found = 0.0
    for nearer in np.geomspace(0.95, 1.45, 33):
        scale = nearer * grey.shape[0] / photo.height
        wanted = cv2.resize(whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        if wanted.shape[0] <= grey.shape[0] and wanted.shape[1] <= grey.shape[1]:
            found = max(found, float(cv2.matchTemplate(grey, wanted, cv2.TM_CCOEFF_NORMED).max()))
    return found


@pytest.mark.parametrize("words", ["zoom in", "waves", "ken burns"])
@pytest.mark.parametrize("name", NAMES)
def test_the_last_frame_has_the_whole_head(name: str, words: str, tmp_path: Path) -> None:
    # Given a picture with a head where the middle's zoom would cut it
    scene = SCENES[name]()
    picture = tmp_path / "picture.png"
    scene.image.save(picture)
    # When it is rendered, then the head's pixels are all in the last frame.
    assert likeness(ends(picture, words)[1], scene.image, scene.heads[0]) >= ALIKE


def test_a_head_that_is_cut_off_would_be_noticed(tmp_path: Path) -> None:
    scene = SCENES["in the upper right corner"]()
    picture = tmp_path / "picture.png"
    scene.image.save(picture)
    # The words ask for the other side.
    assert likeness(ends(picture, "pan from right to left")[1], scene.image, scene.heads[0]) < ALIKE


@pytest.mark.parametrize("move", [move for move in MODEL.moves if "rotate" not in move])
def test_what_again_asks_for_keeps_it_too(move: str, tmp_path: Path) -> None:
    scene = SCENES["at the right"]()
    picture = tmp_path / "picture.png"
    scene.image.save(picture)
    first, last = (likeness(frame, scene.image, scene.heads[0]) for frame in ends(picture, "waves", move))
    # Where the move begins elsewhere, the head need not be there yet, and what was there may go.
    assert last >= ALIKE or first < ALIKE
    # What a person says is made.
    assert "left" not in move or likeness(ends(picture, f"{move}, please")[1], scene.image, scene.heads[0]) < ALIKE
