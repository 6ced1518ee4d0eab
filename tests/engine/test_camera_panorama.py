"""A photo that is longer than a frame can be: the camera goes along it, and what a clip does not show is said."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from unstill_config.catalog import Catalog
from unstill_engine.renderers.base import Photos, Plan
from unstill_engine.renderers.camera import Camera
from unstill_engine.renderers.camera.moves import along
from unstill_engine.renderers.camera.path import trace
from unstill_engine.renderers.camera.views import View, lay, share_shown
from unstill_engine.renderers.camera.words import direct
from unstill_engine.renderers.framing import Size, room
from unstill_queue.contract.jobs import Parameters

FIELDS = 8
LEVELS = np.arange(FIELDS) * 32 + 16


@pytest.fixture
def camera() -> Camera:
    made = Camera("camera", Catalog.load().models["camera"])
    made.load("cpu")
    return made


def panorama(path: Path, *, upright: bool = False) -> Path:
    """A strip of 8 square fields, each of its own grey, from dark to light: to the right, or down."""
    strip = np.repeat(np.tile(np.repeat(LEVELS, 100), (100, 1))[..., None], 3, axis=2).astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(strip.swapaxes(0, 1)) if upright else strip).save(path)
    return path


def asked(words: str, frame: Size | None = None) -> Parameters:
    width, height = frame or (None, None)
    return Parameters("camera", words, 5, 12, 8, 64, width=width, height=height)


def clip(camera: Camera, parameters: Parameters, picture: Path) -> tuple[Plan, list[list[int]]]:
    """The plan, and of the clip's frames the numbers of the fields that each shows for a good part."""
    plan = camera.plan(parameters, Photos(picture))
    frames = np.concatenate(list(camera.render(plan, Photos(picture), lambda done, total: None, lambda: False)))
    return plan, [fields_in(frame) for frame in frames]


def fields_in(frame: NDArray[np.uint8]) -> list[int]:
    counts = [int((abs(frame[..., 0].astype(int) - level) < 8).sum()) for level in LEVELS]
    return [field for field, count in enumerate(counts) if count > frame[..., 0].size / 20]


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("words", ["waves", "", "the lake in the morning, slow motion"])
def test_words_that_say_no_move_take_the_camera_along_all_of_it(
    camera: Camera, words: str, upright: bool, tmp_path: Path
) -> None:
    # Given a photo of 8:1, and frames that are at most 4:1
    picture = panorama(tmp_path / "wide.png", upright=upright)
    # When nobody says a move
    plan, shown = clip(camera, asked(words), picture)
    assert (plan.height, plan.width) == ((256, 64) if upright else (64, 256))
    # Then the clip begins at its left, or its top, ends at the other end, and there is nothing that it never shows
    assert shown[0] == [0, 1, 2, 3] and shown[-1] == [4, 5, 6, 7]
    assert sorted({field for fields in shown for field in fields}) == list(range(FIELDS))
    assert plan.notes == ()


@pytest.mark.parametrize(
    ("words", "first", "last"),
    [
        ("pan right", [0, 1, 2, 3], [4, 5, 6, 7]),
        ("pan left", [4, 5, 6, 7], [0, 1, 2, 3]),
        ("pan left, then right", [4, 5, 6, 7], [4, 5, 6, 7]),
    ],
)
def test_a_pan_that_is_asked_for_goes_over_all_of_it(
    camera: Camera, words: str, first: list[int], last: list[int], tmp_path: Path
) -> None:
    plan, shown = clip(camera, asked(words), panorama(tmp_path / "wide.png"))

    assert (shown[0], shown[-1]) == (first, last)
    assert sorted({field for fields in shown for field in fields}) == list(range(FIELDS))
    assert plan.notes == ()


