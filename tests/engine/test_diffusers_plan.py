"""The memory that a plan names is what a card's allocator took: figures of engine/BENCHMARKS.md."""

from __future__ import annotations

import pytest

from unstill_config.catalog import Catalog
from unstill_config.pipelines import Placing
from unstill_engine.renderers.diffusers.memory import peak

WHOLE = Placing()
WORDS_MOVED = Placing(words="moved")
MOVED = Placing(words="moved", denoiser="moved")
LEAF = Placing(words="processor", denoiser="leaf")
SMALL, LARGE = 832 * 480, 1280 * 704
TAKEN = [
    (WHOLE, SMALL, 81, 27.56),
    (WHOLE, LARGE, 49, 32.36),
    (WHOLE, LARGE, 121, 32.50),
    (WORDS_MOVED, SMALL, 81, 23.90),
    (WORDS_MOVED, LARGE, 49, 23.92),
    (WORDS_MOVED, LARGE, 121, 23.94),
    (MOVED, SMALL, 81, 10.91),
    (MOVED, LARGE, 49, 10.95),
    (MOVED, LARGE, 121, 12.41),
    (LEAF, SMALL, 81, 7.06),
    (LEAF, SMALL, 49, 7.02),
    (LEAF, SMALL, 121, 6.81),
]


@pytest.mark.parametrize(("placing", "pixels", "num_frames", "taken"), TAKEN)
def test_the_plan_is_within_a_tenth_of_what_was_taken(
    placing: Placing, pixels: int, num_frames: int, taken: float
) -> None:
    # Given what an H200's allocator took for Wan 2.2 5B, in GiB
    model = Catalog.load().models["wan-ti2v-5b"]
    assert model.memory is not None and model.pipeline is not None
    # When the same clip is planned
    planned = peak(model.memory, model.pipeline, placing, pixels, num_frames)
    # Then it is that within a tenth
    assert planned == pytest.approx(taken, rel=0.1)
