"""Adapts a pipeline where a table is not enough: makes frames of what its call returns. A family may have its own."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from unstill_config.pipelines import Pipeline
from unstill_engine.renderers.base import Photos, Sound
from unstill_queue.contract.jobs import Parameters


class Adapter:
    """Fits any pipeline that decodes by itself and returns its frames at once.

    `output_type` is what the pipeline is asked for.
    """

    output_type = "pt"

    def __init__(self, pipeline: Any, table: Pipeline, device: torch.device) -> None:
        self.pipeline = pipeline
        self.table = table
        self.device = device

    def prepare(self) -> None:
        """Add to the pipeline what this family needs, before its `accelerate` is called."""

    def parts(self) -> dict[str, torch.nn.Module]:
        """Return the modules that `prepare` added, by name: they are placed as the VAE is."""
        return {}

    def arguments(self, parameters: Parameters, photos: Photos) -> dict[str, Any]:
        """Return what the pipeline is given besides what its table says."""
        return {}

    def kept(self, returned: Any) -> Any:
        """Return of what the call returned what is needed for `pictures` and `sound`."""
        return returned

    def pictures(self, kept: Any, *, tiled: bool) -> Iterator[Tensor]:
        """Yield the frames in order, (T, H, W, 3) each, 0 to 1, in any type."""
        frames = kept.frames[0]  # (F, 3, H, W)
        yield from frames.permute(0, 2, 3, 1).split(8)

    def decoder(self) -> str:
        """Return the name of the part that `pictures` decodes by at the moment."""
        return "vae"

    def widen(self) -> bool:
        """Decode in float32 from now on, as numbers were too large; return whether that can be done. Asked once."""
        return False

    def narrow(self) -> None:
        """Decode as the table says again, for the next clip."""

    def sound(self, kept: Any) -> Sound | None:
        """Return the clip's sound, where the model made one."""
        return None


def decoding_copy(vae: Any, dtype: torch.dtype) -> Any:
    """Return the VAE in another type, for decoding alone: what encodes stays with the first."""
    encoder, vae.encoder = vae.encoder, None
    try:
        made = copy.deepcopy(vae)
    finally:
        vae.encoder = encoder
    return made.to(dtype).eval().requires_grad_(False)
