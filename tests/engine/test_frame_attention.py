"""The attention of a pixel over its frames by one warp, and what it is for."""

from __future__ import annotations

import pytest
import torch
from tests.engine import ptx_warp
from torch.nn import functional as F

from unstill_engine.renderers.i2vgen_xl.kernels.hopper.frame_attention import attends
from unstill_engine.renderers.i2vgen_xl.kernels.hopper.frame_attention_ptx import CONSTRAINTS, DIM, PTX


@pytest.mark.parametrize("spread", [1.0, 4.0])
def test_a_warp_attends_as_pytorch_does(spread: float) -> None:
    generator = torch.Generator().manual_seed(1)
    parts = [(torch.randn(16, DIM, generator=generator) * spread).bfloat16() for _ in range(3)]
    # Given queries, keys and values as a product of warpgroups leaves them
    held = [register for part in parts for register in ptx_warp.fragment(part)]
    registers = {f"${16 + i}": register for i, register in enumerate(held)}
    # When they are mixed by what a warp runs
    ptx_warp.run(PTX, registers)
    # Then they are, in the places that the queries had
    found = ptx_warp.joined([registers[f"${i}"] for i in range(16)])
    query, key, value = (part.float() for part in parts)
    expected = F.scaled_dot_product_attention(query[None], key[None], value[None])[0]
    assert (found.float() - expected).norm() < 0.005 * expected.norm()
    # and no register of them is one that is still to be read
    assert CONSTRAINTS.split(",") == ["=&r"] * 16 + ["r"] * 48


@pytest.mark.parametrize(
    ("channels", "heads", "frames", "pixels", "expected"),
    [(320, 5, 16, 64, True), (320, 5, 16, 60, False), (320, 5, 32, 64, False), (640, 10, 16, 64, False),
     (320, 8, 16, 64, False)],
)  # fmt: skip
def test_it_is_for_16_frames_of_whole_tiles_in_5_heads(
    channels: int, heads: int, frames: int, pixels: int, expected: bool
) -> None:
    rows, weight = torch.empty(2 * frames * pixels, channels), torch.empty(3 * channels, channels)
    assert attends(rows, weight, frames, pixels, heads) is expected


def test_it_is_for_whole_clips_and_square_parts_of_the_matrix() -> None:
    rows, weight = torch.empty(2 * 16 * 64, 320), torch.empty(960, 320)
    assert attends(rows, weight, 16, 64, 5)
    assert not attends(rows[: 16 * 80], weight, 16, 64, 5)
    assert not attends(rows, weight[:640], 16, 64, 5)
