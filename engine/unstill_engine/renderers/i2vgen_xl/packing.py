"""Takes the weights out of I2VGenXLUNet.

A bias in a transformer is not added where it arises, which would cost a pass over the activations: those before
a LayerNorm are added there (`NormedLinear.before`), and those of proj_out are part of the convolution's that made what
the transformer gets; what a GroupNorm must not see of them yet is taken off there (`Transformer.pending`).
Packing takes the weights over: each module is left without storage, so that both never lie in memory at once.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.weights import (
    Block,
    Conv,
    CrossAttention,
    GroupNorm,
    Layer,
    NormedLinear,
    Resnet,
    SelfAttention,
    TemporalConv,
    Transformer,
    UNetWeights,
)


def channels_last(weight: Tensor) -> Tensor:
    return weight.detach().contiguous(memory_format=torch.channels_last)


def conv(module: Any) -> Conv:
    return Conv(channels_last(module.weight), module.bias.detach()[None], module.stride[0])


def upsample_phases(module: Any) -> Conv:
    """A 3x3 convolution behind nearest upsampling by two, as a 2x2 convolution of the small picture.

    Output row 2y sees source rows y-1, y, y and row 2y+1 sees y, y, y+1: the taps that meet are summed, which
    leaves 2x2 taps for each of the 4 phases. Phase (a, b) of the output pixel (2y+a, 2x+b) stands at
    (y+a, x+b) of the convolution with padding 1, in channels (2a+b) Co onwards.
    """
    weight = module.weight.detach().float()
    rows = [[weight[:, :, 0], weight[:, :, 1] + weight[:, :, 2]], [weight[:, :, 0] + weight[:, :, 1], weight[:, :, 2]]]
    phases = []
    for first, second in rows:
        both = torch.stack([first, second], 2)
        phases.append(torch.stack([both[..., 0], both[..., 1] + both[..., 2]], -1))
        phases.append(torch.stack([both[..., 0] + both[..., 1], both[..., 2]], -1))
    return Conv(channels_last(torch.cat(phases).to(module.weight.dtype)), module.bias.detach()[None])


def group_norm(module: nn.GroupNorm) -> GroupNorm:
    return GroupNorm(module.weight.detach(), module.bias.detach(), module.eps, module.num_groups)


def leave(module: nn.Module) -> None:
    """Have a module give up its storage; not by a method of diffusers' own, which imports much of the library."""
    nn.Module.to(module, "meta")


def interleave(weight: Tensor) -> Tensor:
    """GEGLU's value rows and gate rows, from one half after the other to one beside the other."""
    value, gate = weight.detach().chunk(2)
    return torch.stack([value, gate], 1).flatten(0, 1).contiguous()


def fold_norm(norm: nn.LayerNorm, before: Tensor, weight: Tensor, bias: Tensor | None = None) -> NormedLinear:
    """Fold a LayerNorm's scale, shift and mean into the linear layer behind it: `weight` (N, C) and `bias` (N,).

    The scale goes into the columns of the matrix, the shift into the bias. Then the mean of each of the matrix's rows
    is taken off that row: centred activations do not notice, and of raw ones, x = centred + mean, the mean times the
    sum of a row, which is zero now, is gone. What is left to be done is to divide by the activations' deviation.
    `before` (C,) is added to the activations ahead of the norm.
    """
    wide = weight.detach().float()
    scaled = wide * norm.weight.detach().float()
    folded = (scaled - scaled.mean(1, keepdim=True)).to(weight.dtype)
    shift = wide @ norm.bias.detach().float()
    if bias is not None:
        shift = shift + bias.detach().float()
    before = before.to(weight.dtype)
    return NormedLinear(folded, shift.to(weight.dtype), before, folded.float() @ before.float(), norm.eps)


