"""A render in steps: told, cancelled, and short of memory; what it held is given up."""

from __future__ import annotations

import gc
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.engine.i2vgen_tiny import noisy_photo, parameters, tiny_model, tiny_renderer
from torch import Tensor

from unstill_engine.renderers.base import (
    DevicePoisoned,
    Frames,
    MemoryExhausted,
    Photos,
    Plan,
    RenderCancelled,
    RenderError,
    Revised,
)
from unstill_engine.renderers.i2vgen_xl.conditioning import Conditioning
from unstill_engine.renderers.i2vgen_xl.denoising import Denoiser
from unstill_engine.renderers.i2vgen_xl.renderer import I2VGenXL
from unstill_engine.renderers.torch.frames import Decoder, FrameDecoder


@pytest.fixture(scope="module")
def renderer(tiny_i2vgen: Path, tmp_path_factory: pytest.TempPathFactory) -> I2VGenXL:
    return tiny_renderer(tiny_i2vgen, tmp_path_factory.mktemp("catalog"))


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return noisy_photo(tmp_path_factory.mktemp("photo"))


def never() -> bool:
    return False


def ignored(step: int, steps: int) -> None:
    pass


class Render:
    """One, as far as it went: its chunks, its steps, and the plan that came of it."""

    def __init__(
        self, renderer: I2VGenXL, plan: Plan, picture: Path, cancelled: Callable[[Render], bool] = lambda _: False
    ) -> None:
        self.plan = plan
        self.chunks: list[Frames] = []
        self.steps: list[tuple[int, int]] = []
        self.cancelled_for_good = False
        try:
            for piece in renderer.render(plan, Photos(picture), self._step, lambda: cancelled(self)):
                self._take(piece)
        except RenderCancelled:
            self.cancelled_for_good = True

    def _step(self, step: int, steps: int) -> None:
        self.steps.append((step, steps))

    def _take(self, piece: Frames | Revised) -> None:
        if not isinstance(piece, Revised):
            self.chunks.append(piece)
            return
        self.plan = piece.plan
        if piece.anew:
            self.chunks.clear()

    @property
    def frames(self) -> Frames:
        return np.concatenate(self.chunks)

    @property
    def codes(self) -> list[str]:
        return [note.partition(":")[0] for note in self.plan.notes]


def test_each_step_is_told_and_the_frames_come_in_chunks(renderer: I2VGenXL, picture: Path) -> None:
    plan = renderer.plan(parameters(num_frames=8, num_inference_steps=3), Photos(picture))

    render = Render(renderer, plan, picture)

    assert render.steps == [(1, 3), (2, 3), (3, 3)]
    assert [chunk.shape for chunk in render.chunks] == [(2, 64, 128, 3)] * 4
    assert all(chunk.dtype == np.uint8 and chunk.flags.c_contiguous for chunk in render.chunks)
    # and no frame is like the one before it
    assert min(np.abs(one.astype(int) - other).max() for one, other in pairwise(render.frames)) > 10


def test_the_same_seed_gives_the_same_bytes(
    renderer: I2VGenXL, picture: Path, tiny_i2vgen: Path, tmp_path: Path
) -> None:
    # Given two renderers, one of which has rendered something else before
    other = tiny_renderer(tiny_i2vgen, tmp_path)
    Render(other, other.plan(parameters(seed=99, num_frames=2), Photos(picture)), picture)
    torch.rand(7)

    clips = [Render(each, each.plan(parameters(), Photos(picture)), picture).frames for each in (renderer, other)]

    assert np.array_equal(clips[0], clips[1])
    another = Render(renderer, renderer.plan(parameters(seed=4), Photos(picture)), picture).frames
    assert not np.array_equal(clips[0], another)


@pytest.mark.parametrize("after", [0, 1, 4])
def test_a_cancel_ends_it_before_the_next_step(renderer: I2VGenXL, picture: Path, after: int) -> None:
    plan = renderer.plan(parameters(num_inference_steps=6), Photos(picture))

    render = Render(renderer, plan, picture, lambda render: len(render.steps) >= after)

    assert render.cancelled_for_good
    assert len(render.steps) == after
    assert render.chunks == []


