"""The depth renderer on pictures whose depth is known, by a network that reads it out of them."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import cv2
import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from tests.engine.depth_tiny import FILE, entry, network, saved

from unstill_config.catalog import Catalog
from unstill_engine.renderers.base import Photos, Plan, RenderCancelled, RenderError
from unstill_engine.renderers.camera import Camera
from unstill_engine.renderers.camera.views import View
from unstill_engine.renderers.depth import Depth, renderer, scene
from unstill_engine.renderers.depth.parallax import Eye, kept_inside, seen
from unstill_engine.renderers.depth.scene import subject
from unstill_engine.renderers.framing import own_pixels
from unstill_engine.renderers.gaze import look
from unstill_engine.renderers.photo import load_photo
from unstill_queue.contract.jobs import Parameters

Floats = NDArray[np.float64]

WIDTH, HEIGHT = 960, 640
FAR, NEAR = 0.25, 0.85
SQUARE = slice(220, 460), slice(360, 600)
"""Where the near square stands in the picture: its rows and its columns."""
MOVES = ("", "pan left", "tilt up", "zoom in", "zoom out fast", "pan right, zoom in", "rotate, zoom in", "handheld")


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return network(tmp_path_factory.mktemp("weights") / FILE).parents[1]


@pytest.fixture(scope="module")
def depth(weights: Path) -> Depth:
    made = Depth("depth", entry(weights))
    made.load("cpu")
    return made


def asked(words: str, *, num_frames: int = 8, resolution: int = 512, seed: int = 5, motion: float = 1.0) -> Parameters:
    return Parameters("depth", words, seed, num_frames, 8, resolution, motion=motion)


def rendered(renderer: Camera, parameters: Parameters, picture: Path) -> tuple[Plan, NDArray[np.uint8]]:
    plan = renderer.plan(parameters, Photos(picture))
    return plan, np.concatenate(list(renderer.render(plan, Photos(picture), lambda done, total: None, lambda: False)))


def grid() -> tuple[Floats, Floats]:
    """The middles of a picture's pixels: y and x."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(float)
    return y + 0.5, x + 0.5


def square_before_a_wall() -> Floats:
    near = np.full((HEIGHT, WIDTH), FAR)
    near[SQUARE] = NEAR
    return near


def texture(seed: int, fine: int) -> Floats:
    small = np.random.default_rng(seed).integers(40, 216, (HEIGHT // fine, WIDTH // fine)).astype(np.uint8)
    return np.asarray(Image.fromarray(small).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), float)


class Truth:
    """What a pinhole camera sees, computed from its place: x' = (x - t_x / z) / (1 - t_z / z), and so for y."""

    def __init__(self, renderer: Depth, plan: Plan, picture: Path, nearness: Floats) -> None:
        image = own_pixels(load_photo(picture), (plan.width, plan.height))
        gaze = look(image)
        self.frame = plan.width, plan.height
        self.views = renderer._views(plan.parameters, image.size, self.frame, gaze)
        self.eye = Eye.of(self.views, self.frame)
        # depth is known up to a scale and an offset; by what the picture holds, the farthest is 0 and the nearest 1
        self.far, self.near = np.percentile(nearness, (1, 99))
        self.subject = subject(self.scaled(nearness).astype(np.float32), gaze)

    def scaled(self, near: float | Floats) -> Floats:
        return np.asarray(np.clip((near - self.far) / (self.near - self.far), 0, 1))

    def seen(self, view: View, x: float | Floats, y: float | Floats, near: float | Floats) -> tuple[Floats, Floats]:
        """Where in the frame a point of the picture is seen that is so near."""
        inverse = 1 + self.eye.strength * (self.scaled(near) - self.subject)
        forward = 1 - view.scale / self.eye.scale
        across, down = (
            (at - origin - (now - origin) * inverse) / (1 - forward * inverse) / self.eye.scale
            for at, origin, now in ((x, self.eye.x, view.x), (y, self.eye.y, view.y))
        )
        turn = np.radians(view.turn)
        return (
            np.asarray(across * np.cos(turn) - down * np.sin(turn) + self.frame[0] / 2),
            np.asarray(across * np.sin(turn) + down * np.cos(turn) + self.frame[1] / 2),
        )


def centre(light: Floats) -> tuple[float, float]:
    y, x = np.mgrid[0 : light.shape[0], 0 : light.shape[1]]
    return float((light * (x + 0.5)).sum() / light.sum()), float((light * (y + 0.5)).sum() / light.sum())


@pytest.mark.parametrize("words", MOVES)
def test_what_is_near_moves_past_what_is_far_as_a_real_camera_would_see_it(
    depth: Depth, words: str, tmp_path: Path
) -> None:
    # Given a green dot on a square that stands before a wall, and a red one on the wall
    y, x = grid()
    near, far = (560.0, 420.0), (480.0, 130.0)
    red, green = (255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 8**2) for at in (far, near))
    picture = saved(red, green, square_before_a_wall(), tmp_path / "dots.png")

    # When the camera moves
    plan, frames = rendered(depth, asked(words), picture)

    # Then each dot is where a pinhole camera sees it, within a pixel
    truth = Truth(depth, plan, picture, square_before_a_wall())
    past = []
    for view, frame in zip(truth.views, frames, strict=True):
        found = [centre(frame[..., channel].astype(float)) for channel in (0, 1)]
        wanted = [truth.seen(view, *far, FAR), truth.seen(view, *near, NEAR)]
        assert np.hypot(*(np.array(found) - np.array(wanted)).T).max() <= 1.0
        past.append(np.subtract(found[1], truth.seen(view, *near, FAR)))
    # And what is near goes past the wall behind it by 8 pixels, but where a hand only shakes
    assert np.hypot(*np.ptp(past, axis=0)) >= (1.0 if words == "handheld" else 8.0)


