"""Wan's transformer and VAE of a few layers, with every branch given values, and what a pipeline gives to them."""

from __future__ import annotations

from typing import Any

import torch
from diffusers import AutoencoderKLWan, WanTransformer3DModel

torch.set_num_threads(1)  # beside other tests, threads of work this small wait for each other more than they work

TRANSFORMER = {
    "num_attention_heads": 2,
    "attention_head_dim": 24,
    "text_dim": 32,
    "freq_dim": 16,
    "ffn_dim": 40,
    "num_layers": 2,
}
CHANNELS = {"5B": (48, 48), "A14B": (36, 16)}
WAN_22 = {
    "base_dim": 4,
    "decoder_base_dim": 8,
    "z_dim": 12,
    "is_residual": True,
    "in_channels": 12,
    "out_channels": 12,
    "patch_size": 2,
    "scale_factor_spatial": 16,
    "latents_mean": [0.0] * 12,
    "latents_std": [1.0] * 12,
}
WAN_21 = {"base_dim": 4, "z_dim": 16}
VAES: dict[str, dict[str, Any]] = {"2.2": WAN_22, "2.1": WAN_21}


def transformer(kind: str) -> Any:
    """Return the small transformer that has the channels of `kind`, "5B" or "A14B"."""
    torch.manual_seed(0)
    inside, outside = CHANNELS[kind]
    model = WanTransformer3DModel(in_channels=inside, out_channels=outside, **TRANSFORMER)
    return _filled(model)


def vae(version: str) -> Any:
    """Return a small VAE of Wan "2.1" or "2.2"."""
    torch.manual_seed(1)
    return _filled(AutoencoderKLWan(**VAES[version]))


def given(model: Any, batch: int = 1, frames: int = 3) -> dict[str, Any]:
    """Return the arguments of a forward: for the 5B a timestep for each token, 0 in the first latent frame."""
    height, width = 4, 6
    inside, outside = model.config.in_channels, model.config.out_channels
    step = torch.full((batch,), 700.0)
    if inside == outside:
        by_frame = torch.full((frames, 1), 700.0)
        by_frame[0] = 0.0
        step = by_frame.expand(-1, height * width // 4).flatten().expand(batch, -1)
    return {
        "hidden_states": torch.randn(batch, inside, frames, height, width),
        "timestep": step,
        "encoder_hidden_states": torch.randn(batch, 7, 32),
        "return_dict": False,
    }


def _filled(model: Any) -> Any:
    """Give values to what initialisation leaves at one or zero: else its absence would not be seen."""
    for name, weight in model.named_parameters():
        if weight.ndim == 1 or name.endswith("gamma"):
            weight.data = torch.randn_like(weight) * 0.2 + ("weight" in name or name.endswith("gamma"))
    return model.eval().requires_grad_(False)
