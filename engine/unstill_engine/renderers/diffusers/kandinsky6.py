"""Kandinsky 6's own: frames are decoded apart from the call, by tiles where memory is short, and so is the sound."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from unstill_engine.renderers.base import Photos, RenderError, Sound
from unstill_engine.renderers.diffusers.adapter import Adapter
from unstill_queue.contract.jobs import Parameters

DECODERS = ("vae", "audio_vae", "vocoder")


class Latents(NamedTuple):
    """The latents of the frames (1, C, T, h, w) and of the sound (1, C, N), in float32, on the processor."""

    frames: Tensor
    sound: Tensor


class Kandinsky6(Adapter):
    """Kandinsky6TI2VAPipeline, of Kandinsky 6.0 Lite and Pro."""

    output_type = "latent"

    def prepare(self) -> None:
        """Check that the folder has what makes sound. Raises RenderError."""
        for part in DECODERS:
            if getattr(self.pipeline, part, None) is None:
                raise RenderError(
                    "model_unavailable", f"The model's folder has no {part}, which makes its sound. Fetch it anew."
                )
        self._dtype = self.pipeline.vae.dtype

    def parts(self) -> dict[str, torch.nn.Module]:
        """Return all that decodes, which is wanted at the same time."""
        return {part: getattr(self.pipeline, part) for part in DECODERS}

    def arguments(self, parameters: Parameters, photos: Photos) -> dict[str, Any]:
        """Return the frames a second, by which the pipeline finds how long the sound is."""
        return {"frame_rate": float(parameters.fps)}

    def kept(self, returned: Any) -> Latents:
        """Return the latents of both: to decode them is tried more than once."""
        return Latents(returned.frames.float().cpu(), returned.audio.float().cpu())

    def pictures(self, kept: Latents, *, tiled: bool) -> Iterator[Tensor]:
        """Yield eight frames at a time, all of which are decoded before."""
        vae = self.pipeline.vae
        latents = kept.frames.to(self.device, vae.dtype) / vae.config.scaling_factor
        if tiled:
            vae.enable_tiling()
        try:
            sample = vae.decode(latents, return_dict=False)[0]  # (1, 3, T, H, W), about -1 to 1
        finally:
            vae.disable_tiling()
        for piece in sample[0].permute(1, 2, 3, 0).split(8):
            yield piece / 2 + 0.5

    def widen(self) -> bool:
        """Decode in float32."""
        if self.pipeline.vae.dtype == torch.float32:
            return False
        self.pipeline.vae.to(torch.float32)
        return True

    def narrow(self) -> None:
        """Decode in the table's type again."""
        self.pipeline.vae.to(self._dtype)

    @torch.no_grad()
    def sound(self, kept: Latents) -> Sound:
        """Return the sound, of one channel: latents to a mel spectrogram, and that to samples."""
        vae, vocoder = self.pipeline.audio_vae, self.pipeline.vocoder
        latents = kept.sound.to(self.device, vae.dtype) / vae.config.scaling_factor
        mel = vae.decode(latents, return_dict=False)[0]
        samples = vocoder(mel.to(vocoder.dtype), return_dict=False)[0][0]  # (1, N)
        return Sound(samples.T.float().cpu().numpy(), self.pipeline.audio_sample_rate)
