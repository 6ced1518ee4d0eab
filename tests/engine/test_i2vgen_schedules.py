"""The steps of a clip begin in noise alone and end at the picture, however many there are."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler
from tests.engine.i2vgen_tiny import parameters
from torch import Tensor

from unstill_config.catalog import Catalog
from unstill_engine.renderers.i2vgen_xl.schedules import schedule_of
from unstill_queue.contract.resolving import resolve

CATALOG = Catalog.load()
LEAST, MOST = (int(bound) for bound in CATALOG.models["i2vgen-xl"].ranges["num_inference_steps"])


def checkpoints(**values: Any) -> Any:
    """Return the scheduler of a checkpoint, with those values in its configuration."""
    config = {"beta_schedule": "squaredcos_cap_v2", "prediction_type": "v_prediction", "rescale_betas_zero_snr": True}
    usual = {"clip_sample": False, "steps_offset": 1, "timestep_spacing": "leading"}
    return DDIMScheduler(**{**config, **usual, **values})


def asked(steps: int, **values: Any) -> Any:
    return parameters(num_inference_steps=steps, **values)


def exact_path(scheduler: Any, steps: int) -> list[Tensor]:
    """Return the samples on the way from noise to `PICTURE`, by a model that predicts v without an error."""
    scheduler.set_timesteps(steps)
    samples = [NOISE * scheduler.init_noise_sigma]
    for time in scheduler.timesteps.tolist():
        signal = scheduler.alphas_cumprod[time] ** 0.5
        spread = (1 - scheduler.alphas_cumprod[time]) ** 0.5
        samples.append(scheduler.step(signal * NOISE - spread * PICTURE, time, samples[-1], return_dict=False)[0])
    return samples


generator = torch.Generator().manual_seed(4)
PICTURE, NOISE = torch.randn((2, 1, 64), generator=generator)


@pytest.mark.parametrize("scheduler", ["", "unipc"])
@pytest.mark.parametrize("to_one", [True, False])
def test_every_number_of_steps_begins_in_noise_and_goes_step_by_step_to_the_picture(
    scheduler: str, to_one: bool
) -> None:
    # Given a checkpoint whose last alpha is one, or that of its first timestep
    own = checkpoints(set_alpha_to_one=to_one)
    for steps in range(LEAST, MOST + 1):
        # When a clip has any number of steps that may be asked for, and the model is exact
        schedule = schedule_of(asked(steps, scheduler=scheduler), own)
        schedule.set_timesteps(steps)
        # Then there are so many, and the first begins where nothing of a signal is left
        times = schedule.timesteps.tolist()
        assert (len(times), times[0], min(times) >= 0) == (steps, 999, True), steps
        assert times == sorted(set(times), reverse=True)
        assert float(schedule.alphas_cumprod[times[0]]) <= 2**-24  # 0 would be an infinite ratio to UniPC
        if scheduler and steps not in (LEAST, 25, 61, 67, MOST):
            continue
        samples = exact_path(schedule, steps)
        # and each step leaves as much noise as the next one is told of, the last as much as the configuration says
        alphas = [*(float(schedule.alphas_cumprod[time]) for time in times), 1.0 if to_one else own.alphas_cumprod[0]]
        near = 1e-3 if scheduler else 2e-5  # where it does not begin at 0, the noise alone is a little off
        for sample, alpha in zip(samples, alphas, strict=True):
            assert torch.allclose(sample, alpha**0.5 * PICTURE + (1 - alpha) ** 0.5 * NOISE, atol=near), steps


@pytest.mark.parametrize("steps", [10, 20, 25, 40, 50, 100])
def test_where_steps_are_equally_long_they_are_stocks_bit_for_bit(steps: int) -> None:
    own = checkpoints(set_alpha_to_one=False)
    stock: Any = DDIMScheduler.from_config(own.config, timestep_spacing="trailing")
    for ours, theirs in zip(exact_path(schedule_of(asked(steps), own), steps), exact_path(stock, steps), strict=True):
        assert torch.equal(ours, theirs)


def test_a_clip_from_before_the_spacing_was_named_is_made_as_then() -> None:
    own = checkpoints()
    then = exact_path(checkpoints(), 30)
    now = exact_path(schedule_of(asked(30, timestep_spacing=""), own), 30)
    assert all(torch.equal(*pair) for pair in zip(then, now, strict=True))
    # which is another schedule, that begins where 6 to 8 % of the signal are left
    assert own.timesteps[0] == 958
    for steps in (30, 60, 80):
        own.set_timesteps(steps)
        assert 0.06 < own.alphas_cumprod[own.timesteps[0]] ** 0.5 < 0.085


def test_who_asks_for_a_clip_gets_the_spacing_of_its_model() -> None:
    made = {name: resolve("waves", {}, CATALOG, default_model=name)[0].timestep_spacing for name in CATALOG.models}
    assert made.pop("i2vgen-xl") == "trailing"
    assert set(made.values()) == {""}