def test_a_cancel_ends_it_between_two_chunks_of_the_decoding(renderer: I2VGenXL, picture: Path) -> None:
    plan = renderer.plan(parameters(num_frames=8), Photos(picture))

    render = Render(renderer, plan, picture, lambda render: len(render.chunks) >= 2)

    assert render.cancelled_for_good
    assert len(render.chunks) == 2


@pytest.mark.parametrize("cancelled", [True, False])
def test_what_a_render_held_is_given_up(renderer: I2VGenXL, picture: Path, cancelled: bool) -> None:
    def tensors() -> set[int]:
        gc.collect()
        return {id(thing) for thing in gc.get_objects() if issubclass(type(thing), Tensor)}

    plan = renderer.plan(parameters(), Photos(picture))
    Render(renderer, plan, picture)
    before = tensors()

    Render(renderer, plan, picture, lambda render: cancelled and len(render.steps) >= 1)
    # the last clip's constants stay until the next one's take their place
    assert len(tensors()) <= len(before)


class NarrowUNet:
    """The denoiser on a device that has no room for both rows at once; `always`, for none."""

    def __init__(self, denoiser: Denoiser, *, always: bool = False) -> None:
        self._denoiser = denoiser
        self._always = always
        self.released = 0

    def prepare(
        self, conditioning: Conditioning, timesteps: Tensor, latents: Tensor, *, split: bool, cache_interval: int
    ) -> None:
        self._full = self._always or not split
        self._denoiser.prepare(conditioning, timesteps, latents, split=split, cache_interval=cache_interval)

    def step(self, latents: Tensor, index: int) -> Tensor:
        if self._full and index == (0 if self._always else 1):
            torch.empty(1 << 58, dtype=torch.uint8)
        return self._denoiser.step(latents, index)

    def held_beside(self, shape: Sequence[int]) -> int:
        return self._denoiser.held_beside(shape)

    def release(self) -> int:
        self.released += 1
        return self._denoiser.release()


class NarrowDecoder:
    """The decoder on a device that has room for one picture."""

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder

    def decode(self, latents: Tensor) -> Tensor:
        if len(latents) > 1:
            torch.empty(1 << 58, dtype=torch.uint8)
        return self._decoder.decode(latents)


class Narrow(I2VGenXL):
    always = False

    def _load(self, *, offload: bool) -> None:
        super()._load(offload=offload)
        self.unet = self._denoiser = NarrowUNet(self._denoiser, always=self.always)
        wide: FrameDecoder = self._decoder
        self._decoder = FrameDecoder(NarrowDecoder(wide._decoder), wide._scaling_factor, wide._dtype)


class NeverEnough(Narrow):
    always = True


def loaded(kind: type[I2VGenXL], folder: Path, scratch: Path) -> I2VGenXL:
    renderer = kind("tiny", tiny_model(folder, scratch / "catalog.toml"))
    renderer.load("cpu")
    return renderer


def test_memory_that_runs_out_costs_time_and_not_the_clip(
    renderer: I2VGenXL, picture: Path, tiny_i2vgen: Path, tmp_path: Path
) -> None:
    # Given a device on which the allocator refuses both rows at once, and two pictures at once
    narrow = loaded(Narrow, tiny_i2vgen, tmp_path)
    plan = narrow.plan(parameters(num_frames=8, seed=11), Photos(picture))
    # When it renders
    render = Render(narrow, plan, picture)
    # Then the clip is the one of a device with room, and the notes tell how
    assert render.codes == ["cropped", "memory_split", "memory_chunked"]
    assert render.steps == [(1, 2), (1, 2), (2, 2)]
    whole = Render(renderer, plan, picture).frames.astype(int)
    assert np.abs(whole - render.frames).max() <= 1


def test_memory_that_is_never_enough_is_said_plainly(picture: Path, tiny_i2vgen: Path, tmp_path: Path) -> None:
    renderer = loaded(NeverEnough, tiny_i2vgen, tmp_path)
    plan = renderer.plan(parameters(num_frames=3), Photos(picture))
    with pytest.raises(RenderError) as caught:
        Render(renderer, plan, picture)
    assert caught.value.code == "out_of_memory"
    # and the second time another process is worth a try
    with pytest.raises(MemoryExhausted):
        Render(renderer, plan, picture)


