"""A new torch model is a file and a table: the real child serves it, and what any torch model has works for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest
from tests.engine.engine_processes import Engine, running_engine

from unstill_config.catalog import Catalog
from unstill_engine.device.outcomes import Rendered, RenderFailed, RenderOutcome
from unstill_engine.renderers.base import Photos
from unstill_queue.contract.jobs import Parameters

TABLE = """
[models.toy]
title = "Toy"
renderer = "toy_torch:Toy"
synthetic = true
abilities = ["prompt", "seed"]
size_multiple = 8
resolutions = [32, 64]
licence = {{ name = "Apache-2.0" }}
weights = {{ repo = "{folder}" }}
defaults = {{ resolution = 32, num_frames = 8, fps = 8, num_inference_steps = 1, guidance_scale = 1.0 }}
ranges = {{ num_frames = [4, 32] }}
cost = {{ base = 1.0, per_unit = 0.0 }}
memory = {{ low = 1.0, weights = 0.001, render = 1.0, decode = 0.01, decode_frames = 8, least_free = {{ 32 = 0 }} }}
"""


@pytest.fixture
async def engine(tiny_i2vgen: Path, tmp_path: Path) -> AsyncIterator[Engine]:
    table = tmp_path / "catalog.toml"
    table.write_text(TABLE.format(folder=tiny_i2vgen))
    async with running_engine(tmp_path, model=Catalog.load(table).models["toy"]) as engine:
        yield engine


async def render(engine: Engine, prompt: str) -> RenderOutcome:
    parameters = Parameters("toy", prompt, 1, 8, 8, 64, guidance_scale=9.0)
    return await engine.process.plan_and_render(
        prompt, parameters, Photos(Path("no picture")), engine.spool, deadline=lambda _: 60, on_progress=lambda *_: None
    )


async def test_a_model_that_nothing_else_knows_is_served(engine: Engine) -> None:
    # When there is room for all frames at once, and then for three
    whole = await render(engine, "8")
    assert isinstance(whole, Rendered)
    pixels = whole.spool.read_bytes()
    parted = await render(engine, "3")
    # Then the clip is the same, and told is what changed
    assert isinstance(parted, Rendered)
    assert (whole.notes, parted.notes) == ((), ("memory_chunked",))
    assert len(pixels) == 8 * 64 * 64 * 3
    one, other = (np.frombuffer(data, np.uint8).astype(int) for data in (pixels, parted.spool.read_bytes()))
    assert one.std() > 1
    assert np.abs(one - other).max() <= 1
    # and where nothing fits, no rung was tried that this model does not have
    failed = await render(engine, "0")
    assert isinstance(failed, RenderFailed) and failed.failed.code == "out_of_memory"
    assert "split_guidance=True" not in engine.logged
    assert "offload_encoders=True" not in engine.logged
    assert "4 frames of 32x32" in engine.logged
