"""What the fast forward does in one way or another. Each is a trade that the bench measures on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Choices:
    """The defaults are what was fastest on one H200; engine/BENCHMARKS.md has the table."""

    share_prefix: bool = True
    """Both halves of classifier-free guidance are equal up to the first cross-attention: compute that once."""
    upsample_phases: bool = True
    """Nearest upsampling and a 3x3 convolution as one 2x2 convolution at the low resolution: 4 taps of 9."""
    product_width: int = 1280
    """From this many channels on that 2x2 convolution is a matrix product: cuDNN 9.19 has no fast kernel for it."""
    merge_projections: bool = True
    """The feed-forward's second matrix and proj_out as one product of 5 C inputs."""
    temporal_conv: Literal["unfold", "direct"] = "direct"
    """Temporal convolution as one product over three frames side by side, or by a kernel that reads them in place."""
    geglu_width: int = 1280
    """Up to this many input channels GEGLU is part of the product's kernel."""
    winograd: bool = True
    """A 3x3 convolution behind a GroupNorm has a quarter of the multiplications, where there are many pixels."""
    sums_part: int = 256
    sums_rows: int = 32
    sums_warps: int = 4
    """A program of the sums for GroupNorm reads that many pixels, so many at a time, with so many warps."""
    geglu_polynomial: bool = True
    """GELU by a polynomial that is 1e-5 off at most, instead of erf."""
    pingpong: bool = True
    """On compute capability 9.0: GEGLU's product, the temporal convolution and the products around a LayerNorm (see
    `row_sums_width`) finish one tile while they multiply the next."""
    row_sums_width: int = 640
    """There: up to this many channels the product before a LayerNorm sums its rows, and the product behind it divides
    by their deviation, so that the norm needs no pass of its own. 0 is never."""
    temporal_conv_norm: bool = True
    """There: a direct temporal convolution without residual has its GroupNorm and SiLU inside, not in a pass."""
    frame_attention: bool = True
    """There: attention over 16 frames at 320 channels has its LayerNorm and projection inside, not in two kernels."""
