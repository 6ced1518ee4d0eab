"""The products in Gluon: what they are for, that they compile, and that clips are rendered without them too.

What they compute is checked by each process that has such a card, before it renders (`agrees`), and by the bench.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.engine import hopper_references
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl import backend, hopper_ops
from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.pingpong import covers
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.temporal_norm import fits, programs_of
from unstill_engine.renderers.i2vgen_xl.ops import Stream, TorchOps
from unstill_engine.renderers.i2vgen_xl.packing import fold_norm
from unstill_engine.renderers.i2vgen_xl.triton_ops import TritonOps
from unstill_engine.renderers.i2vgen_xl.weights import NormedLinear

ROOT = Path(__file__).resolve().parents[2]
SHARED = 227 * 1024
"""Bytes of shared memory that a program of 9.0 may have."""


@pytest.mark.storm
def test_each_compiles_for_its_card_within_what_a_multiprocessor_has(tmp_path: Path) -> None:
    # Given a machine that compiled nothing yet
    environment = {**os.environ, "TRITON_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "tests.engine.hopper_compiled"]
    # When the products are compiled for a card of 9.0
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    # Then there is one for each way of finishing a tile, none is too large, and no sum is kept in slow memory
    kinds = ["_frame_attention"] + ["_product"] * 13 + ["_temporal"] * 2
    assert sorted(each["name"] for each in found) == kinds
    assert [each for each in found if each["shared"] > SHARED or each["spilled"]] == []


def test_columns_are_covered_by_tiles_of_128_or_160() -> None:
    assert [width for width in (64, 128, 160, 320, 480, 512, 640, 700, 1280) if not covers(width)] == [64, 700]


@pytest.mark.parametrize(
    ("size", "frames", "inputs", "outputs", "expected"),
    [
        ((64, 64), 16, 320, 320, True), ((22, 40), 16, 1280, 1280, True), ((64, 64), 32, 640, 320, True),
        ((11, 20), 16, 320, 320, False), ((64, 64), 24, 320, 320, False), ((8, 8), 16, 100, 320, False),
        ((8, 8), 16, 320, 512, False),
    ],
)  # fmt: skip
def test_a_clip_is_made_of_whole_tiles_or_normalised_by_a_pass(
    size: tuple[int, int], frames: int, inputs: int, outputs: int, expected: bool
) -> None:
    clips = torch.empty(2 * frames, *size, inputs, device="meta")
    assert fits(clips, torch.empty(outputs, 3 * inputs, device="meta"), frames) is expected


def test_programs_share_the_tiles_of_the_same_columns_and_leave_none_of_them_without_a_tile() -> None:
    # with the 132 multiprocessors that a card has, or is taken to have
    assert [programs_of(2, 512), programs_of(4, 128), programs_of(8, 32), programs_of(200, 32)] == [66, 33, 16, 1]
    assert programs_of(2, 4) == 4


def test_where_they_do_not_agree_clips_are_rendered_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: (9, 0))
    monkeypatch.setattr(backend, "runs_triton", lambda device: True)
    device, choices = torch.device("cpu"), Choices()
    # Given a card of 9.0
    ops = backend.ops_on(device, choices)
    assert isinstance(ops, hopper_ops.HopperOps)
    # When a kernel fails there, as on this processor all do, Then the others are taken
    assert type(backend.trusted(ops, device, choices)) is TritonOps
    # and where they agree they are kept
    monkeypatch.setattr(hopper_ops, "agrees", lambda device: True)
    assert backend.trusted(ops, device, choices) is ops


KERNELS = ("temporal_pingpong", "temporal_normalised", "geglu_pingpong", "summed_pingpong", "normed_pingpong",
           "frame_attention")  # fmt: skip


def halved(kernel: Any, *given: Any, **options: Any) -> Any:
    """Return what `kernel` computes, with every second number of the last of its results halved: mostly its sums."""
    found = kernel(*given, **options)
    results = [given[3]] if found is None else found if isinstance(found, tuple) else [found]
    [result for result in results if result is not None][-1][..., ::2] *= 0.5
    return found


@torch.no_grad()
def test_they_agree_where_each_computes_what_pytorch_does_and_only_there(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given kernels that compute what they should
    for name in KERNELS:
        monkeypatch.setattr(hopper_ops, name, getattr(hopper_references, name))
    # Then they agree
    assert hopper_ops.agrees(torch.device("cpu"))
    # and when any of them computes anything else, Then they do not
    for name in KERNELS:
        with monkeypatch.context() as patched:
            patched.setattr(hopper_ops, name, partial(halved, getattr(hopper_references, name)))
            assert not hopper_ops.agrees(torch.device("cpu")), name


def test_a_card_of_another_kind_is_not_asked_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "runs_triton", lambda device: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: (8, 9))
    device, choices = torch.device("cpu"), Choices()
    ops = backend.ops_on(device, choices)
    assert type(ops) is TritonOps
    assert backend.trusted(ops, device, choices) is ops
    monkeypatch.setattr(backend, "runs_triton", lambda device: False)
    plain = backend.ops_on(device, choices)
    assert type(backend.trusted(plain, device, choices)) is TorchOps


@torch.no_grad()
def test_a_stream_is_summed_where_it_is_made_and_divided_where_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given products that say that they are asked
    asked: list[str] = []

    def summed(*given: Tensor, add: bool) -> Tensor:
        asked.append("summed")
        return hopper_references.summed_pingpong(*given, add=add)

    def normed(*given: Any, geglu: bool = False) -> None:
        asked.append("GEGLU" if geglu else "normed")
        hopper_references.normed_pingpong(*given, geglu=geglu)

    monkeypatch.setattr(hopper_ops, "summed_pingpong", summed)
    monkeypatch.setattr(hopper_ops, "normed_pingpong", normed)
    monkeypatch.setattr(hopper_ops, "multiprocessors", lambda: 4)
    narrow = hopper_ops.HopperOps(Choices(row_sums_width=320), fused=True)

    def made(*shape: int) -> Tensor:
        return torch.randn(*shape).bfloat16()

    def stream(ops: TorchOps, rows: int, width: int) -> tuple[Stream, NormedLinear]:
        torch.manual_seed(0)
        layer = fold_norm(torch.nn.LayerNorm(width), made(width), made(2 * width, width) / width**0.5, made(2 * width))
        a, weight, wide = made(rows, width), made(width, width) / width**0.5, made(rows, 2 * width)
        return ops.project(a, weight, wide[:, :width], layer, add=True), layer

    # When a stream of whole tiles is made and read, Then the sums are handed on, and it is what PyTorch makes of it
    found, layer = stream(narrow, 512, 320)
    expected, _ = stream(TorchOps(), 512, 320)
    pairs = [(narrow.normed_linear(found, layer), TorchOps().normed_linear(expected, layer))]
    pairs.append((narrow.geglu(found, layer), TorchOps().geglu(expected, layer)))
    assert all((one - other).float().norm() < 0.01 * other.float().norm() for one, other in pairs)
    assert asked == ["summed", "normed", "GEGLU"]
    # and one that is wider than is chosen, not of whole tiles, or too small, is not summed
    for rows, width in ((512, 640), (500, 320), (128, 320)):
        assert stream(narrow, rows, width)[0].sums is None
