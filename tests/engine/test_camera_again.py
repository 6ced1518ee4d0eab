"""The moves that Again asks for where another seed changes nothing: each of them makes another clip."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from unstill_config.catalog import Catalog, Value
from unstill_engine.renderers.base import Photos
from unstill_engine.renderers.camera import Camera
from unstill_queue.contract.resolving import resolve

CATALOG = Catalog.load()
MODEL = CATALOG.models["camera"]
TYPED = (
    "waves",
    "zoom in",
    "zoom out slowly",
    "pan left",
    "tilt up quickly",
    "rotate",
    "handheld",
    "镜头拉近",
    "static shot",
)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a photo of noise, over which no two moves look alike."""
    file = tmp_path_factory.mktemp("photo") / "noise.png"
    Image.fromarray(np.random.default_rng(7).integers(0, 255, (96, 128, 3), dtype=np.uint8)).save(file)
    return file


def frames(photo: Path, prompt: str, camera: str) -> bytes:
    given: dict[str, Value] = {"camera": camera, "seed": 7, "num_frames": 8, "resolution": 256}
    parameters, _ = resolve(prompt, given, CATALOG, default_model="camera")
    renderer, photos = Camera("camera", MODEL), Photos(photo)
    chunks = renderer.render(renderer.plan(parameters, photos), photos, lambda done, steps: None, lambda: False)
    return b"".join(chunk.tobytes() for chunk in chunks)


def test_no_two_moves_give_the_same_frames_nor_does_what_people_type(photo: Path) -> None:
    made = {move: frames(photo, "waves", move) for move in MODEL.moves}
    for one, other in combinations(made, 2):
        assert made[one] != made[other], (one, other)
    for typed in TYPED:
        before = frames(photo, typed, "")
        assert before not in made.values(), typed
        # and what was typed does not keep the other move from being made
        assert frames(photo, typed, MODEL.moves[0]) == made[MODEL.moves[0]], typed


def test_a_seed_alone_would_give_the_same_frames(photo: Path) -> None:
    def with_seed(seed: int) -> bytes:
        parameters, _ = resolve("zoom in", {"seed": seed, "num_frames": 8}, CATALOG, default_model="camera")
        renderer, photos = Camera("camera", MODEL), Photos(photo)
        chunks = renderer.render(renderer.plan(parameters, photos), photos, lambda done, steps: None, lambda: False)
        return b"".join(chunk.tobytes() for chunk in chunks)

    assert with_seed(1) == with_seed(2)
