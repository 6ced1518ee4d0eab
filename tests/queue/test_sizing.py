"""How large a frame is rendered for a photo."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstill_config.catalog import Catalog, Value
from unstill_queue.contract.jobs import Parameters
from unstill_queue.contract.resolving import resolve
from unstill_queue.contract.sizing import FRAMES_MOST, Size, seen_at_once, sized, uncropped

CATALOG = Catalog.load()
PHONE = (4032, 3024)


def rendered(options: Mapping[str, Value], photo: Size) -> Parameters:
    parameters, finish = resolve("waves", options, CATALOG, default_model="camera")
    return sized(parameters, finish, options, CATALOG, photo)


def short_side(parameters: Parameters) -> int:
    return min([side for side in (parameters.width, parameters.height) if side] or [parameters.resolution])


@pytest.mark.parametrize(
    ("options", "photo", "short"),
    [
        # the photo's own short side, up to 720
        ({}, PHONE, 720),
        ({}, (640, 480), 480),
        ({}, (300, 451), 300),
        # a number that is asked for holds
        ({"resolution": 512}, PHONE, 512),
        ({"resolution": 512}, (300, 200), 512),
        ({"resolution": 512, "preset": "quality"}, PHONE, 512),
        # a preset says its own, and not more than the photo has
        ({"preset": "standard"}, PHONE, 720),
        ({"preset": "preview"}, PHONE, 256),
        ({"preset": "quality"}, PHONE, 1080),
        ({"preset": "quality"}, (640, 480), 480),
        # a model that draws new pixels renders at its own size, whatever the photo has
        ({"model": "i2vgen-xl"}, PHONE, 512),
        ({"model": "i2vgen-xl"}, (300, 200), 512),
        # a shape between bars or before a backing: what it has room for
        ({"shape": "reels", "fill": "blur"}, PHONE, 810),
        ({"shape": "reels", "fill": "pad"}, (2000, 1000), 540),
        ({"shape": "square", "fill": "blur"}, PHONE, 810),
        ({"shape": "square", "fill": "blur"}, (800, 600), 600),
        ({"shape": "square", "fill": "blur", "resolution": 256}, PHONE, 256),
        # of a photo that is longer than a frame can be, what is seen at once
        ({}, (5792, 724), 720),
        ({"shape": "reels", "fill": "blur"}, (5792, 724), 270),
        ({"shape": "landscape", "fill": "pad"}, (724, 5792), 270),
    ],
)
def test_a_clip_in_the_photo_s_shape(options: dict[str, Value], photo: Size, short: int) -> None:
    made = rendered(options, photo)
    assert short_side(made) == short
    # and the other side follows from the photo
    assert made.width is None or made.height is None


@pytest.mark.parametrize("fill", ["", "crop"])
@pytest.mark.parametrize(
    ("options", "photo", "frame"),
    [
        # as many pixels as the finished clip has, or as the photo has of them
        ({"shape": "reels"}, PHONE, (1080, 1920)),
        ({"shape": "landscape"}, PHONE, (1920, 1080)),
        ({"shape": "square"}, (800, 600), (600, 600)),
        ({"shape": "reels"}, (2048, 1366), (768, 1366)),
        # as asked for
        ({"shape": "reels", "resolution": 256}, PHONE, (256, 456)),
        ({"shape": "reels", "preset": "preview"}, PHONE, (256, 456)),
        ({"shape": "reels", "preset": "quality"}, PHONE, (1080, 1920)),
        ({"shape": "landscape", "model": "i2vgen-xl"}, PHONE, (896, 512)),
        ({"shape": "reels", "model": "i2vgen-xl", "resolution": 768}, PHONE, (768, 1344)),
    ],
)
def test_a_clip_that_a_crop_fills_is_rendered_in_its_shape(
    options: dict[str, Value], photo: Size, frame: Size, fill: str
) -> None:
    made = rendered({**options, **({"fill": fill} if fill else {})}, photo)
    assert (made.width, made.height) == frame


SIDES = st.integers(16, 6000)


@given(
    SIDES, SIDES, st.sampled_from(["original", "reels", "square", "landscape"]), st.sampled_from(["", "pad", "blur"])
)
def test_the_camera_never_makes_up_pixels_unless_a_size_is_asked_for(
    width: int, height: int, shape: str, fill: str
) -> None:
    made = rendered({"shape": shape, **({"fill": fill} if fill else {})}, (width, height))
    # up to the even number that H.264 wants
    assert (made.width or 0) <= width + 1
    assert (made.height or 0) <= height + 1
    assert short_side(made) <= min(width, height) + 1


@pytest.mark.parametrize(
    ("options", "photo", "short"),
    [
        ({"shape": "reels"}, PHONE, 810),
        ({"shape": "reels"}, (2048, 1366), 720),
        ({"shape": "reels"}, (400, 300), 300),
        ({"shape": "reels", "resolution": 512}, PHONE, 512),
        ({"shape": "square", "model": "i2vgen-xl"}, PHONE, 512),
    ],
)
def test_where_a_crop_would_lose_what_matters_the_whole_photo_has_its_own_pixels(
    options: dict[str, Value], photo: Size, short: int
) -> None:
    shape = CATALOG.finishes[str(options["shape"])]
    whole = uncropped(rendered(options, photo), (shape.width or 0, shape.height or 0), photo)
    assert short_side(whole) == short
    assert whole.width is None or whole.height is None


def test_another_resolution_changes_a_frame_that_was_set_as_well() -> None:
    # a card with too little memory renders a smaller clip, in the same shape
    set_ = rendered({"shape": "reels", "model": "i2vgen-xl", "resolution": 1024}, PHONE)
    smaller = set_.at(512)
    assert (smaller.resolution, smaller.width, smaller.height) == (512, 512, 896)
    plain = msgspec.structs.replace(set_, width=None, height=None)
    assert plain.at(512) == msgspec.structs.replace(plain, resolution=512)


@given(
    st.integers(8, 480),
    st.tuples(SIDES, SIDES),
    st.sampled_from(list(CATALOG.finishes)),
    st.sampled_from(["", "pad", "blur"]),
    st.booleans(),
)
def test_the_frames_of_a_size_that_nobody_set_fit_on_an_engine_s_disk(
    num_frames: int, photo: Size, shape: str, fill: str, whole: bool
) -> None:
    made = rendered({"shape": shape, "num_frames": num_frames, **({"fill": fill} if fill else {})}, photo)
    finish = CATALOG.finishes[shape]
    if whole and finish.width and finish.height:
        made = uncropped(made, (finish.width, finish.height), seen_at_once(photo, CATALOG.models["camera"].aspect_most))
    aspect = min(max(photo) / min(photo), CATALOG.models["camera"].aspect_most)
    pixels = made.width * made.height if made.width and made.height else short_side(made) ** 2 * aspect
    # sides are rounded to whole, even pixels
    assert num_frames * pixels * 3 <= 1.03 * FRAMES_MOST
    # and what most people ask for is not held back
    if num_frames <= 200:
        assert FRAMES_MOST / 3 / num_frames >= 1080 * 1920