@pytest.mark.parametrize("along", [-0.25, 0.25])
def test_a_dot_on_a_steep_slope_is_where_a_real_camera_sees_it(depth: Depth, along: float, tmp_path: Path) -> None:
    # Given a slope from far to near within a quarter of the picture, and a dot on it
    steep, (y, x) = 160, grid()
    near = np.clip(0.5 + (y - HEIGHT / 2) / steep, 0.05, 0.95)
    at = 480.0, HEIGHT / 2 + along * steep
    red = 255 * np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 8**2)
    picture = saved(red, 0 * red, near, tmp_path / "slope.png")
    # When the camera goes over it as far as it can
    plan, frames = rendered(depth, asked("tilt up", motion=1.75), picture)
    # Then the dot is in its place to a part of a pixel, which one or two rounds of the search do not find
    truth = Truth(depth, plan, picture, near)
    for view, frame in zip(truth.views, frames, strict=True):
        found = np.array(centre(frame[..., 0].astype(float)))
        assert np.hypot(*(found - np.array(truth.seen(view, *at, 0.5 + along)))) <= 0.2


@pytest.mark.parametrize("words", MOVES)
def test_no_pixel_is_left_uncovered_and_nothing_outside_the_photo_is_seen(
    depth: Depth, words: str, tmp_path: Path
) -> None:
    # Given a picture whose red and green are full everywhere, when the camera goes as far as it can
    full = np.full((HEIGHT, WIDTH), 255.0)
    picture = saved(full, full, square_before_a_wall(), tmp_path / "full.png")
    _, frames = rendered(depth, asked(words, resolution=256, motion=1.75), picture)
    # Then so are they in all frames
    assert frames[..., :2].min() == 255


@given(st.integers(0, 10**6), st.sampled_from(MOVES), st.sampled_from([(173, 261), (300, 90), (64, 400), (20, 33)]))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_depth_covers_all_frames(
    depth: Depth, tmp_path: Path, seed: int, words: str, size: tuple[int, int]
) -> None:
    # Given things at any depths before each other, in pictures of any shape
    rng = np.random.default_rng(seed)
    pixels = np.full((*size, 3), 255, np.uint8)
    top, bottom = rng.integers(0, 256, 2)
    pixels[..., 2] = np.linspace(int(top), int(bottom), size[0])[:, None]
    for _ in range(rng.integers(0, 12)):
        top, left = rng.integers(0, size)
        pixels[top : top + rng.integers(1, size[0]), left : left + rng.integers(1, size[1]), 2] = rng.integers(0, 256)
    picture = tmp_path / "any.png"
    Image.fromarray(pixels).save(picture)
    # When the camera moves, then no pixel shows anything else than the picture
    _, frames = rendered(depth, asked(words, resolution=128, seed=seed, motion=1.75), picture)
    assert frames[..., :2].min() == 255


