"""What a model needs of its device's memory, as figures in models.toml."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from unstill_config.entry import Entry


class Memory(Entry):
    """Says what a model needs of its device, in GiB of 2**30 bytes; what a render needs is its renderer's estimate.

    `weights` is all that is loaded, `encoders` the part of it that only encodes words and picture.
    `render` is for each megapixel of all frames, with both halves of classifier-free guidance at
    once; `decode` for each megapixel that is decoded at once, `decode_frames` frames at most.
    `cached` is for each megapixel of all frames too, besides `render`, where steps take over what others computed.
    `least_free`: a resolution is chosen where more than that is free. `mode` "low" is to need no
    more than `low`. For a pipeline of diffusers besides: `vae` of the weights; `render_plain` in place of `render`
    where its `accelerate` is not used; `leaf` that stays where the denoiser comes a layer at a time; `tile` to
    decode by tiles, whatever the frame's size.
    """

    mode: Literal["auto", "low"] = "auto"
    low: float = Field(gt=0)
    weights: float = Field(ge=0)
    encoders: float = Field(default=0.0, ge=0)
    render: float = Field(gt=0)
    cached: float = Field(default=0.0, ge=0)
    decode: float = Field(gt=0)
    decode_frames: int = Field(default=16, ge=1)
    vae: float = Field(default=0.0, ge=0)
    render_plain: float = Field(default=0.0, ge=0)
    leaf: float = Field(default=0.0, ge=0)
    tile: float = Field(default=0.0, ge=0)
    least_free: dict[int, float]
    experimental: tuple[int, ...] = ()
