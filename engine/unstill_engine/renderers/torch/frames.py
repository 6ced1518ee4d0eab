"""A clip's latents to its frames."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from unstill_engine.renderers.base import Frames


class Decoder(Protocol):
    """The VAE's decoder."""

    def decode(self, latents: Tensor) -> Tensor:
        """(T, 4, H, W), divided by the scaling factor, to pictures (T, 8 H, 8 W, 3), about -1 to 1."""
        ...


class FrameDecoder:
    """`dtype` is the decoder's; latents come in any."""

    def __init__(self, decoder: Decoder, scaling_factor: float, dtype: torch.dtype) -> None:
        self._decoder = decoder
        self._scaling_factor = scaling_factor
        self._dtype = dtype

    @torch.no_grad()
    def decode(self, latents: Tensor, start: int, stop: int) -> Frames:
        """Frames `start` to `stop` of a clip's latents (1, 4, F, H, W): rounded on the device, out in one copy."""
        chosen = latents[0, :, start:stop].transpose(0, 1) / self._scaling_factor
        pictures = self._decoder.decode(chosen.to(self._dtype)).float()
        pixels = (pictures / 2 + 0.5).clamp_(0, 1).mul_(255).round_().to(torch.uint8)
        frames: Frames = pixels.contiguous().cpu().numpy()
        return frames
