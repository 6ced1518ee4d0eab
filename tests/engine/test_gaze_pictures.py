"""Where the camera goes over real pictures, in which a person wrote down what matters before any detector looked."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageFilter
from tests.engine.gaze_pictures import FOLDER, SCENES, Box, Scene, band, lake, person, wall, whole, words

from unstill_engine.renderers.camera.path import trace
from unstill_engine.renderers.camera.views import View, lay
from unstill_engine.renderers.camera.words import direct
from unstill_engine.renderers.framing import Size, crop_size
from unstill_engine.renderers.gaze import Gaze, Kind, look
from unstill_engine.renderers.gaze.network import Network

PRODUCT = FOLDER.parents[2] / "engine/unstill_engine/renderers/gaze/blazeface.npz"
SHAPES = {"1:1": (512, 512), "9:16": (512, 910), "16:9": (910, 512)}
#: So much of a box is there when it is there: a person's hand draws it no better.
THERE = 0.95
HEADED = [name for name, scene in SCENES.items() if scene().heads]
LETTERED = [name for name, scene in SCENES.items() if scene().lettering]
PLAIN = [name for name in SCENES if name not in (*HEADED, *LETTERED)]


@cache
def seen(name: str) -> tuple[Scene, Gaze]:
    scene = SCENES[name]()
    return scene, look(scene.image)


def frame_of(picture: Size) -> Size:
    scale = 512 / min(picture)
    return round(picture[0] * scale / 2) * 2, round(picture[1] * scale / 2) * 2


def views_of(words: str, gaze: Gaze, frame: Size, seed: int = 1) -> list[View]:
    return lay(trace(direct(words, ""), motion=1.0, seed=seed, num_frames=16, fps=8), gaze.size, frame, gaze)


def part_in(box: Box, view: tuple[float, float, float, float]) -> float:
    """How much of a box's area is in a level view."""
    across = min(box[2], view[2]) - max(box[0], view[0])
    down = min(box[3], view[3]) - max(box[1], view[1])
    return max(across, 0.0) * max(down, 0.0) / ((box[2] - box[0]) * (box[3] - box[1]))


def kept(boxes: list[Box], views: list[View], frame: Size) -> bool:
    """Whether each box that the first frame shows is in all frames."""
    at_first = [box for box in boxes if part_in(box, views[0].box(frame)) >= THERE]
    return all(part_in(box, view.box(frame)) >= THERE for view in views for box in at_first)


def around(boxes: list[Box]) -> Box:
    left, top, right, bottom = zip(*boxes, strict=True)
    return min(left), min(top), max(right), max(bottom)


def middle_of(picture: Size, size: Size) -> Box:
    left, top = (picture[0] - size[0]) / 2, (picture[1] - size[1]) / 2
    return left, top, left + size[0], top + size[1]


def test_the_network_computes_what_the_reference_interpreter_computes() -> None:
    # Given the answers of LiteRT, kept in half precision, and the same weights
    network = Network(PRODUCT)
    with np.load(FOLDER / "blazeface_answers.npz") as answers:
        for name in ("hopper", "collins"):
            with Image.open(FOLDER / f"{name}.jpg") as image:
                small = np.asarray(image.convert("RGB").resize((192, 192), Image.Resampling.BOX), np.float32)
            # When numpy computes the same picture, then it says the same, to what half precision can say.
            boxes, scores = network(small / 127.5 - 1.0)
            assert np.abs(boxes[..., :4].reshape(-1, 4) - answers[f"{name}_boxes"]).max() < 0.05
            assert np.abs(scores.reshape(-1, 1) - answers[f"{name}_scores"]).max() < 0.01


@pytest.mark.parametrize("name", SCENES)
def test_heads_and_lettering_are_found_and_nothing_is_taken_for_them(name: str) -> None:
    scene, gaze = seen(name)
    for kind, boxes in ((Kind.FACE, scene.heads), (Kind.TEXT, scene.lettering)):
        found = [
            (region.left, region.top, region.right, region.bottom) for region in gaze.regions if region.kind is kind
        ]
        for box in boxes:
            assert max(part_in(box, other) for other in found) >= 0.8, (kind, box, found)
        for other in found:
            assert max((part_in(other, box) for box in boxes), default=0.0) >= 0.5, (kind, other)


