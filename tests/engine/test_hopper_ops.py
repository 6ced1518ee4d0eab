"""A kernel in Gluon is launched only for what it computes, and where it keeps the multiprocessors busy."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl import hopper_ops
from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.hopper_ops import HopperOps
from unstill_engine.renderers.i2vgen_xl.ops import Field, Stream
from unstill_engine.renderers.i2vgen_xl.triton_ops import TritonOps
from unstill_engine.renderers.i2vgen_xl.weights import GroupNorm, NormedLinear, SelfAttention, TemporalConv

KERNELS = ("temporal_normalised", "temporal_pingpong", "frame_attention", "geglu_pingpong", "normed_pingpong",
           "summed_pingpong")  # fmt: skip
METHODS = ("temporal_conv", "_temporal_product", "temporal_attention", "_geglu_product", "project", "normed_linear")


def empty(*shape: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
    return torch.empty(*shape, dtype=dtype, device="meta")


def layer(outputs: int, inputs: int) -> NormedLinear:
    return NormedLinear(empty(outputs, inputs), empty(outputs), empty(inputs), empty(outputs), 1e-5)


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record what is taken: a kernel in Gluon by its name, or "parent" for a method that is as on other cards."""
    names: list[str] = []

    def record(name: str) -> Callable[..., Any]:
        def called(*_: Any, **__: Any) -> tuple[str, str]:
            names.append(name)
            return name, name

        return called

    for name in KERNELS:
        monkeypatch.setattr(hopper_ops, name, record(name))
    for name in METHODS:
        monkeypatch.setattr(TritonOps, name, record("parent"))
    monkeypatch.setattr(TritonOps, "_moments", lambda *_: None)
    monkeypatch.setattr(TritonOps, "_normed", lambda *_: None)
    monkeypatch.setattr(hopper_ops, "multiprocessors", lambda: 32)
    return names


@pytest.mark.parametrize(
    ("change", "kernel"),
    [
        ({}, "temporal_normalised"),  # 16 tiles, for half of 32 multiprocessors
        ({"outputs": 640, "pictures": 16}, "temporal_normalised"),
        ({"residual": True}, "parent"),
        ({"dtype": torch.float32}, "parent"),
        ({"pictures": 16}, "parent"),
        ({"frames": 8}, "parent"),
        ({"outputs": 512}, "parent"),
        ({"inputs": 96}, "parent"),
        ({"choices": Choices(temporal_conv_norm=False)}, "parent"),
        ({"choices": Choices(temporal_conv="unfold")}, "parent"),
    ],
)
def test_a_temporal_convolution_has_its_norm_inside(taken: list[str], change: dict[str, Any], kernel: str) -> None:
    given: dict[str, Any] = {"pictures": 32, "inputs": 64, "outputs": 320, "dtype": torch.bfloat16, **change}
    x = empty(given["pictures"], 8, 8, given["inputs"], dtype=given["dtype"])
    norm = GroupNorm(empty(given["inputs"]), empty(given["inputs"]), 1e-5, 32)
    conv = TemporalConv(norm, empty(given["outputs"], 3 * given["inputs"]), empty(1, given["outputs"]))
    ops = HopperOps(given.get("choices"), fused=True)
    ops.temporal_conv(Field(x), conv, given.get("frames", 16), x if "residual" in given else None)
    assert taken == [kernel]


@pytest.mark.parametrize(
    ("pictures", "inputs", "outputs", "dtype", "choices", "kernel"),
    [
        (32, 64, 640, torch.bfloat16, Choices(), "temporal_pingpong"),  # 80 tiles, for 64 groups of warps
        (32, 64, 320, torch.bfloat16, Choices(), "parent"),  # 32 of them
        (16, 64, 640, torch.bfloat16, Choices(), "parent"),
        (32, 96, 640, torch.bfloat16, Choices(), "parent"),
        (32, 64, 700, torch.bfloat16, Choices(), "parent"),
        (32, 64, 640, torch.float16, Choices(), "parent"),
        (32, 64, 640, torch.bfloat16, Choices(pingpong=False), "parent"),
    ],
)
def test_a_direct_temporal_convolution_is_by_ping_pong(
    taken: list[str], pictures: int, inputs: int, outputs: int, dtype: torch.dtype, choices: Choices, kernel: str
) -> None:
    conv = TemporalConv(GroupNorm(empty(1), empty(1), 1e-5, 1), empty(outputs, 3 * inputs), empty(1, outputs))
    y = empty(pictures, 8, 8, inputs, dtype=dtype)
    HopperOps(choices, fused=True)._temporal_product(y, conv, 16, None)
    assert taken == [kernel]


