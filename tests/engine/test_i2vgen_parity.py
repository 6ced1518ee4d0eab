"""Equal to stock I2VGenXLPipeline: the same latents, and the same frames, for the same seed and parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests.engine.i2vgen_stock import stock_clip, stock_pipeline
from tests.engine.i2vgen_tiny import noisy_photo, parameters, tiny_renderer
from torch import Tensor

from unstill_engine.renderers.base import Photos, Plan
from unstill_engine.renderers.i2vgen_xl.renderer import I2VGenXL
from unstill_engine.renderers.i2vgen_xl.shapes import crop
from unstill_engine.renderers.torch.placement import MemoryMode

WHOLE = MemoryMode(decode_frames=32)
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def stock(tiny_i2vgen: Path) -> Any:
    return stock_pipeline(tiny_i2vgen)


@pytest.fixture(scope="module")
def renderer(tiny_i2vgen: Path, tmp_path_factory: pytest.TempPathFactory) -> I2VGenXL:
    return tiny_renderer(tiny_i2vgen, tmp_path_factory.mktemp("catalog"))


def latents(renderer: I2VGenXL, plan: Plan, photo: Image.Image, mode: MemoryMode = WHOLE) -> Tensor:
    return renderer.latents(plan, mode, photo, lambda step, steps: None, lambda: False)


def opened(picture: Path) -> Image.Image:
    with Image.open(picture) as photo:
        return photo.convert("RGB")


@pytest.mark.parametrize(
    ("size", "values"),
    [
        ((64, 64), {}),
        ((64, 64), {"guidance_scale": 1.0}),
        ((64, 64), {"num_inference_steps": 1, "num_frames": 2}),
        ((64, 64), {"num_inference_steps": 8, "negative_prompt": "blurry, and the watermark"}),
        ((64, 64), {"num_inference_steps": 7}),
        ((64, 64), {"fps": 30, "target_fps": 16}),
        # a clip from before the spacing was named
        ((64, 64), {"num_inference_steps": 7, "timestep_spacing": ""}),
        ((64, 64), {"prompt": "", "guidance_scale": 1.5, "seed": 2**32 - 1}),
        ((64, 64), {"prompt": "in words " * 90, "num_frames": 3, "fps": 30}),
        ((141, 100), {"num_frames": 5}),
        ((200, 613), {"guidance_scale": 1.0, "num_inference_steps": 3}),
        ((640, 300), {"num_frames": 8, "guidance_scale": 20.0, "num_inference_steps": 1}),
    ],
)
def test_the_latents_are_stocks(
    renderer: I2VGenXL, stock: Any, tmp_path: Path, size: tuple[int, int], values: dict[str, Any]
) -> None:
    # Given a plan for a photo of some shape
    picture = noisy_photo(tmp_path, size)
    plan, photo = renderer.plan(parameters(**values), Photos(picture)), opened(picture)
    # When both make the clip of it
    ours = latents(renderer, plan, photo)
    theirs = stock_clip(stock, plan, crop(photo, (plan.width, plan.height)), "latent")
    # Then they are one and the same, and something was there to compare
    assert ours.shape == theirs.shape == (1, 4, plan.num_frames, plan.height // 8, plan.width // 8)
    assert float(theirs.std()) > 0.1
    assert float((ours - theirs).abs().max()) <= TOLERANCE


def test_the_frames_are_stocks(renderer: I2VGenXL, stock: Any, tmp_path: Path) -> None:
    picture = noisy_photo(tmp_path, (128, 64))
    plan = renderer.plan(parameters(num_frames=5), Photos(picture))

    ours = np.concatenate(list(renderer.render(plan, Photos(picture), lambda step, steps: None, lambda: False)))
    theirs = (stock_clip(stock, plan, opened(picture), "np")[0] * 255).round().astype(np.uint8)

    assert ours.shape == theirs.shape == (5, 64, 128, 3)
    assert ours.std() > 10
    # a value on the edge between two levels may fall to either side
    assert np.abs(ours.astype(int) - theirs).max() <= 1
    assert (ours == theirs).mean() > 0.999


@pytest.mark.parametrize("branch", ["temp_convs", "attn1", "image_latents_temporal_encoder", "fps_embedding"])
def test_the_comparison_sees_each_branch_of_the_model(
    renderer: I2VGenXL, tiny_i2vgen: Path, tmp_path: Path, branch: str
) -> None:
    """What is zero in a fresh model would hide any error behind it."""
    # Given stock with one branch a little different
    other = stock_pipeline(tiny_i2vgen)
    with torch.no_grad():
        for name, parameter in other.unet.named_parameters():
            if branch in name:
                parameter.mul_(1.5)
    picture = noisy_photo(tmp_path, (64, 64))
    plan, photo = renderer.plan(parameters(), Photos(picture)), opened(picture)
    # When both make the clip, then it shows
    theirs = stock_clip(other, plan, photo, "latent")
    assert float((latents(renderer, plan, photo) - theirs).abs().max()) > 2 * TOLERANCE


@pytest.mark.parametrize(
    "mode",
    [
        MemoryMode(decode_frames=1),
        MemoryMode(decode_frames=32, split_guidance=True),
        MemoryMode(decode_frames=32, split_guidance=True, offload_encoders=True),
    ],
)
def test_a_memory_mode_changes_nothing(renderer: I2VGenXL, tmp_path: Path, mode: MemoryMode) -> None:
    picture = noisy_photo(tmp_path)
    plan, photo = renderer.plan(parameters(negative_prompt="a blur"), Photos(picture)), opened(picture)

    whole, sparing = (latents(renderer, plan, photo, mode=how) for how in (WHOLE, mode))

    assert float((whole - sparing).abs().max()) <= 1e-5


def test_the_seed_alone_decides_the_clip(renderer: I2VGenXL, stock: Any, tmp_path: Path) -> None:
    picture = noisy_photo(tmp_path, (64, 64))
    plan, photo = renderer.plan(parameters(), Photos(picture)), opened(picture)
    before = torch.random.get_rng_state()

    first = latents(renderer, plan, photo)
    assert torch.equal(torch.random.get_rng_state(), before)
    torch.manual_seed(1234)
    second = latents(renderer, plan, photo)
    torch.random.set_rng_state(before)

    assert torch.equal(first, second)
    other = renderer.plan(parameters(seed=4), Photos(picture))
    assert not torch.allclose(first, latents(renderer, other, photo), atol=0.1)
