"""The forward of I2VGenXLUNet, channels-last: what is constant over a clip's steps once, the rest in `step`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from unstill_engine.renderers.i2vgen_xl.choices import Choices
from unstill_engine.renderers.i2vgen_xl.ops import Field, Ops, Stream, convolve
from unstill_engine.renderers.i2vgen_xl.weights import (
    Block,
    Conv,
    CrossAttention,
    Layer,
    Resnet,
    SelfAttention,
    Transformer,
    UNetWeights,
)

KeyValue = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class ClipConstants:
    """What a clip's steps share.

    `times` (S, T): the time projections of all resnets, a row for each step. `picture` (F, H, W, 4): the photo's part
    of the input. `key_values`: for each cross-attention keys and values (R, heads, L, D), R being 2 with guidance.
    """

    times: Tensor
    picture: Tensor
    key_values: tuple[KeyValue, ...]

    @property
    def rows(self) -> int:
        return self.key_values[0][0].shape[0]


class FastUNet:
    """Computes what `I2VGenXLUNet.forward` does, for one clip and both halves of its guidance at once."""

    def __init__(self, weights: UNetWeights, ops: Ops, choices: Choices | None = None) -> None:
        self.weights = weights
        self.ops = ops
        self.choices = choices or Choices()

    def prepare(
        self, timesteps: Tensor, fps: Tensor, image_latents: Tensor, image_embeddings: Tensor, text_embeddings: Tensor
    ) -> ClipConstants:
        """What is constant over the steps.

        `timesteps` (S,), `fps` (1,), `image_latents` (1, 4, F, H, W); `image_embeddings` (R, E) or (R, 1, E) and
        `text_embeddings` (R, L, E) with R = 2 for guidance, the unconditional first, or R = 1.
        Raises ValueError where H or W cannot be halved as often as the UNet does: 3 times.
        """
        weights, stem = self.weights, self.weights.stem
        _, channels, frames, height, width = image_latents.shape
        factor = 2 ** sum(block.sampler is not None for block in weights.down)
        if height % factor or width % factor:
            raise ValueError(f"The latents are {height} by {width}, but both must be multiples of {factor}.")
        dtype = weights.time_bias.dtype
        fps_embedding = stem["fps"](weights.time_proj(fps).to(dtype))
        embedding = stem["time"](weights.time_proj(timesteps).to(dtype)) + fps_embedding
        times = F.linear(F.silu(embedding), weights.time_weight, weights.time_bias)

        rows = text_embeddings.shape[0]
        latents_context = (
            stem["latents_context"](image_latents[:, :, 0]).flatten(2).transpose(1, 2).expand(rows, -1, -1)
        )
        image_context = stem["context"](image_embeddings).view(rows, -1, weights.context_width)
        context = torch.cat([text_embeddings, latents_context, image_context], 1)
        key_values = tuple(_key_value(context, attention) for attention in weights.key_values)

        picture = stem["latents_in"](image_latents[0].transpose(0, 1))  # (F, 4, H, W)
        by_pixel = picture.permute(2, 3, 0, 1).reshape(height * width, frames, channels)
        by_pixel = stem["latents_temporal"](by_pixel).view(height, width, frames, channels)
        return ClipConstants(times, by_pixel.permute(2, 0, 1, 3).contiguous(), key_values)

    def step(self, latents: Tensor, times: Tensor, clip: ClipConstants) -> Tensor:
        """`latents` (1, 4, F, H, W) and a row of `clip.times` (T,) to the predictions (R, 4, F, H, W)."""
        return _Step(self, times, clip, latents.shape[2]).run(latents)

    def features(self, latents: Tensor, rows: int) -> Tensor:
        """Return an empty buffer (R * F, H, W, C) for what the levels below the topmost one hand up to it."""
        frames, height, width = latents.shape[2:]
        first = self.weights.up[-1].layers[0].resnet.norm1.weight
        beside = self.weights.down[0].layers[-1].resnet.norm2.weight
        return latents.new_empty(rows * frames, height, width, len(first) - len(beside), dtype=first.dtype)

    def keeping_step(self, latents: Tensor, times: Tensor, clip: ClipConstants, features: Tensor) -> Tensor:
        """Step as `step` does, and write the features for `shallow_step` (DeepCache, Ma, Fang and Wang 2024)."""
        return _Step(self, times, clip, latents.shape[2]).run(latents, write=features)

    def shallow_step(self, latents: Tensor, times: Tensor, clip: ClipConstants, features: Tensor) -> Tensor:
        """Compute the topmost level alone, by features that stay as they are: as `step` where they are its own."""
        return _Step(self, times, clip, latents.shape[2]).run(latents, read=features)


def _key_value(context: Tensor, attention: CrossAttention) -> KeyValue:
    both = F.linear(context, attention.key_value).view(*context.shape[:2], 2, attention.heads, -1)
    key, value = both.permute(2, 0, 3, 1, 4).contiguous()
    return key, value


class _Step:
    """One pass. `copies` is how often what flows now stands for: all rows of the guidance until they part ways."""

    def __init__(self, unet: FastUNet, times: Tensor, clip: ClipConstants, frames: int) -> None:
        self.weights, self.ops, self.choices = unet.weights, unet.ops, unet.choices
        self.times, self.clip, self.frames = times, clip, frames
        self.copies = clip.rows

    def run(self, latents: Tensor, *, read: Tensor | None = None, write: Tensor | None = None) -> Tensor:
        """The predictions. What the lower levels hand up to the topmost one is `read`, or computed and written."""
        weights, ops = self.weights, self.ops
        x = torch.cat([latents[0].permute(1, 2, 3, 0), self.clip.picture], -1)
        if not self.choices.share_prefix:
            x = self.part(x)
        field = self.temporal(ops.conv(x, weights.conv_in), weights.temporal_in)
        skips = [field]
        field = self.layers(field, weights.down[0], skips, down=True)
        field = self.below(field, skips) if read is None else ops.field(read)
        if write is not None:
            write.copy_(field.x)
        skips = self.parted(skips, field)
        field = self.block(field, weights.up[-1], skips, down=False)
        y = ops.group_norm([field], weights.norm_out, 1, silu=True)
        noise = convolve(y, weights.conv_out.weight) + weights.conv_out.bias
        return noise.view(self.clip.rows, self.frames, *noise.shape[1:]).permute(0, 4, 1, 2, 3)

    def below(self, field: Field, skips: list[Field]) -> Field:
        """All levels but the topmost one, whose `skips` stay."""
        weights, own = self.weights, len(skips)
        field = self.samples(field, weights.down[0], skips, down=True)
        for block in weights.down[1:]:
            field = self.block(field, block, skips, down=True)
        field = self.block(field, weights.mid, [], down=True)
        deeper = self.parted(skips[own:], field)
        del skips[own:]  # each is to go as soon as it was used
        for block in weights.up[:-1]:
            field = self.block(field, block, deeper, down=False)
        return field

    def parted(self, skips: list[Field], field: Field) -> list[Field]:
        """`skips` for each row of the guidance that `field` has."""
        return [self.part_field(skip) if skip.x.shape[0] < field.x.shape[0] else skip for skip in skips]

    def part(self, x: Tensor) -> Tensor:
        copies, self.copies = self.copies, 1
        return torch.cat([x] * copies)

    def part_field(self, field: Field) -> Field:
        rows = self.clip.rows
        return Field(torch.cat([field.x] * rows), None, None if field.sums is None else torch.cat([field.sums] * rows))

    def block(self, field: Field, block: Block, skips: list[Field], *, down: bool) -> Field:
        return self.samples(self.layers(field, block, skips, down=down), block, skips, down=down)

    def layers(self, field: Field, block: Block, skips: list[Field], *, down: bool) -> Field:
        for layer in block.layers:
            field = self.layer([field] if down else [field, skips.pop()], layer)
            if down:
                skips.append(field)
        return field

    def samples(self, field: Field, block: Block, skips: list[Field], *, down: bool) -> Field:
        if block.sampler is not None:
            field = self.sample(field, block.sampler, down=down)
            if down:
                skips.append(field)
        return field

    def sample(self, field: Field, conv: Conv, *, down: bool) -> Field:
        return self.ops.conv(field.x, conv) if down else self.ops.upsample_conv(field.x, conv)

    def layer(self, fields: list[Field], layer: Layer) -> Field:
        field = self.resnet(fields, layer.resnet)
        if layer.spatial is not None and layer.temporal is not None:
            field = self.spatial(field, layer.spatial)
            field = self.temporal(field, layer.temporal)
        return field

    def resnet(self, fields: list[Field], resnet: Resnet) -> Field:
        ops = self.ops
        hidden = ops.norm_conv(fields, resnet.norm1, resnet.conv1, self.times[None, resnet.time])
        field = ops.norm_conv([hidden], resnet.norm2, resnet.conv2, residual=self.shortcut(fields, resnet))
        identity = field.x
        for index, conv in enumerate(resnet.temporal):
            last = index == len(resnet.temporal) - 1
            field = ops.temporal_conv(field, conv, self.frames, identity if last else None)
        return field

    def shortcut(self, fields: list[Field], resnet: Resnet) -> Tensor:
        if resnet.shortcut is None:
            return fields[0].x
        first, *rest = fields
        begin = first.x.shape[-1]
        out = first.rows @ resnet.shortcut[:, :begin].t()
        for field in rest:
            end = begin + field.x.shape[-1]
            out = self.ops.accumulate(out, field.rows, resnet.shortcut[:, begin:end])
            begin = end
        return out.view(*first.x.shape[:3], -1)

    def spatial(self, field: Field, weights: Transformer) -> Field:
        attention1, attention2 = weights.attn1, cast(CrossAttention, weights.attn2)
        ops, (n, height, width, channels) = self.ops, field.x.shape
        pixels, copies = height * width, self.copies
        wide, stream = self.stream(field, weights, 1, copies)
        qkv = ops.normed_linear(stream, attention1.qkv).view(n, pixels, 3, attention1.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = ops.attention(qkv[0], qkv[1], qkv[2]).view(n * pixels, -1)
        stream = ops.project(mixed, attention1.out, stream.x, attention2.query, add=True)
        query, rows, x = ops.normed_linear(stream, attention2.query), stream.x, field.rows
        if copies > 1:  # here the guidance's halves part
            inner = rows.shape[1]
            wide.view(copies, len(rows), -1)[1:, :, :inner] = rows
            rows, x, n, query = wide[:, :inner], self.part(x), n * copies, query.repeat(copies, 1)
        key, value = self.clip.key_values[attention2.index]
        query = query.view(len(key), -1, attention2.heads, key.shape[-1]).transpose(1, 2)
        mixed = ops.attention(query, key, value).view(n * pixels, -1)
        stream = ops.project(mixed, attention2.out, rows, weights.gate, add=True)
        x = self.feed_forward(x, wide, stream, weights)
        return ops.field(x.view(n, height, width, channels))

    def temporal(self, field: Field, weights: Transformer) -> Field:
        ops, (n, height, width, channels) = self.ops, field.x.shape
        wide, stream = self.stream(field, weights, self.frames, 1)
        first, second = weights.attn1, cast(SelfAttention, weights.attn2)
        for attention, reader in ((first, second.qkv), (second, weights.gate)):
            mixed = ops.temporal_attention(stream, attention, self.frames, height * width)
            stream = ops.project(mixed, attention.out, stream.x, reader, add=True)
        x = self.feed_forward(field.rows, wide, stream, weights)
        return ops.field(x.view(n, height, width, channels))

    def stream(self, field: Field, weights: Transformer, frames: int, copies: int) -> tuple[Tensor, Stream]:
        """A buffer for what proj_out reads, and the residual stream in its rows: GroupNorm of `field`, and proj_in."""
        y = self.ops.group_norm([replace(field, bias=weights.pending)], weights.norm, frames, silu=False)
        inner, count = weights.proj_in.shape[0], field.rows.shape[0]
        columns = inner if weights.ff is not None else weights.out.shape[1]
        wide = field.x.new_empty(count * copies, columns)
        rows = wide[:count, :inner]
        return wide, self.ops.project(y.view(count, -1), weights.proj_in, rows, weights.attn1.qkv, add=False)

    def feed_forward(self, x: Tensor, wide: Tensor, stream: Stream, weights: Transformer) -> Tensor:
        """The feed-forward, proj_out and the residual `x`, over `x`."""
        if weights.ff is None:
            self.ops.geglu(stream, weights.gate, wide[:, stream.x.shape[1] :])
            return self.ops.accumulate(x, wide, weights.out)
        rows = self.ops.accumulate(stream.x, self.ops.geglu(stream, weights.gate), weights.ff)
        return self.ops.accumulate(x, rows, weights.out)
