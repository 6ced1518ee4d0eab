"""Wan's own: latents are decoded one latent frame after the other, so that memory does not grow with the clip."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl_wan import unpatchify
from torch import Tensor

from unstill_engine.renderers.diffusers.adapter import Adapter, decoding_copy


class Wan(Adapter):
    """WanImageToVideoPipeline and WanPipeline, of Wan 2.1 and 2.2.

    `pipeline.decoding_vae` is what decodes: a copy of the VAE in the table's `decode_dtype`, or the VAE itself.
    """

    output_type = "latent"

    def prepare(self) -> None:
        """Make the copy that decodes. On a processor there is one type for all."""
        vae, dtype = self.pipeline.vae, self.table.decode_dtype
        other = self.device.type == "cuda" and dtype is not None and getattr(torch, dtype) != vae.dtype
        self.pipeline.decoding_vae = decoding_copy(vae, getattr(torch, str(dtype))) if other else vae
        self._decodes = self.pipeline.decoding_vae

    def parts(self) -> dict[str, torch.nn.Module]:
        """Return the copy, where there is one."""
        copy = self.pipeline.decoding_vae
        return {} if copy is self.pipeline.vae else {"decoding_vae": copy}

    def kept(self, returned: Any) -> Any:
        """Return the latents, (1, C, T, h, w) in float32, on the processor: to decode them is tried more than once."""
        return returned.frames.float().cpu()

    def pictures(self, kept: Any, *, tiled: bool) -> Iterator[Tensor]:
        """Yield one frame, then four at a time: what a latent frame holds."""
        vae = self._decodes
        latents = self._unscaled(kept.to(self.device), vae)
        if tiled:
            vae.enable_tiling()
            try:
                yield from _shown(vae.decode(latents, return_dict=False)[0]).split(8)
            finally:
                vae.disable_tiling()
            return
        fast = getattr(vae, "chunks", None)  # of fast_wan, where that is used
        if fast is not None:
            yield from map(_shown, fast(latents))
            return
        vae.clear_cache()
        try:
            hidden = vae.post_quant_conv(latents)
            for index in range(hidden.shape[2]):
                vae._conv_idx = [0]
                first = {"first_chunk": True} if index == 0 else {}
                piece = vae.decoder(
                    hidden[:, :, index : index + 1], feat_cache=vae._feat_map, feat_idx=vae._conv_idx, **first
                )
                if vae.config.patch_size is not None:
                    piece = unpatchify(piece, patch_size=vae.config.patch_size)
                yield _shown(piece)
        finally:
            vae.clear_cache()

    def decoder(self) -> str:
        """Return the copy's name, or the VAE's where there is none or its numbers were too large."""
        return "vae" if self._decodes is self.pipeline.vae else "decoding_vae"

    def widen(self) -> bool:
        """Decode by the VAE itself, which is wider than its copy."""
        if self._decodes is self.pipeline.vae:
            return False
        self._decodes = self.pipeline.vae
        return True

    def narrow(self) -> None:
        """Decode by the copy again."""
        self._decodes = self.pipeline.decoding_vae

    def _unscaled(self, latents: Tensor, vae: Any) -> Tensor:
        config = vae.config
        mean, deviation = (
            torch.tensor(values, dtype=latents.dtype, device=latents.device).view(1, -1, 1, 1, 1)
            for values in (config.latents_mean, config.latents_std)
        )
        return (latents * deviation + mean).to(vae.dtype)


def _shown(sample: Tensor) -> Tensor:
    """(1, 3, T, H, W) about -1 to 1, to (T, H, W, 3), 0 to 1."""
    return sample[0].permute(1, 2, 3, 0) / 2 + 0.5
