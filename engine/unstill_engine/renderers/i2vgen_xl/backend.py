"""Chooses the kernels that compute the fast forward on a device."""

from __future__ import annotations

import torch

from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.ops import Ops, TorchOps
from unstill_engine.renderers.torch.device import runs_triton

HOPPER = (9, 0)
"""The compute capability for which there are products in Gluon."""


def ops_on(device: torch.device, choices: Choices) -> Ops:
    """Return Triton's kernels where they run, with those in Gluon on a card of 9.0, else PyTorch's own operations."""
    if not runs_triton(device):
        return TorchOps()
    from unstill_engine.renderers.i2vgen_xl.triton_ops import TritonOps

    if torch.cuda.get_device_capability(device) != HOPPER:
        return TritonOps(choices)
    try:
        from unstill_engine.renderers.i2vgen_xl.hopper_ops import HopperOps
    except ImportError:  # a Triton without Gluon, or with another one
        return TritonOps(choices)
    return HopperOps(choices)


def trusted(ops: Ops, device: torch.device, choices: Choices) -> Ops:
    """Return `ops`, or those without Gluon where they are not seen to compute here what PyTorch does.

    Its kernels had better be compiled by now, as here they are one after the other.
    """
    if type(ops) is TorchOps:
        return ops
    from unstill_engine.renderers.i2vgen_xl.triton_ops import TritonOps

    if type(ops) is TritonOps:
        return ops
    from unstill_engine.renderers.i2vgen_xl.hopper_ops import agrees

    return ops if agrees(device) else TritonOps(choices)
