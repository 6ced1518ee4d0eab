"""Kandinsky 6 by its table and one file: equal to diffusers' own pipeline, in its frames and in its sound."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray
from tests.engine.diffusers_tiny import noisy_photo
from tests.engine.kandinsky_tiny import NAME, save_kandinsky, tiny_kandinsky

from unstill_config.catalog import Catalog
from unstill_config.settings import Settings
from unstill_engine.licence import why_not_accepted
from unstill_engine.renderers.base import Photos, RenderError, Sound
from unstill_engine.renderers.diffusers.clip_size import fitted
from unstill_engine.renderers.diffusers.kandinsky6 import Kandinsky6, Latents
from unstill_engine.renderers.diffusers.memory import estimate_of, ladder
from unstill_engine.renderers.diffusers.renderer import Diffusers
from unstill_engine.renderers.photo import load_photo
from unstill_engine.renderers.torch.placement import GIB
from unstill_queue.contract.jobs import Parameters

LIBRARIES = {"diffusers": diffusers, "transformers": transformers}
Clip = tuple[NDArray[np.uint8], Sound]
ASKED = Parameters(NAME, "the waves roll in", 3, 9, 24, 480, num_inference_steps=2, guidance_scale=5.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_kandinsky(tmp_path_factory.mktemp("kandinsky"))


@pytest.fixture(scope="module")
def renderer(folder: Path) -> Diffusers:
    renderer = Diffusers(NAME, tiny_kandinsky(folder))
    renderer.load("cpu")
    return renderer


def rendered(renderer: Diffusers, photos: Photos, **values: Any) -> Clip:
    """The clip as the child gets it: all frames, and then one sound."""
    plan = renderer.plan(
        Parameters(**{**{name: getattr(ASKED, name) for name in ASKED.__struct_fields__}, **values}), photos
    )
    *frames, sound = renderer.render(plan, photos, lambda *_: None, lambda: False)
    assert isinstance(sound, Sound)
    clip = np.concatenate([frame for frame in frames if isinstance(frame, np.ndarray)])
    assert clip.shape == (plan.num_frames, plan.height, plan.width, 3)
    return clip, sound


def stock(folder: Path, photo: Path, size: tuple[int, int]) -> Clip:
    """What diffusers makes of the same, read and called as its documentation does."""
    index = json.loads((folder / "model_index.json").read_text())
    kinds = {part: getattr(LIBRARIES[entry[0]], entry[1]) for part, entry in index.items() if isinstance(entry, list)}
    # its processor of pictures, which would read words by the same tokenizer, wants torchvision
    kinds["tokenizer"] = transformers.Qwen2Tokenizer
    parts = {part: kind.from_pretrained(folder / part) for part, kind in kinds.items()}
    pipeline = diffusers.Kandinsky6TI2VAPipeline(**parts)
    pipeline.set_progress_bar_config(disable=True)
    made = pipeline(
        prompt=ASKED.prompt,
        image=fitted(load_photo(photo), size),
        width=size[0],
        height=size[1],
        num_frames=ASKED.num_frames,
        num_inference_steps=ASKED.num_inference_steps,
        guidance_scale=ASKED.guidance_scale,
        generator=torch.Generator().manual_seed(ASKED.seed),
        output_type="np",
    )
    return np.round(made.frames[0] * 255).astype(np.uint8), Sound(made.audio[0][:, None], pipeline.audio_sample_rate)


def test_frames_and_sound_are_those_of_the_stock_pipeline(folder: Path, renderer: Diffusers, tmp_path: Path) -> None:
    photo = noisy_photo(tmp_path)
    frames, sound = rendered(renderer, Photos(photo))

    expected, heard = stock(folder, photo, (frames.shape[2], frames.shape[1]))

    assert np.abs(frames.astype(int) - expected.astype(int)).max() <= 1
    assert sound.rate == heard.rate == 44_100
    assert sound.samples.dtype == np.float32 and np.abs(sound.samples).max() > 0.1
    assert np.abs(sound.samples - heard.samples).max() < 1e-4
    # and it is as long as the clip, up to a piece of the vocoder's
    assert 0 <= len(sound.samples) / sound.rate - 9 / 24 < 0.1


def test_a_seed_is_a_clip_and_a_sound(renderer: Diffusers, tmp_path: Path) -> None:
    photos = Photos(noisy_photo(tmp_path))
    frames, sound = rendered(renderer, photos)
    again = rendered(renderer, photos)
    assert np.array_equal(again[0], frames) and np.array_equal(again[1].samples, sound.samples)

    others = [
        rendered(renderer, photos, seed=4),
        rendered(renderer, photos, prompt="low quality"),
        rendered(renderer, Photos(noisy_photo(tmp_path, seed=2))),
    ]

    for other in others:
        assert not np.array_equal(other[0], frames)
        assert not np.array_equal(other[1].samples, sound.samples)


def test_words_alone_make_a_clip_with_its_sound(renderer: Diffusers, tmp_path: Path) -> None:
    frames, sound = rendered(renderer, Photos())

    assert frames.shape[2] > frames.shape[1]  # as films are
    assert not np.array_equal(rendered(renderer, Photos(), prompt="blur")[1].samples, sound.samples)
    with pytest.raises(RenderError, match="takes no second photo"):
        renderer.plan(ASKED, Photos(noisy_photo(tmp_path), noisy_photo(tmp_path, seed=2)))


def test_decoding_by_tiles_and_in_more_bits_is_undone_for_the_next_clip(renderer: Diffusers) -> None:
    # Given latents of a frame that is larger than a tile
    adapter = renderer._adapter
    assert isinstance(adapter, Kandinsky6)
    vae = adapter.pipeline.vae
    generator = torch.Generator().manual_seed(1)
    latents = Latents(torch.randn(1, 4, 2, 8, 40, generator=generator), torch.zeros(1, 4, 8))
    with torch.no_grad():
        whole = torch.cat(list(adapter.pictures(latents, tiled=False)))
        # When it is decoded by tiles
        tiled = torch.cat(list(adapter.pictures(latents, tiled=True)))
    # Then they are the same frames but for their seams
    assert whole.shape == tiled.shape == (5, 64, 320, 3)
    assert not torch.equal(whole, tiled)
    assert float((whole - tiled).abs().mean()) < 0.25 * float(whole.std())
    assert not vae.use_tiling
    # and where 16 bits were too few, the next clip begins with them again
    adapter._dtype = torch.float16
    try:
        assert not adapter.widen()
        adapter.narrow()
        assert vae.dtype == torch.float16 and adapter.widen() and vae.dtype == torch.float32
    finally:
        adapter._dtype = torch.float32
        adapter.narrow()


@pytest.mark.parametrize("part", ["vocoder", "audio_vae"])
def test_a_folder_that_makes_no_sound_is_refused_in_one_sentence(tmp_path: Path, part: str) -> None:
    renderer = Diffusers(NAME, tiny_kandinsky(save_kandinsky(tmp_path / "model", without=part)))
    with pytest.raises(RenderError, match=f"has no {part}, which makes its sound") as caught:
        renderer.load("cpu")
    assert caught.value.code == "model_unavailable"


def test_its_parts_have_licences_that_a_host_has_to_accept() -> None:
    catalog = Catalog.load()
    asked = {"UNSTILL_ENGINE__MODEL": NAME}
    said = why_not_accepted(Settings.load(asked, Path("/nowhere")), catalog)
    assert said is not None
    for what in ("MIT", "non-commercial use only", "not in the European Union"):
        assert what in said
    accepted = {**asked, "UNSTILL_ENGINE__ACCEPT_LICENCES": NAME}
    assert why_not_accepted(Settings.load(accepted, Path("/nowhere")), catalog) is None


def test_the_table_places_it_on_cards_from_eight_gigabytes_on() -> None:
    """By its figures, which are computed; which card holds what is told from them alone."""
    model = Catalog.load().models[NAME]
    assert model.pipeline is not None and model.memory is not None
    estimate = estimate_of(model.pipeline, lambda _: (864, 480))
    usual = Parameters(NAME, "", 1, 121, 24, 480, guidance_scale=5.0)
    needed = [estimate(model.memory, usual, mode) / GIB for mode in ladder(model.pipeline)]
    # Then each placement is more sparing than the one before, and the last is for the smallest card
    assert needed == sorted(needed, reverse=True)
    assert needed[-1] < 7
    assert any(need < 23 for need in needed[:-1]) and any(need < 15 for need in needed[:-1])
