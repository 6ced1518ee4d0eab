"""The camera's path and what it may see: laws, over any words and sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstill_engine.renderers.camera.moves import Axis, Move
from unstill_engine.renderers.camera.path import trace
from unstill_engine.renderers.camera.views import lay
from unstill_engine.renderers.framing import Size, frame_size
from unstill_queue.contract.jobs import Parameters

SIDES = st.integers(min_value=1, max_value=2048)
FRAME_SIDES = st.integers(min_value=8, max_value=600).map(lambda half: 2 * half)
MOVES = st.lists(
    st.builds(
        Move,
        st.sampled_from(Axis),
        st.sampled_from([-1, 0, 1]),
        st.floats(min_value=0.1, max_value=4),
        st.floats(min_value=0.5, max_value=4),
    ),
    max_size=5,
)
MOTIONS = st.sampled_from([0.5, 1.0, 1.75])
SEEDS = st.integers(min_value=0, max_value=2**32 - 1)


@given(
    moves=MOVES, motion=MOTIONS, seed=SEEDS, picture=st.tuples(SIDES, SIDES), frame=st.tuples(FRAME_SIDES, FRAME_SIDES)
)
def test_no_view_leaves_the_picture_and_none_could_be_wider(
    moves: list[Move], motion: float, seed: int, picture: Size, frame: Size
) -> None:
    # Given any moves, when they are laid over any picture
    views = lay(trace(moves, motion=motion, seed=seed, num_frames=24, fps=12), picture, frame)
    seen = np.array([corner for view in views for corner in view.corners(frame)])
    gaps = np.array([*seen.min(axis=0), *(np.array(picture) - seen.max(axis=0))]) / max(picture)
    # Then every corner of every frame is inside,
    assert gaps.min() > -1e-9
    # and the views span the picture from side to side on one axis: a wider camera would leave it.
    assert min(gaps[0] + gaps[2], gaps[1] + gaps[3]) < 1e-5


@given(moves=MOVES, motion=MOTIONS, seed=SEEDS)
def test_a_path_starts_and_ends_at_rest_and_nowhere_jumps(moves: list[Move], motion: float, seed: int) -> None:
    path = trace(moves, motion=motion, seed=seed, num_frames=480, fps=60)
    for curve in (np.log(path.zoom), path.x, path.y, path.turn):
        speed = np.abs(np.diff(curve))
        span = max(float(np.ptp(curve)), 1e-9)
        assert max(speed[0], speed[-1]) <= 0.01 * span
        # The quickest is a wave of 6 Hz: at 60 frames a second it moves by 6π/60 of its span.
        assert speed.max() <= 0.32 * span


def test_a_larger_motion_goes_farther() -> None:
    for axis in (Axis.ZOOM, Axis.PAN, Axis.TILT, Axis.ROLL):
        low, medium, high = (
            trace([Move(axis, 1)], motion=motion, seed=1, num_frames=9, fps=9) for motion in (0.5, 1.0, 1.75)
        )
        spans = [
            max(float(np.ptp(curve)) for curve in (path.zoom, path.x, path.y, path.turn))
            for path in (low, medium, high)
        ]
        assert spans == sorted(spans)
        assert spans[0] < spans[2]


def test_opposite_moves_on_one_axis_follow_each_other() -> None:
    path = trace([Move(Axis.ZOOM, 1), Move(Axis.ZOOM, -1)], motion=1.0, seed=1, num_frames=21, fps=10)
    assert path.zoom[0] == pytest.approx(path.zoom[-1])
    assert int(np.argmax(path.zoom)) == 10


@given(picture=st.tuples(SIDES, SIDES), resolution=st.sampled_from([256, 512, 768, 1024]))
def test_frames_have_even_sides_and_the_picture_s_shape(picture: Size, resolution: int) -> None:
    width, height = frame_size(picture, Parameters("camera", "", 1, 8, 8, resolution), 2)
    assert width % 2 == height % 2 == 0
    assert min(width, height) == resolution
    asked = min(max(picture[0] / picture[1], 1 / 4), 4)
    assert width / height == pytest.approx(asked, rel=1.01 / resolution + 1e-9)


def test_given_sides_override_the_shape() -> None:
    both = Parameters("camera", "", 1, 8, 8, 512, width=640, height=360)
    assert frame_size((1000, 1000), both, 2) == (640, 360)
    assert frame_size((1000, 500), Parameters("camera", "", 1, 8, 8, 512, width=601), 2) == (600, 300)
    assert frame_size((1000, 500), Parameters("camera", "", 1, 8, 8, 512, height=300), 2) == (600, 300)
