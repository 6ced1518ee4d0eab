"""I2VGen-XL's models at full size, with random weights, made on the device: enough to time them, no download."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers import AutoencoderKL, I2VGenXLUNet
from tests.engine.i2vgen_tiny import awaken

# The parameter counts are those of ali-vilab/i2vgen-xl: 1,420,469,224 and 83,653,863.
UNET = {"sample_size": 32, "in_channels": 4, "out_channels": 4, "cross_attention_dim": 1024, "attention_head_dim": 64}
VAE = {
    "down_block_types": ["DownEncoderBlock2D"] * 4,
    "up_block_types": ["UpDecoderBlock2D"] * 4,
    "block_out_channels": [128, 256, 512, 512],
    "layers_per_block": 2,
    "latent_channels": 4,
    "scaling_factor": 0.18215,
}
TINY_UNET = {
    **UNET,
    "block_out_channels": (64, 64, 128, 128),
    "layers_per_block": 1,
    "norm_num_groups": 16,
    "cross_attention_dim": 32,
    "attention_head_dim": 32,
}
TINY_VAE = {**VAE, "block_out_channels": [16, 16, 32, 32], "layers_per_block": 1, "norm_num_groups": 8}


@contextmanager
def made_on(device: torch.device, dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        with device:
            yield
    finally:
        torch.set_default_dtype(before)


def build_unet(device: torch.device, dtype: torch.dtype, *, tiny: bool) -> Any:
    torch.manual_seed(0)
    with made_on(device, dtype):
        unet = I2VGenXLUNet(**(TINY_UNET if tiny else UNET))
    unet.to(device=device, dtype=dtype).eval().requires_grad_(False)
    awaken(unet)
    return unet


def build_vae(device: torch.device, dtype: torch.dtype, *, tiny: bool) -> Any:
    torch.manual_seed(1)
    with made_on(device, dtype):
        vae = AutoencoderKL(**(TINY_VAE if tiny else VAE))
    vae.to(device=device, dtype=dtype).eval().requires_grad_(False)
    awaken(vae)
    return vae
