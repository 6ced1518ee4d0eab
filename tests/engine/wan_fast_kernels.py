"""Runs the named Triton kernels in Triton's interpreter and prints, as JSON, how far each is from its reference.

A process of its own, started with TRITON_INTERPRET=1: Triton reads that once, when it is imported.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

import torch
from tests.engine import wan_fast_models as models
from torch import Tensor

from unstill_engine.renderers.diffusers.fast_wan.decoder import FastDecoder
from unstill_engine.renderers.diffusers.fast_wan.ops import Rope, TorchOps
from unstill_engine.renderers.diffusers.fast_wan.transformer import FastTransformer
from unstill_engine.renderers.diffusers.fast_wan.triton_ops import TritonOps

REFERENCE, OURS = TorchOps(), TritonOps()


def advance() -> Iterator[tuple[Tensor, Tensor]]:
    """Groups that are one or several, a gate or none, nothing to add; a width that is no power of two."""
    values = torch.randn(3, 3, 48)
    for gate, y, groups in ((values[:, 0], True, 3), (None, True, 3), (None, False, 3), (values[:1, 0], True, 1)):
        x = torch.randn(12, 48)
        moved = torch.randn(12, 48) if y else None
        factor, plus = values[:groups, 1], values[:groups, 2]
        mine = x.clone()
        yield (
            OURS.advance(mine, moved, gate, factor, plus, 12 // groups, 1e-6),
            REFERENCE.advance(x, moved, gate, factor, plus, 12 // groups, 1e-6),
        )
        yield mine, x


def rms_rope() -> Iterator[tuple[Tensor, Tensor]]:
    """With angles and without, for two clips at once."""
    rope = Rope(torch.randn(5, 12), torch.randn(5, 12))
    for angles in (rope, None):
        x, weight = torch.randn(10, 72), torch.randn(72)
        mine = x.clone()
        OURS.rms_rope(mine, weight, 1e-6, angles)
        REFERENCE.rms_rope(x, weight, 1e-6, angles)
        yield mine, x


def norm_silu() -> Iterator[tuple[Tensor, Tensor]]:
    """With frames before and without, one frame and several, and a pixel without any colour."""
    for frames in (1, 4):
        x, gamma = torch.randn(1, 24, frames, 3, 5), torch.randn(24)
        x[0, :, 0, 0, 0] = 0
        for before in (None, torch.randn(1, 24, 2, 3, 5).contiguous(memory_format=torch.channels_last_3d)):
            yield from zip(
                OURS.norm_silu(x, gamma, 24**0.5, before), REFERENCE.norm_silu(x, gamma, 24**0.5, before), strict=True
            )


def add_repeated() -> Iterator[tuple[Tensor, Tensor]]:
    """As many channels or half of them, time doubled or not, at the beginning or later."""
    for channels in (8, 16):
        for times in (1, 2):
            for first in (True, False):
                x = torch.randn(1, 16, 2, 3, 5)
                frames = 2 * times - (times - 1 if first else 0)
                y = torch.randn(1, channels, frames, 6, 10).contiguous(memory_format=torch.channels_last_3d)
                yield OURS.add_repeated(y.clone(), x, times, first), REFERENCE.add_repeated(y, x, times, first)


def transformer() -> Iterator[tuple[Tensor, Tensor]]:
    for kind in models.CHANNELS:
        model = models.transformer(kind)
        inputs = models.given(model, batch=2)
        yield FastTransformer(model, OURS)(**inputs)[0], model(**inputs)[0]


def decoder() -> Iterator[tuple[Tensor, Tensor]]:
    for version in models.VAES:
        vae = models.vae(version)
        z = torch.randn(1, vae.config.z_dim, 3, 2, 3)
        expected = vae.decode(z, return_dict=False)[0]
        yield torch.cat(list(FastDecoder(vae, OURS).chunks(z)), 2), expected


COMPARED = (advance, rms_rope, norm_silu, add_repeated, transformer, decoder)


def distance(out: Tensor, expected: Tensor) -> float:
    assert out.shape == expected.shape, (out.shape, expected.shape)
    return float((out - expected).abs().max() / expected.abs().max().clamp(min=1))


def main() -> int:
    torch.manual_seed(0)
    found = {}
    for compare in COMPARED:
        if compare.__name__ not in sys.argv[1:]:
            continue
        distances = [distance(out, expected) for out, expected in compare()]
        # NaN is larger than anything
        found[compare.__name__] = max(distances, key=lambda value: (value != value, value))
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
