"""How a photo fills a clip of another shape: by a crop that loses nothing that matters, else as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from PIL import Image
from tests.engine.engine_processes import running_engine
from tests.engine.gaze_pictures import SCENES, Box, Scene, sea, thing
from tests.engine.test_gaze_pictures import THERE, part_in, seen

from unstill_config.catalog import Catalog, Value
from unstill_engine.device.outcomes import Rendered
from unstill_engine.renderers import filling
from unstill_engine.renderers.base import Photos
from unstill_engine.renderers.camera import Camera
from unstill_engine.renderers.filling import loses_nothing
from unstill_queue.contract.codes import read_note
from unstill_queue.contract.resolving import resolve
from unstill_queue.contract.sizing import Size, sized

CATALOG = Catalog.load()
CAMERA = CATALOG.models["camera"]


def visible(scene: Scene, boxes: list[Box]) -> list[Box]:
    """The parts of boxes that the picture has: a hat may be cut by its edge."""
    width, height = scene.image.size
    return [(max(box[0], 0), max(box[1], 0), min(box[2], width), min(box[3], height)) for box in boxes]


@pytest.mark.parametrize("shape", ["reels", "square", "landscape"])
def test_a_crop_loses_no_head_and_no_lettering_and_is_not_given_up_without_need(shape: str) -> None:
    # Given pictures in which a person wrote down what matters
    frame = (CATALOG.finishes[shape].width or 0, CATALOG.finishes[shape].height or 0)
    cropped, in_vain = 0, []
    for name in SCENES:
        scene, gaze = seen(name)
        crop = gaze.crop_box(frame)
        held = all(part_in(box, crop) >= THERE for box in visible(scene, [*scene.heads, *scene.lettering]))
        # When one is to fill another shape, then it is cropped only where all of that is in the crop
        if loses_nothing(gaze, frame):
            cropped += 1
            assert held, name
        elif held and all(part_in(box, crop) >= THERE for box in visible(scene, scene.things)):
            in_vain.append(name)
    assert cropped >= len(SCENES) / 2
    assert len(in_vain) <= len(SCENES) / 10


def picture(folder: Path, size: Size) -> Path:
    """A sail in the middle of the sea."""
    path = folder / "picture.png"
    thing(sea(size, 0.6), "sail", (0.45, 0.4, 0.55, 0.7)).image.save(path)
    return path


@pytest.mark.parametrize(
    ("photo", "fill", "shape", "made"),
    [
        # 4:3 as a square: a crop keeps all that matters
        ((240, 180), "", "square", (180, 180)),
        # 3:1 as 9:16 would keep a fifth of it: all of it is rendered, in its own shape
        ((540, 180), "", "reels", (540, 180)),
        # 8:1 is longer than a frame can be: of what it shows of it, as many pixels as there are
        ((1440, 180), "", "reels", (720, 180)),
        # what is asked for holds
        ((540, 180), "crop", "reels", (102, 180)),
        ((240, 180), "blur", "square", (240, 180)),
    ],
)
async def test_the_frames_have_the_shape_of_the_clip_or_of_the_whole_photo(
    tmp_path: Path, photo: Size, fill: str, shape: str, made: Size
) -> None:
    # Given a photo, and a clip of another shape that it is to fill
    given: dict[str, Value] = {"shape": shape, "num_frames": 8, **({"fill": fill} if fill else {})}
    parameters, finish = resolve("zoom in", given, CATALOG, default_model="camera")
    parameters = sized(parameters, finish, given, CATALOG, photo)
    frame = (CATALOG.finishes[shape].width or 0, CATALOG.finishes[shape].height or 0)
    # When an engine renders it
    async with running_engine(tmp_path, model=CAMERA) as engine:
        rendered = await engine.process.plan_and_render(
            "job",
            parameters,
            Photos(picture(tmp_path, photo)),
            engine.spool,
            deadline=lambda plan: 600.0,
            on_progress=lambda step, steps: None,
            frame=None if fill else frame,
        )
    # Then the frames are what the finish fills that shape with
    assert isinstance(rendered, Rendered)
    assert (rendered.width, rendered.height) == made


def test_a_photo_of_the_frame_s_shape_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given what would look at a photo to choose a part of it
    def refuse(photo: Image.Image) -> None:
        raise AssertionError("There is nothing to choose.")

    monkeypatch.setattr(filling, "look", refuse)
    path = picture(tmp_path, (180, 180))
    parameters, _ = resolve("zoom in", {"shape": "square", "num_frames": 8}, CATALOG, default_model="camera")
    square, wide = (replace(parameters, width=width, height=180) for width in (180, 240))
    # When the frame has the photo's shape, Then it is filled by all of it
    assert filling.filling(square, path, (540, 540), CAMERA.aspect_most) == square
    # and when it has another, Then somebody looks
    with pytest.raises(AssertionError, match="nothing to choose"):
        filling.filling(wide, path, (720, 540), CAMERA.aspect_most)


def test_a_move_in_the_clip_s_shape_goes_over_parts_that_a_still_crop_would_cut_off(tmp_path: Path) -> None:
    # Given a photo of 3:2 as 9:16
    path = picture(tmp_path, (540, 360))
    given: dict[str, Value] = {"shape": "reels", "fill": "crop", "num_frames": 24}
    shown = {}
    for words in ("the camera does not move", "pan right"):
        parameters, finish = resolve(words, given, CATALOG, default_model="camera")
        parameters = sized(parameters, finish, given, CATALOG, (540, 360))
        # When the camera stands still, or is asked to pan
        plan = Camera("camera", CAMERA).plan(parameters, Photos(path))
        shown[words] = 100 - sum(int(read_note(note)[1]["percent"]) for note in plan.notes)
    # Then the pan shows more of it than any one crop can hold
    assert shown["the camera does not move"] == pytest.approx(37, abs=2)
    assert shown["pan right"] >= shown["the camera does not move"] + 10
