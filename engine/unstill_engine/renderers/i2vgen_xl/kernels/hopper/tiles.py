"""Descriptors of the blocks that TMA moves between the device's memory and a program's."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor
from triton.experimental.gluon import language as gl
from triton.experimental.gluon.nvidia.hopper import TensorDescriptor

ROWS = 128
"""Rows of a tile of ping-pong; of the other kernels too, as 16 frames of 8 pixels."""
DEPTH = 64
"""Inputs of one load: 128 bytes of bfloat16, which is the widest swizzle."""
REGISTERS = 168
"""Registers of each thread at the start: the threads of 12 warps (9 or 11, made up to whole groups of 4) have 65,536 at
most. What the loading warps then give up, those that multiply get."""


def blocks(tensor: Tensor, shape: Sequence[int]) -> TensorDescriptor:
    """Describe `tensor` in blocks of `shape`, one number for each dimension. Rows must be aligned to 16 bytes."""
    layout = gl.NVMMASharedLayout.get_default_for(list(shape), gl.bfloat16)
    return TensorDescriptor.from_tensor(tensor, list(shape), layout)


@cache
def multiprocessors() -> int:
    """Return how many multiprocessors the card has; where there is none, and kernels are only compiled, an H200's."""
    return torch.cuda.get_device_properties("cuda").multi_processor_count if torch.cuda.is_available() else 132


def programs(tiles: int) -> int:
    """Return how many programs share `tiles`: each stays on its multiprocessor and takes one after the other."""
    return min(tiles, multiprocessors())