@pytest.mark.parametrize(
    ("words", "percent"),
    [("still", 50), ("the camera does not move", 50), ("no pan", 50), ("zoom in", 50), ("pan right slightly", 25)],
)
def test_what_the_words_leave_out_is_said(camera: Camera, words: str, percent: int, tmp_path: Path) -> None:
    # Given words that keep the camera from going along all of it
    plan, shown = clip(camera, asked(words), panorama(tmp_path / "wide.png"))
    # Then the note says how much of it no frame shows
    (note,) = plan.notes
    code, _, said = note.partition(":percent=")
    assert code == "cropped" and int(said) == pytest.approx(percent, abs=4)
    missing = FIELDS - len({field for fields in shown for field in fields})
    assert missing == pytest.approx(FIELDS * percent / 100, abs=1)


def test_a_shape_that_was_asked_for_is_the_part_that_matters_and_no_way_along(camera: Camera, tmp_path: Path) -> None:
    # Given a square frame over a photo of 8:1
    plan, shown = clip(camera, asked("waves", (64, 64)), panorama(tmp_path / "wide.png"))
    assert len({field for fields in shown for field in fields}) < FIELDS / 2
    # Then the rest is said to be missing, and with a pan nothing is
    (note,) = plan.notes
    assert int(note.removeprefix("cropped:percent=")) == pytest.approx(87, abs=2)
    assert clip(camera, asked("pan left", (64, 64)), tmp_path / "wide.png")[0].notes == ()


@pytest.mark.parametrize("words", ["waves", "pan left", "zoom in", "rotate", "still", "handheld"])
@pytest.mark.parametrize("size", [(300, 200), (200, 300), (301, 173), (400, 100), (90, 200)])
def test_of_a_photo_of_the_frame_s_own_shape_nothing_is_said(
    camera: Camera, words: str, size: tuple[int, int], tmp_path: Path
) -> None:
    picture = tmp_path / "photo.png"
    Image.new("RGB", size, "teal").save(picture)
    assert camera.plan(asked(words), Photos(picture)).notes == ()


SIDES = st.integers(64, 512)


@settings(deadline=None)
@given(side=SIDES, aspect=st.floats(1.1, 16), upright=st.booleans(), frame_side=st.sampled_from([64, 100]))
@example(side=64, aspect=1.125, upright=False, frame_side=64)
@example(side=117, aspect=40 / 3, upright=False, frame_side=64)
def test_a_way_along_any_long_photo_shows_all_of_it_and_nothing_else(
    side: int, aspect: float, upright: bool, frame_side: int
) -> None:
    picture, frame = (round(side * aspect * 2), side), (2 * frame_side, frame_side)
    if upright:
        picture, frame = (picture[1], picture[0]), (frame[1], frame[0])
    beyond = room(picture, frame)
    views = lay(
        trace(along(direct("waves", ""), beyond), motion=1.0, seed=1, num_frames=48, fps=12, room=beyond),
        picture,
        frame,
    )
    if max(beyond) >= 0.11:
        assert share_shown(views, picture, frame) > 0.99
    seen = np.array([corner for view in views for corner in view.corners(frame)])
    assert seen.min() > -1e-6 * max(picture)
    assert (seen.max(axis=0) < np.array(picture) + 1e-6 * max(picture)).all()


@given(
    st.tuples(SIDES, SIDES),
    st.lists(
        st.builds(View, st.floats(0, 512), st.floats(0, 512), st.floats(0.2, 3), st.floats(-20, 20)),
        min_size=1,
        max_size=4,
    ),
)
@settings(deadline=None, max_examples=40)
def test_the_share_that_is_shown_is_that_of_the_points_which_are_in_a_frame(
    picture: tuple[int, int], views: list[View]
) -> None:
    frame = (90, 60)
    # Given points all over the picture
    x, y = np.meshgrid(*((np.arange(150) + 0.5) * side / 150 for side in picture))
    inside = np.zeros(x.shape, bool)
    for view in views:
        (a, b, c), (d, e, f) = view.affine(frame)
        u, v = np.linalg.solve([[a, b], [d, e]], np.stack([x.ravel() - c, y.ravel() - f]))
        inside |= ((u >= 0) & (u <= frame[0]) & (v >= 0) & (v <= frame[1])).reshape(x.shape)
    assert share_shown(views, picture, frame) == pytest.approx(inside.mean(), abs=0.02)
