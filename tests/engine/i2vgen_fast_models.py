"""Small models with all of I2VGen-XL's parts, in which no weight is left at zero or one."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from diffusers import AutoencoderKL, I2VGenXLUNet
from tests.engine.i2vgen_tiny import awaken
from torch import Tensor

CONTEXT = 32


class Given(NamedTuple):
    """`text` and `image` have a row for each half of the guidance; the rest has one."""

    latents: Tensor
    timesteps: Tensor
    fps: Tensor
    photo: Tensor
    image: Tensor
    text: Tensor


def ready(model: Any) -> Any:
    awaken(model)
    return model.eval().requires_grad_(False)


def tiny_unet() -> Any:
    torch.manual_seed(0)
    return ready(
        I2VGenXLUNet(
            sample_size=8,
            block_out_channels=(32, 32, 64, 64),
            layers_per_block=2,
            norm_num_groups=8,
            cross_attention_dim=CONTEXT,
            attention_head_dim=16,
        )
    )


def least_unet() -> Any:
    """Every kind of layer once: for the interpreter."""
    torch.manual_seed(0)
    return ready(
        I2VGenXLUNet(
            sample_size=8,
            down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
            up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
            block_out_channels=(32, 64),
            layers_per_block=1,
            norm_num_groups=2,
            cross_attention_dim=CONTEXT,
            attention_head_dim=16,
        )
    )


def tiny_vae(levels: int = 4) -> Any:
    torch.manual_seed(1)
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=(8, 8, 16, 16)[:levels],
        layers_per_block=1,
        norm_num_groups=4,
    )
    return ready(vae)


def given(rows: int, frames: int, height: int, width: int) -> Given:
    torch.manual_seed(2)
    image = torch.randn(rows, 1, CONTEXT)
    image[0] = 0
    return Given(
        torch.randn(1, 4, frames, height, width),
        torch.tensor([981, 501, 1]),
        torch.tensor([8]),
        torch.randn(1, 4, frames, height, width),
        image,
        torch.randn(rows, 77, CONTEXT),
    )


@torch.no_grad()
def stock_noise(unet: Any, given: Given, index: int) -> Tensor:
    rows = (len(given.text), -1, -1, -1, -1)
    noise: Tensor = unet(
        given.latents.expand(rows),
        given.timesteps[index],
        given.fps.expand(rows[0]),
        given.photo.expand(rows),
        given.image,
        given.text,
        return_dict=False,
    )[0]
    return noise
