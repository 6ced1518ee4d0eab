"""The forward of diffusers' WanTransformer3DModel: the same values in fewer passes over memory.

Stock computes the timestep's embedding and modulation for each token, in fp32, where they are the same within a latent
frame; and norms, rotations, gates and sums each in passes of their own.
"""

from __future__ import annotations

import weakref
from typing import Any

import torch
from diffusers.models.modeling_outputs import Transformer2DModelOutput
from diffusers.models.normalization import FP32LayerNorm
from torch import Tensor, nn

from unstill_engine.renderers.diffusers.fast_wan.ops import Ops, Rope
from unstill_engine.renderers.diffusers.fast_wan.step_cache import StepCache

SHIFT, SCALE, GATE, FF_SHIFT, FF_SCALE, FF_GATE = range(6)


class FastTransformer:
    """Takes the place of `model.forward`, and leaves to that what it does not know, such as a cache of blocks.

    The two halves of classifier-free guidance are computed one after the other on the same tensors. What comes before
    the words are read, the first block's self-attention, is computed once for both. With `reuse`, a step may take over
    from the one before what all but the first block do.
    """

    def __init__(self, model: Any, ops: Ops) -> None:
        self._model, self._ops = model, ops
        self._stock = model.forward
        self._tables = torch.stack([block.scale_shift_table[0] for block in model.blocks]).float()
        self._rope: tuple[tuple[int, ...], Rope] | None = None
        self._begun: Begun | None = None
        self._cache: StepCache | None = None

    def __call__(
        self,
        hidden_states: Tensor,
        timestep: Tensor,
        encoder_hidden_states: Tensor,
        encoder_hidden_states_image: Tensor | None = None,
        return_dict: bool = True,
        attention_kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Return what `model.forward` returns for the same arguments."""
        steps = self._frame_steps(hidden_states, timestep)
        if steps is None or encoder_hidden_states_image is not None or attention_kwargs or self._model.is_cache_enabled:
            return self._stock(
                hidden_states, timestep, encoder_hidden_states, encoder_hidden_states_image, return_dict,
                attention_kwargs,
            )  # fmt: skip
        sample = self._forward(hidden_states, timestep, steps, encoder_hidden_states)
        return Transformer2DModelOutput(sample=sample) if return_dict else (sample,)

    def reuse(self, threshold: float) -> None:
        """Begin a clip whose steps take over what changes less than by that share; 0: none does."""
        self._cache = StepCache(threshold) if threshold else None

    def reused(self) -> tuple[int, int]:
        """Return how many forwards of the clip took over what was computed before, and how many there were."""
        return (self._cache.taken, self._cache.asked) if self._cache else (0, 0)

    def forget(self) -> None:
        """Give up what was kept for the other half of a step, and for the next step."""
        self._begun = self._cache = None

    def _frame_steps(self, hidden_states: Tensor, timestep: Tensor) -> Tensor | None:
        """Return the timestep of each latent frame (B, T), or of the clip (B, 1); None: it differs within a frame."""
        if timestep.ndim == 1:
            return timestep[:, None]
        by_frame = timestep.view(len(hidden_states), self._grid(hidden_states)[0], -1)
        first = by_frame[:, :, :1]
        return first[:, :, 0] if torch.equal(by_frame, first.expand_as(by_frame)) else None

    def _grid(self, hidden_states: Tensor) -> tuple[int, int, int]:
        """Return how many tokens there are over time, height and width."""
        frames, height, width = hidden_states.shape[2:]
        over_time, down, across = self._model.config.patch_size
        return frames // over_time, height // down, width // across

    def _forward(self, hidden_states: Tensor, timestep: Tensor, steps: Tensor, words: Tensor) -> Tensor:
        model, ops, cache, given = self._model, self._ops, self._cache, words
        batch, grid = len(hidden_states), self._grid(hidden_states)
        tokens = grid[0] * grid[1] * grid[2]
        by_frame = timestep.ndim == 2
        embedded, projected, words, _ = model.condition_embedder(
            steps.flatten(), words, timestep_seq_len=steps.shape[1] if by_frame else None
        )
        groups, group = steps.numel(), batch * tokens // steps.numel()
        self._tables = self._tables.to(projected.device)  # the weights may have been elsewhere at first
        modulations = self._tables[:, None] + projected.view(1, groups, 6, -1).float()
        modulations[:, :, [SCALE, FF_SCALE]] += 1
        ends = model.scale_shift_table.float() + embedded.view(groups, 1, -1).float()
        ends[:, 1] += 1
        blocks, rope = model.blocks, self._rope_of(hidden_states, grid)
        eps = blocks[0].norm1.eps
        begun = self._begun
        self._begun = None
        if begun is not None and begun.are(hidden_states, timestep):
            x, normed = begun.x, begun.normed
        else:
            begun = None  # gives its memory back before more is taken
            x = self._embedded(hidden_states)
            first = modulations[0]
            normed = ops.advance(x, None, None, first[:, SCALE], first[:, SHIFT], group, eps)
            x, normed = self._attend(blocks[0], x, normed, first, rope, batch, group)
            self._begun = Begun(hidden_states, timestep, x.clone(), normed)
        for index, block in enumerate(blocks):
            modulation = modulations[index]
            if index:
                x, normed = self._attend(block, x, normed, modulation, rope, batch, group)
            read = self._attention(block.attn2, normed, words, None, batch)
            normed = ops.advance(x, read, None, modulation[:, FF_SCALE], modulation[:, FF_SHIFT], group, eps)
            up, down = block.ffn.net[0].proj, block.ffn.net[2]
            moved = nn.functional.linear(ops.linear_gelu(normed, up.weight, up.bias), down.weight, down.bias)
            if index + 1 < len(blocks):
                factor, plus = modulations[index + 1][:, SCALE], modulations[index + 1][:, SHIFT]
            else:
                factor, plus = ends[:, 1], ends[:, 0]
            normed = ops.advance(x, moved, modulation[:, FF_GATE], factor, plus, group, eps)
            if cache is None or index:
                continue
            added = x - self._embedded(hidden_states)
            rest = cache.rest_for(given, added)
            if rest is not None:
                normed = ops.advance(x, rest, None, ends[:, 1], ends[:, 0], group, eps)
                return self._unpatched(model.proj_out(normed), batch, grid)
            before = x.clone()
        if cache is not None:
            cache.keep(given, added, x - before)
        return self._unpatched(model.proj_out(normed), batch, grid)

    def _embedded(self, hidden_states: Tensor) -> Tensor:
        """Return the tokens (N, D), before any block."""
        rows: Tensor = self._model.patch_embedding(hidden_states).flatten(2).transpose(1, 2).flatten(0, 1).contiguous()
        return rows

    def _attend(
        self, block: Any, x: Tensor, normed: Tensor, modulation: Tensor, rope: Rope, batch: int, group: int
    ) -> tuple[Tensor, Tensor]:
        """Self-attention, and the norm before the words are read."""
        seen = self._attention(block.attn1, normed, None, rope, batch)
        norm = block.norm2
        weight, bias = norm.weight.float()[None], norm.bias.float()[None]
        return x, self._ops.advance(x, seen, modulation[:, GATE], weight, bias, group, norm.eps)

    def _attention(self, attn: Any, rows: Tensor, words: Tensor | None, rope: Rope | None, batch: int) -> Tensor:
        ops = self._ops
        source = rows if words is None else words.flatten(0, 1)
        query, key, value = attn.to_q(rows), attn.to_k(source), attn.to_v(source)
        ops.rms_rope(query, attn.norm_q.weight, attn.norm_q.eps, rope)
        ops.rms_rope(key, attn.norm_k.weight, attn.norm_k.eps, rope)
        query, key, value = (
            each.view(batch, -1, attn.heads, each.shape[-1] // attn.heads) for each in (query, key, value)
        )
        seen = ops.attention(query, key, value, attn.processor._attention_backend)
        out: Tensor = attn.to_out[0](seen.reshape(rows.shape[0], -1))
        return out

    def _rope_of(self, hidden_states: Tensor, grid: tuple[int, int, int]) -> Rope:
        """Return stock's tables, of which each value stands twice, without the second."""
        if self._rope is None or self._rope[0] != grid:
            cos, sin = (each[0, :, 0, 0::2].contiguous() for each in self._model.rope(hidden_states))
            self._rope = grid, Rope(cos.float(), sin.float())
        return self._rope[1]

    def _unpatched(self, rows: Tensor, batch: int, grid: tuple[int, int, int]) -> Tensor:
        patched = rows.view(batch, *grid, *self._model.config.patch_size, -1).permute(0, 7, 1, 4, 2, 5, 3, 6)
        return patched.flatten(6, 7).flatten(4, 5).flatten(2, 3)


class Begun:
    """Keeps what one half of the guidance computed before it read its words, for the other half of its step."""

    def __init__(self, hidden_states: Tensor, timestep: Tensor, x: Tensor, normed: Tensor) -> None:
        self.x, self.normed = x, normed
        self._of = tuple((weakref.ref(each), each._version) for each in (hidden_states, timestep))

    def are(self, hidden_states: Tensor, timestep: Tensor) -> bool:
        """Return whether these are the very tensors that it was computed of, and nobody has written into them since."""
        return all(
            ref() is each and version == each._version
            for (ref, version), each in zip(self._of, (hidden_states, timestep), strict=True)
        )


def is_known(model: Any) -> bool:
    """Return whether the forward of `model` is the one that `FastTransformer` computes."""
    return all(_is_known_block(block) for block in model.blocks) and type(model.proj_out) is nn.Linear


def _is_known_block(block: Any) -> bool:
    net = block.ffn.net
    linears = [net[0].proj, net[2]]
    for attn in (block.attn1, block.attn2):
        if attn.add_k_proj is not None or getattr(attn, "fused_projections", False):
            return False
        linears += [attn.to_q, attn.to_k, attn.to_v, attn.to_out[0]]
    affine = isinstance(block.norm2, FP32LayerNorm) and block.norm2.weight is not None
    # an adapter that was not fused is a class of its own
    return affine and net[0].approximate == "tanh" and all(type(each) is nn.Linear for each in linears)
