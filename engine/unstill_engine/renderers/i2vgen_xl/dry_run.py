"""A clip's forward without a device: its kernels are compiled before there are weights, once a machine."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.fast_vae import FastDecoder
from unstill_engine.renderers.i2vgen_xl.ops import Ops
from unstill_engine.renderers.i2vgen_xl.packing import pack_unet
from unstill_engine.renderers.i2vgen_xl.unet import FastUNet
from unstill_engine.renderers.torch.compile_ahead import Ahead, compile_once
from unstill_engine.renderers.torch.lean_imports import no_compiler

LATENT = 8
"""Pixels to a latent, on each side."""
_TOKENS = 77
_DECODED = 4

Shape = tuple[int, int, int]
"""Width and height in pixels, and frames."""

SHAPES: tuple[Shape, ...] = (
    (512, 512, 16), (640, 512, 16), (448, 704, 16), (512, 512, 8), (512, 512, 32), (1280, 704, 16),
)  # fmt: skip
"""Together these need what almost any shape does, as a kernel is one for many sizes; a test counts what others need."""


def compile_for(
    unet: Any, vae: Any, ops: Ops, choices: Choices, dtype: torch.dtype, shapes: Sequence[Shape] = SHAPES
) -> Ahead:
    """Begin to compile the kernels of those shapes, or to load them where this machine has compiled them before.

    `unet` and `vae` are diffusers' modules on the meta device, of which nothing is changed but the type.
    """
    sources = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        sources.update(path.read_bytes())
    about = (sources.hexdigest(), dict(unet.config), dict(vae.config), choices, dtype, tuple(shapes))
    # what torch does with such tensors is never compiled, and its compiler takes seconds to import
    with no_compiler():
        return compile_once(repr(about), lambda: _run(unet, vae, ops, choices, dtype, shapes))


@torch.no_grad()
def _run(unet: Any, vae: Any, ops: Ops, choices: Choices, dtype: torch.dtype, shapes: Sequence[Shape]) -> None:
    """Run a step with guidance of each shape, and the decoding of a few frames, where a tensor has no memory."""
    for module in (unet, vae):
        nn.Module.to(module, dtype)
    weights = pack_unet(unet, choices)
    # what is still a module there is to be given weights; here it stays without
    forward = FastUNet(replace(weights, stem=copy.deepcopy(weights.stem)), ops, choices)
    decoder, context = FastDecoder(vae, ops, choices), weights.context_width

    def empty(*shape: int, kind: torch.dtype = dtype) -> Tensor:
        return torch.empty(*shape, dtype=kind, device="meta")

    for width, height, frames in shapes:
        size = (height // LATENT, width // LATENT)
        latents, numbers = empty(1, 4, frames, *size), empty(1, kind=torch.long)
        clip = forward.prepare(numbers, numbers, latents, empty(2, 1, context), empty(2, _TOKENS, context))
        forward.step(latents, clip.times[0], clip)
        decoder.decode(empty(_DECODED, 4, *size))