class Lost(I2VGenXL):
    """Its device answers no more after the first step."""

    def latents(self, *given: object, **named: object) -> Tensor:
        raise RuntimeError("CUDA error: an illegal memory access was encountered\nmore for nobody")


def test_a_device_that_is_lost_is_said_so(picture: Path, tiny_i2vgen: Path, tmp_path: Path) -> None:
    renderer = loaded(Lost, tiny_i2vgen, tmp_path)
    with pytest.raises(DevicePoisoned, match="illegal memory access"):
        Render(renderer, renderer.plan(parameters(), Photos(picture)), picture)


def test_a_rehearsal_leaves_no_trace(renderer: I2VGenXL, picture: Path) -> None:
    plan = renderer.plan(parameters(), Photos(picture))
    before = Render(renderer, plan, picture).frames

    renderer.rehearse()

    assert np.array_equal(Render(renderer, plan, picture).frames, before)


def test_a_rehearsal_that_is_too_large_keeps_no_engine_from_starting(tiny_i2vgen: Path, tmp_path: Path) -> None:
    renderer = loaded(NeverEnough, tiny_i2vgen, tmp_path)
    assert isinstance(renderer, NeverEnough)

    renderer.rehearse()

    assert renderer.unet.released == 1


def test_a_photo_that_is_gone_or_broken(renderer: I2VGenXL, picture: Path, tmp_path: Path) -> None:
    plan = renderer.plan(parameters(), Photos(picture))
    broken = tmp_path / "broken.png"
    broken.write_bytes(picture.read_bytes()[:500])

    for path, code in ((tmp_path / "none.png", "picture_gone"), (broken, "picture_unreadable")):
        with pytest.raises(RenderError) as caught:
            list(renderer.render(plan, Photos(path), ignored, never))
        assert caught.value.code == code


class Graphs(NarrowUNet):
    """The UNet with graphs of other clips that hold so many bytes."""

    def __init__(self, denoiser: Denoiser, held: int) -> None:
        super().__init__(denoiser, always=False)
        self.held = held

    def prepare(
        self, conditioning: Conditioning, timesteps: Tensor, latents: Tensor, *, split: bool, cache_interval: int
    ) -> None:
        self._full = False
        self._denoiser.prepare(conditioning, timesteps, latents, split=split, cache_interval=cache_interval)

    def held_beside(self, shape: Sequence[int]) -> int:
        return self.held

    def release(self) -> int:
        super().release()
        held, self.held = self.held, 0
        return held


def test_graphs_of_other_clips_count_in_the_plan_and_go_where_the_clip_needs_their_memory(
    tiny_i2vgen: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    renderer = loaded(I2VGenXL, tiny_i2vgen, tmp_path)
    picture = Photos(noisy_photo(tmp_path))
    needed = renderer.plan(parameters(), picture).memory
    graphs = renderer._denoiser = Graphs(renderer._denoiser, held=1000)
    # Given a device that has room for a clip and for them, Then both count, and they stay
    monkeypatch.setattr("unstill_engine.renderers.i2vgen_xl.renderer.free_bytes", lambda device: needed + 1000)
    plan = renderer.plan(parameters(), picture)
    assert plan.memory == needed + 1000
    list(renderer.render(plan, picture, lambda step, steps: None, lambda: False))
    assert graphs.released == 0
    # and given one that has room for the clip alone, Then it is planned whole, and they go before it begins
    monkeypatch.setattr("unstill_engine.renderers.i2vgen_xl.renderer.free_bytes", lambda device: needed + 999)
    plan = renderer.plan(parameters(), picture)
    assert (plan.memory, plan.parameters) == (needed, parameters())
    released: list[int] = []
    for _ in renderer.render(plan, picture, lambda step, steps: released.append(graphs.released), lambda: False):
        pass
    assert released == [1, 1]
