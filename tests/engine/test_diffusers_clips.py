"""A pipeline of diffusers is served by its table alone: a photo, two photos or words alone become a clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.engine.diffusers_tiny import asked, loaded, noisy_photo, save_wan, tiny_wan

from unstill_engine.renderers.base import Photos, RenderError
from unstill_engine.renderers.diffusers.renderer import Diffusers

FIVE, FOURTEEN = "wan-ti2v-5b", "wan-i2v-a14b-fast"
KINDS = {FIVE: "5b", FOURTEEN: "a14b"}


@pytest.fixture(scope="module")
def renderers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Diffusers]:
    folder = tmp_path_factory.mktemp("wan")
    return {name: loaded(tiny_wan(save_wan(folder / kind, kind), name), name) for name, kind in KINDS.items()}


def frames(renderer: Diffusers, photos: Photos, model: str, **values: object) -> NDArray[np.uint8]:
    plan = renderer.plan(asked(model, **values), photos)
    made = [
        part for part in renderer.render(plan, photos, lambda *_: None, lambda: False) if isinstance(part, np.ndarray)
    ]
    clip = np.concatenate(made)
    assert clip.shape == (plan.num_frames, plan.height, plan.width, 3)
    return clip


@pytest.mark.parametrize("model", [FIVE, pytest.param(FOURTEEN, marks=pytest.mark.storm)])
def test_a_seed_is_a_clip(renderers: dict[str, Diffusers], model: str, tmp_path: Path) -> None:
    photos = Photos(noisy_photo(tmp_path))
    first = frames(renderers[model], photos, model)

    assert np.array_equal(frames(renderers[model], photos, model), first)
    assert not np.array_equal(frames(renderers[model], photos, model, seed=9), first)
    assert not np.array_equal(frames(renderers[model], photos, model, prompt="low quality"), first)
    assert not np.array_equal(frames(renderers[model], Photos(noisy_photo(tmp_path, seed=2)), model), first)


def test_words_alone_make_a_clip_by_the_same_parts(renderers: dict[str, Diffusers]) -> None:
    renderer = renderers[FIVE]

    clip = frames(renderer, Photos(), FIVE)

    assert clip.shape[2] > clip.shape[1]  # as films are
    assert not np.array_equal(frames(renderer, Photos(), FIVE, prompt="blur"), clip)
    with pytest.raises(RenderError, match="makes no clip without a photo"):
        renderers[FOURTEEN].plan(asked(FOURTEEN), Photos())


def test_a_last_photo_changes_the_clip_or_is_refused(renderers: dict[str, Diffusers], tmp_path: Path) -> None:
    first, last = noisy_photo(tmp_path), noisy_photo(tmp_path, seed=8)
    without = frames(renderers[FOURTEEN], Photos(first), FOURTEEN)

    ended = frames(renderers[FOURTEEN], Photos(first, last), FOURTEEN)

    assert not np.array_equal(ended, without)
    assert np.array_equal(frames(renderers[FOURTEEN], Photos(first, last), FOURTEEN), ended)
    # the other would ignore it without a word
    with pytest.raises(RenderError, match="takes no second photo"):
        renderers[FIVE].plan(asked(FIVE), Photos(first, last))
