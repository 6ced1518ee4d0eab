"""The clip keeps the photo's shape; where something has to go, the part with more to see stays."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.engine.i2vgen_tiny import noisy_photo, parameters, tiny_renderer

from unstill_config.catalog import Catalog
from unstill_engine.renderers.base import Photos
from unstill_engine.renderers.framing import Size, frame_size
from unstill_engine.renderers.gaze import look
from unstill_engine.renderers.i2vgen_xl import shapes
from unstill_engine.renderers.i2vgen_xl.shapes import covering, crop

MODEL = Catalog.load().models["i2vgen-xl"]
MULTIPLE, ASPECT_MOST = MODEL.size_multiple, MODEL.aspect_most
sides = st.integers(16, 6000)


def size_for(photo: Size, resolution: int) -> Size:
    return frame_size(photo, parameters(resolution=resolution), MULTIPLE, aspect_most=ASPECT_MOST)


@pytest.mark.parametrize(
    ("photo", "resolution", "wanted"),
    [
        ((1000, 1000), 512, (512, 512)),
        ((4032, 3024), 512, (704, 512)),
        ((3024, 4032), 512, (512, 704)),
        ((1920, 1080), 512, (896, 512)),
        ((1080, 1920), 768, (768, 1344)),
        ((6000, 1000), 512, (1024, 512)),
        ((1000, 900), 1024, (1152, 1024)),
    ],
)
def test_the_frame_has_the_photos_shape(photo: tuple[int, int], resolution: int, wanted: tuple[int, int]) -> None:
    assert size_for(photo, resolution) == wanted


@settings(deadline=None, max_examples=60)
@given(sides, sides, st.sampled_from([512, 768, 1024]))
def test_every_photo_gets_a_frame_of_that_class(width: int, height: int, resolution: int) -> None:
    frame = size_for((width, height), resolution)

    assert min(frame) == resolution
    assert max(frame) <= ASPECT_MOST * resolution
    assert all(side % MULTIPLE == 0 for side in frame)
    # no more is cropped than the multiple and the longest shape make necessary
    aspect = min(max(width / height, height / width), ASPECT_MOST)
    assert abs(max(frame) - resolution * aspect) <= MULTIPLE / 2


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 700), st.integers(1, 700), st.integers(1, 12), st.integers(1, 12))
def test_the_crop_is_as_large_as_can_be_and_inside_the_photo(width: int, height: int, across: int, down: int) -> None:
    photo = Image.new("RGB", (width, height), "teal")
    frame = (across * MULTIPLE, down * MULTIPLE)

    left, top, right, bottom = look(photo).crop_box(frame)

    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    assert right - left == width or bottom - top == height
    assert abs((right - left) * frame[1] - (bottom - top) * frame[0]) <= max(frame)


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("upright", [False, True])
def test_the_part_with_more_detail_stays(mirrored: bool, upright: bool) -> None:
    # Given a photo that is three times as long as its frame, all of its detail near one end
    pixels = np.full((100, 300, 3), 120, np.uint8)
    pixels[20:80, 20:80] = np.random.default_rng(1).integers(0, 256, (60, 60, 3))
    pixels = pixels[:, ::-1] if mirrored else pixels
    photo = Image.fromarray(np.ascontiguousarray(pixels.transpose(1, 0, 2) if upright else pixels))
    # When it is cropped to a square
    kept = np.asarray(crop(photo, (64, 64)))
    # Then all of that is still there
    assert kept.shape == (100, 100, 3)
    assert (kept != 120).any(axis=2).sum() == pytest.approx(60 * 60, abs=5)


def test_where_nothing_stands_out_the_middle_stays() -> None:
    noise = Image.fromarray(np.random.default_rng(2).integers(0, 256, (100, 300, 3), np.uint8))
    for photo in (Image.new("RGB", (300, 100), "teal"), noise):
        left, _, right, _ = look(photo).crop_box((64, 64))
        assert (left + right) / 2 == pytest.approx(150, abs=40)


def test_the_same_photo_is_cropped_in_the_same_way() -> None:
    photo = Image.effect_noise((400, 150), 80).convert("RGB")
    assert look(photo).crop_box((512, 512)) == look(photo.copy()).crop_box((512, 512))


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 3), st.integers(1, 3))
def test_what_covers_a_size_has_it_and_no_edge_of_nothing(width: int, height: int, across: int, down: int) -> None:
    size = (across * MULTIPLE, down * MULTIPLE)
    photo = Image.new("RGB", (width, height), "white")

    brought = covering(photo, size)

    assert brought.size == size
    assert brought.getextrema() == ((255, 255), (255, 255), (255, 255))


def test_a_photo_that_is_kept_whole_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(photo: Image.Image) -> None:
        raise AssertionError("There is nothing to choose.")

    monkeypatch.setattr(shapes, "look", refuse)
    for size in ((1024, 1024), (300, 300)):
        photo = Image.effect_noise(size, 80).convert("RGB")
        assert np.array_equal(np.asarray(crop(photo, (512, 512))), np.asarray(photo))
    with pytest.raises(AssertionError, match="nothing to choose"):
        crop(Image.new("RGB", (301, 300)), (512, 512))


def test_a_photo_that_has_its_size_stays_as_it_is() -> None:
    photo = Image.fromarray(np.random.default_rng(3).integers(0, 256, (64, 128, 3), np.uint8))
    assert np.array_equal(np.asarray(covering(crop(photo, (128, 64)), (128, 64))), np.asarray(photo))


@pytest.mark.parametrize(
    ("size", "percent"),
    [((720, 1600), "10"), ((1600, 200), "75"), ((640, 320), None), ((320, 640), None), ((650, 320), None)],
)
def test_what_a_clip_does_not_show_of_the_photo_is_said(
    tiny_i2vgen: Path, tmp_path: Path, size: Size, percent: str | None
) -> None:
    renderer = tiny_renderer(tiny_i2vgen, tmp_path)

    plan = renderer.plan(parameters(resolution=128), Photos(noisy_photo(tmp_path, size)))

    assert plan.notes == (() if percent is None else (f"cropped:percent={percent}",))