class _Packer:
    def __init__(self, choices: Choices) -> None:
        self.choices = choices
        self.time_weights: list[Tensor] = []
        self.time_biases: list[Tensor] = []
        self.time_width = 0
        self.cross: list[CrossAttention] = []

    def resnet(self, module: Any, temporal: Any, ahead: Tensor | None) -> Resnet:
        conv1, conv2 = conv(module.conv1), conv(module.conv2)
        self.time_weights.append(module.time_emb_proj.weight.detach())
        self.time_biases.append((module.time_emb_proj.bias + module.conv1.bias).detach())
        time = slice(self.time_width, self.time_width + conv1.weight.shape[0])
        self.time_width = time.stop
        shortcut = None
        if module.conv_shortcut is not None:
            shortcut = module.conv_shortcut.weight.detach()[:, :, 0, 0].contiguous()
            conv2 = Conv(conv2.weight, conv2.bias + module.conv_shortcut.bias.detach())
        stages = (temporal.conv1, temporal.conv2, temporal.conv3, temporal.conv4)
        convs = tuple(
            TemporalConv(
                group_norm(stage[0]),
                stage[-1].weight.detach()[..., 0, 0].transpose(1, 2).flatten(1).contiguous(),
                stage[-1].bias.detach()[None],
            )
            for stage in stages
        )
        if ahead is not None:
            convs = (*convs[:-1], replace(convs[-1], bias=convs[-1].bias + ahead))
        return Resnet(group_norm(module.norm1), conv1, group_norm(module.norm2), conv2, shortcut, time, convs)

    def self_attention(self, module: Any, norm: nn.LayerNorm, before: Tensor) -> SelfAttention:
        qkv = fold_norm(norm, before, torch.cat([module.to_q.weight, module.to_k.weight, module.to_v.weight]))
        return SelfAttention(qkv, module.to_out[0].weight.detach(), module.heads)

    def cross_attention(self, module: Any, norm: nn.LayerNorm, before: Tensor) -> CrossAttention:
        query = fold_norm(norm, before, module.to_q.weight)
        key_value = torch.cat([module.to_k.weight, module.to_v.weight]).detach()
        attention = CrossAttention(query, key_value, module.to_out[0].weight.detach(), module.heads, len(self.cross))
        self.cross.append(attention)
        return attention

    def transformer(self, module: Any, later: Tensor | None = None, *, temporal: bool) -> Transformer:
        """`later` (1, Co): the bias of the transformer behind this one."""
        if len(module.transformer_blocks) != 1:
            raise ValueError("A transformer of this model has more than one block, which the fast forward cannot run.")
        block = module.transformer_blocks[0]
        value, ff2 = block.ff.net[0].proj, block.ff.net[2]
        after0 = module.proj_in.bias.detach().float()
        after1 = after0 + block.attn1.to_out[0].bias.detach().float()
        after2 = after1 + block.attn2.to_out[0].bias.detach().float()
        dtype = module.proj_out.weight.dtype
        wide = module.proj_out.weight.detach().float()
        bias_out = module.proj_out.bias.detach().float() + wide @ (after2 + ff2.bias.detach().float())
        ff: Tensor | None = ff2.weight.detach()
        out = module.proj_out.weight.detach()
        if self.choices.merge_projections:
            ff, out = None, torch.cat([wide, wide @ ff2.weight.detach().float()], 1).to(dtype)
        second = self.self_attention if temporal else self.cross_attention
        return Transformer(
            norm=group_norm(module.norm),
            proj_in=module.proj_in.weight.detach(),
            attn1=self.self_attention(block.attn1, block.norm1, after0),
            attn2=second(block.attn2, block.norm2, after1),
            gate=fold_norm(block.norm3, after2, interleave(value.weight), interleave(value.bias)),
            ff=ff,
            out=out,
            pending=-(bias_out.to(dtype)[None] if later is None else bias_out.to(dtype)[None] + later),
        )

    def layer(self, resnet: Any, convs: Any, spatial: Any, temporal: Any) -> Layer:
        ahead = across = along = None
        if spatial is not None:
            along = self.transformer(temporal, temporal=True)
            across = self.transformer(spatial, -along.pending, temporal=False)
            ahead = -across.pending
        layer = Layer(self.resnet(resnet, convs, ahead), across, along)
        for module in (resnet, convs, spatial, temporal):
            if module is not None:
                leave(module)
        return layer

    def block(self, module: Any) -> Block:
        without = [None] * len(module.resnets)
        spatial = list(getattr(module, "attentions", without))
        temporal = list(getattr(module, "temp_attentions", without))
        if len(spatial) < len(without):  # the middle block: its first layer alone is followed by attention
            spatial, temporal = [*spatial, None], [*temporal, None]
        layers = tuple(map(self.layer, module.resnets, module.temp_convs, spatial, temporal))
        sampler = None
        if getattr(module, "downsamplers", None):
            sampler = conv(module.downsamplers[0].conv)
        elif getattr(module, "upsamplers", None):
            pack = upsample_phases if self.choices.upsample_phases else conv
            sampler = pack(module.upsamplers[0].conv)
        leave(module)
        return Block(layers, sampler)


def pack_unet(unet: Any, choices: Choices | None = None) -> UNetWeights:
    """Takes the weights out of an `I2VGenXLUNet`, which cannot run any more afterwards."""
    packer = _Packer(choices or Choices())
    down = tuple(packer.block(block) for block in unet.down_blocks)
    mid = packer.block(unet.mid_block)
    up = tuple(packer.block(block) for block in unet.up_blocks)
    stem = nn.ModuleDict(
        {
            "time": unet.time_embedding,
            "fps": unet.fps_embedding,
            "context": unet.context_embedding,
            "latents_context": unet.image_latents_context_embedding,
            "latents_in": unet.image_latents_proj_in,
            "latents_temporal": unet.image_latents_temporal_encoder,
        }
    )
    conv_in, temporal_in = conv(unet.conv_in), packer.transformer(unet.transformer_in, temporal=True)
    weights = UNetWeights(
        conv_in=replace(conv_in, bias=conv_in.bias - temporal_in.pending),
        temporal_in=temporal_in,
        down=down,
        mid=mid,
        up=up,
        norm_out=group_norm(unet.conv_norm_out),
        conv_out=conv(unet.conv_out),
        time_weight=torch.cat(packer.time_weights),
        time_bias=torch.cat(packer.time_biases),
        key_values=tuple(packer.cross),
        stem=stem,
        time_proj=unet.time_proj,
        context_width=unet.config.cross_attention_dim,
    )
    leave(unet.transformer_in)
    return weights