@pytest.mark.parametrize("blurred", [0.0, 4.0])
@pytest.mark.parametrize("words", ["pan left", "zoom in", "tilt up"])
def test_edges_are_no_rubber(depth: Depth, words: str, blurred: float, tmp_path: Path) -> None:
    # Given a green square before a red wall of fine lines, and a network that is sure of its edges, or not
    y, x = grid()
    near = square_before_a_wall()
    red = np.where(near == NEAR, 0, 128 + 100 * np.sin(x / 2.5) * np.sin(y / 2.5))
    told = np.asarray(cv2.GaussianBlur(near, (0, 0), blurred) if blurred else near, float)
    picture = saved(red, np.where(near == NEAR, 220.0, 0.0), told, tmp_path / "square.png")
    plan, frames = rendered(depth, asked(words), picture)
    truth = Truth(depth, plan, picture, near)

    for view, frame in zip(truth.views, frames, strict=True):
        # Then the square's sides are where they belong, and go over into the wall within three pixels
        (left, right), (top, bottom) = truth.seen(view, np.array([360.0, 600.0]), np.array([220.0, 460.0]), NEAR)
        middle = round((top + bottom) / 2)
        green = frame[middle, :, 1].astype(float)
        inside = np.flatnonzero(green > 110)
        assert abs(inside[0] - left) <= 1.0 and abs(inside[-1] + 1 - right) <= 1.0
        assert ((green > 15) & (green < 205)).sum() <= 6
        # And nothing of the square is left behind on the wall, nor of the wall on the square
        assert green[: int(left) - 2].max() <= 8 and green[int(right) + 3 :].max() <= 8
        assert frame[middle, int(left) + 3 : int(right) - 2, 0].max() <= 8


def test_a_thing_before_a_thing_before_a_wall_has_edges_of_its_own(depth: Depth, tmp_path: Path) -> None:
    # Given a green square before a red one before a black wall
    near = np.full((HEIGHT, WIDTH), 0.1)
    near[120:560, 240:720] = 0.5
    near[SQUARE] = 0.9
    picture = saved(np.where(near == 0.5, 220.0, 0), np.where(near == 0.9, 220.0, 0), near, tmp_path / "three.png")
    plan, frames = rendered(depth, asked("pan left"), picture)
    truth = Truth(depth, plan, picture, near)
    middle = frames.shape[1] // 2
    for view, frame in zip(truth.views, frames, strict=True):
        # Then the sides of both are where they belong, and neither is drawn out
        for channel, sides, at in ((0, (240.0, 720.0), 0.5), (1, (360.0, 600.0), 0.9)):
            row = frame[middle, :, channel].astype(float)
            left, right = truth.seen(view, np.array(sides), np.array([340.0, 340.0]), at)[0]
            found = np.flatnonzero(row > 110)
            assert abs(found[0] - left) <= 1.0 and abs(found[-1] + 1 - right) <= 1.0
            # two sides of the green one, and four of the red
            assert ((row > 15) & (row < 205)).sum() <= (6 if channel else 12)


