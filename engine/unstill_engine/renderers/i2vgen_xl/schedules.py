"""Makes the schedule of a clip's steps: the timesteps, and how far each step goes."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from torch import Tensor

from unstill_engine.renderers.torch.lean_imports import lean_imports
from unstill_queue.contract.jobs import Parameters

with lean_imports():
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler


class TrailingDDIM(DDIMScheduler):  # type: ignore[misc]
    """Steps as diffusers' DDIMScheduler with `timestep_spacing="trailing"`, for any number of steps.

    Equal to it, bit for bit, where the number of steps divides that of the training's timesteps. Elsewhere the stock
    scheduler goes to a timestep that is not the next of its own list, as it takes all strides for equally long
    (diffusers' issue 12633), and its list may be one too long, as for 61 steps.
    """

    timesteps: Tensor

    def set_timesteps(self, num_inference_steps: int, device: Any = None) -> None:
        """Choose so many timesteps, of which the first is the noisiest one of the training."""
        super().set_timesteps(num_inference_steps, device)
        self.timesteps = self.timesteps[:num_inference_steps]  # rounding adds one below zero
        times = self.timesteps.tolist()
        self._strides = {time: time - after for time, after in zip(times, [*times[1:], -1], strict=True)}

    def step(self, model_output: Tensor, timestep: int, sample: Tensor, *args: Any, **options: Any) -> Any:
        """Go from `timestep` to the next one, and from the last to what no noise is left of."""
        # stock goes down by num_train_timesteps // num_inference_steps
        self.num_inference_steps = Fraction(self.config.num_train_timesteps, self._strides[int(timestep)])
        return super().step(model_output, timestep, sample, *args, **options)


def schedule_of(parameters: Parameters, own: Any) -> Any:
    """Return the scheduler for a clip; `own` is the checkpoint's, a DDIMScheduler.

    Parameters that name no spacing are those of a clip from before one was named, which followed the checkpoint's own.
    """
    if parameters.scheduler == "unipc":
        from unstill_engine.renderers.i2vgen_xl.unipc import TrailingUniPC

        last = "zero" if own.config.set_alpha_to_one else "sigma_min"
        with lean_imports():
            return TrailingUniPC.from_config(own.config, timestep_spacing="trailing", final_sigmas_type=last)
    if parameters.timestep_spacing != "trailing":
        return own
    with lean_imports():  # to make one of its classes, diffusers imports itself by name
        return TrailingDDIM.from_config(own.config, timestep_spacing="trailing")
