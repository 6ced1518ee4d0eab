"""What fits on a card: the classes that are promised, and laws of every plan."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unstill_config.catalog import Catalog, Memory
from unstill_engine.renderers.i2vgen_xl.memory import memory_modes, peak, place_clip
from unstill_engine.renderers.torch.placement import GIB, MemoryMode, Placement, place, smaller
from unstill_queue.contract.jobs import Parameters

CATALOG = Catalog.load()
MODEL = CATALOG.models["i2vgen-xl"]
assert MODEL.memory is not None
MEMORY: Memory = MODEL.memory
ONE = Parameters("i2vgen-xl", "waves", 1, num_frames=16, fps=8, resolution=512, guidance_scale=9.0)

NUMBERS = ("resolution", "num_frames", "guidance_scale", "cache_interval")

asked = st.builds(
    Parameters,
    st.just("i2vgen-xl"),
    st.just("waves"),
    st.just(1),
    num_frames=st.integers(8, 32),
    fps=st.just(8),
    resolution=st.sampled_from(MODEL.resolutions),
    guidance_scale=st.floats(1, 20),
)
free_gib = st.floats(0.5, 140)
aspects = st.floats(1, 2.5)


def square(resolution: int) -> tuple[int, int]:
    return resolution, resolution


def placed(parameters: Parameters, gib: float, aspect: float = 1.0, mode: str = "auto") -> Placement:
    def size_at(resolution: int) -> tuple[int, int]:
        return round(resolution * aspect / 64) * 64, resolution

    return place_clip(parameters, MODEL.using("low" if mode == "low" else "auto"), int(gib * GIB), size_at)


@pytest.mark.parametrize(
    ("gib", "resolution"),
    [(8, 512), (11.7, 512), (12, 512), (12.1, 768), (15.6, 768), (18, 768), (20, 768), (23.5, 1024)],
)
def test_each_card_gets_the_resolution_that_is_promised_for_it(gib: float, resolution: int) -> None:
    # Given somebody who asks for as much as there is
    chosen = placed(msgspec.structs.replace(ONE, resolution=1024), gib)
    # Then they get what the card can do, and are told what and why
    assert chosen.parameters.resolution == resolution
    told = f"memory_resolution:asked=1024,chosen={resolution},free={gib:.1f}"
    assert (told in chosen.notes) == (resolution < 1024)


def test_what_is_experimental_is_said_so() -> None:
    large = msgspec.structs.replace(ONE, resolution=1024)
    assert "experimental_size:1024" in placed(large, 40).notes
    assert placed(ONE, 40).notes == ()


def test_the_usual_clip_needs_no_more_than_it_may() -> None:
    # at 512x512x16, with nothing that slows it down; stock holds 8.6 GiB for the same
    usual = placed(ONE, 40)
    assert usual.memory <= 7.6 * GIB
    assert not usual.mode.split_guidance and not usual.mode.offload_encoders


@pytest.mark.parametrize("name", CATALOG.presets)
def test_low_needs_no_more_than_six_gib_whatever_is_asked(name: str) -> None:
    values = CATALOG.presets[name].for_model("i2vgen-xl")
    numbers = {key: values[key] for key in NUMBERS if key in values}
    chosen = placed(msgspec.structs.replace(ONE, **numbers), 80, mode="low")
    assert chosen.memory <= 6 * GIB
    assert chosen.parameters.resolution == 512
    assert chosen.mode.offload_encoders
    assert "memory_low:6" in chosen.notes


@pytest.mark.parametrize(
    ("width", "height", "measured"),
    # peaks of the stock pipeline with guidance, 16 frames: on an H200; and as counted from its live tensors
    [(512, 512, 7.29), (1280, 704, 4.64 + 9.6e9 / GIB)],
)
def test_the_estimate_is_what_was_measured(width: int, height: int, measured: float) -> None:
    assert peak(MEMORY, (width, height), ONE, MemoryMode(1)) / GIB == pytest.approx(measured, rel=0.05)


def test_the_features_that_steps_take_over_are_counted() -> None:
    # a buffer that is written and one that is read, of 640 channels of 2 bytes, for both halves of the guidance
    features = 2 * 2 * ONE.num_frames * 64 * 64 * 640 * 2
    whole, cached = (
        peak(MEMORY, square(512), msgspec.structs.replace(ONE, cache_interval=interval), MemoryMode(1))
        for interval in (1, 3)
    )
    assert cached - whole == pytest.approx(features, rel=0.02)


@given(asked, free_gib, aspects)
def test_whatever_is_chosen_can_be_rendered(parameters: Parameters, gib: float, aspect: float) -> None:
    chosen = placed(parameters, gib, aspect)
    assert chosen.parameters.resolution in MODEL.resolutions
    assert chosen.parameters.resolution <= parameters.resolution
    assert 8 <= chosen.parameters.num_frames <= parameters.num_frames
    assert 1 <= chosen.mode.decode_frames <= chosen.parameters.num_frames
    # only the smallest clip of all is tried where nothing is known to fit
    smallest = (chosen.parameters.resolution, chosen.parameters.num_frames) == (512, 8)
    assert chosen.memory <= gib * GIB or smallest
    # and nothing is changed without a word
    changed = chosen.parameters != parameters
    assert changed == any(note.startswith(("memory_resolution", "memory_frames")) for note in chosen.notes)


@given(asked, free_gib, free_gib, aspects)
def test_more_memory_never_gives_a_smaller_clip(parameters: Parameters, a: float, b: float, aspect: float) -> None:
    less, more = (placed(parameters, gib, aspect).parameters for gib in sorted((a, b)))
    assert (less.resolution, less.num_frames) <= (more.resolution, more.num_frames)


@given(asked, aspects)
def test_each_memory_mode_needs_no_more_than_the_one_before(parameters: Parameters, aspect: float) -> None:
    size = (round(parameters.resolution * aspect), parameters.resolution)
    needs = [peak(MEMORY, size, parameters, mode) for mode in memory_modes(MEMORY, parameters)]
    assert needs == sorted(needs, reverse=True)


@given(asked)
def test_the_way_down_ends_at_the_smallest_clip(parameters: Parameters) -> None:
    steps = [parameters]
    while (following := smaller(steps[-1], MODEL)) is not None:
        steps.append(following)
    assert (steps[-1].resolution, steps[-1].num_frames) == (512, 8)
    # resolution goes first, frames after it
    sizes = [(step.resolution, step.num_frames) for step in steps]
    assert sizes == sorted(sizes, reverse=True)


def test_a_model_that_says_nothing_of_memory_is_left_alone() -> None:
    camera = CATALOG.models["camera"]
    assert place_clip(ONE, camera, GIB, square).parameters == ONE


def test_wider_numbers_need_more() -> None:
    wide = place_clip(ONE, MODEL, 100 * GIB, square, bytes_per_value=4)
    assert abs(wide.memory - 2 * place_clip(ONE, MODEL, 100 * GIB, square).memory) <= 1


def test_the_estimate_is_the_renderers_own() -> None:
    # Given a renderer of which each frame needs a GiB in its fast mode and half of that in the other
    def modes(memory: Memory, parameters: Parameters) -> tuple[MemoryMode, ...]:
        return MemoryMode(2), MemoryMode(1)

    def estimate(memory: Memory, parameters: Parameters, mode: MemoryMode) -> int:
        return parameters.num_frames * mode.decode_frames * GIB // 2

    # When there is less and less, then the mode goes first, and the frames after it
    found = [place(ONE, MODEL, gib * GIB, modes=modes, estimate=estimate) for gib in (16, 15, 7, 1)]
    assert [(one.mode.decode_frames, one.parameters.num_frames) for one in found] == [(2, 16), (1, 16), (1, 8), (1, 8)]
    assert [one.memory // GIB for one in found] == [16, 8, 4, 4]


def test_a_frame_of_a_set_shape_becomes_smaller_in_that_shape() -> None:
    # Given a clip that is rendered in the shape that it is finished in
    asked = Parameters("i2vgen-xl", "", 1, 32, 8, 1024, width=1024, height=1792)
    smallest = asked
    # When memory is too little for it, again and again
    while (following := smaller(smallest, MODEL)) is not None and following.resolution < smallest.resolution:
        smallest = following
    # Then it is smaller in both directions
    assert (smallest.resolution, smallest.width, smallest.height) == (512, 512, 896)
