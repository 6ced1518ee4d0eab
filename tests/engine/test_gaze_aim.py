"""Where the camera goes over a picture of which it is known what matters: laws, over any regions."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unstill_engine.renderers.camera.moves import GENTLE, Axis, Move
from unstill_engine.renderers.camera.path import trace
from unstill_engine.renderers.camera.views import View, lay
from unstill_engine.renderers.camera.words import direct
from unstill_engine.renderers.framing import Size
from unstill_engine.renderers.gaze import Gaze, Kind, Region

SIDES = st.integers(min_value=64, max_value=2048)
FRAMES = st.sampled_from([(512, 512), (768, 512), (512, 910), (288, 512)])
SEEDS = st.integers(min_value=0, max_value=2**32 - 1)
EDGES = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted).filter(lambda edges: edges[1] - edges[0] > 0.01)
PARTS = st.lists(
    st.tuples(EDGES, EDGES, st.sampled_from([0.2, 0.5, 1.0]), st.sampled_from(list(Kind))), min_size=1, max_size=8
)
#: A region is found no more exactly than to this part of a frame's side.
EXACTLY = 0.0051


def gaze_of(picture: Size, parts: list[tuple[list[float], list[float], float, Kind]]) -> Gaze:
    width, height = picture
    regions = tuple(
        Region(x[0] * width, y[0] * height, x[1] * width, y[1] * height, weight, kind) for x, y, weight, kind in parts
    )
    return Gaze(picture, regions, np.ones((1, 1), np.float32))


def shows(view: View, region: Region, frame: Size, exactly: float = EXACTLY) -> bool:
    """Whether all four corners of a region are in the frame, or miss it by less than a region is found exactly."""
    (a, b, c), (d, e, f) = view.affine(frame)
    corners = np.array([(x, y) for x in (region.left, region.right) for y in (region.top, region.bottom)])
    there = np.linalg.solve([[a, b], [d, e]], (corners - [c, f]).T).T
    most = max(frame) * exactly
    return bool((there >= -most).all() and (there <= np.array(frame) + most).all())


def views_of(words: str, gaze: Gaze, frame: Size, seed: int = 1) -> list[View]:
    path = trace(direct(words, ""), motion=1.0, seed=seed, num_frames=24, fps=12)
    return lay(path, gaze.size, frame, gaze)


@settings(max_examples=150, deadline=None)
@given(parts=PARTS, picture=st.tuples(SIDES, SIDES), frame=FRAMES, seed=SEEDS)
def test_a_move_that_nobody_asked_for_cuts_off_nothing_that_matters(
    parts: list[tuple[list[float], list[float], float, Kind]], picture: Size, frame: Size, seed: int
) -> None:
    # Given any picture with anything in it that matters, and words that say nothing of a camera
    gaze = gaze_of(picture, parts)
    # When the camera moves as it does by itself
    views = views_of("waves", gaze, frame, seed)
    # Then what mattered at the start is there in every frame,
    for region in gaze.regions:
        if shows(views[0], region, frame, 0.0):
            assert all(shows(view, region, frame) for view in views)
    # and no frame shows anything outside the picture.
    seen = np.array([corner for view in views for corner in view.corners(frame)]) / max(picture)
    assert seen.min() > -1e-9
    assert (seen.max(axis=0) < np.array(picture) / max(picture) + 1e-9).all()


@settings(max_examples=100, deadline=None)
@given(
    across=st.floats(0, 0.7), down=st.floats(0, 0.7), words=st.sampled_from(["zoom in", "zoom in slowly", "push in"])
)
def test_a_zoom_that_was_asked_for_keeps_a_face_wherever_it_is(across: float, down: float, words: str) -> None:
    gaze = gaze_of((1600, 1000), [([across, across + 0.3], [down, down + 0.3], 1.0, Kind.FACE)])
    views = views_of(words, gaze, (512, 320))
    assert all(shows(view, gaze.regions[0], (512, 320)) for view in views)
    # It is as strong as over a picture in which nothing matters.
    plain = views_of(words, gaze_of((1600, 1000), []), (512, 320))
    assert [view.scale for view in views] == pytest.approx([view.scale for view in plain])


def test_a_zoom_that_was_asked_for_goes_less_far_before_it_cuts_a_face_but_is_made() -> None:
    frame = (512, 512)
    plain = views_of("zoom in", gaze_of((1000, 1000), []), frame)
    # Given a face that nearly fills the picture: the zoom is held back, and cuts nothing
    held = gaze_of((1000, 1000), [([0.06, 0.92], [0.06, 0.92], 1.0, Kind.FACE)])
    views = views_of("zoom in", held, frame)
    assert all(shows(view, held.regions[0], frame) for view in views)
    assert plain[-1].scale < views[-1].scale < views[0].scale * 0.95
    # Given one that fills it: the zoom is what the words ask for
    full = gaze_of((1000, 1000), [([0.0, 1.0], [0.0, 1.0], 1.0, Kind.FACE)])
    assert views_of("zoom in", full, frame)[-1].scale == pytest.approx(plain[-1].scale)
    # Given a number, it is that.
    numbered = views_of("zoom in 30%", held, frame)
    assert numbered[0].scale / numbered[-1].scale == pytest.approx(1.3, abs=0.01)


@pytest.mark.parametrize("words", ["zoom in", "zoom out"])
def test_the_frame_of_which_the_poster_is_made_has_all_faces(words: str) -> None:
    # Given faces for which a zoom is a little too strong
    gaze = gaze_of((1000, 1000), [([0.06, 0.3], [0.3, 0.6], 1.0, Kind.FACE), ([0.7, 0.92], [0.3, 0.6], 0.8, Kind.FACE)])
    # When the camera comes nearer or goes away, then they are there from the first frame to the last.
    views = views_of(words, gaze, (512, 512))
    assert all(shows(view, region, (512, 512)) for region in gaze.regions for view in views)
    assert abs(np.log(views[0].scale / views[-1].scale)) > 0.1


def test_of_two_faces_that_do_not_both_fit_the_heavier_stays() -> None:
    for heavier in (0, 1):
        weights = [1.0 if heavier == number else 0.4 for number in (0, 1)]
        gaze = gaze_of(
            (1000, 1000),
            [([0.0, 0.2], [0.3, 0.6], weights[0], Kind.FACE), ([0.8, 1.0], [0.3, 0.6], weights[1], Kind.FACE)],
        )
        last = views_of("crash zoom", gaze, (512, 512))[-1]
        assert shows(last, gaze.regions[heavier], (512, 512))
        assert not shows(last, gaze.regions[1 - heavier], (512, 512))


@pytest.mark.parametrize(("words", "axis"), [("pan left", 1), ("pan right", 1), ("tilt up", 0), ("tilt down", 0)])
def test_a_pan_keeps_on_its_other_side_what_matters(words: str, axis: int) -> None:
    # Given a caption at each of the two edges along which the camera does not go
    for at in (0.0, 0.94):
        edge, middle = [at, at + 0.06], [0.45, 0.55]
        gaze = gaze_of((1000, 1000), [(middle, edge, 1.0, Kind.TEXT) if axis else (edge, middle, 1.0, Kind.TEXT)])
        # When the camera goes along, then it is there in all frames
        assert all(shows(view, gaze.regions[0], (512, 512)) for view in views_of(words, gaze, (512, 512)))


@pytest.mark.parametrize("frame", [(512, 910), (910, 512), (512, 512)])
@pytest.mark.parametrize("words", ["static shot", "waves", "zoom in"])
@pytest.mark.parametrize("at", [0.0, 0.2, 0.7, 0.85])
def test_a_frame_of_another_shape_is_filled_with_what_matters(frame: Size, words: str, at: float) -> None:
    picture = (2000, 1000) if frame[0] <= frame[1] else (1000, 2000)
    part = [at, at + 0.15]
    gaze = gaze_of(
        picture, [(part, [0.2, 0.4], 1.0, Kind.FACE) if frame[0] <= frame[1] else ([0.2, 0.4], part, 1.0, Kind.FACE)]
    )
    assert all(shows(view, gaze.regions[0], frame) for view in views_of(words, gaze, frame))
    assert gaze.share_in(gaze.crop_box(frame)) == 1.0


def test_what_nobody_asked_for_still_depends_on_the_seed() -> None:
    gaze = gaze_of((1600, 1000), [([0.2, 0.4], [0.2, 0.4], 1.0, Kind.FACE)])
    ends = {
        (round(views[-1].x), round(views[-1].y))
        for views in (views_of("", gaze, (512, 320), seed) for seed in range(8))
    }
    assert len(ends) > 1


def test_the_gentle_moves_are_the_only_ones_that_nobody_asked_for() -> None:
    assert not any(move.asked for move in GENTLE)
    assert all(move.asked for words in ("zoom in", "pan", "handheld", "ken burns") for move in direct(words, ""))
    assert Move(Axis.ZOOM).asked


def test_a_crop_says_how_much_of_what_matters_it_holds() -> None:
    parts = [([0.0, 0.2], [0.4, 0.6], 1.0, Kind.FACE), ([0.8, 1.0], [0.4, 0.6], 0.5, Kind.FACE)]
    gaze = gaze_of((1000, 400), parts)
    box = gaze.crop_box((512, 512))
    # The heavier of the two is in the square, and the other is not.
    assert box[0] == 0
    assert gaze.share_in(box) == pytest.approx(2 / 3)
    assert gaze.share_in((0, 0, 1000, 400)) == 1.0
    assert Gaze.nowhere((10, 10)).share_in((0, 0, 1, 1)) == 1.0
