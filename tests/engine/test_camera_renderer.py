"""The camera as a renderer: frames of real pictures."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from unstill_config.catalog import Catalog
from unstill_engine.renderers.base import Photos, RenderCancelled, RenderError
from unstill_engine.renderers.camera import Camera
from unstill_queue.contract.jobs import Parameters

SAMPLE = Path(__file__).parents[2] / "bots/unstill_bots/terminal/samples/lake.jpg"
KINDS = (
    "zoom in",
    "zoom out fast",
    "pan left",
    "tilt up",
    "rotate",
    "handheld",
    "orbit right",
    "still",
    "dolly zoom",
    "",
)


@pytest.fixture
def camera() -> Camera:
    made = Camera("camera", Catalog.load().models["camera"])
    made.load("cpu")
    return made


def asked(words: str, *, num_frames: int = 8, resolution: int = 128, seed: int = 5, motion: float = 1.0) -> Parameters:
    return Parameters("camera", words, seed, num_frames, 8, resolution, motion=motion)


def rendered(camera: Camera, parameters: Parameters, picture: Path) -> NDArray[np.uint8]:
    plan = camera.plan(parameters, Photos(picture))
    return np.concatenate(list(camera.render(plan, Photos(picture), lambda done, total: None, lambda: False)))


def saved(pixels: NDArray[np.uint8], path: Path) -> Path:
    Image.fromarray(pixels).save(path)
    return path


def dot_at(x: int, y: int, path: Path) -> Path:
    """A white dot in a black picture of 300 x 200."""
    v, u = np.mgrid[0:200, 0:300]
    light = 255 * np.exp(-(((u - x) / 9) ** 2) - ((v - y) / 9) ** 2)
    return saved(np.repeat(light[..., None], 3, axis=2).astype(np.uint8), path)


def place_of_dot(frame: NDArray[np.uint8]) -> tuple[float, float]:
    light = frame[..., 0].astype(float)
    v, u = np.mgrid[0 : light.shape[0], 0 : light.shape[1]]
    return float((u * light).sum() / light.sum()), float((v * light).sum() / light.sum())


@pytest.mark.parametrize("resolution", [128, 256])
@pytest.mark.parametrize("words", KINDS)
def test_nothing_outside_the_picture_is_ever_seen(camera: Camera, words: str, resolution: int, tmp_path: Path) -> None:
    # Given a white picture of an odd size, when the camera goes as far as it can
    picture = saved(np.full((173, 261, 3), 255, np.uint8), tmp_path / "white.png")
    frames = rendered(camera, asked(words, resolution=resolution, motion=1.75), picture)
    # Then no pixel is anything but white
    assert frames.min() == 255


@pytest.mark.parametrize(
    ("words", "axis", "sign"),
    [
        ("pan left", 0, 1),
        ("pan right", 0, -1),
        ("truck left", 0, 1),
        ("tilt up", 1, 1),
        ("tilt down", 1, -1),
        ("pedestal up", 1, 1),
    ],
)
def test_the_picture_goes_against_the_camera(camera: Camera, words: str, axis: int, sign: int, tmp_path: Path) -> None:
    frames = rendered(camera, asked(words), dot_at(150, 100, tmp_path / "dot.png"))
    moved = np.subtract(place_of_dot(frames[-1]), place_of_dot(frames[0]))
    assert moved[axis] * sign > 5
    assert abs(moved[1 - axis]) < 0.1


@pytest.mark.parametrize(("words", "sign"), [("rotate clockwise", 1), ("roll counter-clockwise", -1)])
def test_clockwise_is_as_seen(camera: Camera, words: str, sign: int, tmp_path: Path) -> None:
    frames = rendered(camera, asked(words), dot_at(150, 50, tmp_path / "above.png"))
    assert sign * (place_of_dot(frames[-1])[0] - place_of_dot(frames[0])[0]) > 2


@pytest.mark.parametrize(("words", "sign"), [("zoom in", 1), ("zoom out", -1)])
def test_zooming_in_takes_things_apart(camera: Camera, words: str, sign: int, tmp_path: Path) -> None:
    # Given two dots
    with (
        Image.open(dot_at(110, 100, tmp_path / "one.png")) as one,
        Image.open(dot_at(190, 100, tmp_path / "two.png")) as two,
    ):
        both = saved(np.maximum(np.asarray(one), np.asarray(two)), tmp_path / "both.png")
    frames = rendered(camera, asked(words), both)
    # When the camera comes nearer, then they part
    first, last = (float(np.ptp(np.flatnonzero(frame[..., 0].max(axis=0) > 128))) for frame in (frames[0], frames[-1]))
    assert sign * (last - first) > 8


@pytest.mark.parametrize("words", ["zoom in", "zoom out", ""])
def test_a_zoom_goes_to_what_stands_out(camera: Camera, words: str, tmp_path: Path) -> None:
    # Given a dot near an edge, at which the middle's zoom would leave it where it is or lose it
    frames = rendered(camera, asked(words, num_frames=12), dot_at(255, 40, tmp_path / "corner.png"))
    near, far = (frames[0], frames[-1]) if words == "zoom out" else (frames[-1], frames[0])
    middle = np.array(near.shape[1::-1]) / 2
    # Then it is nearer to the middle where the camera is nearer.
    from_middle = [np.abs(np.array(place_of_dot(frame)) - middle).sum() for frame in (near, far)]
    assert from_middle[0] < from_middle[1] - 2


def test_a_still_camera_shows_the_picture_itself(camera: Camera) -> None:
    frames = rendered(camera, asked("still", resolution=256), SAMPLE)
    with Image.open(SAMPLE) as image:
        whole = np.asarray(image.convert("RGB").resize((384, 256), Image.Resampling.LANCZOS))
    assert all(np.array_equal(frame, frames[0]) for frame in frames)
    assert np.abs(frames[0].astype(int) - whole).mean() < 1.0


@pytest.mark.parametrize("words", ["", "handheld", "pan", "rotate", "shake"])
def test_the_same_seed_gives_the_same_frames(camera: Camera, words: str) -> None:
    first = rendered(camera, asked(words, num_frames=12, seed=7), SAMPLE)
    assert np.array_equal(first, rendered(camera, asked(words, num_frames=12, seed=7), SAMPLE))
    others = [rendered(camera, asked(words, num_frames=12, seed=seed), SAMPLE) for seed in (1, 2, 3, 4)]
    assert any(not np.array_equal(first, other) for other in others)


def test_chunks_are_small_and_steps_are_told_one_by_one(camera: Camera) -> None:
    plan = camera.plan(asked("zoom in", num_frames=21), Photos(SAMPLE))
    steps: list[tuple[int, int]] = []
    chunks = list(camera.render(plan, Photos(SAMPLE), lambda done, total: steps.append((done, total)), lambda: False))
    assert [len(chunk) for chunk in chunks] == [8, 8, 5]
    assert {chunk.shape[1:] for chunk in chunks} == {(plan.height, plan.width, 3)}
    assert {chunk.dtype for chunk in chunks} == {np.dtype(np.uint8)}
    assert steps == [(done, 21) for done in range(1, 22)]


def test_memory_does_not_grow_with_the_length(camera: Camera) -> None:
    plan = camera.plan(asked("rotate", num_frames=300), Photos(SAMPLE))
    peaks = []
    tracemalloc.start()
    try:
        for number, _ in enumerate(camera.render(plan, Photos(SAMPLE), lambda done, total: None, lambda: False)):
            if number == 0:
                # The look at the photo is over.
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
        peaks.append(tracemalloc.get_traced_memory()[1])
    finally:
        tracemalloc.stop()
    assert peaks[0] < plan.memory
    assert peaks[1] < 60 * plan.width * plan.height * 3


def test_a_cancel_is_obeyed_before_the_next_frame(camera: Camera) -> None:
    plan = camera.plan(asked("zoom in", num_frames=200), Photos(SAMPLE))
    done = 0

    def step(number: int, total: int) -> None:
        nonlocal done
        done = number

    with pytest.raises(RenderCancelled):
        list(camera.render(plan, Photos(SAMPLE), step, lambda: done >= 11))
    assert done == 11


def test_a_render_that_nobody_reads_on_ends(camera: Camera) -> None:
    plan = camera.plan(asked("pan left", num_frames=200), Photos(SAMPLE))
    chunks = camera.render(plan, Photos(SAMPLE), lambda done, total: None, lambda: False)
    assert len(next(iter(chunks))) == 8
    chunks.close()  # type: ignore[attr-defined]  # a generator, as every renderer's is
    assert list(chunks) == []


def test_a_photo_that_is_gone_is_told(camera: Camera, tmp_path: Path) -> None:
    with pytest.raises(RenderError, match=r"gone\.jpg") as told:
        camera.plan(asked("zoom in"), Photos(tmp_path / "gone.jpg"))
    assert told.value.code == "picture_gone"


def test_what_is_no_picture_is_told(camera: Camera, tmp_path: Path) -> None:
    text = tmp_path / "words.jpg"
    text.write_bytes(b"ffconcat version 1.0\nfile /etc/passwd\n")
    with pytest.raises(RenderError) as told:
        camera.plan(asked("zoom in"), Photos(text))
    assert told.value.code == "picture_unreadable"


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_half_a_picture_is_told(camera: Camera, kind: str, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    with Image.open(SAMPLE) as image:
        image.resize((400, 267)).save(whole, kind)
    half = tmp_path / "half"
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    plan = camera.plan(asked("zoom in"), Photos(half))
    with pytest.raises(RenderError) as told:
        list(camera.render(plan, Photos(half), lambda done, total: None, lambda: False))
    assert told.value.code == "picture_unreadable"


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2048, 3), (17, 11)])
def test_any_shape_of_picture_can_be_filmed(camera: Camera, size: tuple[int, int], tmp_path: Path) -> None:
    picture = saved(np.full((size[1], size[0], 3), 90, np.uint8), tmp_path / "odd.png")
    frames = rendered(camera, asked("zoom in, rotate"), picture)
    assert len(frames) == 8
    assert frames.min() == frames.max() == 90


def test_the_plan_says_what_will_be(camera: Camera) -> None:
    small = camera.plan(asked("zoom in", num_frames=16, resolution=256), Photos(SAMPLE))
    large = camera.plan(asked("zoom in", num_frames=72, resolution=1024), Photos(SAMPLE))
    assert (small.width, small.height, small.num_frames, small.fps) == (384, 256, 16, 8)
    assert 0 < small.seconds < large.seconds
    assert 1600 * 1067 * 4 < small.memory < large.memory < 2**30
