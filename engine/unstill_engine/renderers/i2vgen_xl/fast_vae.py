"""The decoder of AutoencoderKL, channels-last and by the same operations as the fast UNet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.ops import Field, Ops, convolve
from unstill_engine.renderers.i2vgen_xl.packing import conv, group_norm, leave, upsample_phases
from unstill_engine.renderers.i2vgen_xl.weights import Conv, GroupNorm


@dataclass(frozen=True)
class _Resnet:
    norm1: GroupNorm
    conv1: Conv
    norm2: GroupNorm
    conv2: Conv
    shortcut: Tensor | None


@dataclass(frozen=True)
class _Attention:
    norm: GroupNorm
    qkv: Tensor
    qkv_bias: Tensor
    out: Tensor
    out_bias: Tensor
    heads: int


class FastDecoder:
    """Takes the decoder's weights out of an `AutoencoderKL`, which can still encode afterwards."""

    def __init__(self, vae: Any, ops: Ops, choices: Choices | None = None) -> None:
        decoder, choices = vae.decoder, choices or Choices()
        pack_upsampler = upsample_phases if choices.upsample_phases else conv
        self.ops = ops
        self.post_quant = vae.post_quant_conv
        self.conv_in, self.conv_out = conv(decoder.conv_in), conv(decoder.conv_out)
        self.norm_out = group_norm(decoder.conv_norm_out)
        before, after = decoder.mid_block.resnets
        self.middle = (_pack_resnet(before), _pack_attention(decoder.mid_block.attentions[0]), _pack_resnet(after))
        self.up: list[tuple[list[_Resnet], Conv | None]] = []
        for block in decoder.up_blocks:
            sampler = pack_upsampler(block.upsamplers[0].conv) if block.upsamplers else None
            self.up.append(([_pack_resnet(resnet) for resnet in block.resnets], sampler))
            leave(block)
        leave(decoder.mid_block)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """`latents` (T, 4, h, w), divided by the scaling factor, to pictures (T, 8 h, 8 w, 3), about -1 to 1."""
        z = latents if self.post_quant is None else self.post_quant(latents)
        field = self.ops.conv(z.permute(0, 2, 3, 1).contiguous(), self.conv_in)
        before, attention, after = self.middle
        field = self._resnet(self._attention(self._resnet(field, before), attention), after)
        for resnets, sampler in self.up:
            for resnet in resnets:
                field = self._resnet(field, resnet)
            if sampler is not None:
                field = self.ops.upsample_conv(field.x, sampler)
        y = self.ops.group_norm([field], self.norm_out, 1, silu=True)
        del field
        return convolve(y, self.conv_out.weight) + self.conv_out.bias

    def _resnet(self, field: Field, resnet: _Resnet) -> Field:
        ops = self.ops
        y = ops.group_norm([field], resnet.norm1, 1, silu=True)
        hidden = ops.conv(y, resnet.conv1, resnet.conv1.bias)
        y = ops.group_norm([hidden], resnet.norm2, 1, silu=True)
        del hidden
        residual = field.x
        if resnet.shortcut is not None:
            residual = F.linear(field.rows, resnet.shortcut).view(*field.x.shape[:3], -1)
        return ops.conv(y, resnet.conv2, residual=residual)

    def _attention(self, field: Field, weights: _Attention) -> Field:
        n, height, width, channels = field.x.shape
        y = self.ops.group_norm([field], weights.norm, 1, silu=False).view(-1, channels)
        qkv = F.linear(y, weights.qkv, weights.qkv_bias).view(n, height * width, 3, weights.heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)
        mixed = self.ops.attention(query, key, value).view(n * height * width, channels)
        rows = self.ops.accumulate(field.rows, mixed, weights.out).add_(weights.out_bias)
        return self.ops.field(rows.view(n, height, width, channels))


def _pack_resnet(module: Any) -> _Resnet:
    second, shortcut = conv(module.conv2), None
    if module.conv_shortcut is not None:
        shortcut = module.conv_shortcut.weight.detach()[:, :, 0, 0].contiguous()
        second = Conv(second.weight, second.bias + module.conv_shortcut.bias.detach())
    return _Resnet(group_norm(module.norm1), conv(module.conv1), group_norm(module.norm2), second, shortcut)


def _pack_attention(module: Any) -> _Attention:
    return _Attention(
        norm=group_norm(module.group_norm),
        qkv=torch.cat([module.to_q.weight, module.to_k.weight, module.to_v.weight]).detach(),
        qkv_bias=torch.cat([module.to_q.bias, module.to_k.bias, module.to_v.bias]).detach(),
        out=module.to_out[0].weight.detach(),
        out_bias=module.to_out[0].bias.detach()[None],
        heads=module.heads,
    )
