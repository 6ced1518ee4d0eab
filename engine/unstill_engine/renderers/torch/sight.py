"""Shows what a render sees before it is done: one frame of the clip that its scheduler predicts, by a linear map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from unstill_config.latents import LatentRgb
from unstill_engine.renderers.base import Frames


class Sight:
    """Shows the middle frame of what one render's scheduler predicts. `latent_rgb` None: it shows nothing.

    A device is never waited for: its frame is copied beside the steps that follow, and is there a step later.
    """

    def __init__(self, latent_rgb: LatentRgb | None = None) -> None:
        self._map = latent_rgb
        self._sample: Tensor | None = None
        self._copied: tuple[Tensor, torch.cuda.Event | None] | None = None

    def see(self, scheduler: Any, stepped: Sequence[Any] = ()) -> None:
        """Take note of what a scheduler predicts after its step, which returned `stepped`."""
        if self._map is not None:
            self._sample = predicted(scheduler, stepped)

    @torch.no_grad()
    def frame(self) -> Frames | None:
        """Return the frame, (1, height, width, 3), a pixel a latent; None where there is none, or not yet."""
        if self._copied is None:
            self._copied = self._begun()
        if self._copied is None:
            return None
        pixels, done = self._copied
        if done is not None and not done.query():
            return None
        self._copied = None
        frames: Frames = pixels.numpy()
        return frames

    def _begun(self) -> tuple[Tensor, torch.cuda.Event | None] | None:
        """Map the middle frame to colours, and begin to copy those to the processor."""
        sample = self._sample
        if self._map is None or sample is None or sample.ndim != 5 or sample.shape[1] != len(self._map.factors):
            return None
        latents = sample[0, :, sample.shape[2] // 2].float()
        factors, bias = (_beside(latents, torch.tensor(values)) for values in (self._map.factors, self._map.bias))
        colours = (torch.einsum("chw,cr->hwr", latents, factors) + bias).nan_to_num_()
        pixels = colours.add_(1).mul_(127.5).round_().clamp_(0, 255).to(torch.uint8)[None]
        if pixels.device.type != "cuda":
            return pixels.cpu(), None
        copy = torch.empty(pixels.shape, dtype=torch.uint8, pin_memory=True).copy_(pixels, non_blocking=True)
        done = torch.cuda.Event()
        done.record()
        return copy, done


def _beside(latents: Tensor, values: Tensor) -> Tensor:
    """Return small values on the device of `latents`, without waiting for what runs there."""
    on_card = latents.device.type == "cuda"
    return (values.pin_memory() if on_card else values).to(latents.device, non_blocking=on_card)


def predicted(scheduler: Any, stepped: Sequence[Any] = ()) -> Tensor | None:
    """Return the sample without noise that a scheduler of diffusers has predicted in its last step, which returned
    `stepped`; None where it does not say so.
    """
    if len(stepped) > 1 and isinstance(stepped[1], Tensor):
        return stepped[1]  # DDIM's pred_original_sample, and its like
    outputs = getattr(scheduler, "model_outputs", None)
    if outputs and scheduler.config.get("predict_x0"):
        last = outputs[-1]  # of UniPC, which converts what the model says
        return last if isinstance(last, Tensor) else None
    return None