@pytest.mark.parametrize("words", ["pan left", "zoom in", "tilt up, zoom out"])
def test_ground_that_goes_from_near_to_far_is_whole_though_something_stands_on_it(
    depth: Depth, words: str, tmp_path: Path
) -> None:
    # Given ground that comes nearer to the bottom, and a thing on it as near as the ground below its foot
    y, x = grid()
    near = 0.1 + 0.8 * y / HEIGHT
    stands = (np.abs(x - 480) < 90) & (np.abs(y - 330) < 150)
    near = np.where(stands, 0.1 + 0.8 * 480 / HEIGHT, near)
    red, green = np.where(stands, 0, texture(1, 5)), np.where(stands, 255, 0)
    picture = saved(red, green, near, tmp_path / "ground.png")
    plan, frames = rendered(depth, asked(words), picture)

    # Then the ground is what a pinhole camera sees of it, also where it was cut, but for what the thing had hidden
    truth = Truth(depth, plan, picture, near)
    pixels = np.asarray(load_photo(picture), np.float32)
    v, u = np.mgrid[0 : plan.height, 0 : plan.width].astype(float) + 0.5
    for view, frame in zip(truth.views, frames, strict=True):
        (a, b, c), (d, e, f) = view.affine(truth.frame)
        flat = a * u + b * v + c, d * u + e * v + f
        shift = truth.eye.shift(view, *flat)
        sx, sy = flat
        for _ in range(60):
            nearer = truth.eye.strength * (truth.scaled(0.1 + 0.8 * sy / HEIGHT) - truth.subject)
            sx, sy = flat[0] + nearer * shift[0], flat[1] + nearer * shift[1]
        wanted = cv2.remap(pixels, (sx - 0.5).astype(np.float32), (sy - 0.5).astype(np.float32), cv2.INTER_CUBIC)
        blurred = cv2.GaussianBlur(frame.astype(np.float32), (0, 0), 1.5)
        ground = cv2.dilate(np.maximum(frame[..., 1], wanted[..., 1]), np.ones((75, 75))) < 4
        off = np.abs(blurred - cv2.GaussianBlur(wanted, (0, 0), 1.5))[..., 0]
        assert ground.mean() > 0.4
        assert off[ground].mean() <= 1 and np.percentile(off[ground], 99.9) <= 8
        # and in no row, as a seam along a cut would be
        assert np.average(off, 1, ground + 1e-9)[ground.sum(1) > 50].max() <= 3


def test_the_same_seed_is_the_same_clip_and_each_frame_is_a_step(depth: Depth, weights: Path, tmp_path: Path) -> None:
    picture = saved(texture(1, 12), texture(2, 20), square_before_a_wall(), tmp_path / "a.png")
    steps: list[tuple[int, int]] = []
    parameters = asked("", resolution=256, num_frames=12)
    plan = depth.plan(parameters, Photos(picture))
    chunks = list(depth.render(plan, Photos(picture), lambda done, total: steps.append((done, total)), lambda: False))
    assert steps == [(done, 12) for done in range(1, 13)]
    assert all(chunk.dtype == np.uint8 and chunk.shape[1:] == (plan.height, plan.width, 3) for chunk in chunks)

    # another process would be another object
    other = Depth("depth", entry(weights))
    other.load("cpu")
    assert np.array_equal(rendered(other, parameters, picture)[1], np.concatenate(chunks))
    assert not np.array_equal(rendered(depth, msgspec.structs.replace(parameters, seed=6), picture)[1],
                              np.concatenate(chunks))  # fmt: skip


def test_it_ends_between_frames_when_nobody_wants_it_any_more(depth: Depth, tmp_path: Path) -> None:
    picture = saved(texture(1, 12), texture(2, 20), square_before_a_wall(), tmp_path / "a.png")
    plan = depth.plan(asked("pan left", resolution=256, num_frames=40), Photos(picture))
    steps: list[int] = []
    with pytest.raises(RenderCancelled):
        for _ in depth.render(plan, Photos(picture), lambda done, _: steps.append(done), lambda: len(steps) >= 3):
            pass
    assert steps == [1, 2, 3]


def test_where_the_network_sees_no_depth_it_is_the_camera_over_a_flat_photo(depth: Depth, tmp_path: Path) -> None:
    # Given a photo in which all is as near
    picture = saved(texture(1, 12), texture(2, 20), np.full((HEIGHT, WIDTH), 0.5), tmp_path / "flat.png")
    camera = Camera("camera", Catalog.load().models["camera"])
    camera.load("cpu")
    for words in ("zoom in", "rotate"):
        parameters = asked(words, resolution=256)
        flat = rendered(camera, msgspec.structs.replace(parameters, model="camera"), picture)[1].astype(float)
        deep = rendered(depth, parameters, picture)[1].astype(float)
        # Then it shows what the camera does, as nothing has to be kept free for what moves more
        assert np.abs(flat - deep).mean() <= 3


