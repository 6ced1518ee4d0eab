"""The solver of the preset `unipc`, which no other clip waits for."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from unstill_engine.renderers.torch.lean_imports import lean_imports

with lean_imports():
    from diffusers.schedulers.scheduling_unipc_multistep import UniPCMultistepScheduler


class TrailingUniPC(UniPCMultistepScheduler):  # type: ignore[misc]
    """Steps as diffusers' UniPCMultistepScheduler with `timestep_spacing="trailing"`, but never one too many."""

    timesteps: Tensor
    sigmas: Tensor

    def set_timesteps(self, num_inference_steps: int, device: Any = None, **options: Any) -> None:
        """Choose so many timesteps, of which the first is the noisiest one of the training."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # NumPy's, of how diffusers reads a tensor
            super().set_timesteps(num_inference_steps, device, **options)
        self.sigmas = torch.cat([self.sigmas[:num_inference_steps], self.sigmas[-1:]])
        self.timesteps = self.timesteps[:num_inference_steps]
        self.num_inference_steps = num_inference_steps
