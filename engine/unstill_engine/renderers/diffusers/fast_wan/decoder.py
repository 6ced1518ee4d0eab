"""The decoder of diffusers' AutoencoderKLWan: the same values, channels last, without copies between convolutions."""

from __future__ import annotations

from collections.abc import Iterator
from types import MethodType
from typing import Any

import torch
from diffusers.models.autoencoders import autoencoder_kl_wan as stock
from torch import Tensor, nn
from torch.nn import functional as F

from unstill_engine.renderers.diffusers.fast_wan.ops import CONTEXT, Ops

Memory = dict[nn.Module, Tensor]
"""What each causal convolution has to see of the frames before; empty at the beginning of a clip."""


class FastDecoder:
    """Takes the place of `vae._decode`. The encoder stays stock's; tiles too are decoded as stock decodes them."""

    def __init__(self, vae: Any, ops: Ops) -> None:
        self._vae, self._ops = vae, ops
        self._stock = vae._decode
        for module in vae.decoder.modules():
            if isinstance(module, nn.Conv3d):
                module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last_3d)
            elif isinstance(module, nn.Conv2d):
                module.weight.data = module.weight.data.contiguous(memory_format=torch.channels_last)

    def __call__(self, z: Tensor, return_dict: bool = True) -> Any:
        """Return what `vae._decode` returns for the same arguments."""
        if self._vae.use_tiling or len(z) > 1:
            return self._stock(z, return_dict)
        decoded = torch.cat(list(self.chunks(z)), 2)
        return stock.DecoderOutput(sample=decoded) if return_dict else (decoded,)

    def chunks(self, z: Tensor) -> Iterator[Tensor]:
        """Decode the latents (1, C, T, H, W) one latent frame after the other: (1, 3, 1 or more, H', W'), -1 to 1."""
        vae, memory = self._vae, Memory()
        x = vae.post_quant_conv(z).contiguous(memory_format=torch.channels_last_3d)
        for index in range(z.shape[2]):
            frames = self._decoded(x[:, :, index : index + 1], memory, first=index == 0)
            if vae.config.patch_size is not None:
                frames = stock.unpatchify(frames, patch_size=vae.config.patch_size)
            yield frames.clamp_(-1.0, 1.0)

    def _decoded(self, x: Tensor, memory: Memory, *, first: bool) -> Tensor:
        decoder = self._vae.decoder
        before = memory.get(decoder.conv_in)
        whole = torch.cat([_zeros(x) if before is None else before, x], 2)
        memory[decoder.conv_in] = whole[:, :, -CONTEXT:]
        x = _conv(decoder.conv_in, whole)
        middle = decoder.mid_block
        x = self._residual(middle.resnets[0], x, memory)
        for attention, resnet in zip(middle.attentions, middle.resnets[1:], strict=True):
            x = self._residual(resnet, x if attention is None else attention(x), memory)
        for block in decoder.up_blocks:
            x = self._up(block, x, memory, first=first)
        return self._causal(decoder.norm_out, decoder.conv_out, x, memory)

    def _up(self, block: Any, x: Tensor, memory: Memory, *, first: bool) -> Tensor:
        before = x
        for resnet in block.resnets:
            x = self._residual(resnet, x, memory)
        residual = isinstance(block, stock.WanResidualUpBlock)
        upsampler = block.upsampler if residual else block.upsamplers and block.upsamplers[0]
        if upsampler:
            x = self._upsampled(upsampler, x, memory, first=first)
        if residual and block.avg_shortcut is not None:
            x = self._ops.add_repeated(x, before, block.avg_shortcut.factor_t, first)
        return x

    def _residual(self, block: Any, x: Tensor, memory: Memory) -> Tensor:
        shortcut = x if isinstance(block.conv_shortcut, nn.Identity) else _conv(block.conv_shortcut, x)
        x = self._causal(block.norm1, block.conv1, x, memory)
        return self._causal(block.norm2, block.conv2, x, memory).add_(shortcut)

    def _causal(self, norm: Any, conv: nn.Conv3d, x: Tensor, memory: Memory) -> Tensor:
        whole, memory[conv] = self._ops.norm_silu(x, norm.gamma.flatten(), norm.scale, memory.get(conv))
        return _conv(conv, whole)

    def _upsampled(self, block: Any, x: Tensor, memory: Memory, *, first: bool) -> Tensor:
        if block.mode == "upsample3d" and not first:
            before = memory.get(block.time_conv)
            whole = torch.cat([_zeros(x) if before is None else before, x], 2)
            memory[block.time_conv] = whole[:, :, -CONTEXT:].clone(memory_format=torch.channels_last_3d)
            both = _conv(block.time_conv, whole).permute(0, 2, 3, 4, 1)
            both = both.unflatten(-1, (2, x.shape[1])).permute(0, 1, 4, 2, 3, 5)
            x = both.flatten(1, 2).permute(0, 4, 1, 2, 3)
        frames = x.permute(0, 2, 1, 3, 4).flatten(0, 1)
        # of four equal pixels it is the same whether they are taken in fp32
        grown = F.interpolate(frames, scale_factor=2.0, mode="nearest-exact")
        out: Tensor = block.resample[1](grown).unflatten(0, (1, -1)).permute(0, 2, 1, 3, 4)
        return out


def _conv(conv: nn.Conv3d, x: Tensor) -> Tensor:
    """Convolve frames that have what lies before them already in front; stock copies them to pad their sides."""
    side = conv.kernel_size[1] // 2
    return F.conv3d(x, conv.weight, conv.bias, padding=(0, side, side))


def _zeros(x: Tensor) -> Tensor:
    shape = (1, x.shape[1], CONTEXT, *x.shape[3:])
    return torch.zeros(shape, device=x.device, dtype=x.dtype).contiguous(memory_format=torch.channels_last_3d)


def speed_up(vae: Any, ops: Ops) -> FastDecoder:
    """Have `vae` decode by a FastDecoder, of which it gets `chunks` too, and return that."""
    decoder = FastDecoder(vae, ops)
    vae.chunks = decoder.chunks
    vae._decode = MethodType(lambda _, z, return_dict=True: decoder(z, return_dict), vae)
    return decoder
