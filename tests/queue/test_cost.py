"""What a job costs: the unit of turns, quotas and waiting times."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis import Redis
from tests.queue.test_fairness import Lane

from unstill_config.catalog import Catalog
from unstill_queue.contract.fairness import estimated_seconds
from unstill_queue.contract.jobs import Parameters

CAMERA = Catalog.load().models["camera"]
ONE = Parameters("camera", "waves", seed=1, num_frames=16, fps=8, resolution=512)
sides = st.integers(2, 2048)


def test_a_cost_is_what_the_catalogue_says() -> None:
    # base 0.2 s, and 0.04 s a frame, step and megapixel
    assert estimated_seconds(ONE, CAMERA, 1.0) == pytest.approx(0.2 + 0.04 * 16 * 0.512**2)
    assert estimated_seconds(ONE, CAMERA, 1.5) == pytest.approx(0.2 + 0.04 * 16 * 0.512**2 * 1.5, rel=1e-5)


def test_nothing_is_free(server_url: str) -> None:
    """A job that costs nothing would leave its person first in the line for ever."""
    free = CAMERA.model_copy(update={"cost": CAMERA.cost.model_copy(update={"base": 0.0, "per_unit": 0.0})})
    cost = estimated_seconds(ONE, free, 1.0)
    # Given one who queues ten such jobs, and another who queues one
    with Redis.from_url(server_url) as redis:
        lane = Lane(redis)
        for _ in range(10):
            lane.submit("c", "A", cost)
        b = lane.submit("c", "B", cost)
        # Then the other is next but one
        assert b in (lane.serve(), lane.serve())


@given(st.integers(8, 480), st.integers(1, 100), st.integers(128, 1024), st.floats(1, 3))
def test_more_of_anything_never_costs_less(frames: int, steps: int, resolution: int, aspect: float) -> None:
    job = msgspec.structs.replace(ONE, num_frames=frames, num_inference_steps=steps, resolution=resolution)
    cost = estimated_seconds(job, CAMERA, aspect)
    assert cost >= CAMERA.cost.base
    for more in ("num_frames", "num_inference_steps", "resolution"):
        dearer = msgspec.structs.replace(job, **{more: getattr(job, more) + 1})
        assert estimated_seconds(dearer, CAMERA, aspect) > cost
    assert estimated_seconds(job, CAMERA, aspect + 1) > cost


def test_a_photo_that_is_longer_than_a_frame_can_be_costs_no_more() -> None:
    i2vgen = Catalog.load().models["i2vgen-xl"]
    for model, most in ((CAMERA, 4.0), (i2vgen, 2.0)):
        assert estimated_seconds(ONE, model, 16.0) == estimated_seconds(ONE, model, most)
        assert estimated_seconds(ONE, model, most) > estimated_seconds(ONE, model, most - 0.1)


@given(sides, sides, st.floats(1, 10))
def test_a_size_that_was_given_counts_whatever_the_picture_is(width: int, height: int, aspect: float) -> None:
    job = msgspec.structs.replace(ONE, width=width, height=height)
    assert estimated_seconds(job, CAMERA, aspect) == pytest.approx(0.2 + 0.04 * 16 * width * height / 1e6)
