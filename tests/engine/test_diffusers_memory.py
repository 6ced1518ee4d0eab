"""Which clip a card of that much memory gets of a pipeline, and where its parts are meanwhile: arithmetic, no torch."""

from __future__ import annotations

import itertools

import pytest
from tests.engine.diffusers_tiny import asked

from unstill_config.catalog import Catalog, Model
from unstill_config.pipelines import Placing
from unstill_engine.renderers.diffusers.clip_size import drawn_size
from unstill_engine.renderers.diffusers.memory import estimate_of, ladder, modes_of, peak
from unstill_engine.renderers.torch.placement import GIB, Placement, place

CATALOG = Catalog.load()
NAMES = [name for name, model in CATALOG.models.items() if model.pipeline is not None]
WIDE = (1920, 1080)


def placed(model: Model, name: str, gib: float, **values: object) -> Placement:
    assert model.pipeline
    estimate = estimate_of(model.pipeline, lambda side: drawn_size(WIDE, asked(name, resolution=side), model))
    usual = {field: model.defaults[field] for field in ("resolution", "num_frames")}
    parameters = asked(name, **{**usual, **values})
    return place(parameters, model, round(gib * GIB), modes=modes_of(model.pipeline), estimate=estimate)


@pytest.mark.parametrize("name", NAMES)
def test_less_memory_is_never_a_larger_clip_or_a_faster_way(name: str) -> None:
    model = CATALOG.models[name]
    assert model.pipeline and model.memory
    modes = ladder(model.pipeline)
    before: tuple[int, int, int] | None = None
    for gib in itertools.chain(range(140, 8, -2), (8, 7, 6)):
        made = placed(model, name, gib)
        size = drawn_size(WIDE, made.parameters, model)
        now = (size[0] * size[1] * made.parameters.num_frames, -modes.index(made.mode), made.memory)
        if before is not None:
            assert now[0] <= before[0], gib
            assert now[0] < before[0] or now[1] <= before[1], gib
        # what is promised fits, but for the smallest clip, which is tried all the same
        smallest = made.parameters.resolution == min(model.resolutions)
        assert made.memory <= gib * GIB or smallest, gib
        before = now


def test_a_card_of_24_16_12_and_8_gb_gets_a_clip_of_the_first_default() -> None:
    model = CATALOG.models["wan-ti2v-5b"]
    for gb in (24, 16, 12, 8):
        made = placed(model, "wan-ti2v-5b", gb * 1e9 / GIB * 0.96)  # less what the driver and CUDA take
        assert made.memory <= gb * 1e9, gb
        assert made.mode.placing is not None
        # the encoder of words never stays beside the rest
        assert made.mode.placing.words != "resident", gb
        if gb >= 16:
            assert (made.parameters.resolution, made.parameters.num_frames) == (704, 121), gb
        assert (made.mode.placing.denoiser == "leaf") == made.mode.slower, gb
    assert placed(model, "wan-ti2v-5b", 80).mode.placing == Placing()


@pytest.mark.parametrize("name", NAMES)
def test_each_placing_needs_less_than_the_one_before(name: str) -> None:
    model = CATALOG.models[name]
    assert model.pipeline and model.memory
    width, height = drawn_size(WIDE, asked(name, resolution=model.resolutions[-1]), model)
    frames = int(model.defaults["num_frames"])
    needs = [peak(model.memory, model.pipeline, each, width * height, frames) for each in model.pipeline.placements]
    assert needs == sorted(needs, reverse=True)


def test_what_is_moved_out_is_not_counted() -> None:
    memory, pipeline = CATALOG.models["wan-ti2v-5b"].memory, CATALOG.models["wan-ti2v-5b"].pipeline
    assert memory and pipeline
    memory = memory.model_copy(
        update={"weights": 24.0, "encoders": 10.0, "vae": 4.0, "render": 0.01, "render_plain": 0.04, "decode": 5.0,
                "leaf": 0.5, "tile": 2.0}
    )  # fmt: skip
    megapixel, frames = 1_000_000, 100

    def needed(**placing: str | bool) -> float:
        return peak(memory, pipeline, Placing.model_validate(placing), megapixel, frames)

    # all weights, and the larger of a step's and the decoding's
    assert needed() == 24 + 5
    # words come while nothing else is computed
    assert needed(words="moved") == 10 + 14
    assert needed(words="processor") == 14 + 5
    # the denoiser with a step's, the VAE with the decoding's, or words by themselves
    assert needed(words="moved", denoiser="moved") == 10 + 1
    assert needed(words="processor", denoiser="moved") == 10 + 1
    assert needed(words="processor", denoiser="eight_bit") == 5 + 4
    assert needed(words="processor", denoiser="leaf") == 4 + 5
    assert needed(words="processor", denoiser="leaf", tiled=True) == 4 + 2
    # a machine without 16-bit numbers needs twice as much
    estimate = estimate_of(pipeline, lambda side: (1000, 1000), bytes_per_value=4)
    assert estimate(memory, asked(num_frames=frames), ladder(pipeline)[0]) == (24 + 5) * 2 * GIB
