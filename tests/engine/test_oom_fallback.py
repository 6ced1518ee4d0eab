"""Memory that runs out in the middle: in which order a render gives way, and that each step is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.engine.short_of_memory import OfTheCard, ShortOfMemory, frame, poisoned_by, small_model

from unstill_bots.text.replies import Replies
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
from unstill_engine.renderers.torch.device import free_bytes, is_out_of_memory
from unstill_engine.renderers.torch.oom_fallback import OomFallback
from unstill_engine.renderers.torch.placement import MemoryMode
from unstill_queue.contract.jobs import Parameters


class Run:
    """One render to its end: the plan that came of it, and its frames as the spool would hold them."""

    def __init__(self, renderer: ShortOfMemory, prompt: str, *notes: str, **values: Any) -> None:
        given = {"num_frames": 16, "fps": 8, "resolution": 32, "num_inference_steps": 50, "guidance_scale": 9.0}
        self.plan = renderer.plan(Parameters("i2vgen-xl", prompt, 1, **{**given, **values}), Photos(Path("no picture")))
        self.plan = msgspec.structs.replace(self.plan, notes=(*notes, *self.plan.notes))
        self.frames: list[Frames] = []
        self.restarts = 0
        self.steps: list[int] = []
        for piece in renderer.render(self.plan, Photos(Path("no picture")), self._step, lambda: False):
            self._take(piece)

    def _step(self, step: int, steps: int) -> None:
        self.steps.append(step)

    def _take(self, piece: Frames | Revised) -> None:
        if not isinstance(piece, Revised):
            self.frames.extend(piece)
            return
        self.plan = piece.plan
        if piece.anew:
            self.frames.clear()
            self.restarts += 1

    @property
    def codes(self) -> list[str]:
        return [note.partition(":")[0] for note in self.plan.notes if note != "steady"]


def render(prompt: str, *notes: str, **values: Any) -> Run:
    return Run(OfTheCard("test", small_model()), prompt, *notes, **values)


def assert_whole(run: Run, plan: Plan | None = None) -> None:
    plan = plan or run.plan
    wanted = [frame(1, index, (plan.width, plan.height))[0] for index in range(plan.num_frames)]
    assert np.array_equal(np.stack(run.frames), np.stack(wanted))


def test_enough_memory_changes_nothing() -> None:
    run = render("denoise=8 decode=8")
    assert run.plan.notes == ("steady",)
    assert_whole(run)


def test_a_decode_that_is_too_much_at_once_is_done_in_smaller_parts_without_a_second_denoise() -> None:
    run = render("decode=5.1")
    # one frame of 512x512 needs 0.38 GiB beside the weights' 4.64
    assert run.codes == ["memory_chunked"]
    assert run.restarts == 0 and run.steps == [1, 2, 3]
    assert_whole(run)


def test_denoising_gives_up_time_before_it_gives_up_the_clip() -> None:
    # Given room for half of what both halves of the guidance need
    run = render("denoise=6.5")
    assert run.codes == ["memory_split"]
    # and then for less than the weights leave
    run = render("denoise=4.5")
    assert run.codes == ["memory_split", "memory_offloaded"]
    assert (run.plan.width, run.plan.num_frames) == (32, 16)
    assert_whole(run)


def test_then_the_resolution_goes_and_then_the_frames() -> None:
    run = render("denoise=4.3", resolution=64, num_frames=32)
    assert run.codes == ["memory_split", "memory_offloaded", "memory_smaller", "memory_fewer"]
    # the words name what was asked and what came of it, over all rungs
    assert "memory_smaller:asked=64,chosen=32" in run.plan.notes
    assert "memory_fewer:asked=32,chosen=16" in run.plan.notes
    assert (run.plan.parameters.resolution, run.plan.parameters.num_frames) == (32, 16)
    assert_whole(run)


def test_what_the_frame_crops_is_told_of_the_frame_that_is_rendered() -> None:
    # Given a plan whose frame crops the photo, and memory for another frame, which does not
    run = render("denoise=4.3", "cropped:percent=9", resolution=64, num_frames=32)
    assert "memory_smaller" in run.codes and "cropped" not in run.codes
    # while what is rendered in another way is cropped as before
    assert "cropped" in render("denoise=6.5", "cropped:percent=9").codes


def test_no_guidance_has_no_halves_to_split() -> None:
    run = render("denoise=4.2", guidance_scale=1.0)
    assert run.codes == ["memory_offloaded"]


def test_a_decode_that_fits_in_no_part_makes_the_clip_smaller_from_its_start() -> None:
    run = render("decode=3.5", resolution=64)
    assert run.codes == ["memory_chunked", "memory_offloaded", "memory_smaller"]
    # without the encoders, then at 48, then at 32
    assert run.restarts == 3
    assert_whole(run)


def test_each_step_is_told_in_the_reply() -> None:
    run = render("denoise=4.3 decode=3.4", resolution=64, num_frames=32)
    for language in ("en", "zh_CN"):
        said = [Replies(language).note(note) for note in run.plan.notes if note != "steady"]
        assert len(said) == len(set(said)) >= 5
        assert all(said) and not any("{" in sentence or "?" in sentence for sentence in said)


def test_a_fresh_process_says_so_when_nothing_fits() -> None:
    with pytest.raises(RenderError) as caught:
        render("denoise=1")
    assert caught.value.code == "out_of_memory"


def test_one_that_has_rendered_before_makes_way_for_a_fresh_one() -> None:
    # Given a process that has rendered a clip, whose leftovers may be what is in the way
    renderer = OfTheCard("test", small_model())
    Run(renderer, "")
    # When nothing fits, then it gives itself up, and the job is tried on another
    with pytest.raises(MemoryExhausted) as caught:
        Run(renderer, "denoise=1")
    assert isinstance(caught.value, DevicePoisoned) and caught.value.code == "out_of_memory"


def test_the_hosts_own_allocator_counts_too() -> None:
    # torch.empty of 2**58 bytes is refused by the allocator itself
    run = Run(ShortOfMemory("test", small_model()), "denoise=4.5")
    assert run.codes == ["memory_split", "memory_offloaded"]


def test_what_failed_holds_no_tensor_when_the_next_rung_begins() -> None:
    # Given an attempt that fails while it holds a large tensor in its frame
    renderer = ShortOfMemory("test", small_model())
    held: list[bool] = []

    class Guard:
        def __del__(self) -> None:
            held.append(False)

    def attempt(plan: Plan, mode: object) -> Iterator[Frames]:
        if not held:
            guard = Guard()
            guard.tensor = torch.zeros(1024)  # type: ignore[attr-defined]
            guard.itself = guard  # type: ignore[attr-defined]
            torch.empty(1 << 58, dtype=torch.uint8)
        yield frame(1, 0, (plan.width, plan.height))

    plan = renderer.plan(Parameters("i2vgen-xl", "", 1, 1, 8, 32, guidance_scale=9.0), Photos(Path()))
    fallback = OomFallback(small_model(), plan, MemoryMode(1), replan=lambda _: plan, release=lambda: None, fresh=True)
    pieces = list(fallback.run(attempt))
    # Then it was gone, cycle and all, before the second
    assert held == [False]
    assert len(pieces) == 2


def test_a_cancel_is_no_memory_that_ran_out() -> None:
    renderer = OfTheCard("test", small_model())
    plan = renderer.plan(Parameters("i2vgen-xl", "denoise=4.5", 1, 16, 8, 32, guidance_scale=9.0), Photos(Path()))
    with pytest.raises(RenderCancelled):
        list(renderer.render(plan, Photos(Path()), lambda step, steps: None, lambda: True))


@pytest.mark.parametrize("examples", [6, pytest.param(20, marks=pytest.mark.storm)])
def test_whatever_room_there_is_the_clip_is_whole_or_the_answer_is_plain(examples: int) -> None:
    settings(max_examples=examples, deadline=None)(clip_is_whole_or_answer_is_plain)()


@given(
    denoise=st.floats(2.9, 30),
    decode=st.floats(2.9, 30),
    resolution=st.sampled_from([32, 48, 64]),
    num_frames=st.integers(8, 32),
    guidance_scale=st.sampled_from([1.0, 9.0]),
)
def clip_is_whole_or_answer_is_plain(
    denoise: float, decode: float, resolution: int, num_frames: int, guidance_scale: float
) -> None:
    try:
        run = render(
            f"denoise={denoise} decode={decode}",
            resolution=resolution,
            num_frames=num_frames,
            guidance_scale=guidance_scale,
        )
    except RenderError as error:
        assert error.code == "out_of_memory"
        assert min(denoise, decode) < 4.3
        return
    assert_whole(run)
    same = (run.plan.parameters.resolution, run.plan.parameters.num_frames) == (resolution, num_frames)
    assert same == (not {"memory_smaller", "memory_fewer"} & set(run.codes))


# -- which errors are which


@pytest.mark.parametrize(
    "words",
    [
        "CUDA error: an illegal memory access was encountered",
        "CUDA error: device-side assert triggered",
        "CUDA error: unspecified launch failure",
        "cuDNN error: CUDNN_STATUS_EXECUTION_FAILED",
        "Triton Error [CUDA]: an illegal memory access was encountered",
        "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasGemmEx`",
    ],
)
def test_an_error_that_cuda_does_not_survive_poisons_the_device(words: str) -> None:
    with pytest.raises(DevicePoisoned, match=words.split(":")[0].split("[")[0]):
        poisoned_by(RuntimeError(f"{words}\nmore that is for nobody"))


def test_torchs_own_type_for_them_needs_no_words() -> None:
    with pytest.raises(DevicePoisoned):
        poisoned_by(torch.AcceleratorError("the device fell off the bus"))


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("Triton Error [CUDA]: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        MemoryError(),
    ],
)
def test_memory_that_ran_out_poisons_nothing(error: Exception) -> None:
    assert is_out_of_memory(error)
    with pytest.raises(type(error)):
        poisoned_by(error)


def test_a_fault_of_ours_is_neither() -> None:
    fault = RuntimeError("mat1 and mat2 shapes cannot be multiplied (3x4 and 5x6)")
    assert not is_out_of_memory(fault)
    with pytest.raises(RuntimeError) as caught:
        poisoned_by(fault)
    assert caught.value is fault


def test_a_processor_has_the_machines_memory() -> None:
    total = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    assert free_bytes(torch.device("cpu")) == pytest.approx(int(total.split()[1]) * 1024, rel=0.01)


def test_a_plan_is_never_told_twice() -> None:
    renderer = OfTheCard("test", small_model())
    parameters = Parameters("i2vgen-xl", "denoise=4.3 decode=3.5", 1, 32, 8, 64, guidance_scale=9.0)
    plan = renderer.plan(parameters, Photos(Path()))
    pieces = list(renderer.render(plan, Photos(Path()), lambda step, steps: None, lambda: False))
    plans = [msgspec.json.encode(piece.plan) for piece in pieces if isinstance(piece, Revised)]
    assert len(plans) == len(set(plans)) > 3


class Keeps(ShortOfMemory):
    """Holds `kept` GiB of clips before, of which memory that runs out rids it once."""

    def __init__(self, kept: float) -> None:
        super().__init__("test", small_model())
        self.kept = kept
        self.asked: list[MemoryMode] = []

    def _release(self) -> int:
        super()._release()
        given_back, self.kept = round(self.kept * 2**30), 0.0
        return given_back

    def _allocate(self, plan: Plan, mode: MemoryMode, phase: str) -> None:
        self.asked.append(mode)
        if self.kept and phase in plan.parameters.prompt:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        super()._allocate(plan, mode, phase)


@pytest.mark.parametrize("phase", ["denoise", "decode"])
def test_a_clip_that_fails_only_for_what_others_left_is_tried_again_whole(phase: str) -> None:
    # Given a renderer that holds something of clips before, and a clip that has not enough beside it
    renderer = Keeps(2.5)
    run = Run(renderer, f"{phase}=8")
    # Then that was given back, and nothing else was changed: neither split, nor in smaller parts
    assert run.plan.notes == ("steady",)
    assert {(mode.split_guidance, mode.decode_frames) for mode in renderer.asked} == {(False, 7), (False, 2)}
    assert_whole(run)
    assert run.restarts == (1 if phase == "denoise" else 0)
    # and where it is too much by itself, it gives way as ever
    assert "memory_split" in Run(Keeps(2.5), "denoise=4.5").codes
