"""From noise to a clip's latents: the loop over the scheduler's steps, with classifier-free guidance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from unstill_engine.renderers.base import OnStep, RenderCancelled
from unstill_engine.renderers.i2vgen_xl.conditioning import Conditioning
from unstill_engine.renderers.i2vgen_xl.graph import StepGraphs
from unstill_engine.renderers.i2vgen_xl.unet import ClipConstants, FastUNet
from unstill_engine.renderers.torch.pace import Pace
from unstill_engine.renderers.torch.sight import Sight


class Denoiser(Protocol):
    """I2VGen-XL's UNet, for one clip at a time."""

    def prepare(
        self, conditioning: Conditioning, timesteps: Tensor, latents: Tensor, *, split: bool, cache_interval: int
    ) -> None:
        """Before a clip's steps, `timesteps` (S,) on the device; `latents` are any of the clip's shape.

        `split`: the rows of `conditioning` are computed one after the other, in half the memory. `cache_interval`: one
        step of so many is computed whole, and of the others the topmost level alone.
        """
        ...

    def step(self, latents: Tensor, index: int) -> Tensor:
        """(1, 4, F, H, W) to the prediction for each row of the conditioning, (R, 4, F, H, W), until the next step."""
        ...

    def held_beside(self, shape: Sequence[int]) -> int:
        """Bytes that are kept for other clips while one's own are made, with latents of that `shape`; 0, they are."""
        ...

    def release(self) -> int:
        """Gives back what is kept of the device besides the weights; bytes that were kept over clips."""
        ...


class FastDenoiser:
    """The fast forward; on CUDA as a graph that is captured once a shape."""

    def __init__(self, unet: FastUNet, graphs: StepGraphs | None = None) -> None:
        self._unet = unet
        self._graphs = graphs
        self._rows: tuple[ClipConstants, ...] = ()
        self._features: tuple[Tensor, ...] = ()
        self._cache_interval = 1

    @torch.no_grad()
    def prepare(
        self, conditioning: Conditioning, timesteps: Tensor, latents: Tensor, *, split: bool, cache_interval: int
    ) -> None:
        clip = self._unet.prepare(
            timesteps, conditioning.fps, conditioning.picture, conditioning.image, conditioning.text
        )
        self._rows = tuple(_row(clip, row) for row in range(clip.rows)) if split else (clip,)
        self._cache_interval, self._features = cache_interval, ()
        if self._graphs is not None and len(self._rows) == 1:
            self._graphs.bind(clip, latents, cached=cache_interval > 1)
        elif cache_interval > 1:
            self._features = tuple(self._unet.features(latents, clip.rows) for clip in self._rows)

    @torch.no_grad()
    def step(self, latents: Tensor, index: int) -> Tensor:
        shallow = index % self._cache_interval != 0
        if self._features:  # a graph has one buffer of them, which rows one after the other cannot share
            step = self._unet.shallow_step if shallow else self._unet.keeping_step
            rows = zip(self._rows, self._features, strict=True)
            return torch.cat([step(latents, clip.times[index], clip, features) for clip, features in rows])
        if self._graphs is None:
            return torch.cat([self._unet.step(latents, clip.times[index], clip) for clip in self._rows])
        if len(self._rows) == 1:
            return self._graphs.step(latents, index, shallow=shallow)
        noise = []
        for clip in self._rows:
            self._graphs.bind(clip, latents)
            noise.append(self._graphs.step(latents, index).clone())
        return torch.cat(noise)

    def held_beside(self, shape: Sequence[int]) -> int:
        return 0 if self._graphs is None else self._graphs.held_beside(shape)

    def release(self) -> int:
        self._rows = self._features = ()
        return 0 if self._graphs is None else self._graphs.release()


@torch.no_grad()
def denoise(
    denoiser: Denoiser,
    scheduler: Any,
    latents: Tensor,
    conditioning: Conditioning,
    *,
    steps: int,
    guidance_scale: float,
    cache_interval: int,
    split: bool,
    on_step: OnStep,
    cancelled: Callable[[], bool],
    sight: Sight | None = None,
) -> Tensor:
    """Return the clip's latents, (1, 4, F, H, W) in float32, from the noise `latents` in the UNet's own type.

    `sight` is shown what each step predicts.

    Raises:
        RenderCancelled: `cancelled()` was true before a step.
    """
    dtype, pace = latents.dtype, Pace(latents.device)
    scheduler.set_timesteps(steps)  # stays on the processor: on the device each step would wait for its coefficients
    timesteps = scheduler.timesteps.to(latents.device)
    denoiser.prepare(conditioning, timesteps, latents, split=split, cache_interval=cache_interval)
    latents = latents.float() * scheduler.init_noise_sigma
    for index, timestep in enumerate(scheduler.timesteps.tolist()):
        if cancelled():
            raise RenderCancelled
        noise = _guided(denoiser.step(latents.to(dtype), index), guidance_scale)
        stepped = scheduler.step(noise, timestep, latents, return_dict=False)
        latents = stepped[0]
        if sight is not None:
            sight.see(scheduler, stepped)
        pace.keep()
        on_step(index + 1, steps)
    return latents


def _guided(noise: Tensor, scale: float) -> Tensor:
    """Classifier-free guidance (Ho and Salimans 2022), in float32."""
    if len(noise) == 1:
        return noise.float()
    unwanted, wanted = noise.float().chunk(2)
    return unwanted + scale * (wanted - unwanted)


def _row(clip: ClipConstants, row: int) -> ClipConstants:
    chosen = slice(row, row + 1)
    key_values = tuple((key[chosen], value[chosen]) for key, value in clip.key_values)
    return ClipConstants(clip.times, clip.picture, key_values)
