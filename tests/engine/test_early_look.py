"""An early look: what a renderer sees before it is done, which never costs the clip anything."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.engine.diffusers_tiny import asked, loaded, save_wan, tiny_wan
from tests.engine.diffusers_tiny import noisy_photo as wan_photo
from tests.engine.engine_processes import running_engine, until
from tests.engine.i2vgen_tiny import noisy_photo, parameters, tiny_renderer
from tests.engine.renderers_for_tests import picture_frames

from unstill_config.catalog import Catalog
from unstill_config.latents import LatentRgb
from unstill_engine.device.looks import SIDE, Looks, still
from unstill_engine.device.messages import LOOK_MOST
from unstill_engine.device.outcomes import Rendered
from unstill_engine.renderers.base import Frames, Photos, RenderCancelled, Seeing
from unstill_engine.renderers.camera import Camera
from unstill_engine.renderers.torch.placement import MemoryMode

SHIPPED = {name: model.latent_rgb for name, model in Catalog.load().models.items() if model.latent_rgb}
MAP = SHIPPED["i2vgen-xl"]


def never() -> bool:
    return False


def mapped(latents: torch.Tensor, latent_rgb: LatentRgb) -> Any:
    """The middle frame of latents (1, C, F, H, W) by the map, one pixel after the other."""
    frame = latents[0, :, latents.shape[2] // 2].double().numpy()
    factors, bias = np.array(latent_rgb.factors), np.array(latent_rgb.bias)
    colours = np.stack(
        [[frame[:, y, x] @ factors + bias for x in range(frame.shape[2])] for y in range(frame.shape[1])]
    )
    return np.clip(np.rint((colours + 1) * 127.5), 0, 255)


@pytest.mark.parametrize(("name", "channels"), [("i2vgen-xl", 4), ("wan-ti2v-5b", 48), ("wan-i2v-a14b-fast", 16)])
def test_a_map_that_ships_has_a_row_for_each_channel_of_its_models_latents(name: str, channels: int) -> None:
    latent_rgb = SHIPPED[name]
    assert len(latent_rgb.factors) == channels and latent_rgb.source
    # and no two rows are alike, as a slip of the pen would have it
    assert len(set(latent_rgb.factors)) == channels


@pytest.mark.parametrize("scheduler", ["", "unipc"])
def test_i2vgen_xl_shows_the_clip_without_its_noise(tiny_i2vgen: Path, tmp_path: Path, scheduler: str) -> None:
    # Given a renderer whose model has a map
    renderer = tiny_renderer(tiny_i2vgen, tmp_path)
    renderer._model = renderer._model.model_copy(update={"latent_rgb": MAP})
    photos = Photos(noisy_photo(tmp_path))
    plan = renderer.plan(parameters(num_frames=4, num_inference_steps=4, scheduler=scheduler), photos)
    frames: list[Frames | None] = []

    # When it is asked after each step
    latents = renderer.latents(
        plan, MemoryMode(4), Image.open(str(photos.first)), lambda step, steps: frames.append(renderer.sees()), never
    )

    # Then it has a frame each time, and what the last step predicts is the clip itself
    assert [None if frame is None else frame.shape for frame in frames] == [(1, 8, 16, 3)] * 4
    last = frames[-1]
    assert last is not None
    assert np.abs(last[0].astype(int) - mapped(latents, MAP)).max() <= 1


@pytest.mark.parametrize("kind", ["5b", "a14b"])
def test_wan_shows_the_clip_without_its_noise(kind: str, tmp_path: Path) -> None:
    name = {"5b": "wan-ti2v-5b", "a14b": "wan-i2v-a14b-fast"}[kind]
    renderer = loaded(tiny_wan(save_wan(tmp_path, kind), name, latent_rgb=MAP), name)
    photos = Photos(wan_photo(tmp_path))
    plan = renderer.plan(asked(name, num_inference_steps=4), photos)
    frames: list[Frames | None] = []

    drawn = renderer._drawn(plan, photos, lambda step, steps: frames.append(renderer.sees()), never)

    last = frames[-1]
    assert len(frames) == 4 and last is not None
    assert np.abs(last[0].astype(int) - mapped(drawn, MAP)).max() <= 1
    # and after the render nothing of it is kept
    assert renderer.sees() is None


def test_a_clip_is_the_same_whether_somebody_looks_or_not(tiny_i2vgen: Path, tmp_path: Path) -> None:
    renderer = tiny_renderer(tiny_i2vgen, tmp_path)
    photos = Photos(noisy_photo(tmp_path))
    plan = renderer.plan(parameters(num_frames=4, num_inference_steps=4), photos)

    def clip(looks: bool) -> Any:
        renderer._model = renderer._model.model_copy(update={"latent_rgb": MAP if looks else None})
        return np.concatenate([np.asarray(chunk) for chunk in renderer.render(plan, photos, look, never)])

    def look(step: int, steps: int) -> None:
        renderer.sees()

    assert np.array_equal(clip(True), clip(False))


@pytest.mark.parametrize("channels", [3, 5])
def test_a_map_of_other_latents_shows_nothing(tiny_i2vgen: Path, tmp_path: Path, channels: int) -> None:
    renderer = tiny_renderer(tiny_i2vgen, tmp_path)
    other = LatentRgb(factors=((1.0, 0.0, 0.0),) * channels)
    renderer._model = renderer._model.model_copy(update={"latent_rgb": other})
    photos = Photos(noisy_photo(tmp_path))
    plan = renderer.plan(parameters(num_frames=2, num_inference_steps=2), photos)
    seen: list[Frames | None] = []
    for _ in renderer.render(plan, photos, lambda step, steps: seen.append(renderer.sees()), never):
        pass
    assert seen == [None, None]


def test_a_stop_at_the_look_ends_the_render_before_the_next_step(tiny_i2vgen: Path, tmp_path: Path) -> None:
    # Given a render whose person stops it as soon as there is a look
    renderer = tiny_renderer(tiny_i2vgen, tmp_path)
    renderer._model = renderer._model.model_copy(update={"latent_rgb": MAP})
    photos = Photos(noisy_photo(tmp_path))
    plan = renderer.plan(parameters(num_frames=2, num_inference_steps=12), photos)
    looks, steps, seen = Looks(renderer, wanted=True), [], []

    def on_step(step: int, of: int) -> None:
        steps.append(step)
        if (look := looks.after(step, of)) is not None:
            seen.append(look)

    with pytest.raises(RenderCancelled):
        for _ in renderer.render(plan, photos, on_step, lambda: bool(seen)):
            pass
    # Then the device was free after that very step, a quarter of the way
    assert steps == [1, 2, 3] and len(seen) == 1


def test_what_a_camera_makes_needs_no_look() -> None:
    camera = Camera("camera", Catalog.load().models["camera"])
    assert not isinstance(camera, Seeing)
    assert Looks(camera, wanted=True).after(3, 8) is None


@pytest.mark.parametrize(("height", "width"), [(64, 64), (40, 80), (80, 44), (1, 300)])
def test_a_still_is_small_whatever_it_shows(height: int, width: int) -> None:
    # Given noise, which no file makes small
    frame = np.random.default_rng(1).integers(0, 256, (1, height, width, 3), np.uint8)
    look = still(frame)
    assert look is not None and len(look) <= LOOK_MOST
    shown = Image.open(io.BytesIO(look))
    assert shown.format == "JPEG" and max(shown.size) == SIDE
    assert not shown.getexif()


# -- through the real child


async def test_a_look_comes_once_from_a_quarter_of_the_steps_on(tmp_path: Path) -> None:
    looks: list[tuple[int, bytes]] = []
    async with running_engine(tmp_path, "Sighted") as engine:

        def on_look(picture: bytes) -> None:
            looks.append((len(engine.steps), picture))

        # When a look is wanted of a render whose renderer has one ready when asked for the third time
        made = await engine.render(num_frames=16, on_look=on_look)
        await until(lambda: "was asked" in engine.logged)
        # Then it comes once, as a small JPEG, and the clip is what it is without
        [(_, picture)] = looks
        assert Image.open(io.BytesIO(picture)).size == (320, 213)
        assert isinstance(made, Rendered) and engine.spool.read_bytes() == picture_frames(1, 16).tobytes()
        # asked after steps 4, 5 and 6 of 16
        assert "was asked 3 times" in engine.logged

        # When none is wanted, nobody asks
        engine.capture.entries.clear()
        await engine.render(job="second", num_frames=16)
        await until(lambda: "was asked" in engine.logged)
        assert "was asked 0 times" in engine.logged and len(looks) == 1

        # When the renderer fails to say what it sees, that is logged, and its clip is made all the same
        engine.capture.entries.clear()
        made = await engine.render("blind", job="third", num_frames=16, on_look=on_look)
        assert isinstance(made, Rendered) and len(looks) == 1
        await until(lambda: "was asked 1 times" in engine.logged)
        assert "there is nothing to be seen" in engine.logged


def test_a_model_without_a_map_is_parsed_and_one_with_an_empty_map_is_refused() -> None:
    assert "latent_rgb" in Catalog.load().models["i2vgen-xl"].model_fields_set
    with pytest.raises(ValueError, match="a row for each channel"):
        LatentRgb(factors=())
