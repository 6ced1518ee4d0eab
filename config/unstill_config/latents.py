"""A linear map from a model's latents to colours, by which an unfinished clip can be seen."""

from __future__ import annotations

from typing import Self

from pydantic import model_validator

from unstill_config.entry import Entry


class LatentRgb(Entry):
    """A map from latents, as the denoiser has them, to red, green and blue from -1 to 1.

    `factors` has a row a channel, `bias` is added. `source` says who measured it.
    """

    factors: tuple[tuple[float, float, float], ...]
    bias: tuple[float, float, float] = (0.0, 0.0, 0.0)
    source: str = ""

    @model_validator(mode="after")
    def _has_channels(self) -> Self:
        if not self.factors:
            raise ValueError("latent_rgb.factors needs a row for each channel")
        return self
