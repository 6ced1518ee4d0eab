"""The weights of I2VGenXLUNet, repacked for channels-last activations: see `packing`."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class Conv:
    """3x3 `weight` (Co, Ci, 3, 3), channels-last, and `bias` (1, Co).

    For one that follows nearest upsampling `weight` may be (4 Co, Ci, 2, 2), see `upsample_phases`.
    """

    weight: Tensor
    bias: Tensor
    stride: int = 1

    @property
    def phases(self) -> bool:
        return self.weight.shape[-1] == 2


@dataclass(frozen=True)
class GroupNorm:
    weight: Tensor
    bias: Tensor
    eps: float
    groups: int


@dataclass(frozen=True)
class TemporalConv:
    """`weight` (Co, 3 Ci): the frame before, this one, the one after; `bias` (1, Co)."""

    norm: GroupNorm
    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class Resnet:
    """`time` is where its columns stand in the table of time projections, which hold conv1's bias too."""

    norm1: GroupNorm
    conv1: Conv
    norm2: GroupNorm
    conv2: Conv
    shortcut: Tensor | None
    time: slice
    temporal: tuple[TemporalConv, ...]


@dataclass(frozen=True)
class NormedLinear:
    """A LayerNorm of rows plus `before` (C,) and the linear layer behind it, folded into one: see `fold_norm`.

    For rows x it is (x @ weight.T + offset) / sqrt(var(x + before) + eps) + bias. `weight` (N, C) has rows of mean
    zero, `bias` is (N,); `offset` (N,), in fp32, is what the weight makes of `before`.
    """

    weight: Tensor
    bias: Tensor
    before: Tensor
    offset: Tensor
    eps: float


@dataclass(frozen=True)
class SelfAttention:
    """`qkv` (3 C, C), `out` (C, C)."""

    qkv: NormedLinear
    out: Tensor
    heads: int


@dataclass(frozen=True)
class CrossAttention:
    """`query` (C, C), `key_value` (2 C, context), `out` (C, C); `index` counts the model's cross-attentions."""

    query: NormedLinear
    key_value: Tensor
    out: Tensor
    heads: int
    index: int


@dataclass(frozen=True)
class Transformer:
    """One block of a spatial or temporal transformer, with its projections.

    `gate` (8 C, C) holds value and gate alternately: its rows 2i and 2i+1 make column i of GEGLU.
    `out` is proj_out (Co, C); or, merged, [proj_out, proj_out @ ff2] (Co, 5 C), and `ff` is None.
    `pending` (1, Co) is to be added to what the GroupNorm gets, and to nothing else.
    """

    norm: GroupNorm
    proj_in: Tensor
    attn1: SelfAttention
    attn2: SelfAttention | CrossAttention
    gate: NormedLinear
    ff: Tensor | None
    out: Tensor
    pending: Tensor


@dataclass(frozen=True)
class Layer:
    resnet: Resnet
    spatial: Transformer | None
    temporal: Transformer | None


@dataclass(frozen=True)
class Block:
    layers: tuple[Layer, ...]
    sampler: Conv | None


@dataclass(frozen=True)
class UNetWeights:
    """`time_weight` (T, E) and `time_bias` (T,) are the time projections of all resnets, stacked.

    `stem` are the stock modules that run once a clip: the embeddings.
    """

    conv_in: Conv
    temporal_in: Transformer
    down: tuple[Block, ...]
    mid: Block
    up: tuple[Block, ...]
    norm_out: GroupNorm
    conv_out: Conv
    time_weight: Tensor
    time_bias: Tensor
    key_values: tuple[CrossAttention, ...]
    stem: nn.ModuleDict
    time_proj: nn.Module
    context_width: int
