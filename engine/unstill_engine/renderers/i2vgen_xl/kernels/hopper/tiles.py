"""Descriptors of the blocks that TMA moves between the device's memory and a program's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.nvidia.hopper import TensorDescriptor

ROWS = 128
"""The rows that a program's tile has."""
DEPTH = 64
"""The inputs that one load takes: 128 bytes, which is the widest swizzle."""
REGISTERS = 168
"""Registers of each thread at the start; what the loading warps then give up, the others get."""


def blocks(tensor: Tensor, shape: Sequence[int]) -> TensorDescriptor:
    """Describe `tensor` in blocks of `shape`. Rows must be aligned to 16 bytes."""
    layout = gl.NVMMASharedLayout.get_default_for(list(shape), gl.bfloat16)
    return TensorDescriptor.from_tensor(tensor, list(shape), layout)


@cache
def multiprocessors() -> int:
    """Return how many the card has; where kernels are only compiled, those of an H200."""
    return torch.cuda.get_device_properties("cuda").multi_processor_count if torch.cuda.is_available() else 132


def programs(tiles: int) -> int:
    """Return how many programs share `tiles`: each stays on its multiprocessor and takes one after the other."""
    return min(tiles, multiprocessors())