@pytest.mark.parametrize(
    ("pixels", "heads", "dtype", "choices", "kernel"),
    [
        (128, 5, torch.bfloat16, Choices(), "frame_attention"),  # 16 tiles
        (120, 5, torch.bfloat16, Choices(), "parent"),
        (132, 5, torch.bfloat16, Choices(), "parent"),
        (128, 10, torch.bfloat16, Choices(), "parent"),
        (128, 5, torch.float32, Choices(), "parent"),
        (128, 5, torch.bfloat16, Choices(frame_attention=False), "parent"),
    ],
)
def test_attention_over_frames_is_one_kernel(
    taken: list[str], pixels: int, heads: int, dtype: torch.dtype, choices: Choices, kernel: str
) -> None:
    attention = SelfAttention(layer(960, 320), empty(320, 320), heads)
    HopperOps(choices, fused=True).temporal_attention(
        Stream(empty(16 * pixels, 320, dtype=dtype)), attention, 16, pixels
    )
    assert taken == [kernel]


@pytest.mark.parametrize("summed", [False, True])
@pytest.mark.parametrize(
    ("inputs", "outputs", "dtype", "choices", "fits"),
    [
        (320, 2560, torch.bfloat16, Choices(), True),
        (320, 320, torch.bfloat16, Choices(), False),  # not of 128 columns
        (96, 2560, torch.bfloat16, Choices(), False),
        (320, 2560, torch.float16, Choices(), False),
        (320, 2560, torch.bfloat16, Choices(geglu_polynomial=False), False),
        (320, 2560, torch.bfloat16, Choices(pingpong=False), False),
    ],
)
def test_geglu_is_by_ping_pong_and_by_sums_where_there_are_some(
    taken: list[str], summed: bool, inputs: int, outputs: int, dtype: torch.dtype, choices: Choices, fits: bool
) -> None:
    rows = Stream(empty(128, inputs, dtype=dtype), empty(2, 2, 128) if summed else None)
    HopperOps(choices, fused=True)._geglu_product(rows, layer(outputs, inputs), empty(128, outputs // 2))
    assert taken == ["parent" if not fits else "normed_pingpong" if summed else "geglu_pingpong"]


@pytest.mark.parametrize(
    ("rows", "inputs", "width", "dtype", "choices", "kernel"),
    [
        (4096, 320, 320, torch.bfloat16, Choices(), "summed_pingpong"),  # 64 tiles, as many as groups of warps
        (4096, 1280, 640, torch.bfloat16, Choices(), "summed_pingpong"),
        (3968, 320, 320, torch.bfloat16, Choices(), "parent"),
        (4160, 320, 320, torch.bfloat16, Choices(), "parent"),
        (4096, 96, 320, torch.bfloat16, Choices(), "parent"),
        (4096, 320, 1280, torch.bfloat16, Choices(), "parent"),
        (8192, 320, 192, torch.bfloat16, Choices(), "parent"),
        (4096, 320, 320, torch.float32, Choices(), "parent"),
        (4096, 320, 320, torch.bfloat16, Choices(row_sums_width=0), "parent"),
        (4096, 320, 320, torch.bfloat16, Choices(pingpong=False), "parent"),
    ],
)
def test_a_product_before_a_layer_norm_sums_its_rows(
    taken: list[str], rows: int, inputs: int, width: int, dtype: torch.dtype, choices: Choices, kernel: str
) -> None:
    a, out = empty(rows, inputs, dtype=dtype), empty(rows, width, dtype=dtype)
    HopperOps(choices, fused=True).project(a, empty(width, inputs), out, layer(width, width), add=True)
    assert taken == [kernel]


def test_a_layer_behind_a_norm_is_read_by_sums_only_where_there_are_some(taken: list[str]) -> None:
    ops, rows = HopperOps(fused=True), empty(128, 320)
    ops.normed_linear(Stream(rows), layer(960, 320))
    ops.normed_linear(Stream(rows, empty(2, 2, 128)), layer(960, 320))
    assert taken == ["parent", "normed_pingpong"]
