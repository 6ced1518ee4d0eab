"""Has a loaded Wan pipeline compute by the fast forward and decoder."""

from __future__ import annotations

from typing import Any

import torch

from unstill_engine.renderers.diffusers.fast_wan.decoder import speed_up
from unstill_engine.renderers.diffusers.fast_wan.ops import Ops, TorchOps
from unstill_engine.renderers.diffusers.fast_wan.transformer import FastTransformer, is_known
from unstill_engine.renderers.torch.device import runs_triton


def accelerate(pipe: Any, device: torch.device) -> None:
    """Replace the forwards of `pipe`'s transformers and the decoder of its VAE, on `device`.

    Their weights may be elsewhere at the moment. What decodes is `decoding_vae` where `pipe` has one.

    A transformer that is not known, for an adapter that was not fused or of another make, stays as it is.
    """
    ops = ops_on(device)
    for name in ("transformer", "transformer_2"):
        model = getattr(pipe, name, None)
        if model is not None and is_known(model):
            model.forward = FastTransformer(model, ops)
    speed_up(getattr(pipe, "decoding_vae", pipe.vae), ops)


def ops_on(device: torch.device) -> Ops:
    """Return Triton's kernels where they run, else PyTorch's own operations."""
    if not runs_triton(device):
        return TorchOps()
    from unstill_engine.renderers.diffusers.fast_wan.triton_ops import TritonOps, flash_3

    return TritonOps(flash_3())
