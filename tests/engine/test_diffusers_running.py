"""A pipeline's render: its steps are told, it stops between two, and no clip shows what happened to the one before."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import diffusers
import msgspec
import numpy as np
import pytest
import torch
from PIL import Image
from tests.engine.diffusers_tiny import asked, loaded, noisy_photo, save_wan, tiny_wan
from tests.engine.test_diffusers_clips import FIVE, FOURTEEN, frames

from unstill_config.pipelines import Placing
from unstill_engine.renderers.base import Photos, Plan, RenderCancelled, RenderError, Revised
from unstill_engine.renderers.diffusers.adapter import decoding_copy
from unstill_engine.renderers.diffusers.clip_size import drawn_size, fitted
from unstill_engine.renderers.diffusers.renderer import Diffusers
from unstill_engine.renderers.diffusers.wan import Wan
from unstill_engine.renderers.torch.placement import MemoryMode

OUT_OF_MEMORY = "CUDA out of memory. Tried to allocate 2.00 GiB."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_wan(tmp_path_factory.mktemp("wan") / "5b")


@pytest.fixture
def renderer(folder: Path) -> Diffusers:
    return loaded(tiny_wan(folder))


class Run:
    """A render to its end, or to where it was cancelled."""

    def __init__(
        self, renderer: Diffusers, photos: Photos, cancelled: Callable[[Run], bool] = lambda _: False, **values: Any
    ) -> None:
        self.steps: list[tuple[int, int]] = []
        self.frames: list[Any] = []
        self.restarts = 0
        self.stopped = False
        self.plan: Plan = renderer.plan(asked(**values), photos)
        try:
            for part in renderer.render(self.plan, photos, self._step, lambda: cancelled(self)):
                self._take(part)
        except RenderCancelled:
            self.stopped = True

    def _step(self, step: int, steps: int) -> None:
        self.steps.append((step, steps))

    def _take(self, part: Any) -> None:
        if isinstance(part, Revised):
            self.plan = part.plan
            if part.anew:
                self.frames.clear()
                self.restarts += 1
        else:
            assert part.dtype == np.uint8
            self.frames.extend(part)

    @property
    def clip(self) -> Any:
        assert len(self.frames) == self.plan.num_frames
        return np.stack(self.frames)


def after_steps(count: int) -> Callable[[Run], bool]:
    return lambda run: len(run.steps) >= count


def silent_pipeline() -> Any:
    """The same without a callback: as pipelines are that tell of their steps by a progress bar alone."""
    kind: Any = diffusers.WanImageToVideoPipeline
    call = kind.__call__

    def silent(self: Any, prompt: Any, negative_prompt: Any, image: Any, width: Any, height: Any, num_frames: Any,
               num_inference_steps: Any, guidance_scale: Any, generator: Any, output_type: Any) -> Any:  # fmt: skip
        return call(
            self, image=image, prompt=prompt, negative_prompt=negative_prompt, width=width, height=height,
            num_frames=num_frames, num_inference_steps=num_inference_steps, guidance_scale=guidance_scale,
            generator=generator, output_type=output_type,
        )  # fmt: skip

    return type("SilentPipeline", (kind,), {"__call__": silent})


def test_steps_are_told_and_a_cancel_is_heard_between_two(
    folder: Path, renderer: Diffusers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a pipeline with a callback, and one that has only its progress bar
    monkeypatch.setattr(diffusers, "SilentPipeline", silent_pipeline(), raising=False)
    silent = loaded(tiny_wan(folder, pipeline={"class_name": "SilentPipeline"}))
    photos = Photos(noisy_photo(tmp_path))
    whole = Run(renderer, photos, num_inference_steps=4)
    for each in (renderer, silent):
        # When it renders, then each step is told
        run = Run(each, photos, num_inference_steps=4)
        assert run.steps == [(step, 4) for step in (1, 2, 3, 4)]
        assert np.array_equal(run.clip, whole.clip)
        # When somebody cancels, then it stops there, before a frame, before a step, or before the first
        for seen in (0, 1, 3, 4):
            stopped = Run(each, photos, after_steps(seen), num_inference_steps=4)
            assert stopped.stopped and (len(stopped.steps), len(stopped.frames)) == (seen, 0)
        between = Run(each, photos, lambda run: len(run.frames) >= 5, num_inference_steps=4)
        assert between.stopped and len(between.frames) == 5
        # and the next clip is as if nothing had been
        assert np.array_equal(Run(each, photos, num_inference_steps=4).clip, whole.clip)


def test_hooks_are_freed_however_a_call_ends(renderer: Diffusers, tmp_path: Path) -> None:
    freed = []
    pipeline = renderer._loaded.photo
    pipeline.maybe_free_model_hooks = lambda: freed.append(True)
    photos = Photos(noisy_photo(tmp_path))

    assert Run(renderer, photos, lambda run: len(run.steps) >= 1).stopped
    assert len(freed) == 1

    def fails(*_: Any, **__: Any) -> Any:
        raise ValueError("it is broken")

    pipeline.encode_prompt = fails
    with pytest.raises(ValueError, match="it is broken"):
        Run(renderer, photos)
    assert len(freed) == 2


def placed(renderer: Diffusers, placing: Placing, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have clips placed so, whatever the machine's memory."""
    place = renderer._place
    monkeypatch.setattr(
        renderer,
        "_place",
        lambda *given: msgspec.structs.replace(place(*given), mode=MemoryMode(1, placing=placing)),
    )