@pytest.mark.parametrize("outlined", [True, False])
@pytest.mark.parametrize("script", ["zh", "zh_bar", "ja", "ru"])
def test_lettering_of_other_scripts_is_found(script: str, outlined: bool) -> None:
    # Given a line in white with an outline over a photo, or in black on a white band
    with Image.open(FOLDER / f"line_{script}.png") as image:
        ink = image.convert("L")
    scene = lake((900, 600)) if outlined else band(lake((900, 600)), 0.8, 1.0, "white")
    at = ((900 - ink.width) // 2, 525)
    if outlined:
        scene.image.paste("black", at, ink.filter(ImageFilter.MaxFilter(7)))
    scene.image.paste("white" if outlined else "black", at, ink)
    # When the picture is looked at, then all of the line is one region.
    line = (at[0], at[1], at[0] + ink.width, at[1] + ink.height)
    found = [region for region in look(scene.image).regions if region.kind is Kind.TEXT]
    assert len(found) == 1
    assert part_in(line, (found[0].left, found[0].top, found[0].right, found[0].bottom)) > 0.95


@pytest.mark.parametrize("text", ["LOL", "NO", "WTF", "2024"])
@pytest.mark.parametrize("name", ["cat", "collins", "pagoda"])
def test_a_short_word_is_found_where_it_is_large(name: str, text: str) -> None:
    scene = words(whole(name), text, (0.5, 0.9), 0.13)
    found = [region for region in look(scene.image).regions if region.kind is Kind.TEXT]
    assert len(found) == 1
    assert part_in(scene.lettering[0], (found[0].left, found[0].top, found[0].right, found[0].bottom)) > 0.9


@pytest.mark.parametrize("seed", [1, 2, 5])
@pytest.mark.parametrize("name", [*HEADED, *LETTERED])
def test_the_move_that_nobody_asked_for_cuts_no_head_and_no_lettering(name: str, seed: int) -> None:
    scene, gaze = seen(name)
    frame = frame_of(scene.image.size)
    views = views_of("", gaze, frame, seed)
    assert kept([*scene.heads, *scene.lettering], views, frame)
    # It begins at the whole picture.
    assert part_in((0.0, 0.0, scene.image.width, scene.image.height), views[0].box(frame)) > 0.995


@pytest.mark.parametrize("name", HEADED)
def test_a_zoom_keeps_every_head_for_which_there_is_room(name: str) -> None:
    scene, gaze = seen(name)
    frame = frame_of(scene.image.size)
    views = views_of("zoom in", gaze, frame)
    # It is a zoom, and the larger of the heads never leave it.
    assert views[-1].scale < 0.9 * views[0].scale
    left, top, right, bottom = around(scene.heads)
    if right - left <= 0.85 * scene.image.width and bottom - top <= 0.85 * scene.image.height:
        assert kept(scene.heads, views, frame)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", SCENES)
def test_a_crop_keeps_heads_and_lettering_where_they_fit(name: str, shape: str) -> None:
    scene, gaze = seen(name)
    boxes = [*scene.heads, *scene.lettering]
    width, height = crop_size(scene.image.size, SHAPES[shape])
    if not boxes:
        return
    left, top, right, bottom = around(boxes)
    if right - left <= 0.97 * width and bottom - top <= 0.97 * height:
        crop = gaze.crop_box(SHAPES[shape])
        assert all(part_in(box, crop) >= THERE for box in boxes)


def test_things_without_a_face_stay_in_most_pictures() -> None:
    # Colours that stand out are a guess, and no detector of things: most is what can be said.
    held = 0
    for name in PLAIN:
        scene, gaze = seen(name)
        frame = frame_of(scene.image.size)
        held += all(kept(scene.things, views_of("", gaze, frame, seed), frame) for seed in (1, 2, 5))
    assert held / len(PLAIN) >= 0.75


def test_the_middle_fails_on_half_of_them() -> None:
    """What is shown here is what the camera did before it had a gaze."""
    failed = []
    for name in SCENES:
        scene, _ = seen(name)
        size = scene.image.size
        zoomed = middle_of(size, (round(size[0] / 1.297), round(size[1] / 1.297)))
        crops = []
        for shape in SHAPES.values():
            width, height = crop_size(size, shape)
            left, top, right, bottom = around(scene.matters)
            if right - left <= width and bottom - top <= height:
                crops.append(middle_of(size, (width, height)))
        if any(part_in(box, view) < THERE for view in (zoomed, *crops) for box in scene.matters):
            failed.append(name)
    assert len(SCENES) >= 30
    assert len(failed) >= len(SCENES) / 2


def test_the_same_picture_is_looked_at_in_the_same_way_and_at_any_size() -> None:
    scene, gaze = seen("two at the ends")
    again = look(scene.image.copy())
    assert again.regions == gaze.regions
    assert np.array_equal(again.detail, gaze.detail)
    larger = look(scene.image.resize((2700, 1800), Image.Resampling.BICUBIC))
    assert [region.kind for region in larger.regions] == [region.kind for region in gaze.regions]
    for one, other in zip(gaze.regions, larger.regions, strict=True):
        assert (one.left, one.top) == pytest.approx((other.left / 3, other.top / 3), abs=12)


@pytest.mark.parametrize("size", [(2400, 400), (1600, 400), (400, 1600)])
def test_a_head_in_a_panorama_is_found(size: Size) -> None:
    scene = person(wall(size, (120, 140, 120)), "obama", (0.2, 0.4), 0.2 * min(size) / size[1])
    found = [region for region in look(scene.image).regions if region.kind is Kind.FACE]
    assert len(found) == 1
    assert part_in(scene.heads[0], (found[0].left, found[0].top, found[0].right, found[0].bottom)) > 0.8


@pytest.mark.parametrize("size", [(1, 1), (1, 900), (900, 1), (3, 2), (2048, 40)])
def test_any_size_can_be_looked_at(size: Size) -> None:
    assert look(Image.new("RGB", size, "teal")).regions == ()
