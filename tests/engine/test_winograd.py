"""Winograd's convolution: its transforms are a convolution exactly, how far half precision reaches, and what takes it.

What the kernels make of them is compared in Triton's interpreter (`i2vgen_fast_kernels.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
import torch
from torch import Tensor

from unstill_engine.renderers.i2vgen_xl import triton_ops
from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.kernels import winograd
from unstill_engine.renderers.i2vgen_xl.ops import Field, TorchOps
from unstill_engine.renderers.i2vgen_xl.triton_ops import TritonOps
from unstill_engine.renderers.i2vgen_xl.weights import Conv, GroupNorm


def matrix(line: Any, size: int) -> Tensor:
    """Return the matrix of what a kernel does to a line of numbers, by calling the function that Triton compiles."""
    return torch.stack([torch.stack(line.fn(*unit)) for unit in torch.eye(size, dtype=torch.double)], 1)


INPUT, FILTER = matrix(winograd._input_line, 6), matrix(winograd._filter_line, 3)
OUTPUT = matrix(winograd._output_line, 6)


def test_six_products_are_four_sums_of_three_taps_exactly() -> None:
    line, taps = torch.randn(6, dtype=torch.double), torch.randn(3, dtype=torch.double)
    found = 2 * (OUTPUT @ ((FILTER @ taps) * (INPUT @ line)))
    assert torch.allclose(found, line.unfold(0, 3, 1) @ taps, rtol=0, atol=1e-12)


def test_activations_of_200_and_weights_of_2_are_far_from_where_half_precision_ends() -> None:
    most = torch.finfo(torch.float16).max
    # Given what a transform makes at most of values above zero, as nearly all are after SiLU, and of any
    plus, minus = INPUT.clamp(min=0).sum(1), (-INPUT).clamp(min=0).sum(1)
    gain = max(float((torch.outer(a, b) + torch.outer(c, d)).max()) for a, b, c, d in
               ((plus, plus, minus, minus), (plus, minus, minus, plus)))  # fmt: skip
    any_sign, weights = float(INPUT.abs().sum(1).max()) ** 2, float(FILTER.abs().sum(1).max()) ** 2
    # Then it is what the module says
    assert gain == pytest.approx(18.6, abs=0.05)
    assert weights == pytest.approx(0.37, abs=0.01)
    least = -0.28  # of SiLU
    assert gain * 200 - any_sign * least < most / 17
    assert weights * 2 < most / 20_000


def test_products_are_about_as_large_as_the_sums_that_come_of_them() -> None:
    # Given independent values, Then by root mean square
    squares = (INPUT.square().sum(1) * FILTER.square().sum(1)).max()
    assert float((squares**2 / 9).sqrt()) == pytest.approx(3.5 / 4, abs=0.02)
    # and given heavy tails, channels of 0 or 200 and weights of up to 2, when all is computed as the kernels do
    torch.manual_seed(1)
    tails = torch.distributions.StudentT(3.0).sample((16, 1280, 6, 6)).double()
    x = torch.nn.functional.silu(3 * tails).clamp(max=200)
    x[:, :3] = 200 * torch.rand(16, 3, 6, 6).round().double()
    kernel = (0.03 * torch.distributions.StudentT(2.5).sample((32, 1280, 3, 3))).double().clamp(-2, 2)
    transformed, weights = (INPUT @ x @ INPUT.t()).half(), (FILTER @ kernel @ FILTER.t()).half()
    products = torch.einsum("tcab,ocab->toab", transformed.double(), weights.double()).half()
    sums = torch.nn.functional.conv2d(x, kernel)
    # Then the largest is hardly more than the largest sum, and the result as exact as in bfloat16
    assert products.abs().max() < 1.25 * sums.abs().max()
    found = 4 * (OUTPUT @ products.double() @ OUTPUT.t())
    assert (found - sums).norm() < 2**-8 * sums.norm()


def asked(monkeypatch: pytest.MonkeyPatch, ops: TritonOps, shape: Sequence[int], dtype: torch.dtype) -> str:
    def transform(*_: Any) -> None:
        raise RuntimeError("transformed")

    monkeypatch.setattr(TritonOps, "_moments", transform)
    monkeypatch.setattr(TorchOps, "norm_conv", lambda self, fields, *_: fields[0])
    x = torch.empty(*shape, 8, dtype=dtype, device="meta")
    norm = GroupNorm(torch.empty(8), torch.empty(8), 1e-5, 2)
    try:
        ops.norm_conv([Field(x)], norm, Conv(torch.empty(8, 8, 3, 3), torch.empty(1, 8)))
    except RuntimeError as error:
        return str(error)
    return "direct"


@pytest.mark.parametrize(
    ("shape", "dtype", "choices", "way"),
    [
        ((1, 64, 64), torch.bfloat16, Choices(), "transformed"),
        ((32, 8, 16), torch.bfloat16, Choices(), "transformed"),
        ((1, 64, 63), torch.bfloat16, Choices(), "direct"),
        ((32, 8, 8), torch.bfloat16, Choices(), "direct"),
        ((1, 64, 64), torch.float32, Choices(), "direct"),
        ((1, 64, 64), torch.float16, Choices(), "direct"),
        ((1, 64, 64), torch.bfloat16, Choices(winograd=False), "direct"),
    ],
)
def test_only_bfloat16_of_4096_pixels_or_more_is_transformed(
    monkeypatch: pytest.MonkeyPatch, shape: Sequence[int], dtype: torch.dtype, choices: Choices, way: str
) -> None:
    assert triton_ops.WINOGRAD_PIXELS == 4096
    assert asked(monkeypatch, TritonOps(choices, fused=True), shape, dtype) == way


def test_a_picture_has_as_many_tiles_as_cover_it() -> None:
    assert [winograd.tiles_of(*size) for size in ((64, 64), (4, 5), (9, 7), (1, 1))] == [256, 2, 6, 1]