@pytest.mark.parametrize("name", [FIVE, pytest.param(FOURTEEN, marks=pytest.mark.storm)])
def test_wherever_the_parts_are_the_clip_is_the_same(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_wan(folder if name == FIVE else save_wan(tmp_path / "a14b", "a14b"), name)
    assert model.pipeline
    renderer = loaded(model, name)
    photos = Photos(noisy_photo(tmp_path))
    first = frames(renderer, photos, name)
    # in order, and back: a placing leaves nothing behind for the next
    for placing in (*model.pipeline.placements, *reversed(model.pipeline.placements)):
        with monkeypatch.context() as patch:
            placed(renderer, placing, patch)
            apart = np.abs(frames(renderer, photos, name).astype(int) - first)
        # a layer at a time it is diffusers' own forward, which rounds elsewhere
        assert apart.max() <= (1 if placing.denoiser == "leaf" else 0), placing


def test_weights_in_8_bits_change_the_clip_a_little_and_are_told(
    renderer: Diffusers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = Photos(noisy_photo(tmp_path))
    first = Run(renderer, photos)
    assert first.plan.notes == ()
    with monkeypatch.context() as patch:
        placed(renderer, Placing(words="processor", denoiser="eight_bit"), patch)
        rounded = Run(renderer, photos)
    assert not np.array_equal(rounded.clip, first.clip)
    assert np.abs(rounded.clip.astype(int) - first.clip).mean() < 8
    # and whatever is rendered after that is told of, as it cannot be taken back
    assert "memory_eight_bit" in Run(renderer, photos).plan.notes


def test_memory_that_runs_out_in_a_step_goes_down_the_ladder(
    renderer: Diffusers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = Photos(noisy_photo(tmp_path))
    whole = Run(renderer, photos, resolution=704)
    transformer = renderer._loaded.photo.transformer

    def short_until(placing: Placing) -> Run:
        """A device on which a step has room only where the denoiser is placed as sparingly as that."""
        ladder = renderer._table.placements

        def fails(*_: Any) -> None:
            now = renderer._residence._placing
            if now is None or ladder.index(now) < ladder.index(placing):
                raise torch.OutOfMemoryError(OUT_OF_MEMORY)

        handle = transformer.register_forward_pre_hook(fails)
        try:
            return Run(renderer, photos, resolution=704)
        finally:
            handle.remove()

    # When all has to leave that does not work
    run = short_until(renderer._table.placements[2])
    assert [code for code in run.plan.notes if code.startswith("memory")] == ["memory_offloaded"]
    assert np.array_equal(run.clip, whole.clip)
    assert run.restarts == 2
    # When a layer at a time is all there is room for
    run = short_until(Placing(words="processor", denoiser="leaf"))
    assert np.abs(run.clip.astype(int) - whole.clip).max() <= 1
    # and where even that is too much, then the clip is smaller

    def too_large(_: Any, __: Any, given: dict[str, Any]) -> None:
        if given["hidden_states"].shape[-1] > 6:
            raise torch.OutOfMemoryError(OUT_OF_MEMORY)

    handle = transformer.register_forward_pre_hook(too_large, with_kwargs=True)
    try:
        smaller = Run(renderer, photos, resolution=704)
    finally:
        handle.remove()
    assert "memory_smaller:asked=704,chosen=480" in smaller.plan.notes
    assert smaller.clip.shape == (9, 64, 96, 3)


def test_memory_that_runs_out_while_parts_are_placed_leaves_nothing_half_done(
    renderer: Diffusers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = Photos(noisy_photo(tmp_path))
    whole = Run(renderer, photos)
    leaf = Placing(words="processor", denoiser="leaf")
    # Given a card on which the layers could be prepared, and then nothing more
    plain, failing = renderer._residence._begin_leaf, [True, False]

    def short() -> None:
        plain()
        if failing.pop(0):
            raise torch.OutOfMemoryError(OUT_OF_MEMORY)

    monkeypatch.setattr(renderer._residence, "_begin_leaf", short)
    placed(renderer, leaf, monkeypatch)
    # When a clip is asked for, then it is made in the next way
    run = Run(renderer, photos)
    assert not failing and run.restarts == 1
    assert np.abs(run.clip.astype(int) - whole.clip).max() <= 1


def test_memory_that_runs_out_while_frames_are_decoded_costs_no_step_again(
    renderer: Diffusers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = Photos(noisy_photo(tmp_path))
    whole = Run(renderer, photos)
    pictures, failures = renderer._adapter.pictures, list[int]()

    def short(kept: Any, *, tiled: bool) -> Any:
        for number, piece in enumerate(pictures(kept, tiled=tiled)):
            if number == 1 and not failures:
                failures.append(number)
                raise torch.OutOfMemoryError(OUT_OF_MEMORY)
            yield piece

    monkeypatch.setattr(renderer._adapter, "pictures", short)
    run = Run(renderer, photos)

    assert failures and run.restarts == 1
    assert run.steps == whole.steps
    assert np.array_equal(run.clip, whole.clip)


class HalfWan(Wan):
    """Decodes in 16 bits on a processor too, where `prepare` would make no copy."""

    def prepare(self) -> None:
        self._decodes = self.pipeline.decoding_vae = decoding_copy(self.pipeline.vae, torch.float16)


def test_numbers_that_are_too_large_for_16_bits_are_decoded_in_32(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a copy that decodes in 16 bits
    photos = Photos(noisy_photo(tmp_path))
    plain = {"adapter": f"{__name__}:HalfWan", "accelerate": None}
    half = loaded(tiny_wan(folder, pipeline=plain))
    exact = Run(loaded(tiny_wan(folder, pipeline={"accelerate": None})), photos)
    apart = np.abs(Run(half, photos).clip.astype(int) - exact.clip)
    assert 0 < apart.max() <= 6
    assert half._adapter.decoder() == "decoding_vae"
    # When one of its layers makes numbers that these cannot hold, from the second latent frame on
    copy, seen, visited = half._loaded.photo.decoding_vae, list[int](), list[str]()
    visit = half._residence.visit

    def visiting(name: str) -> None:
        visited.append(name)
        visit(name)

    monkeypatch.setattr(half._residence, "visit", visiting)

    def enlarged(_: Any, __: Any, out: Any) -> Any:
        seen.append(1)
        return out * 1e30 if len(seen) > 1 else out

    handle = copy.decoder.conv_in.register_forward_hook(enlarged)
    run = Run(half, photos)
    # Then what was decoded stands, and the rest comes from the VAE itself, each frame once
    assert run.restarts == 0 and len(seen) == 2
    assert np.array_equal(run.clip[1:], exact.clip[1:])
    assert np.abs(run.clip[:1].astype(int) - exact.clip[:1]).max() <= 6
    assert [name for name in visited if "vae" in name][-2:] == ["decoding_vae", "vae"]
    # and the next clip is tried in 16 bits again
    handle.remove()
    assert half._adapter.decoder() == "decoding_vae"
    assert 0 < np.abs(Run(half, photos).clip.astype(int) - exact.clip).max() <= 6


def test_a_preset_may_have_steps_take_over_what_changes_little_and_that_is_told(
    renderer: Diffusers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = Photos(noisy_photo(tmp_path))
    exact = Run(renderer, photos, num_inference_steps=6)
    # When all that can be is taken over, Then each half of the guidance is computed once
    cheap = Run(renderer, photos, num_inference_steps=6, step_cache=1e9)
    assert cheap.steps == exact.steps and cheap.plan.notes == ("steps_reused:83",)
    assert not np.array_equal(cheap.clip, exact.clip)
    # Where so little changes never, it is the clip, and nothing is told
    never = Run(renderer, photos, num_inference_steps=6, step_cache=1e-9)
    assert never.plan.notes == () and np.array_equal(never.clip, exact.clip)
    # and the next clip takes over nothing
    assert np.array_equal(Run(renderer, photos, num_inference_steps=6).clip, exact.clip)
    # Where the denoiser comes a layer at a time, all is computed
    with monkeypatch.context() as patch:
        placed(renderer, Placing(words="processor", denoiser="leaf"), patch)
        leaf = Run(renderer, photos, num_inference_steps=6, step_cache=1e9)
    assert leaf.plan.notes == () and np.abs(leaf.clip.astype(int) - exact.clip).max() <= 1


def test_numbers_that_are_no_picture_are_an_error_and_no_black_clip(renderer: Diffusers, tmp_path: Path) -> None:
    vae = renderer._loaded.photo.vae
    vae.chunks = lambda latents: iter([torch.full((1, 3, 9, 64, 96), torch.nan)])

    with pytest.raises(RenderError, match="no picture"):
        Run(renderer, Photos(noisy_photo(tmp_path)))


class EverWider(HalfWan):
    """Says that it decodes wider, as often as it is asked."""

    def widen(self) -> bool:
        super().widen()
        return True


def test_an_adapter_that_can_always_widen_does_not_decode_for_ever(folder: Path, tmp_path: Path) -> None:
    # Given decoders whose numbers are no picture in any type
    renderer = loaded(tiny_wan(folder, pipeline={"adapter": f"{__name__}:EverWider", "accelerate": None}))
    pipeline, tries = renderer._loaded.photo, list[int]()

    def broken(_: Any, __: Any, out: Any) -> Any:
        tries.append(1)
        return out * torch.nan

    for vae in (pipeline.vae, pipeline.decoding_vae):
        vae.decoder.conv_in.register_forward_hook(broken)
    # When a clip is asked for, then each is tried once
    with pytest.raises(RenderError, match="no picture"):
        Run(renderer, Photos(noisy_photo(tmp_path)))
    assert len(tries) == 2


def test_the_makers_words_against_are_taken_where_nobody_has_others(
    renderer: Diffusers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[dict[str, Any]] = []
    pipeline = renderer._loaded.photo
    encode = pipeline.encode_prompt

    def encoded(**given: Any) -> Any:
        seen.append(given)
        return encode(**given)

    monkeypatch.setattr(pipeline, "encode_prompt", encoded)
    photos = Photos(noisy_photo(tmp_path))
    Run(renderer, photos)
    Run(renderer, photos, negative_prompt="blur")
    assert [given["negative_prompt"] for given in seen] == [renderer._table.negative_prompt, "blur"]
    assert len(renderer._table.negative_prompt) > 20


def test_frame_counts_and_words_that_are_not_taken_as_they_are_are_told(renderer: Diffusers, tmp_path: Path) -> None:
    photos = Photos(noisy_photo(tmp_path, (64, 64)))

    plan = renderer.plan(asked(num_frames=12, prompt="the sea " * 300, negative_prompt="blur " * 600), photos)

    assert plan.num_frames == 13
    assert plan.notes[0] == "frames_changed:13"
    assert [note.partition(":")[0] for note in plan.notes[1:]] == ["prompt_shortened", "negative_shortened"]
    assert Run(renderer, photos, num_frames=12).clip.shape[0] == 13


@pytest.mark.parametrize(
    ("photo", "size"),
    [
        ((1920, 1080), (1280, 704)),
        ((1080, 1920), (704, 1280)),
        ((64, 36), (1280, 704)),  # small photos are scaled up
        ((800, 800), (960, 960)),
        ((3000, 500), (1344, 672)),  # longer than the model takes
        (None, (1280, 704)),
    ],
)
def test_a_frame_has_the_model_s_own_area_in_the_photo_s_shape(
    folder: Path, photo: tuple[int, int] | None, size: tuple[int, int]
) -> None:
    model = tiny_wan(folder, pipeline={"areas": {480: 399_360, 704: 901_120}})
    assert drawn_size(photo, asked(resolution=704), model) == size
    # and a shape that was asked for is that shape, in the same area
    assert drawn_size(photo, asked(resolution=704, width=704, height=1248), model) == (704, 1248)
    # where a table says nothing of areas, it is as for any other model
    plain = tiny_wan(folder, pipeline={"areas": {}})
    assert min(drawn_size(photo, asked(resolution=704), plain)) == 704


def test_a_small_photo_is_scaled_up_and_what_is_over_is_cut_evenly() -> None:
    photo = Image.new("RGB", (30, 10), "red")
    photo.paste("blue", (10, 0, 20, 10))

    seen = np.asarray(fitted(photo, (64, 64)))

    assert seen.shape == (64, 64, 3)
    assert (seen[:, 16:-16, 2] > 240).all() and (seen[:, 16:-16, 0] < 15).all()


def test_every_argument_that_we_name_is_one_of_the_pipelines() -> None:
    """Those that ship: a table that diffusers no longer takes is found here, and not by a host."""
    from unstill_config.catalog import Catalog
    from unstill_engine.renderers.diffusers.tables import argument_names, pipeline_class

    for name, model in Catalog.load().models.items():
        if model.pipeline is None:
            continue
        names = argument_names(name, model.pipeline, pipeline_class(name, model.pipeline.class_name), photo=True)
        assert {"prompt", "num_frames", "num_inference_steps", "generator"} <= set(names), name
        assert ("last_image" in model.abilities) <= ("last_image" in names), name
        assert ("text_to_video" in model.abilities) == bool(model.pipeline.text_class_name), name
        assert inspect.signature(pipeline_class(name, model.pipeline.class_name).__call__)