def test_a_move_stays_within_the_photo_and_a_still_camera_shows_all_of_it() -> None:
    frame = (192, 128)
    views = [View(480 + dx, 320, 3.75, 0) for dx in (-120, 0, 120)]
    inner = kept_inside(views, (WIDTH, HEIGHT), frame)
    assert 0.8 < inner[0].scale / views[0].scale < 1
    # at no depth is anything seen beyond its edges, and at one of them it comes near to that
    left, top, right, bottom = seen(Eye.of(inner, frame), inner, frame)
    assert min(left, top) >= -1e-6 and right <= WIDTH + 1e-6 and bottom <= HEIGHT + 1e-6
    assert min(left, WIDTH - right, top, HEIGHT - bottom) < 1
    still = [View(480, 320, 5, 0)] * 3
    assert kept_inside(still, (WIDTH, HEIGHT), frame) == still


def test_a_render_takes_no_more_memory_than_planned(depth: Depth, tmp_path: Path) -> None:
    picture = saved(texture(1, 12), texture(2, 20), square_before_a_wall(), tmp_path / "a.png")
    plan = depth.plan(asked("pan left, zoom in", resolution=512), Photos(picture))
    tracemalloc.start()
    for _ in depth.render(plan, Photos(picture), lambda done, total: None, lambda: False):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < plan.memory


@pytest.mark.parametrize("words", ["", "rotate"])
def test_a_panorama_takes_no_more_than_an_engine_of_compose_has(depth: Depth, words: str, tmp_path: Path) -> None:
    # Given the longest photo that is taken, and the largest clip of it
    picture = tmp_path / "long.png"
    Image.new("RGB", (4000, 250)).save(picture)
    plan = depth.plan(asked(words, resolution=1080, num_frames=120), Photos(picture))
    # Then its render has room beside raw frames in memory
    assert plan.width == 4320 and plan.memory < 3e9


def test_a_coarser_copy_of_a_panorama_covers_all_frames_too(
    depth: Depth, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given room for a copy of far fewer pixels than a frame would have it, and a panorama whose red and green are full
    for module in (scene, renderer):
        monkeypatch.setattr(module, "FINE_MOST", 100_000)
    full = np.full((60, 960), 255.0)
    near = np.full((60, 960), FAR)
    near[20:50, 300:400] = NEAR
    picture = saved(full, full, near, tmp_path / "long.png")
    # When the camera goes along it, then all of its frames are of the photo
    plan, frames = rendered(depth, asked("", resolution=128, motion=1.75), picture)
    assert frames[..., :2].min() == 255
    # And the plan knew of it
    monkeypatch.undo()
    assert plan.memory < depth.plan(plan.parameters, Photos(picture)).memory


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "is not whole: onnx/model.onnx is missing"), (b"nothing", "cannot be read"), (b"", "cannot be read")],
)
def test_a_network_that_is_not_there_or_damaged_is_one_sentence_and_what_to_do(
    content: bytes | None, told: str, tmp_path: Path
) -> None:
    (tmp_path / "onnx").mkdir()
    if content is not None:
        (tmp_path / FILE).write_bytes(content)
    model = Catalog.load().models["depth"].model_copy(update={"weights": {"repo": str(tmp_path)}})
    with pytest.raises(RenderError) as caught:
        Depth("depth", model).load("cpu")
    assert caught.value.code == "model_unavailable"
    assert told in str(caught.value) and "etch the model anew" in str(caught.value)


def test_a_photo_that_is_gone_is_told(depth: Depth, tmp_path: Path) -> None:
    with pytest.raises(RenderError, match="no photo at"):
        depth.plan(asked(""), Photos(tmp_path / "none.png"))
